//! What leaves memory, on its way to the archive.
//!
//! A second that is forgotten leaves whole: its memory is handed over as it is, so that the step that forgets it copies
//! nothing, and comes back empty ([`Emptied`]) for a second to come. Whoever takes it copies what it keeps of it at a
//! time of its own. What leaves alone is what stayed longer than its second.
//!
//! Invariant: what leaves later is newer. A transaction may leave several times: recalled and changed, it leaves again.

use std::collections::{BTreeMap, HashMap, VecDeque};

use foldhash::fast::FixedState;
use holdfast_protocol::{ParticipantNumber, RequestId, Sequence, TransactionKey};

use crate::ledger::follow_up_record::FollowUpRecord;
use crate::ledger::generation::Generation;
use crate::ledger::record::{Standing, TransactionRecord};
use crate::ledger::remembered::{key_of, second_of};
use crate::snapshot::{ClosedEntry, Content, FollowUpParts, Linked};
use crate::step::Core;

/// What the archive keeps of one id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Archived {
    /// A transaction.
    Transaction(ClosedEntry),
    /// A capture, release or reversal.
    FollowUp(FollowUpParts),
}

impl Archived {
    /// Whose id it is.
    pub const fn key(&self) -> TransactionKey {
        match self {
            Self::Transaction(entry) => entry.key,
            Self::FollowUp(parts) => parts.key,
        }
    }
}

#[derive(Debug)]
pub(crate) enum Left {
    /// All that was created within a second and is not open.
    Second(u64, Generation),
    /// What stayed beyond its second, and how it is linked with others: what is linked leaves so.
    One(TransactionKey, TransactionRecord, Linked),
}

/// Something that left memory.
#[derive(Debug)]
pub struct Leaving(pub(crate) Left);

/// The memory of a second that left, empty.
#[derive(Debug)]
pub struct Emptied(Generation);

fn transaction(key: TransactionKey, record: &TransactionRecord, linked: Linked) -> Option<Archived> {
    match record.standing() {
        // It has moved to the long-lived ones, and leaves with what it will be then.
        Standing::Open(_) => None,
        Standing::Closed(closed) => {
            let content = Content { digest: record.digest(), fields: *record.fields() };
            Some(Archived::Transaction(ClosedEntry { key, content, closed, linked }))
        }
    }
}

/// Room for putting the ids of a second in order; used again, it needs no new memory.
#[derive(Debug, Default)]
pub struct Sorting {
    keys: Vec<u128>,
}

/// Set in the number of a capture, release or reversal, beside its number among them: far above any.
const FOLLOW_UP: u32 = 1 << 31;

impl Sorting {
    /// Takes an id of a second that begins at so many milliseconds. Of its key, the bits are: 10 for the milliseconds within the
    /// second, 80 for the rest of the id, 38 for the number of its record.
    fn push(&mut self, first_ms: u64, id_low: [u8; 12], number: u32) {
        let [a, b, rest @ ..] = id_low;
        // Within one second the low 16 bits of the milliseconds occur once.
        let [.., c, d] = first_ms.to_be_bytes();
        let within = u16::from_be_bytes([a, b]).wrapping_sub(u16::from_be_bytes([c, d]));
        let mut bytes = [0; 16];
        bytes[6..].copy_from_slice(&rest);
        self.keys.push(u128::from(within) << 118 | u128::from_be_bytes(bytes) << 38 | u128::from(number));
    }

    /// The numbers of the records, by id.
    fn numbers(&mut self) -> impl Iterator<Item = u32> {
        self.keys.sort_unstable();
        self.keys.drain(..).map(|key| {
            let [.., a, b, c, d] = key.to_be_bytes();
            u32::from_be_bytes([a, b, c, d])
        })
    }
}

impl Leaving {
    /// Calls `each` with all that leaves, by id; in which order those of one id come is not said.
    pub fn each(&self, sorting: &mut Sorting, mut each: impl FnMut(Archived)) {
        let (second, generation) = match &self.0 {
            Left::One(key, record, linked) => {
                return transaction(*key, record, *linked).into_iter().for_each(each);
            }
            Left::Second(second, generation) => (*second, generation),
        };
        let transactions: Vec<_> = generation.transactions().collect();
        let follow_ups: Vec<_> = generation.follow_ups().collect();
        sorting.keys.clear();
        for (number, record) in (0..).zip(&transactions) {
            sorting.push(second * 1_000, record.id_low(), number);
        }
        for (number, record) in (FOLLOW_UP..).zip(&follow_ups) {
            sorting.push(second * 1_000, record.id_low(), number);
        }
        for number in sorting.numbers() {
            if number & FOLLOW_UP == 0 {
                let record = transactions[number as usize];
                let key = key_of(record.originator(), second, record.id_low());
                transaction(key, record, Linked::Alone).into_iter().for_each(&mut each);
            } else {
                let record = follow_ups[(number & !FOLLOW_UP) as usize];
                each(Archived::FollowUp(record.parts(key_of(record.originator(), second, record.id_low()))));
            }
        }
    }

    /// Forgets what leaves; the memory of a second comes back.
    pub fn empty(self) -> Option<Emptied> {
        match self.0 {
            Left::One(..) => None,
            Left::Second(_, mut generation) => {
                generation.empty();
                Some(Emptied(generation))
            }
        }
    }
}

/// The ids of a second that left, sorted, 64 bytes each.
#[derive(Debug)]
struct Run {
    transactions: Vec<TransactionRecord>,
    follow_ups: Vec<FollowUpRecord>,
}

