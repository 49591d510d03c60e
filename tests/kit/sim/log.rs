//! The journal, and a copy of what it is given.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use holdfast_core::{Core, Fact};
use holdfast_journal::{Appended, Batch, Log, NotTaken, SteppedJournal};
use holdfast_protocol::{Amount, Epoch, ParticipantNumber, Sequence, TransactionKey};

use super::disk::Disk;
use super::planted::Planted;
use super::reckoning::Reckoning;
use super::switch::Surroundings;
use super::watch::Watched;

/// Every batch decided that no crash has undone, with the epoch it was decided under.
#[derive(Debug)]
pub(crate) struct Decided {
    /// The fold of all that was ever found durable by a recovery.
    pub(crate) replica: Core,
    /// What was decided after that.
    pub(crate) batches: Vec<(Epoch, Batch)>,
    pub(crate) journaled: Journaled,
}

/// What the journal says of requests whose operator can no longer hear it.
#[derive(Debug, Default)]
pub(crate) struct Journaled {
    /// Approved transactions, and for how much.
    pub(crate) approved: BTreeMap<TransactionKey, Amount>,
    /// Captures and reversals that were carried out.
    pub(crate) done: BTreeSet<TransactionKey>,
    /// Every request that was recorded, whatever became of it.
    pub(crate) recorded: BTreeSet<TransactionKey>,
    pub(crate) reckoning: Reckoning,
}

impl Journaled {
    pub(crate) fn note(&mut self, fact: &Fact) {
        self.reckoning.fold(fact);
        let key = |originator: &ParticipantNumber, id| TransactionKey { originator: *originator, id };
        let (key, done) = match fact {
            Fact::Approved { key, amount, .. } => {
                self.approved.insert(*key, *amount);
                return;
            }
            Fact::Reserved(f) => (key(&f.originator, f.request.id), false),
            Fact::DeclinedAtOnce(f) => (key(&f.originator, f.request.id), false),
            Fact::RefundReserved(f) => (key(&f.originator, f.request.id), false),
            Fact::RefundDeclined(f) => (key(&f.originator, f.request.id), false),
            Fact::FollowUpDeclined { originator, request, .. } => (key(originator, request.id()), false),
            Fact::Captured { originator, request, .. } => (key(originator, request.id), true),
            Fact::Released { originator, request, .. } => (key(originator, request.id), true),
            Fact::Reversed { originator, request, .. } => (key(originator, request.id), true),
            Fact::Tombstoned { originator, request, .. } => (key(originator, request.id), true),
            _ => return,
        };
        self.recorded.insert(key);
        if done {
            self.done.insert(key);
        }
    }
}

impl Decided {
    pub(crate) fn new(settings: holdfast_core::Settings) -> Self {
        Self { replica: Core::new(settings), batches: Vec::new(), journaled: Journaled::default() }
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Tap {
    pub(crate) journal: SteppedJournal<Disk>,
    watched: Rc<RefCell<Watched>>,
    decided: Rc<RefCell<Decided>>,
    last: Cell<Sequence>,
    /// Calls durable what was only handed in.
    hasty: bool,
}

impl Tap {
    pub(crate) fn new(journal: SteppedJournal<Disk>, around: &Surroundings) -> Self {
        let last = Cell::new(journal.durable());
        let hasty = around.planted == Some(Planted::EffectBeforeSync);
        let (watched, decided) = (Rc::clone(&around.watched), Rc::clone(&around.decided));
        Self { journal, watched, decided, last, hasty }
    }
}

impl Log for Tap {
    fn epoch(&self) -> Epoch {
        self.journal.epoch()
    }

    fn append(&self, epoch: Epoch, expected: Sequence, batch: Batch) -> Result<(), NotTaken> {
        let copy = batch.clone();
        self.journal.append(epoch, expected, batch)?;
        self.last.set(copy.last());
        self.decided.borrow_mut().batches.push((epoch, copy));
        Ok(())
    }

    fn appended(&self, through: Sequence) -> Appended {
        self.journal.appended(through)
    }

    fn durable(&self) -> Sequence {
        let durable = self.journal.durable();
        self.watched.borrow_mut().durable = durable;
        if self.hasty { self.last.get() } else { durable }
    }

    fn unsynced_bytes(&self) -> u64 {
        self.journal.unsynced_bytes()
    }

    fn is_full(&self) -> bool {
        self.journal.is_full()
    }

    fn take_buffer(&self) -> Vec<u8> {
        self.journal.take_buffer()
    }
}
