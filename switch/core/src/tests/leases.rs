//! Several partitions: what each may hold against a cap, and how room moves between them.
//!
//! With two, `A`, `B` and all of their caps begin in partition 1, `C` and `D` in partition 0. For a reservation at `B` the destination
//! owes, so that partition 0 has no room for one of `C` until it was given some.

use std::collections::VecDeque;

use holdfast_protocol::*;

use super::world::{World, euro, number, settings};
use crate::input::LeaseMessage;
use crate::*;

/// Worlds of one partition each, and what is on its way between them.
pub(super) struct Several {
    pub(super) worlds: Vec<World>,
    pub(super) mail: VecDeque<(Partition, Partition, LeaseMessage)>,
}

impl Several {
    pub(super) fn new(partitions: u16) -> Self {
        let world = |partition| World::of_several(settings(), Partition(partition), partitions);
        Self { worlds: (0..partitions).map(world).collect(), mail: VecDeque::new() }
    }

    pub(super) fn collect(&mut self, partition: usize) {
        let from = Partition(u16::try_from(partition).unwrap());
        for effect in std::mem::take(&mut self.worlds[partition].sent) {
            if let Effect::Lease { to, message } = effect {
                self.mail.push_back((from, to, message));
            }
        }
        self.check();
    }

    pub(super) fn check(&self) {
        let cores: Vec<_> = self.worlds.iter().map(|world| &world.core).collect();
        invariant::leases(&cores).unwrap();
    }

    /// A line for one partition; what leaves because of it, but for messages to others.
    pub(super) fn line(&mut self, partition: usize, line: &str) -> String {
        let left = self.worlds[partition].line(line);
        self.collect(partition);
        left.into_iter().filter(|effect| !effect.starts_with("to partition")).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn all(&mut self, line: &str) {
        for partition in 0..self.worlds.len() {
            self.line(partition, line);
        }
    }

    pub(super) fn deliver(&mut self, place: usize) {
        let Some((from, to, message)) = self.mail.remove(place) else { return };
        let to = usize::from(to.0);
        self.worlds[to].step(&Input::Lease(from, message));
        self.collect(to);
    }

    pub(super) fn deliver_all(&mut self) {
        while !self.mail.is_empty() {
            self.deliver(0);
        }
    }

    /// It arrives, and the process ends before what came of it is durable.
    pub(super) fn deliver_in_vain(&mut self, place: usize) {
        let Some((from, to, message)) = self.mail.remove(place) else { return };
        let to = usize::from(to.0);
        let durable = self.worlds[to].journal.len();
        self.worlds[to].step(&Input::Lease(from, message));
        self.worlds[to].undo(durable);
        self.check();
    }

    pub(super) fn restart(&mut self, partition: usize) {
        self.worlds[partition].line("restart");
        self.worlds[partition].back();
        self.collect(partition);
    }

    pub(super) fn lease(&self, partition: usize, debtor: &str) -> i128 {
        self.worlds[partition].core.lease(number(debtor), euro()).map_or(0, Total::minor)
    }

    /// What one partition could hold against a cap, were all room gathered there.
    pub(super) fn room(&self, debtor: &str, partition: usize) -> i128 {
        let exposure = |world: &World| {
            let (_, _, positions) =
                world.core.participants().find(|(r, ..)| r.number == number(debtor)).unwrap();
            positions.iter().find(|p| p.currency == euro()).map_or(0, |p| p.exposure().minor())
        };
        let worlds = self.worlds.iter().enumerate();
        let rooms = worlds.map(|(n, world)| (n == partition, self.lease(n, debtor) - exposure(world)));
        rooms.map(|(own, room)| if own { room } else { room.max(0) }).sum()
    }
}

impl World {
    /// The process ends, and of its journal only so much was durable.
    fn undo(&mut self, durable: usize) {
        self.journal.truncate(durable);
        self.frames.truncate(durable);
        self.sent.clear();
        let mut core = Core::new(self.settings.clone());
        self.fold(&mut core, 0, durable);
        core.resume(self.at(), Epoch(self.core.epoch().0 + 1));
        core.keep_leaving();
        self.core = core;
        // It has seen what never was.
        self.watch = None;
        self.view = crate::View::default();
        self.back();
    }

