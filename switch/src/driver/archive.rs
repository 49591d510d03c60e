//! The door between the driver and the archive: what left memory goes out, what was looked up comes back.
//!
//! Two bounded queues. The driver never waits at them: where the archive is behind, what leaves is kept for a while, and
//! then let go and said to be lost until it is indexed; a look-up that does not fit is unavailable.
//!
//! Invariant: whoever looks an id up has what left memory before. An answer counts only for the look-up that it was
//! asked for: an older one may know less.
//!
//! Neither side needs a thread: [`Desk::take`] and [`Desk::serve`] wait for nobody, [`Desk::serve_next`] does for both
//! queues.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam::channel::{Receiver, Sender, TrySendError, bounded};
use holdfast_core::Core;
use holdfast_core::input::Recalled;
use holdfast_core::leaving::{Emptied, Leaving};
use holdfast_journal::{Archive, IndexStorage, SegmentNumber};
use holdfast_protocol::{Sequence, TransactionKey};

/// Turns by which something left memory and that the archive has no room for yet.
pub const WAITING_MAX: usize = 64;

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

/// What the door could not hand over or use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DoorCounts {
    /// Look-ups that could not be asked.
    pub refused: u64,
    /// Answers to look-ups that were asked again since.
    pub outdated: u64,
    /// Turns whose leavings were let go without being handed over.
    pub lost: u64,
}

/// The driver's side.
#[derive(Debug)]
pub struct Door {
    asks: Sender<Ask>,
    told: Receiver<Told>,
    /// The last fact by which something left that was not handed over.
    lost: Arc<AtomicU64>,
    waiting: VecDeque<(Vec<Leaving>, Sequence)>,
    waiting_max: usize,
    /// Under which number an id is being looked up.
    asked: BTreeMap<TransactionKey, u64>,
    last: u64,
    counts: DoorCounts,
}

/// The archive's side.
#[derive(Debug)]
pub struct Desk {
    asks: Receiver<Ask>,
    told: Sender<Told>,
    lost: Arc<AtomicU64>,
    /// What the driver has had no room for yet.
    untold: VecDeque<Told>,
}

/// The two sides of a door with room for so many asks. `waiting_max` turns by which something left wait for room at
/// most; [`WAITING_MAX`] is usual.
pub fn door(asks_max: usize, waiting_max: usize) -> (Door, Desk) {
    let (asks, asked) = bounded(asks_max);
    // What comes back waits here: the driver takes it in each turn.
    let (tell, told) = bounded(asks_max);
    let lost = Arc::new(AtomicU64::new(0));
    let door = Door {
        asks,
        told,
        lost: Arc::clone(&lost),
        waiting: VecDeque::new(),
        waiting_max,
        asked: BTreeMap::new(),
        last: 0,
        counts: DoorCounts::default(),
    };
    (door, Desk { asks: asked, told: tell, lost, untold: VecDeque::new() })
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
        while self.waiting.len() > self.waiting_max
            && let Some((leaving, by)) = self.waiting.pop_front()
        {
            self.lost.fetch_max(by.0, Ordering::AcqRel);
            self.counts.lost = self.counts.lost.saturating_add(1);
            let emptied = leaving.into_iter().filter_map(Leaving::empty);
            emptied.for_each(|emptied| core.take_back(emptied));
        }
    }

    /// Asks what is known of an id; false where it cannot be asked now.
    pub(super) fn look_up(&mut self, key: TransactionKey) -> bool {
        self.last += 1;
        // What left before must be there first.
        let asked = self.waiting.is_empty() && self.asks.try_send(Ask::LookUp(self.last, key)).is_ok();
        if asked {
            self.asked.insert(key, self.last);
        } else {
            self.counts.refused = self.counts.refused.saturating_add(1);
        }
        asked
    }

    /// What it could not hand over or use so far.
    pub const fn counts(&self) -> DoorCounts {
        self.counts
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
                    self.counts.outdated = self.counts.outdated.saturating_add(1);
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
    /// Nobody will ask any more.
    Over,
}

impl Desk {
    /// Waits until something is asked and the driver has room for what comes back.
    pub fn serve_next<S: IndexStorage>(&mut self, archive: &mut Archive<S>) -> Served {
        let Ok(ask) = self.asks.recv() else { return Served::Over };
        let served = self.serve(archive, ask);
        while let Some(told) = self.untold.pop_front() {
            if self.told.send(told).is_err() {
                return Served::Over;
            }
        }
        served
    }

    /// The next ask; none while the driver has no room for what came of those before.
    pub fn take(&mut self) -> Option<Ask> {
        self.tell();
        if self.untold.is_empty() { self.asks.try_recv().ok() } else { None }
    }

    /// Serves one ask and tells as much of what comes of it as the driver has room for.
    pub fn serve<S: IndexStorage>(&mut self, archive: &mut Archive<S>, ask: Ask) -> Served {
        archive.lost(Sequence(self.lost.load(Ordering::Acquire)));
        let mut served = Served::Taken;
        match ask {
            Ask::Left(leaving, by) => {
                let emptied = leaving.into_iter().filter_map(|leaving| archive.left(leaving, by));
                self.untold.extend(emptied.map(Told::Emptied));
            }
            Ask::LookUp(number, key) => {
                self.untold.push_back(Told::Recalled(number, key, archive.look_up(key)));
                served = Served::Answered;
            }
            Ask::Made(of) => archive.made(of),
            Ask::Gone(of) => archive.gone(of),
        }
        self.tell();
        served
    }

