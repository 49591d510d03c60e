//! What left memory and comes back: the archive of a small world, and what is decided of a recalled original.

use std::collections::BTreeMap;

use holdfast_protocol::*;

use super::world::{World, check, check_with, settings};
use crate::input::Recalled;
use crate::leaving::{Archived, Leaving, Recents};
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
        leaving.each(&mut |archived| {
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
        | Fact::Forgotten(_)
        | Fact::Approved { .. }
        | Fact::Declined { .. }
        | Fact::LateAnswer { .. }
        | Fact::Expired(_)
        | Fact::Recalled { .. }
        | Fact::Acknowledged { .. } => None,
    }
}

const PAID_AND_GONE: &str = "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        wait 100000              -> nothing
";

fn check_gone(script: &str) {
    check(&format!("{PAID_AND_GONE}{script}"));
}

#[test]
fn a_recalled_payment_is_reversed_once() {
    check_gone(
        "
        reverse A 11 of 10        -> recall A/10
        recalled A/10 found       -> A 11 approved 50.00 Reversed, B reverse A/10 #1
        facts 2                   -> Recalled, Reversed
        show A                    -> held=0.00 debits=50.00 credits=50.00
        show B                    -> held=0.00 debits=50.00 credits=50.00
        reverse A 11 of 10        -> A 11 approved 50.00 Reversed
        reverse A 12 of 10        -> A 12 approved 0.00 Reversed
        acknowledge B A/10 1      -> B complete A/10
        reverse A 13 of 10        -> A 13 approved 0.00 Reversed
        ",
    );
}

#[test]
fn what_was_recalled_leaves_again_as_it_is_then() {
    check_gone(
        "
        reverse A 11 of 10        -> recall A/10
        recalled A/10 found       -> A 11 approved 50.00 Reversed, B reverse A/10 #1
        acknowledge B A/10 1      -> B complete A/10
        wait 100000               -> nothing
        reverse A 12 of 10        -> recall A/10
        recalled A/10 found       -> A 12 approved 0.00 Reversed
        wait 100000               -> nothing
        inquire A 10              -> recall A/10
        recalled A/10 found       -> A status Approved Reversed held_for=50.00 captured=50.00 released=0.00 reversed=50.00 undelivered=0
        show A                    -> held=0.00 debits=50.00 credits=50.00
        ",
    );
}

#[test]
fn what_is_recalled_and_not_changed_leaves_again() {
    check_gone(
        "
        capture A 11 of 10 50.00 last -> recall A/10
        recalled A/10 found       -> A 11 declined NotCapturable Captured
        release A 12 of 10        -> A 12 declined NotCapturable Captured
        wait 100000               -> nothing
        release A 13 of 10        -> recall A/10
        recalled A/10 found       -> A 13 declined NotCapturable Captured
        ",
    );
}

#[test]
fn a_recalled_reservation_takes_no_capture_or_release_after_its_end() {
    check(
        "
        authorize A 10 m@D 50.00 reserve many -> D authorize A/10 50.00
        answer D A/10 approved    -> A 10 approved 50.00 Held
        capture A 11 of 10 20.00 last -> A 11 approved 20.00 Captured, D capture 20.00 last A/10 #1
        acknowledge D A/10 1      -> D complete A/10
        wait 100000               -> nothing
        capture A 12 of 10 5.00   -> recall A/10
        recalled A/10 found       -> A 12 declined HoldCaptured Captured
        release A 13 of 10        -> A 13 declined HoldCaptured Captured
        reverse A 14 of 10 to=m@D -> A 14 approved 20.00 Reversed, D reverse A/10 #2
        show A                    -> held=0.00 debits=20.00 credits=20.00
        ",
    );
}

#[test]
fn all_that_waited_for_a_recalled_original_is_decided_in_order() {
    check_gone(
        "
        reverse A 11 of 10        -> recall A/10
        inquire A 10              -> nothing
        capture A 12 of 10 1.00   -> nothing
        reverse A 11 of 10        -> A superseded
        recalled A/10 found       -> A 11 approved 50.00 Reversed, B reverse A/10 #1, A status Approved Reversed held_for=50.00 captured=50.00 released=0.00 reversed=50.00 undelivered=1, A 12 declined NotCapturable Reversed
        recalled A/10 found       -> nothing
        ",
    );
}

#[test]
fn who_only_asks_needs_no_fact() {
    check_gone(
        "
        inquire A 10              -> recall A/10
        inquire A 10              -> nothing
        recalled A/10 found       -> A status Approved Captured held_for=50.00 captured=50.00 released=0.00 reversed=0.00 undelivered=0, A status Approved Captured held_for=50.00 captured=50.00 released=0.00 reversed=0.00 undelivered=0
        facts 1                   -> Forgotten
        inquire B A/10            -> recall A/10
        recalled A/10 found       -> B status Approved Captured held_for=50.00 captured=50.00 released=0.00 reversed=0.00 undelivered=0
        inquire D A/10            -> recall A/10
        recalled A/10 found       -> D status OriginalUnknown
        inquire A 10              -> recall A/10
        recalled A/10 unavailable -> A status OriginalUnavailable
        inquire A 10              -> recall A/10
        wait 5000                 -> A status OriginalUnavailable
        inquire A 10              -> recall A/10
        recalled A/10 absent      -> A status OriginalUnknown
        ",
    );
}