    /// Everybody signs on again.
    fn back(&mut self) {
        for name in ["A", "C", "B", "D"] {
            self.line(&format!("link up {name}"));
        }
    }
}

#[test]
fn a_journal_of_several_says_first_which_it_is() {
    let world = World::of_several(settings(), Partition(2), 3);
    assert_eq!(world.journal[0], Fact::Founded { partition: Partition(2), partitions: 3 });
    assert_eq!((world.core.partition(), world.core.partitions()), (Partition(2), 3));
    let mut alone = World::new(settings());
    assert!(matches!(alone.journal[0], Fact::CutOver(_)), "the only one need not say it");
    let facts = alone.journal.len();
    alone.step(&Input::Found(Partition(1), 2));
    assert_eq!(
        (alone.journal.len(), alone.core.partitions()),
        (facts, 1),
        "a journal is founded once, for ever"
    );
    let mut again = World::of_several(settings(), Partition(0), 2);
    again.line("restart");
    assert_eq!((again.core.partition(), again.core.partitions()), (Partition(0), 2));
}

#[test]
fn who_lacks_room_asks_and_is_busy_until_it_was_given() {
    let mut several = Several::new(2);
    assert_eq!((several.lease(1, "B"), several.lease(0, "B")), (100_000, 0), "a cap begins at home");
    let line = "authorize C 1 m@B 40.00 reserve";
    assert_eq!(several.line(0, line), "C 1 refused Busy");
    assert_eq!(several.line(0, line), "C 1 refused Busy");
    assert_eq!(several.mail.len(), 1, "it is asked once");
    several.deliver_all();
    assert_eq!((several.lease(1, "B"), several.lease(0, "B")), (50_000, 50_000), "half of what there is");
    assert_eq!(several.line(0, line), "B authorize C/1 40.00");
    assert_eq!(
        several.line(0, "authorize C 2 m@B 10.00 reserve"),
        "B authorize C/2 10.00",
        "nobody is asked"
    );
}

#[test]
fn where_nobody_has_room_it_is_declined_for_a_moment_without_asking() {
    let mut several = Several::new(2);
    let line = "authorize C 1 m@B 1000.01 reserve";
    // The first question brings all there is, the second nothing.
    for _ in 0..2 {
        assert_eq!(several.line(0, line), "C 1 refused Busy");
        several.deliver_all();
    }
    assert_eq!(several.line(0, line), "C 1 declined NetDebitCapExceeded Declined");
    assert_eq!(
        several.line(0, "authorize C 2 m@B 1000.02 reserve"),
        "C 2 declined NetDebitCapExceeded Declined"
    );
    several.all("wait 1001");
    assert_eq!(
        several.line(0, "authorize C 3 m@B 1000.01 reserve"),
        "C 3 refused Busy",
        "it may have changed"
    );
    // Its home has nothing left now, and asks in turn.
    assert_eq!(several.line(1, "authorize A 1 m@B 1.00 reserve"), "A 1 refused Busy");
    several.deliver_all();
    assert_eq!(several.line(1, "authorize A 1 m@B 1.00 reserve"), "B authorize A/1 1.00");
}

#[test]
fn a_question_that_nobody_answers_is_asked_again() {
    let mut several = Several::new(3);
    let line = "authorize A 1 m@D 2000.00";
    assert_eq!(several.line(1, line), "A 1 refused Busy");
    several.mail.clear();
    several.all("wait 5000");
    assert_eq!((several.line(1, line).as_str(), several.mail.len()), ("A 1 refused Busy", 0));
    several.all("wait 1");
    assert_eq!((several.line(1, line).as_str(), several.mail.len()), ("A 1 refused Busy", 2));
}

#[test]
fn what_was_given_and_not_heard_of_is_found_by_either_who_asks() {
    for asker in [0, 1] {
        let mut several = Several::new(2);
        several.line(0, "authorize C 1 m@B 40.00 reserve");
        several.deliver(0);
        several.mail.clear();
        assert_eq!(
            (several.lease(1, "B"), several.lease(0, "B")),
            (50_000, 0),
            "on its way it counts for nobody"
        );
        several.all("wait 5001");
        if asker == 0 {
            several.line(0, "authorize C 1 m@B 40.00 reserve");
            several.deliver_all();
            assert_eq!(
                (several.lease(1, "B"), several.lease(0, "B")),
                (50_000, 50_000),
                "told again, not given again"
            );
        } else {
            several.line(1, "authorize A 1 m@B 800.00 reserve");
            several.deliver_all();
            assert_eq!(
                (several.lease(1, "B"), several.lease(0, "B")),
                (80_000, 20_000),
                "taken there, and given back"
            );
            assert_eq!(several.line(1, "authorize A 1 m@B 800.00 reserve"), "B authorize A/1 800.00");
        }
    }
}

#[test]
fn what_was_not_durable_was_not_given() {
    let mut several = Several::new(2);
    several.line(0, "authorize C 1 m@B 40.00 reserve");
    several.deliver_in_vain(0);
    assert_eq!((several.lease(1, "B"), several.lease(0, "B")), (100_000, 0));
    several.all("wait 5001");
    several.line(0, "authorize C 1 m@B 40.00 reserve");
    several.deliver(0);
    several.deliver_in_vain(0);
    assert_eq!((several.lease(1, "B"), several.lease(0, "B")), (50_000, 0), "given, and the word of it lost");
    several.line(0, "authorize C 1 m@B 40.00 reserve");
    several.deliver_all();
    assert_eq!(several.line(0, "authorize C 1 m@B 40.00 reserve"), "B authorize C/1 40.00");
}

#[test]
fn a_cap_that_is_lowered_leaves_its_home_with_less_than_nothing() {
    let mut several = Several::new(2);
    several.line(0, "authorize C 1 m@B 600.00 reserve");
    several.deliver_all();
    assert_eq!(several.line(0, "authorize C 1 m@B 600.00 reserve"), "B authorize C/1 600.00");
    several.line(0, "authorize C 2 m@B 1.00 reserve");
    several.deliver_all();
    assert_eq!((several.lease(1, "B"), several.lease(0, "B")), (20_000, 80_000));
    several.all("configure B cap=100.00");
    several.deliver_all();
    // What had room went home; what is held is held.
    assert_eq!((several.lease(1, "B"), several.lease(0, "B")), (-50_000, 60_000));
    for (partition, line) in [(1, "authorize A 3 m@B 1.00 reserve"), (0, "authorize C 3 m@B 1.00 reserve")] {
        let busy = format!("{} 3 refused Busy", &line[10..11]);
        assert_eq!(several.line(partition, line), busy);
        several.deliver_all();
        let declined = format!("{} 3 declined NetDebitCapExceeded Declined", &line[10..11]);
        assert_eq!(several.line(partition, line), declined);
    }
}

#[test]
fn what_a_debtor_is_owed_elsewhere_is_room_at_its_home() {
    let mut several = Several::new(2);
    several.line(1, "authorize A 1 m@C 900.00");
    several.line(1, "answer C A/1 approved");
    several.line(0, "authorize C 1 m@D 900.00");
    several.line(0, "answer D C/1 approved");
    // On balance C owes nothing, and its cap is 1,000.
    assert_eq!(several.line(0, "authorize C 2 m@D 200.00"), "C 2 refused Busy");
    several.deliver_all();
    assert_eq!(several.line(0, "authorize C 2 m@D 200.00"), "D authorize C/2 200.00");
}

#[test]
fn a_gift_that_came_by_another_way_is_no_reason_to_decline() {
    let mut several = Several::new(2);
    several.line(0, "authorize C 1 m@B 40.00 reserve");
    several.deliver(0);
    several.mail.clear();
    several.all("wait 5001");
    several.line(0, "authorize C 2 m@B 600.00 reserve");
    several.line(1, "authorize A 1 m@B 600.00 reserve");
    // It takes what it was given with the other's question, and hears of it once more.
    several.deliver(1);
    several.deliver(0);
    several.deliver_all();
    assert_ne!(
        several.line(0, "authorize C 2 m@B 600.00 reserve"),
        "C 2 declined NetDebitCapExceeded Declined"
    );
}

#[test]
fn messages_of_nobody_change_nothing() {
    let mut several = Several::new(2);
    let facts = several.worlds[0].journal.len();
    several.line(1, "authorize A 1 m@D 2000.00");
    let (_, _, ask) = several.mail.pop_front().unwrap();
    for from in [0, 2, 65_535] {
        several.worlds[0].step(&Input::Lease(Partition(from), ask));
        several.collect(0);
    }
    let LeaseMessage::Ask(mut unknown) = ask else { panic!("{ask:?}") };
    unknown.debtor = ParticipantNumber::new(999).unwrap();
    several.worlds[0].step(&Input::Lease(Partition(1), LeaseMessage::Ask(unknown)));
    assert_eq!(several.worlds[0].journal.len(), facts);
    let mut alone = World::new(settings());
    let before = (alone.journal.len(), alone.sent.len());
    alone.step(&Input::Lease(Partition(1), ask));
    assert_eq!((alone.journal.len(), alone.sent.len()), before);
}
