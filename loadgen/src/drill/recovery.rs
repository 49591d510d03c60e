//! How long after a fault the response's p99 is again what it was before the first.
//!
//! Slices of time are pooled into windows with enough responses for a p99. The highest p99 of a window before the first
//! fault, and a quarter more, is what counts as steady: so the machine's own noise is in the measure. After a fault the
//! p99 is steady from the beginning of the first two windows in a row that keep to it.

use crate::measure::bins::{Distribution, Sum};

/// Slices of a window at least, and responses at least: a p99 with two beyond it.
const SLICES_MIN: usize = 5;
const RESPONSES_MIN: u64 = 200;
/// Windows that it takes before the first fault.
const WINDOWS_MIN: usize = 3;
/// How much above the highest calm p99 is still steady.
const MARGIN: f64 = 1.25;
/// Windows in a row that show that it is steady.
const IN_A_ROW: usize = 2;
/// A window with less than this share of the usual responses shows nothing.
const FILLED_MIN: f64 = 0.5;

/// Responses heard in one slice of time.
#[derive(Clone, Debug)]
pub struct Heard {
    /// When the slice began, in nanoseconds since the run did.
    pub begun_ns: u64,
    /// When it ended.
    pub ended_ns: u64,
    /// The responses.
    pub responses: Distribution,
}

/// What the p99 was before the first fault.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calm {
    /// The p99 that a window may have, in microseconds.
    pub limit_us: u32,
    /// Slices of a window.
    slices: usize,
    /// Responses that a window has at least.
    responses: u64,
}

fn p99(window: &[Heard]) -> (u64, Option<u32>) {
    let sum = Sum::of(window.iter().map(|slice| &slice.responses));
    (sum.len(), sum.quantile(0.99, 0))
}

impl Calm {
    /// Of the slices between the warm-up and the first fault; `None` where that was too short to say.
    pub fn before(all: &[Heard], from_ns: u64, first_fault_ns: u64) -> Option<Self> {
        let begin = all.partition_point(|slice| slice.begun_ns < from_ns);
        let end = all.partition_point(|slice| slice.ended_ns <= first_fault_ns);
        let calm = all.get(begin..end)?;
        let total: u64 = calm.iter().map(|slice| slice.responses.len()).sum();
        if total == 0 {
            return None;
        }
        let of_slice = total as f64 / calm.len() as f64;
        let slices = SLICES_MIN.max((RESPONSES_MIN as f64 / of_slice).ceil() as usize);
        let windows = calm.chunks_exact(slices);
        if windows.len() < WINDOWS_MIN {
            return None;
        }
        let highest = windows.filter_map(|window| p99(window).1).max()?;
        let responses = (of_slice * slices as f64 * FILLED_MIN) as u64;
        Some(Self { limit_us: (f64::from(highest) * MARGIN) as u32, slices, responses: responses.max(1) })
    }

    /// How long after a fault the p99 was steady, in nanoseconds; `None` where it was not until `until_ns`, when the next fault
    /// came or the sending ended.
    pub fn steady_after(&self, all: &[Heard], fault_ns: u64, until_ns: u64) -> Option<u64> {
        let begin = all.partition_point(|slice| slice.begun_ns < fault_ns);
        let end = all.partition_point(|slice| slice.ended_ns <= until_ns);
        let after = all.get(begin..end)?;
        let row = after.windows(self.slices * IN_A_ROW).find(|row| {
            row.chunks_exact(self.slices).all(|window| {
                let (count, p99) = p99(window);
                count >= self.responses && p99.is_some_and(|p99| p99 <= self.limit_us)
            })
        })?;
        row.first().map(|slice| slice.begun_ns - fault_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLICE_NS: u64 = 100_000_000;

    /// Slices of a tenth of a second with a hundred responses each of so many microseconds; none for zero.
    fn heard(levels: impl IntoIterator<Item = u32>) -> Vec<Heard> {
        (0_u64..)
            .zip(levels)
            .map(|(number, level)| Heard {
                begun_ns: number * SLICE_NS,
                ended_ns: (number + 1) * SLICE_NS,
                responses: Distribution::of(vec![level; if level == 0 { 0 } else { 100 }]),
            })
            .collect()
    }

    /// Three seconds at a millisecond, one without a response, one of late ones, then calm.
    fn outage() -> Vec<Heard> {
        heard([1_000; 30].into_iter().chain([0; 10]).chain([900_000; 10]).chain([1_100; 30]))
    }

    const FAULT_NS: u64 = 30 * SLICE_NS;

    #[test]
    fn the_p99_is_steady_once_late_responses_are_through() {
        let all = outage();
        let calm = Calm::before(&all, 0, FAULT_NS).unwrap();
        assert!((1_200..=1_300).contains(&calm.limit_us), "{calm:?}");
        assert_eq!(calm.steady_after(&all, FAULT_NS, 80 * SLICE_NS), Some(20 * SLICE_NS));
    }

    #[test]
    fn it_is_not_steady_where_the_next_fault_comes_first() {
        let all = outage();
        let calm = Calm::before(&all, 0, FAULT_NS).unwrap();
        assert_eq!(calm.steady_after(&all, FAULT_NS, 55 * SLICE_NS), None, "half a second shows too little");
        assert_eq!(calm.steady_after(&all, FAULT_NS, 40 * SLICE_NS), None, "silence is not steady");
    }

    #[test]
    fn one_calm_window_between_late_ones_is_not_enough() {
        let levels = [1_000; 20].into_iter().chain([50_000; 5]).chain([1_000; 5]).chain([50_000; 5]);
        let all = heard(levels.chain([1_000; 20]));
        let calm = Calm::before(&all, 0, 20 * SLICE_NS).unwrap();
        assert_eq!(calm.steady_after(&all, 20 * SLICE_NS, 60 * SLICE_NS), Some(15 * SLICE_NS));
    }

    #[test]
    fn too_little_before_the_first_fault_says_nothing() {
        assert_eq!(Calm::before(&heard([1_000; 14]), 0, 14 * SLICE_NS), None);
        assert!(Calm::before(&heard([1_000; 15]), 0, 15 * SLICE_NS).is_some());
        assert_eq!(Calm::before(&heard([0; 50]), 0, 50 * SLICE_NS), None);
        assert_eq!(Calm::before(&heard([1_000; 50]), 40 * SLICE_NS, 50 * SLICE_NS), None);
    }

    #[test]
    fn a_slow_load_gets_longer_windows() {
        let all: Vec<_> = (0..60)
            .map(|number| Heard {
                begun_ns: number * SLICE_NS,
                ended_ns: (number + 1) * SLICE_NS,
                responses: Distribution::of([1_000; 10]),
            })
            .collect();
        let calm = Calm::before(&all, 0, 60 * SLICE_NS).unwrap();
        assert_eq!(calm.slices, 20, "two hundred responses");
    }
}
