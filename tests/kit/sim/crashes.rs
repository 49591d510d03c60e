//! How the switch's process ends, and how it comes back.

use std::sync::Arc;

use holdfast_core::Input;
use holdfast_core::registry::ParticipantStatus;
use holdfast_journal::{Fault as DiskFault, JournalFailure, SnapshotError, SnapshotStep};
use holdfast_protocol::{Sequence, UnixMillis};

use super::checks::i7::Contents;
use super::faults::Fault;
use super::switch::{Switch, chain};
use super::violation::{Verdict, ensure};
use super::world::World;

/// What the storage says when it has none.
const POWER: &str = "power is off";

/// How the process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    /// It was killed: what it had written is in the page cache.
    Kill,
    /// The power went: what was not synced is kept, dropped or torn.
    Power,
    /// A write or sync failed, and it stopped.
    Disk,
}

impl World {
    /// The journal writes and syncs what is due. Where that fails the process stops.
    pub(crate) fn write(&mut self) -> Verdict {
        match self.switch.write(self.now) {
            Ok(()) => self.snapshot(),
            Err(failure) => {
                self.trace.note(self.now, || format!("the journal ends: {}", chain(&*failure)));
                let power = is_power(&failure);
                if !power {
                    self.faults.add(Fault::SyncFailed);
                }
                self.fail(if power { Crash::Power } else { Crash::Disk })
            }
        }
    }

    /// Makes a piece of a snapshot, where one is due. A disk that fails costs the snapshot, and so do rotten ones that it
    /// would be made of; anything else is wrong.
    fn snapshot(&mut self) -> Verdict {
        match self.switch.snapshot(self.now) {
            Ok(SnapshotStep::Made { .. }) => self.faults.add(Fault::SnapshotMade),
            Ok(SnapshotStep::Trimmed(_)) => {
                self.faults.add(Fault::SegmentTrimmed);
                self.can_start_from_each_snapshot()?;
            }
            Ok(
                SnapshotStep::Idle
                | SnapshotStep::More
                | SnapshotStep::Indexed(_)
                | SnapshotStep::IndexTrimmed(_),
            ) => {}
            Err(SnapshotError::Io(error)) if error.to_string().contains(POWER) => {
                return self.fail(Crash::Power);
            }
            Err(SnapshotError::Io(_)) => {}
            Err(error) => {
                let rotten = !self.rotten.is_empty();
                ensure!("snapshots", rotten, "no snapshot is made: {}", chain(&error));
            }
        }
        Ok(())
    }

    /// The process ends, the disk is left as the crash leaves it, and the process starts again.
    pub(crate) fn fail(&mut self, crash: Crash) -> Verdict {
        self.trace.note(self.now, || format!("the switch ends: {crash:?}"));
        self.switch_watched();
        self.count_look_ups();
        // Batches that the journal did not take were decided, and nobody can know of them.
        let live = self.live();
        self.network.switch_gone(self.now);
        let jump = self.clock_jump();
        self.now = self.now.plus(self.random.below(2_500));
        if crash == Crash::Kill {
            self.faults.add(Fault::SwitchKilled);
            self.around.disk.storage.set_fault(DiskFault::FailAt(u64::MAX));
        } else {
            self.around.disk.storage.crash(self.random.bits());
        }
        if crash == Crash::Power && self.random.percent(25) {
            self.recover_badly();
        }
        self.rot()?;
        self.rot_snapshots()?;
        let wall = self.wall();
        self.switch = self.start_rotten(wall)?;
        if self.calm || self.random.percent(50) {
            self.heal_snapshots()?;
            self.heal_indexes()?;
        }
        let recovered = self.recovered(live, jump)?;
        self.trace.note(self.now, || format!("the switch is back with {recovered:?}"));
        self.check_told()?;
        if let Some(date) = self.next_date().filter(|_| self.random.percent(10)) {
            self.faults.add(Fault::DayChanged);
            let time = self.time();
            self.switch.driver.command(time, &Input::CutOver(date));
        }
        Ok(())
    }

    /// Starts the process again. Where the disk has no room for the frame that begins the epoch, it needs some first.
    pub(super) fn start(&mut self, wall: UnixMillis) -> Verdict<Switch> {
        match Switch::start(&self.around, self.now, wall) {
            Err(violation) if self.room_again.is_some() && violation.what.contains("no storage space") => {
                self.room_again = None;
                self.around.disk.storage.set_room(u64::MAX);
                Switch::start(&self.around, self.now, wall)
            }
            started => started,
        }
    }

    fn switch_watched(&self) {
        self.around.watched.borrow_mut().restarting(self.switch.driver.core());
    }

    fn recovered(&mut self, live: Contents, jump: bool) -> Verdict<Sequence> {
        if let Some(report) = &self.switch.report
            && report.torn_bytes > 0
        {
            self.faults.add(Fault::WriteTorn);
        }
        let recovered = self.around.decided.borrow().replica.sequence();
        let undone = live.sequence.0.checked_sub(recovered.0);
        ensure!("I7", undone.is_some(), "{recovered:?} was recovered of {:?} decided", live.sequence);
        self.faults.add_many(Fault::FactsUndone, undone.unwrap_or(0));
        self.faults.add_many(Fault::ClockAcrossRestart, u64::from(jump));
        self.compare_with_live(&live, recovered)?;
        Ok(recovered)
    }

    /// The wall clock may have been set while the process was away.
    fn clock_jump(&mut self) -> bool {
        if !self.random.percent(self.plan().rates.clock / 3) {
            return false;
        }
        let by = match self.random.below(4) {
            0 => -3_600_000,
            1 => -(self.random.below(20_000) as i64),
            2 => self.random.below(20_000) as i64,
            _ => 90_000,
        };
        self.wall_ahead_ms += by;
        true
    }

    /// The power goes again while the switch recovers.
    fn recover_badly(&mut self) {
        self.faults.add(Fault::PowerCutRecovering);
        let storage = self.around.disk.storage.clone();
        storage.set_fault(DiskFault::CutAfter(self.random.below(14)));
        // It may or may not come so far; either way it is not heard of again. What is compared must not be spent on it.
        let settings = self.plan().journal.clone();
        let disk = Arc::new(self.around.disk.clone());
        let id = holdfast_journal::JournalId([7; 16]);
        let attempt = holdfast_journal::recover(disk, settings, id, self.wall(), &mut |_| Ok(()));
        self.trace.note(self.now, || format!("a first recovery comes to its end: {}", attempt.is_ok()));
        storage.crash(self.random.bits());
    }

    /// What is about to be lost.
    fn live(&self) -> Contents {
        Contents::of(self.switch.driver.core(), self.around.planted)
    }

    /// What the journal has kept is compared with what was decided.
    fn compare_with_live(&self, live: &Contents, recovered: Sequence) -> Verdict {
        if live.sequence == recovered {
            let recovered = Contents::of(&self.around.decided.borrow().replica, self.around.planted);
            return live.same_as(&recovered, "the core that decided");
        }
        Ok(())
    }

    /// Everybody takes part again.
    pub(crate) fn activate(&mut self, time: UnixMillis) {
        let plan = self.plan();
        for party in plan.operators.iter().chain(&plan.destinations) {
            self.switch.driver.command(time, &Input::SetStatus(party.number, ParticipantStatus::Active));
        }
    }
}

fn is_power(failure: &JournalFailure) -> bool {
    chain(failure).contains(POWER)
}
