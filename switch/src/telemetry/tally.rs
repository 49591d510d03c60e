//! Counters with one writer.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that one thread writes and others read.
///
/// Adding is a load and a store: no locked instruction, as cheap as a plain integer. Two writers would lose counts, so
/// each tally belongs to one thread; what is rare enough for a locked instruction may belong to several, which all use
/// [`Self::add_shared`].
#[derive(Debug, Default)]
pub struct Tally(AtomicU64);

impl Tally {
    /// Zero.
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Counts `n` more. Only the owning thread may call it.
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    /// Counts `n` more of what several threads count. For what is rare: it is a locked instruction.
    pub fn add_shared(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Sets the number, for a level or for a count that somebody else keeps. Only the owning thread may call it.
    pub fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

const OCTAVES: usize = 25;
const BUCKETS: usize = OCTAVES * 2;

/// Durations in buckets of half an octave from one microsecond to about half a minute; each bucket is at most half again
/// as wide as it begins, and what lies above is in the last.
#[derive(Debug)]
pub struct Durations {
    buckets: [Tally; BUCKETS],
    sum_ns: Tally,
}

impl Default for Durations {
    fn default() -> Self {
        Self { buckets: [const { Tally::new() }; BUCKETS], sum_ns: Tally::new() }
    }
}

impl Durations {
    /// Counts `n` events that took `ns` nanoseconds each. Only the owning thread may call it.
    pub fn record(&self, ns: u64, n: u64) {
        self.buckets[Self::bucket(ns)].add(n);
        self.sum_ns.add(ns.saturating_mul(n));
    }

    /// Adds what another has counted.
    pub(super) fn absorb(&self, other: &Self) {
        self.buckets.iter().zip(&other.buckets).for_each(|(own, other)| own.add(other.get()));
        self.sum_ns.add(other.sum_ns.get());
    }

    /// The bucket of a duration: bucket `2k` ends at 2^k microseconds, bucket `2k + 1` at one and a half times that.
    fn bucket(ns: u64) -> usize {
        let us = ns.div_ceil(1_000).max(1);
        // The smallest k with us <= 2^k.
        let octave = us.next_power_of_two().trailing_zeros() as usize;
        let below = 1_u64 << octave.saturating_sub(1);
        let in_lower_half = octave > 0 && us <= below + below / 2 && below > 1;
        (octave * 2 - usize::from(in_lower_half)).min(BUCKETS - 1)
    }

    /// The upper bound of each bucket in seconds, with how many events lie in it; the last has no bound.
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        let bound = |i: usize| {
            let below = (1_u64 << (i / 2)) as f64 / 1e6;
            if i.is_multiple_of(2) { below } else { below * 1.5 }
        };
        let last = BUCKETS - 1;
        let bounds = (0..BUCKETS).map(|i| if i == last { f64::INFINITY } else { bound(i) });
        bounds.zip(self.buckets.iter().map(Tally::get)).collect()
    }

    /// The sum of all durations in seconds.
    pub fn sum_seconds(&self) -> f64 {
        self.sum_ns.get() as f64 * 1e-9
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_duration_is_in_the_first_bucket_that_reaches_it() {
        let durations = Durations::default();
        let bounds: Vec<f64> = durations.buckets().iter().map(|(bound, _)| *bound).collect();
        assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]), "{bounds:?}");
        for ns in (0..200_000).step_by(333).chain([1_000, 1_001, 1_500, 2_000_000, 3_000_000_000, u64::MAX]) {
            let bucket = Durations::bucket(ns);
            // Durations count in whole microseconds, rounded up.
            let seconds = ns.div_ceil(1_000) as f64 * 1e-6;
            assert!(seconds <= bounds[bucket] * (1.0 + 1e-9), "{ns} ns in bucket {bucket}");
            let above_the_one_before = bucket == 0 || seconds > bounds[bucket - 1] * (1.0 - 1e-9);
            assert!(above_the_one_before, "{ns} ns in bucket {bucket}");
        }
    }

    #[test]
    fn a_batch_counts_with_its_size() {
        let durations = Durations::default();
        durations.record(3_000, 256);
        durations.record(3_000, 1);
        let total: u64 = durations.buckets().iter().map(|(_, n)| n).sum();
        assert_eq!(total, 257);
        assert!((durations.sum_seconds() - 257.0 * 3e-6).abs() < 1e-12);
    }
}