#[test]
fn a_capture_that_left_memory_tells_its_transaction() {
    check(
        "
        authorize A 10 m@D 50.00 reserve many -> D authorize A/10 50.00
        answer D A/10 approved    -> A 10 approved 50.00 Held
        capture A 11 of 10 20.00 last -> A 11 approved 20.00 Captured, D capture 20.00 last A/10 #1
        acknowledge D A/10 1      -> D complete A/10
        wait 100000               -> nothing
        inquire A 11              -> recall A/11
        recalled A/11 found       -> recall A/10
        recalled A/10 found       -> A status Approved Captured held_for=50.00 captured=20.00 released=30.00 reversed=0.00 undelivered=0
        inquire A 11              -> recall A/11
        recalled A/11 found       -> recall A/10
        recalled A/10 unavailable -> A status OriginalUnavailable
        inquire D A/11            -> recall A/11
        recalled A/11 found       -> recall A/10
        recalled A/10 found       -> D status Approved Captured held_for=50.00 captured=20.00 released=30.00 reversed=0.00 undelivered=0
        reverse A 12 of 11 to=m@D -> recall A/11
        recalled A/11 found       -> A 12 declined OriginalUnknown None
        ",
    );
}

#[test]
fn a_reversal_that_left_memory_is_not_reversed() {
    check(
        "
        authorize A 10 m@B 50.00  -> B authorize A/10 50.00
        reverse A 11 of 10        -> A 11 approved 50.00 Reversed, A 10 declined ReversedByOriginator Reversed, B reverse A/10 #1
        acknowledge B A/10 1      -> B complete A/10
        wait 100000               -> nothing
        reverse A 12 of 11        -> recall A/11
        recalled A/11 found       -> A 12 declined ReversalOfReversal None
        capture A 13 of 11 1.00   -> recall A/11
        recalled A/11 found       -> A 13 declined OriginalUnknown None
        ",
    );
}

#[test]
fn a_hold_that_outlived_its_second_is_found_when_it_has_ended() {
    check(
        "
        authorize A 10 m@D 50.00 reserve hold=400000 -> D authorize A/10 50.00
        answer D A/10 approved    -> A 10 approved 50.00 Held
        wait 100000               -> nothing
        inquire A 10              -> A status Approved Held held_for=50.00 captured=0.00 released=0.00 reversed=0.00 undelivered=0
        capture A 11 of 10 50.00 last -> A 11 approved 50.00 Captured, D capture 50.00 last A/10 #1
        acknowledge D A/10 1      -> D complete A/10
        wait 100000               -> nothing
        reverse A 12 of 10 to=m@D -> recall A/10
        recalled A/10 found       -> A 12 approved 50.00 Reversed, D reverse A/10 #2
        show A                    -> held=0.00 debits=50.00 credits=50.00
        ",
    );
}

#[test]
fn at_the_limit_of_recalled_originals_one_more_is_busy() {
    let settings = Settings { recalled_max: 1, recall_wait_ms: 1_000, ..settings() };
    check_with(
        settings,
        "
        authorize A 10 m@B 50.00  -> B authorize A/10 50.00
        answer B A/10 approved    -> A 10 approved 50.00 Captured
        authorize A 20 m@B 50.00  -> B authorize A/20 50.00
        answer B A/20 approved    -> A 20 approved 50.00 Captured
        wait 100000               -> nothing
        reverse A 11 of 10        -> recall A/10
        recalled A/10 found       -> A 11 approved 50.00 Reversed, B reverse A/10 #1
        reverse A 21 of 20        -> recall A/20
        recalled A/20 found       -> A 21 refused Busy
        acknowledge B A/10 1      -> B complete A/10
        wait 100000               -> nothing
        reverse A 22 of 20        -> recall A/20
        recalled A/20 found       -> A 22 approved 50.00 Reversed, B reverse A/20 #1
        ",
    );
}

#[test]
fn where_one_may_wait_that_may_be_an_inquiry() {
    let settings = Settings { recalls_max: 1, ..settings() };
    check_with(
        settings,
        "
        authorize A 10 m@B 50.00  -> B authorize A/10 50.00
        answer B A/10 approved    -> A 10 approved 50.00 Captured
        wait 100000               -> nothing
        inquire A 10              -> recall A/10
        recalled A/10 unavailable -> A status OriginalUnavailable
        ",
    );
}

#[test]
fn a_full_journal_takes_nothing_back() {
    check_gone(
        "
        reverse A 11 of 10        -> recall A/10
        journal full
        recalled A/10 found       -> A 11 refused JournalFull
        inquire A 10              -> recall A/10
        recalled A/10 found       -> A status Approved Captured held_for=50.00 captured=50.00 released=0.00 reversed=0.00 undelivered=0
        ",
    );
}

#[test]
fn a_restart_finds_what_was_recalled() {
    check_gone(
        "
        reverse A 11 of 10        -> recall A/10
        recalled A/10 found       -> A 11 approved 50.00 Reversed, B reverse A/10 #1
        restart
        link up A
        link up B                 -> B reverse A/10 #1 again
        acknowledge B A/10 1      -> B complete A/10
        reverse A 12 of 10        -> A 12 approved 0.00 Reversed
        wait 100000               -> nothing
        reverse A 13 of 10        -> recall A/10
        recalled A/10 found       -> A 13 approved 0.00 Reversed
        ",
    );
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