impl Run {
    fn of(generation: &Generation) -> Self {
        let closed = |record: &&TransactionRecord| record.index().is_none();
        let mut transactions: Vec<_> = generation.transactions().filter(closed).copied().collect();
        let mut follow_ups: Vec<_> = generation.follow_ups().copied().collect();
        transactions.sort_unstable_by_key(|record| (record.id_low(), record.originator()));
        follow_ups.sort_unstable_by_key(|record| (record.id_low(), record.originator()));
        Self { transactions, follow_ups }
    }

    fn find(&self, key: TransactionKey) -> Option<Archived> {
        let wanted = (low(key.id), key.originator);
        let by = |low: [u8; 12], who: ParticipantNumber| (low, who).cmp(&wanted);
        if let Ok(at) = self.transactions.binary_search_by(|record| by(record.id_low(), record.originator()))
        {
            return transaction(key, &self.transactions[at], Linked::Alone);
        }
        let at = self.follow_ups.binary_search_by(|record| by(record.id_low(), record.originator())).ok()?;
        Some(Archived::FollowUp(self.follow_ups[at].parts(key)))
    }

    const fn len(&self) -> usize {
        self.transactions.len() + self.follow_ups.len()
    }
}

fn low(id: RequestId) -> [u8; 12] {
    let [_, _, _, _, low @ ..] = id.to_bytes();
    low
}

/// What left and is in no index yet: 64 bytes for each id, up to a limit. What is let go at the limit is gone until it
/// is indexed: nothing is said of any id meanwhile.
#[derive(Debug)]
pub struct Recents {
    runs: BTreeMap<u64, (Sequence, Run)>,
    ones: HashMap<TransactionKey, (Sequence, TransactionRecord, Linked), FixedState>,
    /// In which order the single ones left, and in which the seconds did.
    order: VecDeque<(Sequence, Recent)>,
    count: usize,
    most: usize,
    /// What left up to this fact was let go at the limit.
    lost_through: Sequence,
}

#[derive(Clone, Copy, Debug)]
enum Recent {
    Second(u64),
    One(TransactionKey),
}

impl Recents {
    /// Keeps nothing yet, and so many ids at most.
    pub fn new(most: usize) -> Self {
        Self {
            runs: BTreeMap::new(),
            ones: HashMap::with_hasher(FixedState::default()),
            order: VecDeque::new(),
            count: 0,
            most,
            lost_through: Sequence(0),
        }
    }

    /// Keeps what left by a fact up to this one.
    pub fn add(&mut self, leaving: Leaving, by: Sequence) -> Option<Emptied> {
        match leaving.0 {
            Left::One(key, record, linked) => {
                self.count += usize::from(self.ones.insert(key, (by, record, linked)).is_none());
                self.order.push_back((by, Recent::One(key)));
            }
            Left::Second(second, ref generation) => {
                let run = Run::of(generation);
                self.count += run.len();
                let before = self.runs.insert(second, (by, run));
                assert!(before.is_none(), "a second leaves once");
                self.order.push_back((by, Recent::Second(second)));
            }
        }
        while self.count.max(self.order.len()) > self.most
            && let Some((by, recent)) = self.order.pop_front()
        {
            self.let_go(by, recent);
            self.lost_through = by;
        }
        leaving.empty()
    }

    /// Keeps what has left a core, and gives the memory back to it.
    pub fn take(&mut self, core: &mut Core) {
        let by = core.sequence();
        for leaving in core.take_leaving() {
            self.add(leaving, by).into_iter().for_each(|emptied| core.take_back(emptied));
        }
    }

    /// What left by a fact up to this one was not kept, for whatever reason.
    pub fn lost(&mut self, through: Sequence) {
        self.lost_through = self.lost_through.max(through);
    }

    /// All that left by facts up to this one is in an index.
    pub fn indexed(&mut self, through: Sequence) {
        while let Some((by, recent)) = self.order.front().copied().filter(|(by, _)| *by <= through) {
            self.order.pop_front();
            self.let_go(by, recent);
        }
    }

    fn let_go(&mut self, by: Sequence, recent: Recent) {
        match recent {
            Recent::Second(second) => {
                let run = self.runs.remove(&second);
                self.count -= run.map_or(0, |(_, run)| run.len());
            }
            Recent::One(key) => {
                // Another that left later under the same key stays.
                if self.ones.get(&key).is_some_and(|(newest, ..)| *newest <= by) {
                    self.ones.remove(&key);
                    self.count -= 1;
                }
            }
        }
    }

    /// What left last under a key, as far as it is kept.
    pub fn find(&self, key: TransactionKey) -> Option<Archived> {
        // What leaves alone leaves after its second.
        if let Some((_, record, linked)) = self.ones.get(&key) {
            return transaction(key, record, *linked);
        }
        self.runs.get(&second_of(key.id))?.1.find(key)
    }

    /// What left by facts up to this one may be missing here.
    pub const fn lost_through(&self) -> Sequence {
        self.lost_through
    }

    /// How many ids are kept.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether none is.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl Core {
    /// From now on what leaves memory is kept for [`Self::take_leaving`], and has to be taken. Worth calling before
    /// [`Self::prepare`]. Changes no behaviour.
    pub fn keep_leaving(&mut self) {
        self.ledger.remembered.keep_leaving();
    }

    /// What has left memory since this was asked last, in order: by facts up to [`Self::sequence`].
    pub fn take_leaving(&mut self) -> Vec<Leaving> {
        self.ledger.remembered.take_leaving()
    }

    /// Takes back the memory of what has left.
    pub fn take_back(&mut self, emptied: Emptied) {
        self.ledger.remembered.take_back(emptied.0);
    }
}
