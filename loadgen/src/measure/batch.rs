//! From the path of an operation to the bins.
//!
//! A sample is pushed into a list where an outcome is heard; the lists are folded into the bins once for each wake-up, so
//! that the path of an operation touches a short list and not a table.

use super::bins::{Bins, Distribution};
use super::kinds::Measure;
use crate::traffic::scenario::Scenario;

const SCENARIOS: usize = Scenario::ALL.len();
const MEASURES: usize = Measure::ALL.len();

/// Samples of one wake-up, by scenario and measure.
#[derive(Debug, Default)]
pub struct Batch {
    values: [[Vec<u32>; MEASURES]; SCENARIOS],
    /// A bit for each scenario that has samples.
    touched: u32,
    warm_up: WarmUp,
}

/// Responses of the warm-up: only their mean is of interest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WarmUp {
    /// How many.
    pub count: u64,
    /// Their sum in microseconds.
    pub total_us: u64,
}

impl WarmUp {
    /// Adds others.
    pub const fn add(&mut self, other: Self) {
        self.count += other.count;
        self.total_us += other.total_us;
    }
}

impl Batch {
    /// Adds a sample in nanoseconds.
    #[inline]
    pub fn push(&mut self, scenario: Scenario, measure: Measure, nanos: u64) {
        let micros = u32::try_from(nanos / 1_000).unwrap_or(u32::MAX);
        self.touched |= 1 << scenario.index();
        self.values[scenario.index()][measure as usize].push(micros);
    }

    /// Adds a response of the warm-up.
    #[inline]
    pub const fn push_warm_up(&mut self, nanos: u64) {
        self.warm_up.count += 1;
        self.warm_up.total_us += nanos / 1_000;
    }

    /// Moves all samples into the bins. Runs of equal values, common where a batch ends at one time, are counted as one.
    pub fn fold(&mut self, into: &mut Recorded) {
        let mut touched = std::mem::take(&mut self.touched);
        while touched != 0 {
            let scenario = touched.trailing_zeros() as usize;
            touched &= touched - 1;
            for (values, bins) in self.values[scenario].iter_mut().zip(&mut into.bins[scenario]) {
                for run in values.chunk_by(|a, b| a == b) {
                    let Some(value) = run.first() else { continue };
                    bins.add(*value, u32::try_from(run.len()).unwrap_or(u32::MAX));
                }
                values.clear();
            }
        }
        into.warm_up.add(std::mem::take(&mut self.warm_up));
    }
}

/// What one operator has recorded since it was looked at last.
#[derive(Debug, Default)]
pub struct Recorded {
    bins: [[Bins; MEASURES]; SCENARIOS],
    warm_up: WarmUp,
}

impl Recorded {
    /// Takes out what one scenario has.
    pub fn take(&mut self, scenario: Scenario) -> Latencies {
        Latencies { of: self.bins[scenario.index()].each_mut().map(Bins::take) }
    }

    /// Takes out what the warm-up has.
    pub const fn take_warm_up(&mut self) -> WarmUp {
        std::mem::replace(&mut self.warm_up, WarmUp { count: 0, total_us: 0 })
    }
}

/// A distribution for each measure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latencies {
    of: [Distribution; MEASURES],
}

impl Latencies {
    /// That of one measure.
    pub const fn of(&self, measure: Measure) -> &Distribution {
        &self.of[measure as usize]
    }

    /// Adds others to these.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.of.iter_mut().zip(&other.of).filter(|(_, theirs)| !theirs.is_empty()) {
            if mine.is_empty() {
                mine.clone_from(theirs);
            } else {
                mine.merge(theirs);
            }
        }
    }

    /// Whether no measure has a sample.
    pub fn is_empty(&self) -> bool {
        self.of.iter().all(Distribution::is_empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_batch_records_what_single_samples_record(
            samples in prop::collection::vec((0_usize..10, 0_usize..7, 0_u64..5_000_000_000_000), 0..300),
            repeat in 1_usize..4,
        ) {
            let mut batch = Batch::default();
            let mut folded = Recorded::default();
            let mut single: Vec<(usize, usize, u32)> = vec![];
            for (index, (scenario, measure, nanos)) in samples.iter().enumerate() {
                for _ in 0..repeat {
                    batch.push(Scenario::ALL[*scenario], Measure::ALL[*measure], *nanos);
                    single.push((*scenario, *measure, u32::try_from(nanos / 1_000).unwrap_or(u32::MAX)));
                }
                if index % 7 == 0 {
                    batch.fold(&mut folded);
                }
            }
            batch.fold(&mut folded);
            for (s, scenario) in Scenario::ALL.into_iter().enumerate() {
                let taken = folded.take(scenario);
                for (m, measure) in Measure::ALL.into_iter().enumerate() {
                    let of = single.iter().filter(|(a, b, _)| (*a, *b) == (s, m)).map(|(_, _, value)| *value);
                    prop_assert_eq!(taken.of(measure), &Distribution::of(of));
                }
            }
        }
    }

    #[test]
    fn the_warm_up_is_counted_apart() {
        let (mut batch, mut recorded) = (Batch::default(), Recorded::default());
        batch.push_warm_up(3_000);
        batch.push_warm_up(5_000);
        batch.fold(&mut recorded);
        assert_eq!(recorded.take_warm_up(), WarmUp { count: 2, total_us: 8 });
        assert_eq!(recorded.take_warm_up(), WarmUp::default());
        assert!(Scenario::ALL.into_iter().all(|scenario| recorded.take(scenario).is_empty()));
    }
}
