//! What the switch counts about itself.
//!
//! Invariant: counting never costs a request more than adding to an integer that its thread owns: no lock, no locked
//! instruction, no clock read beyond those of the batch. The admin thread reads while others write.
//!
//! [`Telemetry`] is shared; each part of it has one writing thread, named in its documentation, but for what the threads of
//! links count together: links and refusals, not requests. Levels (queues,
//! positions, deliveries) are not kept here: the driver reports them when asked, once a scrape.

mod archive;
mod exposition;
mod failures;
mod levels;
mod page;
mod participant;
mod partition;
mod remarks;
mod snapshots;
mod tally;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use holdfast_journal::{ArchiveCounts, Counts};
use holdfast_protocol::Partition;

pub use exposition::{CONTENT_TYPE, Named, Names, exposition};
pub use failures::Failures;
pub use participant::{ParticipantTallies, ParticipantTally, RequestKind};
pub use partition::PartitionTelemetry;
pub use remarks::{Matter, Oddity, Remarks};
pub use snapshots::{SnapshotTally, Snapshots};
pub use tally::{Durations, Tally};

/// All counters of the process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Telemetry(Arc<Parts>);

/// See [`Telemetry`].
#[derive(Debug)]
pub struct Parts {
    /// When the process started.
    pub started: Instant,
    /// Each has its own.
    partitions: Box<[Arc<PartitionTelemetry>]>,
    /// Written by all threads of links.
    pub links: LinkTally,
    ready: AtomicBool,
    journal_full: AtomicBool,
    /// Times the wall clock was found more than a second away. Written by the steward's thread.
    pub clock_alarms: Tally,
    /// Written by the thread of the admin interface.
    reloads_refused: Tally,
    /// Why the last reload was refused; nothing after a good one.
    reload_refused: Mutex<Option<String>>,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self::new(1)
    }
}

impl std::ops::Deref for Telemetry {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Telemetry {
    /// Of a switch with so many partitions.
    pub fn new(partitions: usize) -> Self {
        Self(Arc::new(Parts {
            started: Instant::now(),
            partitions: (0..partitions).map(|_| Arc::default()).collect(),
            links: LinkTally::default(),
            ready: AtomicBool::new(false),
            journal_full: AtomicBool::new(false),
            clock_alarms: Tally::new(),
            reloads_refused: Tally::new(),
            reload_refused: Mutex::default(),
        }))
    }

    /// What one partition counts.
    ///
    /// # Panics
    /// Where there is no such partition.
    pub fn partition(&self, partition: Partition) -> Arc<PartitionTelemetry> {
        Arc::clone(&self.partitions[usize::from(partition.0)])
    }

    /// What the drivers of all partitions have counted.
    pub fn drivers(&self) -> Arc<DriverTally> {
        if let [one] = &*self.partitions {
            return Arc::clone(&one.driver);
        }
        let sum = DriverTally::default();
        self.partitions.iter().for_each(|one| sum.absorb(&one.driver));
        Arc::new(sum)
    }

    /// What the journals of all partitions have counted.
    pub fn journal_counts(&self) -> Counts {
        self.partitions.iter().fold(Counts::default(), |sum, one| sum.plus(&one.journal_counts()))
    }

    /// What the archives of all partitions have counted; nothing before one is opened.
    pub fn archive(&self) -> Option<ArchiveCounts> {
        self.partitions.iter().filter_map(|one| one.archive()).reduce(ArchiveCounts::plus)
    }

    /// What became of the snapshots of all partitions.
    pub fn snapshots(&self) -> Snapshots {
        let all = self.partitions.iter().map(|one| one.snapshots.get());
        all.reduce(Snapshots::plus).expect("there is one partition at least")
    }

    /// Whether the switch takes new work.
    pub fn is_ready(&self) -> bool {
        self.not_ready().is_none()
    }

    /// Why the switch takes no new work, if so; `/readyz` says it.
    pub fn not_ready(&self) -> Option<&'static str> {
        if !self.ready.load(Ordering::Acquire) {
            Some("recovering or stopping")
        } else if self.journal_full.load(Ordering::Acquire) {
            Some("the journal has no room: only open work is finished")
        } else {
            None
        }
    }

    /// Says whether new work is refused for want of room in the journal.
    pub fn set_journal_full(&self, full: bool) {
        self.journal_full.store(full, Ordering::Release);
    }

    /// A reload was refused: what ran before runs on. Only the admin interface's thread may call it.
    pub fn reload_refused(&self, why: &str) {
        self.reloads_refused.add(1);
        *self.reload_refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.to_owned());
    }

    /// A reload was taken over.
    pub fn reload_taken(&self) {
        *self.reload_refused.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// How many reloads were refused, and why the last was; nothing where it was a good one.
    pub fn reloads_refused(&self) -> (u64, Option<String>) {
        let last = self.reload_refused.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (self.reloads_refused.get(), last)
    }

    /// Says that the switch is recovered and listens, or is about to end.
    pub fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Release);
    }
}

