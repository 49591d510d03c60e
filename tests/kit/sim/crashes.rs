//! How the switch's process ends, and how it comes back.

use std::sync::Arc;

use holdfast_core::Input;
use holdfast_core::registry::ParticipantStatus;
use holdfast_journal::{
    Fault as DiskFault, JournalFailure, OpenError, Position, Storage, read_facts, read_storage,
};
use holdfast_protocol::{Sequence, UnixMillis};

use super::faults::Fault;
use super::switch::{Switch, chain};
use super::violation::{Verdict, Violation, ensure};
use super::world::World;

/// Frames begin at multiples of this.
const BLOCK: u64 = holdfast_journal::BLOCK_BYTES as u64;

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
            Ok(()) => self.switch.snapshot(self.now),
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

    /// The process ends, the disk is left as the crash leaves it, and the process starts again.
    pub(crate) fn fail(&mut self, crash: Crash) -> Verdict {
        self.trace.note(self.now, || format!("the switch ends: {crash:?}"));
        self.switch_watched();
        // Batches that the journal did not take were decided, and nobody can know of them.
        let live = self.live_digest();
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
        let wall = self.wall();
        self.switch = self.start(wall)?;
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
    fn start(&mut self, wall: UnixMillis) -> Verdict<Switch> {
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

    fn recovered(&mut self, live: (u64, String), jump: bool) -> Verdict<Sequence> {
        if let Some(report) = &self.switch.report
            && report.torn_bytes > 0
        {
            self.faults.add(Fault::WriteTorn);
        }
        let recovered = self.around.decided.borrow().replica.sequence();
        let undone = live.0.checked_sub(recovered.0);
        ensure!("I7", undone.is_some(), "{recovered:?} was recovered of {} decided", live.0);
        self.faults.add_many(Fault::FactsUndone, undone.unwrap_or(0));
        self.faults.add_many(Fault::ClockAcrossRestart, u64::from(jump));
        self.compare_digest(live, recovered)?;
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

    /// A bit of the disk flips. The journal must be refused, or lose no more than what nobody was told of; then the
    /// bit flips back.
    fn rot(&mut self) -> Verdict {
        if !self.random.percent(self.plan().rates.rot)
            || self.around.planted.is_some_and(|p| p.disk().is_some())
        {
            return Ok(());
        }
        let storage = self.around.disk.storage.clone();
        let segments = storage.list().map_err(|error| Violation::new("recovery", error.to_string()))?;
        let Some(segment) = self.random.pick(&segments).copied() else { return Ok(()) };
        let (mut bodies, mut bodies_after) = (0, 0);
        let before = read_storage(&storage, &mut |facts| {
            bodies = crc32c::crc32c_append(bodies, facts.body);
            Ok(())
        });
        let Ok(Some(before)) = before else { return Ok(()) };
        let used = if segment.number == before.report.end.segment {
            before.report.end.offset
        } else {
            segment.bytes
        };
        // Frames begin at blocks and most are short: mostly where something is.
        let offset = self.random.below(used);
        let filled = offset - offset % BLOCK + self.random.below(700);
        let offset = if self.random.percent(80) { filled } else { offset };
        let at = Position { segment: segment.number, offset };
        let bit = self.random.below(8) as u8;
        storage.flip(at, bit);
        let after = read_storage(&storage, &mut |facts| {
            bodies_after = crc32c::crc32c_append(bodies_after, facts.body);
            read_facts(&facts, &mut |_, _| Ok(()))
        });
        storage.flip(at, bit);
        let fault = match after {
            Err(OpenError::Corrupt { .. } | OpenError::Facts { .. }) => Fault::BitRotRefused,
            Err(error) => {
                return Err(Violation::new(
                    "recovery",
                    format!("a flipped bit at {at} is met with {}", chain(&error)),
                ));
            }
            Ok(None) => {
                return Err(Violation::new(
                    "recovery",
                    format!("with a flipped bit at {at} there is no journal"),
                ));
            }
            // Each frame says that the one before it is durable, so only the last can be taken for torn.
            Ok(Some(after)) if after.report.frames + 1 == before.report.frames => Fault::BitRotTorn,
            Ok(Some(after)) => {
                let same = after.report.frames == before.report.frames && bodies == bodies_after;
                ensure!("recovery", same, "with a flipped bit at {at}: {after:?}, without {before:?}");
                Fault::BitRotHarmless
            }
        };
        self.faults.add(fault);
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
    chain(failure).contains("power is off")
}