    fn tell(&mut self) {
        while let Some(told) = self.untold.pop_front() {
            if let Err(TrySendError::Full(told) | TrySendError::Disconnected(told)) = self.told.try_send(told)
            {
                return self.untold.push_front(told);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use holdfast_core::fact::FollowUp;
    use holdfast_core::leaving::{Archived, Recents};
    use holdfast_core::{Fact, Settings};
    use holdfast_journal::{ForgetfulStorage, JournalId};
    use holdfast_protocol::{Extensions, ParticipantNumber, Reason, Release, RequestId, UnixMillis};

    use super::*;

    /// When the first second begins.
    const SECOND: u64 = 1_795_305_600;

    struct Both {
        core: Core,
        door: Door,
        desk: Desk,
        archive: Archive<ForgetfulStorage>,
    }

    fn key(turn: u64) -> TransactionKey {
        let created = UnixMillis::new((SECOND + turn) * 1_000).unwrap();
        let originator = ParticipantNumber::new(1).unwrap();
        TransactionKey { originator, id: RequestId::new(created, u128::from(turn)) }
    }

    impl Both {
        fn new(asks_max: usize, waiting_max: usize) -> Self {
            let mut core = Core::new(Settings::default());
            core.keep_leaving();
            let (door, desk) = door(asks_max, waiting_max);
            let (storage, recents) = (Arc::new(ForgetfulStorage::new()), Recents::new(100));
            let archive = Archive::open(storage, JournalId([7; 16]), recents, Sequence(0)).unwrap();
            Self { core, door, desk, archive }
        }

        /// A turn in which one id leaves memory.
        fn leaves(&mut self, turn: u64) {
            let TransactionKey { originator, id } = key(turn);
            let request = FollowUp::Release(Release {
                id,
                original: key(900).id,
                originator: None,
                expires: id.created(),
                delivery: None,
                expired: false,
                repeat: false,
                attempt: 1,
                extensions: Extensions::NONE,
            });
            let settlement_date = "2026-11-22".parse().unwrap();
            let reason = Reason::OriginalUnknown;
            self.core.apply_recovered(&Fact::FollowUpDeclined {
                originator,
                request,
                reason,
                settlement_date,
            });
            self.core.apply_recovered(&Fact::Forgotten(SECOND + turn));
            self.turn();
        }

        /// Memory comes back, and what left is handed over.
        fn turn(&mut self) {
            assert_eq!(self.told(), None, "no answer is there");
            self.door.hand_over(&mut self.core);
        }

        fn serve(&mut self) -> Served {
            let ask = self.desk.take().expect("something is asked");
            self.desk.serve(&mut self.archive, ask)
        }

        fn told(&mut self) -> Option<(TransactionKey, Recalled)> {
            self.door.told(&mut self.core)
        }
    }

    #[test]
    fn what_left_is_handed_over_before_a_look_up() {
        let mut both = Both::new(1, 8);
        both.leaves(1);
        both.leaves(2);
        assert_eq!(both.serve(), Served::Taken);
        // There is room for one ask, and what left in the second turn still waits.
        assert!(!both.door.look_up(key(2)), "a look-up overtakes what left before it");
        both.turn();
        assert_eq!(both.serve(), Served::Taken);
        both.turn();
        assert!(both.door.look_up(key(2)));
        assert_eq!(both.serve(), Served::Answered);
        let (of, recalled) = both.told().expect("an answer");
        assert_eq!(of, key(2));
        assert!(matches!(recalled, Recalled::Found(Archived::FollowUp(_))), "{recalled:?}");
        assert_eq!(both.door.counts(), DoorCounts { refused: 1, ..DoorCounts::default() });
    }

    #[test]
    fn what_is_not_handed_over_is_unavailable_and_so_is_what_left_before_it() {
        let mut both = Both::new(1, 1);
        for turn in 1..=3 {
            both.leaves(turn);
        }
        assert_eq!(
            both.door.counts().lost,
            1,
            "one is asked, one waits, and the oldest that waited is let go"
        );
        both.serve();
        both.turn();
        both.serve();
        both.turn();
        for turn in 1..=3 {
            assert!(both.door.look_up(key(turn)));
            both.serve();
            assert_eq!(both.told(), Some((key(turn), Recalled::Unavailable)));
        }
    }

    #[test]
    fn an_answer_to_an_older_look_up_does_not_count() {
        let mut both = Both::new(4, 8);
        assert!(both.door.look_up(key(1)));
        assert!(both.door.look_up(key(1)));
        both.serve();
        assert_eq!(both.told(), None, "the first answer may know less");
        both.serve();
        assert_eq!(both.told(), Some((key(1), Recalled::Absent)));
        assert_eq!(both.door.counts().outdated, 1);
    }

    #[test]
    fn nothing_more_is_taken_while_the_driver_has_no_room_for_what_came_of_it() {
        let mut both = Both::new(1, 8);
        for turn in [1, 2] {
            assert!(both.door.look_up(key(turn)));
            both.serve();
        }
        assert!(both.door.look_up(key(3)));
        assert!(both.desk.take().is_none(), "one answer waits in the queue and one behind it");
        assert_eq!(both.told(), Some((key(1), Recalled::Absent)));
        both.serve();
        assert_eq!(both.told(), Some((key(2), Recalled::Absent)));
    }
}