/// What a turn of the driver was, in plain numbers; handed over once a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TurnStats {
    /// Inputs decided.
    pub inputs: u64,
    /// Facts they became.
    pub facts: u64,
    /// Effects they became.
    pub effects: u64,
    /// How long the oldest input of the turn had waited since it was read.
    pub queued_ns: u64,
    /// How long all the steps of the turn took.
    pub decide_ns: u64,
}

/// What the driver counts.
#[derive(Debug, Default)]
pub struct DriverTally {
    /// Turns that decided something.
    pub turns: Tally,
    /// Inputs decided.
    pub inputs: Tally,
    /// Facts decided.
    pub facts: Tally,
    /// Effects decided.
    pub effects: Tally,
    /// From the arrival of a batch to its turn, for each input.
    pub queued: Durations,
    /// Of all steps of a turn, for each input.
    pub decided: Durations,
    /// From the end of a turn until its frame was durable, for each of its effects.
    pub journaled: Durations,
    /// From durable to handed over to the links, for each effect.
    pub released: Durations,
    /// Requests and outcomes of each participant.
    pub participants: ParticipantTallies,
    /// What pending transactions of each destination ended with, other than its approval.
    pub declines: ParticipantTallies,
}

impl DriverTally {
    /// Counts a turn.
    pub fn turn(&self, turn: &TurnStats) {
        self.turns.add(1);
        self.inputs.add(turn.inputs);
        self.facts.add(turn.facts);
        self.effects.add(turn.effects);
        self.queued.record(turn.queued_ns, turn.inputs);
        self.decided.record(turn.decide_ns, turn.inputs);
    }

    /// Counts a batch of effects that became durable after waiting for the disk, and how long they then waited for
    /// the links.
    pub fn released(&self, effects: u64, journal_wait_ns: u64, handover_ns: u64) {
        self.journaled.record(journal_wait_ns, effects);
        self.released.record(handover_ns, effects);
    }

    /// Adds what another has counted.
    fn absorb(&self, other: &Self) {
        let each: [fn(&Self) -> &Tally; 4] = [|d| &d.turns, |d| &d.inputs, |d| &d.facts, |d| &d.effects];
        each.iter().for_each(|of| of(self).add(of(other).get()));
        let each: [fn(&Self) -> &Durations; 4] =
            [|d| &d.queued, |d| &d.decided, |d| &d.journaled, |d| &d.released];
        each.iter().for_each(|of| of(self).absorb(of(other)));
        self.participants.absorb(&other.participants);
        self.declines.absorb(&other.declines);
    }
}

/// What the links count, on whatever thread: with [`Tally::add_shared`] alone.
#[derive(Debug, Default)]
pub struct LinkTally {
    /// Links that signed on.
    pub signed_on: Tally,
    /// Handshakes that failed: certificates, versions, identities nobody configured, or not finished in time.
    pub handshakes_failed: Tally,
    /// Unfinished handshakes that gave way to newer ones.
    pub handshakes_displaced: Tally,
    /// Dials refused because all places are taken.
    pub dials_refused: Tally,
    /// Addresses asked to show that they are real.
    pub addresses_asked: Tally,
    /// Frames refused and links closed, of each participant by reason. Number 0 of the table stands for links that
    /// named nobody.
    pub refused: ParticipantTallies,
    /// Links closed, of each participant by reason.
    pub closed: ParticipantTallies,
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::{ParticipantNumber, Reason};

    use super::*;

    #[test]
    fn what_partitions_count_is_told_as_one() {
        let telemetry = Telemetry::new(3);
        let who = ParticipantNumber::new(7).unwrap();
        for (partition, n) in [(0, 1), (1, 10), (2, 100)] {
            let counted = telemetry.partition(Partition(partition));
            counted.driver.turn(&TurnStats { inputs: n, queued_ns: 3_000, ..TurnStats::default() });
            counted.driver.participants.of(who).outcomes(Reason::Busy, n);
            counted.snapshots.made(n);
            counted.set_archive(ArchiveCounts { indexed: n, ..ArchiveCounts::default() });
        }
        let drivers = telemetry.drivers();
        assert_eq!((drivers.turns.get(), drivers.inputs.get()), (3, 111));
        assert_eq!(drivers.queued.buckets().iter().map(|(_, n)| n).sum::<u64>(), 111);
        assert_eq!(drivers.participants.of(who).outcome_count(Reason::Busy), 111);
        let snapshots = telemetry.snapshots();
        assert_eq!((snapshots.made, snapshots.bytes), (3, 111));
        assert_eq!(telemetry.archive().map(|counts| counts.indexed), Some(111));
    }
}
