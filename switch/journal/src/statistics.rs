//! What the journal counts, for telemetry. Counted once a commit, never once a fact.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Upper edges of the buckets of sync latency, in microseconds; a last bucket takes what is longer.
pub const SYNC_BUCKETS_US: [u64; 12] =
    [50, 100, 150, 200, 300, 500, 1_000, 2_000, 5_000, 10_000, 50_000, 200_000];

/// Counters since the start of the writer.
#[derive(Debug, Default)]
pub struct Statistics {
    syncs: AtomicU64,
    bytes: AtomicU64,
    frames: AtomicU64,
    seals: AtomicU64,
    facts: AtomicU64,
    batches: AtomicU64,
    blocked: AtomicU64,
    sync_us_sum: AtomicU64,
    sync_buckets: [AtomicU64; SYNC_BUCKETS_US.len() + 1],
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Syncs of frames.
    pub syncs: u64,
    /// Bytes written in frames, padding included.
    pub bytes: u64,
    /// Frames that hold facts.
    pub frames: u64,
    /// Seal frames.
    pub seals: u64,
    /// Facts.
    pub facts: u64,
    /// Batches merged into the frames.
    pub batches: u64,
    /// Frames that had to wait for a segment.
    pub blocked: u64,
    /// Time spent in writes and syncs, in microseconds.
    pub sync_us_sum: u64,
    /// Syncs by latency, see [`SYNC_BUCKETS_US`].
    pub sync_buckets: [u64; SYNC_BUCKETS_US.len() + 1],
}

impl Counts {
    /// With those of another partition's journal.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        self.syncs += other.syncs;
        self.bytes += other.bytes;
        self.frames += other.frames;
        self.seals += other.seals;
        self.facts += other.facts;
        self.batches += other.batches;
        self.blocked += other.blocked;
        self.sync_us_sum += other.sync_us_sum;
        self.sync_buckets.iter_mut().zip(other.sync_buckets).for_each(|(own, other)| *own += other);
        self
    }
}

impl Statistics {
    pub(crate) fn synced(&self, bytes: u64, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.syncs.fetch_add(1, Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
        self.sync_us_sum.fetch_add(us, Relaxed);
        let bucket = SYNC_BUCKETS_US.partition_point(|edge| *edge < us);
        if let Some(bucket) = self.sync_buckets.get(bucket) {
            bucket.fetch_add(1, Relaxed);
        }
    }

    pub(crate) fn facts(&self, batches: u64, facts: u32) {
        self.frames.fetch_add(1, Relaxed);
        self.batches.fetch_add(batches, Relaxed);
        self.facts.fetch_add(u64::from(facts), Relaxed);
    }

    pub(crate) fn blocked(&self) {
        self.blocked.fetch_add(1, Relaxed);
    }

    pub(crate) fn sealed(&self) {
        self.seals.fetch_add(1, Relaxed);
    }

    /// The counters now.
    pub fn counts(&self) -> Counts {
        Counts {
            syncs: self.syncs.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            frames: self.frames.load(Relaxed),
            seals: self.seals.load(Relaxed),
            facts: self.facts.load(Relaxed),
            batches: self.batches.load(Relaxed),
            blocked: self.blocked.load(Relaxed),
            sync_us_sum: self.sync_us_sum.load(Relaxed),
            sync_buckets: std::array::from_fn(|i| {
                self.sync_buckets.get(i).map_or(0, |bucket| bucket.load(Relaxed))
            }),
        }
    }
}
