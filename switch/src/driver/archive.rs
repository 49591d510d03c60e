//! The door between the driver and the archive: what left memory goes out, what was looked up comes back.
//!
//! Two bounded queues. The driver never waits at them: where the archive is behind, what leaves is kept for a while, and
//! then let go and said to be lost until it is indexed; a look-up that does not fit is unavailable.
//!
//! Invariant: whoever looks an id up has what left memory before. An answer counts only for the look-up that it was
//! asked for: an older one may know less.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam::channel::{Receiver, Sender, TryRecvError, TrySendError, bounded};
use holdfast_core::Core;
use holdfast_core::input::Recalled;
use holdfast_core::leaving::{Emptied, Leaving};
use holdfast_journal::{Archive, IndexStorage, SegmentNumber};
use holdfast_protocol::{Sequence, TransactionKey};

/// Turns by which something left memory and that the archive has no room for yet.
const WAITING_MAX: usize = 64;

/// What the archive is told and asked, in order.
#[derive(Debug)]
pub enum Ask {
    /// This left memory in one turn, by facts up to that one.
    Left(Vec<Leaving>, Sequence),
    /// What is known of an id; the number comes back with the answer.
    LookUp(u64, TransactionKey),
    /// The index of a segment was made.
    Made(SegmentNumber),
    /// The index of a segment was removed.
    Gone(SegmentNumber),
}

/// What comes back.
#[derive(Debug)]
enum Told {
    Recalled(u64, TransactionKey, Recalled),
    Emptied(Emptied),
}

/// The driver's side.
#[derive(Debug)]
pub struct Door {
    asks: Sender<Ask>,
    told: Receiver<Told>,
    /// The last fact by which something left that was not handed over.
    lost: Arc<AtomicU64>,
    waiting: VecDeque<(Vec<Leaving>, Sequence)>,
    /// Under which number an id is being looked up.
    asked: BTreeMap<TransactionKey, u64>,
    last: u64,
}

/// The archive's side.
#[derive(Debug)]
pub struct Desk {
    asks: Receiver<Ask>,
    told: Sender<Told>,
    lost: Arc<AtomicU64>,
}

/// The two sides of a door with room for so many asks.
pub fn door(most: usize) -> (Door, Desk) {
    let (asks, asked) = bounded(most);
    // What comes back waits here: the driver takes it in each turn.
    let (tell, told) = bounded(most);
    let lost = Arc::new(AtomicU64::new(0));
    let door = Door {
        asks,
        told,
        lost: Arc::clone(&lost),
        waiting: VecDeque::new(),
        asked: BTreeMap::new(),
        last: 0,
    };
    (door, Desk { asks: asked, told: tell, lost })
}

impl Door {
    /// For whoever makes and removes indexes.
    pub fn asks(&self) -> Sender<Ask> {
        self.asks.clone()
    }

    /// Hands over what left memory since.
    pub(super) fn hand_over(&mut self, core: &mut Core) {
        let by = core.sequence();
        let leaving = core.take_leaving();
        if !leaving.is_empty() {
            self.waiting.push_back((leaving, by));
        }
        while let Some((leaving, by)) = self.waiting.pop_front() {
            match self.asks.try_send(Ask::Left(leaving, by)) {
                Ok(()) => {}
                Err(
                    TrySendError::Full(Ask::Left(leaving, by))
                    | TrySendError::Disconnected(Ask::Left(leaving, by)),
                ) => {
                    self.waiting.push_front((leaving, by));
                    break;
                }
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                    unreachable!("it was handed back")
                }
            }
        }
        while self.waiting.len() > WAITING_MAX
            && let Some((leaving, by)) = self.waiting.pop_front()
        {
            self.lost.fetch_max(by.0, Ordering::AcqRel);
            let emptied = leaving.into_iter().filter_map(Leaving::empty);
            emptied.for_each(|emptied| core.take_back(emptied));
        }
    }

    /// Asks what is known of an id; false where it cannot be asked now.
    pub(super) fn look_up(&mut self, key: TransactionKey) -> bool {
        // What left before must be there first.
        if !self.waiting.is_empty() {
            return false;
        }
        self.last += 1;
        let asked = self.asks.try_send(Ask::LookUp(self.last, key)).is_ok();
        if asked {
            self.asked.insert(key, self.last);
        }
        asked
    }

    /// The next answer; memory that comes back goes to the core.
    pub(super) fn told(&mut self, core: &mut Core) -> Option<(TransactionKey, Recalled)> {
        while let Ok(told) = self.told.try_recv() {
            match told {
                Told::Emptied(emptied) => core.take_back(emptied),
                Told::Recalled(number, key, recalled) => {
                    if self.asked.get(&key) == Some(&number) {
                        self.asked.remove(&key);
                        return Some((key, recalled));
                    }
                }
            }
        }
        None
    }
}

/// What became of one ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// Something was looked up: the driver has an answer.
    Answered,
    /// Something was taken.
    Taken,
    /// Nothing is asked.
    Idle,
    /// Nobody will ask any more.
    Over,
}

impl Desk {
    /// Waits until something is asked; false where nobody will ask any more.
    pub fn serve_next<S: IndexStorage>(&self, archive: &mut Archive<S>) -> Served {
        self.asks.recv().map_or(Served::Over, |ask| self.serve(archive, ask))
    }

    /// Serves one ask, where there is one.
    pub fn serve_one<S: IndexStorage>(&self, archive: &mut Archive<S>) -> Served {
        match self.asks.try_recv() {
            Ok(ask) => self.serve(archive, ask),
            Err(TryRecvError::Empty) => Served::Idle,
            Err(TryRecvError::Disconnected) => Served::Over,
        }
    }

    fn serve<S: IndexStorage>(&self, archive: &mut Archive<S>, ask: Ask) -> Served {
        archive.lost(Sequence(self.lost.load(Ordering::Acquire)));
        let told = match ask {
            Ask::Left(leaving, by) => {
                for emptied in leaving.into_iter().filter_map(|leaving| archive.left(leaving, by)) {
                    if self.told.send(Told::Emptied(emptied)).is_err() {
                        return Served::Over;
                    }
                }
                None
            }
            Ask::LookUp(number, key) => Some(Told::Recalled(number, key, archive.look_up(key))),
            Ask::Made(of) => {
                archive.made(of);
                None
            }
            Ask::Gone(of) => {
                archive.gone(of);
                None
            }
        };
        let answered = matches!(told, Some(Told::Recalled(..)));
        if told.is_some_and(|told| self.told.send(told).is_err()) {
            Served::Over
        } else if answered {
            Served::Answered
        } else {
            Served::Taken
        }
    }
}
