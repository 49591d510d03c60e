//! What left memory and comes back: the archive of a small world, and what is decided of a recalled original.

use std::collections::BTreeMap;

use holdfast_protocol::*;

use super::recalls::PAID_AND_GONE;
use super::world::{World, settings};
use crate::input::Recalled;
use crate::leaving::{Archived, Leaving, Recents, Sorting};
use crate::*;

/// Keeps what left, twice: as anybody would, and as the switch does until it is indexed.
#[derive(Debug)]
pub(super) struct Archive {
    all: BTreeMap<TransactionKey, Archived>,
    recents: Recents,
}

impl Default for Archive {
    fn default() -> Self {
        Self { all: BTreeMap::new(), recents: Recents::new(usize::MAX) }
    }
}

impl Archive {
    pub(super) fn take(&mut self, core: &mut Core) {
        let by = core.sequence();
        for leaving in core.take_leaving() {
            self.add(leaving, by).into_iter().for_each(|emptied| core.take_back(emptied));
        }
    }

    fn add(&mut self, leaving: Leaving, by: Sequence) -> Option<leaving::Emptied> {
        leaving.each(&mut Sorting::default(), |archived| {
            self.all.insert(archived.key(), archived);
        });
        self.recents.add(leaving, by)
    }

    /// A new process: what left before the snapshot it starts from is in indexes, the rest leaves again.
    pub(super) fn restarted(&mut self) {
        self.recents = Recents::new(usize::MAX);
    }

    /// What a script lets it say.
    pub(super) fn say(&self, key: TransactionKey, what: &str) -> Recalled {
        match what {
            "found" => self.find(key).map_or(Recalled::Unavailable, Recalled::Found),
            "absent" => Recalled::Absent,
            "unavailable" => Recalled::Unavailable,
            other => panic!("{other}"),
        }
    }

    pub(super) fn find(&self, key: TransactionKey) -> Option<Archived> {
        let found = self.all.get(&key).copied();
        if let Some(recent) = self.recents.find(key) {
            assert_eq!(Some(recent), found, "what left last is what is found");
        }
        found
    }
}

impl World {
    /// Each request that was decided is in memory, or was archived when it left.
    pub(super) fn nothing_is_lost(&self) {
        for fact in &self.journal {
            let Some(key) = decided(fact) else { continue };
            let known = self.core.ledger.remembered.find(key.originator, key.id).is_some();
            assert!(known || self.archive.find(key).is_some(), "{key} is neither in memory nor archived");
        }
    }
}

/// Which request a fact decided for ever.
fn decided(fact: &Fact) -> Option<TransactionKey> {
    let key = |originator: &ParticipantNumber, id| Some(TransactionKey { originator: *originator, id });
    match fact {
        Fact::Reserved(r) => key(&r.originator, r.request.id),
        Fact::DeclinedAtOnce(d) => key(&d.originator, d.request.id),
        Fact::RefundReserved(r) => key(&r.originator, r.request.id),
        Fact::RefundDeclined(d) => key(&d.originator, d.request.id),
        Fact::Captured { originator, request, .. } => key(originator, request.id),
        Fact::Released { originator, request, .. } => key(originator, request.id),
        Fact::Reversed { originator, request, .. } | Fact::Tombstoned { originator, request, .. } => {
            key(originator, request.id)
        }
        Fact::FollowUpDeclined { originator, request, .. } => key(originator, request.id()),
        Fact::ParticipantConfigured(_)
        | Fact::ParticipantRemoved(_)
        | Fact::ParticipantStatusSet(..)
        | Fact::RoutesConfigured(_)
        | Fact::CutOver(_)
        | Fact::DayClosed(_)
        | Fact::Founded { .. }
        | Fact::LeaseGiven { .. }
        | Fact::LeaseTaken { .. }
        | Fact::Forgotten(_)
        | Fact::Approved { .. }
        | Fact::Declined { .. }
        | Fact::LateAnswer { .. }
        | Fact::Expired(_)
        | Fact::Recalled { .. }
        | Fact::Acknowledged { .. } => None,
    }
}

/// An entry read from a disk that says what no ledger can have had.
#[test]
fn an_entry_that_is_of_no_ledger_is_not_taken() {
    let mut world = World::new(settings());
    for line in PAID_AND_GONE.lines().map(str::trim).filter(|line| !line.is_empty()) {
        world.line(line.split("->").next().unwrap().trim());
    }
    let key = world.key("A/10");
    let Some(Archived::Transaction(good)) = world.archive.find(key) else { panic!("it was archived") };
    let bad = [
        snapshot::ClosedEntry { key: world.key("A/90"), ..good },
        snapshot::ClosedEntry { closed: snapshot::Closed { sequence: 1 << 40, ..good.closed }, ..good },
        snapshot::ClosedEntry { closed: snapshot::Closed { held_for: Amount::ZERO, ..good.closed }, ..good },
        snapshot::ClosedEntry { closed: snapshot::Closed { destination: None, ..good.closed }, ..good },
        snapshot::ClosedEntry { closed: snapshot::Closed { terms: None, ..good.closed }, ..good },
        snapshot::ClosedEntry {
            closed: snapshot::Closed { destination: ParticipantNumber::new(77), ..good.closed },
            ..good
        },
    ];
    for (number, entry) in bad.into_iter().enumerate() {
        world.line(&format!("reverse A {} of 10", 20 + number));
        let recalled = Recalled::Found(Archived::Transaction(entry));
        let said = world.step(&Input::Recalled(key, recalled));
        assert_eq!(said, [format!("A {} refused OriginalUnavailable", 20 + number)], "{entry:?}");
    }
}

#[test]
fn what_is_not_indexed_yet_is_kept_up_to_a_limit_and_what_is_let_go_is_said() {
    let mut world = World::new(settings());
    let mut recents = Recents::new(2);
    let mut keys = Vec::new();
    let mut left = Vec::new();
    for number in 10..14 {
        world.line(&format!("authorize A {number} m@X 1.00"));
        keys.push(world.key(&format!("A/{number}")));
        world.now += 1_000;
    }
    let mut out = Output::default();
    let at = UnixMillis::new(world.now + 100_000).unwrap();
    world.core.step(at, &Input::Tick, &world.view, &mut out);
    for (number, leaving) in world.core.take_leaving().into_iter().enumerate() {
        left.push(number);
        assert!(recents.add(leaving, Sequence(100 + number as u64)).is_some(), "its memory comes back");
    }
    assert_eq!(left.len(), 4);
    assert_eq!((recents.len(), recents.lost_through()), (2, Sequence(101)));
    let found: Vec<bool> = keys.iter().map(|key| recents.find(*key).is_some()).collect();
    assert_eq!(found, [false, false, true, true]);
    recents.indexed(Sequence(102));
    assert_eq!((recents.len(), recents.find(keys[2]), recents.find(keys[3]).is_some()), (1, None, true));
    recents.indexed(Sequence(103));
    assert!(recents.is_empty());
}
