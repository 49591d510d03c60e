//! Latencies, in microseconds, as histograms without a mean to hide in.
//!
//! A sample is pushed into a batch where an outcome is heard; the batch is folded into the histograms once for each
//! wake-up, so that the path of an operation touches a short list and not a table of a hundred kilobytes.

use hdrhistogram::Histogram;

/// Which latency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// From the intended time of sending to the outcome of the authorize.
    Response,
    /// From the actual time of sending to that outcome.
    Service,
    /// From the intended to the actual time of sending.
    Lag,
    /// Service less the time the destination took itself; only where the destination decided.
    SwitchOnly,
    /// From the sending of a capture, release, reversal, inquiry or second copy to its answer.
    FollowUp,
}

impl Measure {
    /// Every measure, in the order of the histograms.
    pub const ALL: [Self; 5] = [Self::Response, Self::Service, Self::Lag, Self::SwitchOnly, Self::FollowUp];

    /// The word in the table, the log and `summary.json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Response => "response",
            Self::Service => "service",
            Self::Lag => "lag",
            Self::SwitchOnly => "switch_only",
            Self::FollowUp => "follow_up",
        }
    }
}

/// An hour: what is longer counts as that.
const MICROS_MAX: u64 = 3_600_000_000;
/// Values are exact to one in a thousand.
const DIGITS: u8 = 3;

/// A histogram of microseconds.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, MICROS_MAX, DIGITS)
        .expect("the bounds are constants that hdrhistogram takes")
}

/// The histograms of one interval or one run.
#[derive(Clone, Debug)]
pub struct Latencies {
    histograms: [Histogram<u64>; Measure::ALL.len()],
}

impl Default for Latencies {
    fn default() -> Self {
        Self { histograms: std::array::from_fn(|_| histogram()) }
    }
}

impl Latencies {
    /// The histogram of one measure.
    pub const fn of(&self, measure: Measure) -> &Histogram<u64> {
        &self.histograms[measure as usize]
    }

    /// Adds other samples to these.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.histograms.iter_mut().zip(&other.histograms) {
            if !theirs.is_empty() {
                mine.add(theirs).expect("all histograms have the same bounds");
            }
        }
    }

    /// Forgets all samples and keeps the memory.
    pub fn clear(&mut self) {
        for histogram in self.histograms.iter_mut().filter(|h| !h.is_empty()) {
            histogram.reset();
        }
    }
}

/// Samples of one wake-up.
#[derive(Debug, Default)]
pub struct Batch {
    values: [Vec<u32>; Measure::ALL.len()],
}

impl Batch {
    /// Adds a sample in nanoseconds.
    #[inline]
    pub fn push(&mut self, measure: Measure, nanos: u64) {
        let micros = u32::try_from(nanos / 1_000).unwrap_or(u32::MAX);
        self.values[measure as usize].push(micros);
    }

    /// Moves all samples into the histograms. Runs of equal values, common where a batch ends at one time, are
    /// recorded as one.
    pub fn fold(&mut self, into: &mut Latencies) {
        for (values, histogram) in self.values.iter_mut().zip(&mut into.histograms) {
            for run in values.chunk_by(|a, b| a == b) {
                let Some(value) = run.first() else { continue };
                histogram.saturating_record_n(u64::from(*value), run.len() as u64);
            }
            values.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_batch_records_what_single_samples_record(
            samples in prop::collection::vec((0_usize..5, 0_u64..10_000_000_000_000), 0..300), repeat in 1_usize..4,
        ) {
            let mut batch = Batch::default();
            let mut folded = Latencies::default();
            let mut single = Latencies::default();
            for (index, (measure, nanos)) in samples.iter().enumerate() {
                for _ in 0..repeat {
                    batch.push(Measure::ALL[*measure], *nanos);
                    let micros = (nanos / 1_000).min(u64::from(u32::MAX));
                    single.histograms[*measure].saturating_record(micros);
                }
                if index % 7 == 0 {
                    batch.fold(&mut folded);
                }
            }
            batch.fold(&mut folded);
            for measure in Measure::ALL {
                prop_assert_eq!(folded.of(measure), single.of(measure));
            }
        }
    }

    #[test]
    fn adding_and_clearing_keep_counts() {
        let mut batch = Batch::default();
        batch.push(Measure::Lag, 5_000);
        let mut one = Latencies::default();
        batch.fold(&mut one);
        let mut sum = Latencies::default();
        sum.add(&one);
        sum.add(&one);
        assert_eq!(sum.of(Measure::Lag).len(), 2);
        assert_eq!(sum.of(Measure::Lag).max(), 5);
        sum.clear();
        assert_eq!(sum.of(Measure::Lag).len(), 0);
    }
}
