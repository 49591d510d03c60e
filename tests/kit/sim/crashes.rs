//! How the switch's process ends, and how it comes back.

use std::collections::BTreeMap;
use std::sync::Arc;

use holdfast_core::Input;
use holdfast_core::registry::ParticipantStatus;
use holdfast_journal::{Fault as DiskFault, JournalFailure, SnapshotError, SnapshotStep};
use holdfast_protocol::{Sequence, UnixMillis};

use super::checks::i7::Contents;
use super::door::Ways;
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
    /// The journals write and sync what is due. Where one fails the process stops.
    pub(crate) fn write_each(&mut self) -> Verdict {
        for _ in 0..=self.elsewhere.len() {
            let epoch = self.here.switch.driver.core().epoch();
            if self.calm || self.random.percent(70) {
                self.write()?;
            }
            if self.here.switch.driver.core().epoch() != epoch {
                // All of them ended with it, and are back.
                return Ok(());
            }
            self.next();
        }
        Ok(())
    }

    fn write(&mut self) -> Verdict {
        match self.here.switch.write(self.now) {
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
        match self.here.switch.snapshot(self.now) {
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
                let rotten = !self.here.rotten.is_empty();
                ensure!("snapshots", rotten, "no snapshot is made: {}", chain(&error));
            }
        }
        Ok(())
    }

    /// The process ends, the disks are left as the crash leaves them, and the process starts again.
    pub(crate) fn fail(&mut self, crash: Crash) -> Verdict {
        self.trace.note(self.now, || format!("the switch ends: {crash:?}"));
        let mut lost = BTreeMap::new();
        self.each(|world| {
            world.switch_watched();
            world.count_look_ups();
            // Batches that the journal did not take were decided, and nobody can know of them.
            lost.insert(world.here.around.partition, world.live());
            Ok(())
        })?;
        self.network.switch_gone(self.now);
        let jump = self.clock_jump();
        self.now = self.now.plus(self.random.below(2_500));
        if crash == Crash::Kill {
            self.faults.add(Fault::SwitchKilled);
        }
        self.each(|world| {
            if crash == Crash::Kill {
                world.here.around.disk.storage.set_fault(DiskFault::FailAt(u64::MAX));
            } else {
                world.here.around.disk.storage.crash(world.random.bits());
            }
            if crash == Crash::Power && world.random.percent(25) {
                world.recover_badly();
            }
            world.rot()?;
            world.rot_snapshots()
        })?;
        let wall = self.wall();
        self.ways = Ways::new(self.plan().partitions);
        self.each(|world| {
            world.here.switch = world.start_rotten(wall)?;
            Ok(())
        })?;
        let mut recovered = Vec::new();
        self.each(|world| {
            if world.calm || world.random.percent(50) {
                world.heal_snapshots()?;
                world.heal_indexes()?;
            }
            if let Some(live) = lost.remove(&world.here.around.partition) {
                recovered.push(world.recovered(&live)?);
            }
            Ok(())
        })?;
        self.faults.add_many(Fault::ClockAcrossRestart, u64::from(jump));
        self.started(wall);
        self.trace.note(self.now, || format!("the switch is back with {recovered:?}"));
        self.check_told()?;
        if let Some(date) = self.next_date().filter(|_| self.random.percent(10)) {
            self.faults.add(Fault::DayChanged);
            let time = self.time();
            self.command(time, &Input::CutOver(date));
        }
        Ok(())
    }

    /// Starts the process again. Where the disk has no room for the frame that begins the epoch, it needs some first.
    pub(super) fn start(&mut self, wall: UnixMillis) -> Verdict<Switch> {
        match Switch::start(&self.here.around, &self.ways, self.now, wall) {
            Err(violation) if self.room_again.is_some() && violation.what.contains("no storage space") => {
                self.room_again = None;
                self.here.around.disk.storage.set_room(u64::MAX);
                Switch::start(&self.here.around, &self.ways, self.now, wall)
            }
            started => started,
        }
    }

    fn switch_watched(&self) {
        self.here.around.watched.borrow_mut().restarting(self.here.switch.driver.core());
    }

    fn recovered(&mut self, live: &Contents) -> Verdict<Sequence> {
        if let Some(report) = &self.here.switch.report
            && report.torn_bytes > 0
        {
            self.faults.add(Fault::WriteTorn);
        }
        let recovered = self.here.around.decided.borrow().replica.sequence();
        let undone = live.sequence.0.checked_sub(recovered.0);
        ensure!("I7", undone.is_some(), "{recovered:?} was recovered of {:?} decided", live.sequence);
        self.faults.add_many(Fault::FactsUndone, undone.unwrap_or(0));
        self.compare_with_live(live, recovered)?;
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
        let storage = self.here.around.disk.storage.clone();
        storage.set_fault(DiskFault::CutAfter(self.random.below(14)));
        // It may or may not come so far; either way it is not heard of again. What is compared must not be spent on it.
        let settings = self.plan().journal.clone();
        let disk = Arc::new(self.here.around.disk.clone());
        let id = holdfast_journal::JournalId([7; 16]);
        let attempt = holdfast_journal::recover(disk, settings, id, self.wall(), &mut |_| Ok(()));
        self.trace.note(self.now, || format!("a first recovery comes to its end: {}", attempt.is_ok()));
        storage.crash(self.random.bits());
    }

    /// What is about to be lost.
    fn live(&self) -> Contents {
        Contents::of(self.here.switch.driver.core(), self.here.around.planted)
    }

    /// What the journal has kept is compared with what was decided.
    fn compare_with_live(&self, live: &Contents, recovered: Sequence) -> Verdict {
        if live.sequence == recovered {
            let recovered =
                Contents::of(&self.here.around.decided.borrow().replica, self.here.around.planted);
            return live.same_as(&recovered, "the core that decided");
        }
        Ok(())
    }

    /// Everybody takes part again.
    pub(crate) fn activate(&mut self, time: UnixMillis) {
        let plan = self.plan();
        for party in plan.operators.iter().chain(&plan.destinations) {
            self.command(time, &Input::SetStatus(party.number, ParticipantStatus::Active));
        }
    }
}

fn is_power(failure: &JournalFailure) -> bool {
    chain(failure).contains(POWER)
}
