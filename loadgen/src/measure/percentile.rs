//! Percentiles with what is known about them.
//!
//! Latencies that follow one another are alike: while a queue is long, everybody waits. A thousand of them may say no more
//! than twenty independent ones would, and an interval from ranks, which takes them for independent, is far too narrow
//! (in an M/M/1 queue at load 0.8 it held the true p99 in 18 of a hundred runs). So:
//!
//! - the effective number of samples is what the scatter of the exceedances from slice to slice shows, not what was counted;
//! - a percentile is given only where ten independent samples lie beyond it;
//! - its interval comes from sections: the same percentile of each of ten to thirty consecutive parts of the run, their
//!   scatter around the percentile of the whole, on a logarithmic scale, Student's t, and a correction for neighbours
//!   that still are alike. Where there are not enough independent samples for ten sections there is no interval.

use serde::Serialize;

use super::bins::{Distribution, Sum};
use super::student::reach_95;

/// Independent samples beyond a percentile that it takes to give it.
pub const BEYOND_MIN: f64 = 10.0;
/// The same to give its interval.
pub const BEYOND_INTERVAL_MIN: f64 = 25.0;
/// Sections of an interval.
const SECTIONS_MIN: usize = 10;
const SECTIONS_MAX: usize = 30;
/// Independent samples beyond the percentile that each section should have, where the run is long enough.
const BEYOND_OF_SECTION: f64 = 8.0;

/// A percentile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Percentile {
    /// Which, 0 to 1.
    pub p: f64,
    /// Microseconds.
    pub value_us: u32,
    /// From and to in microseconds: holds the true value in 95 of a hundred runs.
    pub interval_us: Option<(u32, u32)>,
    /// How many independent samples the run had for it.
    pub independent: f64,
}

/// The percentile of a series of slices; `None` where too few independent samples lie beyond it.
pub fn percentile(slices: &[&Distribution], p: f64) -> Option<Percentile> {
    percentile_of(&Sum::of(slices.iter().copied()), slices, p)
}

/// The same where the sum of the slices is at hand.
pub fn percentile_of(sum: &Sum, slices: &[&Distribution], p: f64) -> Option<Percentile> {
    let value_us = sum.quantile(p, 0)?;
    let independent = sum.len() as f64 / design_effect(slices, value_us);
    let beyond = independent * (1.0 - p).min(p);
    if beyond < BEYOND_MIN {
        return None;
    }
    let interval_us = if beyond < BEYOND_INTERVAL_MIN { None } else { interval(slices, p, value_us, beyond) };
    Some(Percentile { p, value_us, interval_us, independent })
}

/// How many times more the count of exceedances scatters than that of independent samples would: the largest that batches
/// of one, two, four ... slices show, as long as there are ten batches.
fn design_effect(slices: &[&Distribution], value_us: u32) -> f64 {
    let counts: Vec<(f64, f64)> =
        slices.iter().map(|slice| (slice.len() as f64, slice.longer_than(value_us) as f64)).collect();
    let (all, longer) =
        counts.iter().fold((0.0, 0.0), |(n, k), (slice_n, slice_k)| (n + slice_n, k + slice_k));
    let share = (longer / all).max(0.5 / all);
    let mut largest: f64 = 1.0;
    let mut length = 1;
    while counts.len() / length >= SECTIONS_MIN {
        let batches = counts.chunks_exact(length).map(|batch| {
            batch.iter().fold((0.0, 0.0), |(n, k), (slice_n, slice_k)| (n + slice_n, k + slice_k))
        });
        let (mut scatter, mut expected, mut number) = (0.0, 0.0, 0.0);
        for (n, k) in batches {
            scatter += (k - n * share).powi(2);
            expected += n * share * (1.0 - share);
            number += 1.0;
        }
        if expected > 0.0 {
            largest = largest.max(scatter / expected * number / (number - 1.0));
        }
        length *= 2;
    }
    largest
}

fn interval(slices: &[&Distribution], p: f64, value_us: u32, beyond: f64) -> Option<(u32, u32)> {
    let wanted = ((beyond / BEYOND_OF_SECTION) as usize).clamp(SECTIONS_MIN, SECTIONS_MAX);
    let centre = f64::from(value_us.max(1)).ln();
    let values = of_sections(slices, wanted, p);
    let deviations: Vec<f64> =
        values.into_iter().map(|value| f64::from(value.max(1)).ln() - centre).collect();
    let count = deviations.len();
    if count < SECTIONS_MIN {
        return None;
    }
    let squares: f64 = deviations.iter().map(|d| d * d).sum();
    let variance = squares / (count - 1) as f64;
    let neighbours: f64 = deviations.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let alike = if squares > 0.0 { (neighbours / squares).clamp(0.0, 0.8) } else { 0.0 };
    let error = (variance / count as f64 * (1.0 + alike) / (1.0 - alike)).sqrt();
    let reach = reach_95(count - 1) * error;
    let low = (centre - reach).exp().floor();
    let high = (centre + reach).exp().ceil();
    Some((low as u32, high.min(f64::from(u32::MAX)) as u32))
}

/// The percentile of each of so many parts of about as many samples.
fn of_sections(slices: &[&Distribution], wanted: usize, p: f64) -> Vec<u32> {
    let all: u64 = slices.iter().map(|slice| slice.len()).sum();
    let mut rest = slices.iter();
    let mut section = Sum::default();
    let mut values = Vec::with_capacity(wanted);
    let mut taken = 0;
    for number in 1..=wanted as u64 {
        section.clear();
        while taken < all * number / wanted as u64 {
            let Some(slice) = rest.next() else { break };
            taken += slice.len();
            section.add(slice);
        }
        values.extend(section.quantile(p, 0));
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::queue::Queue;

    /// Slices of a hundred milliseconds, the first two seconds cut off.
    fn slices(seed: u64, load: f64, served_per_s: f64, seconds: usize) -> (Queue, Vec<Distribution>) {
        let mut queue = Queue::new(seed, load * served_per_s, served_per_s);
        let slices = (0..(seconds + 2) * 10).map(|_| queue.slice(100_000_000)).skip(20).collect();
        (queue, slices)
    }

    #[test]
    fn the_interval_holds_the_true_p99_of_a_queue_in_ninety_of_a_hundred_runs() {
        let (mut held, mut given) = (0, 0);
        for seed in 0..100 {
            let (queue, slices) = slices(seed, 0.8, 20_000.0, 30);
            let truth = queue.quantile_us(0.99);
            let found = percentile(&slices.iter().collect::<Vec<_>>(), 0.99).unwrap();
            let Some((low, high)) = found.interval_us else { continue };
            given += 1;
            held += usize::from((f64::from(low)..=f64::from(high)).contains(&truth));
        }
        assert!(held >= 90, "{held} of {given} intervals held it");
    }

    #[test]
    fn samples_that_are_alike_count_as_few() {
        let (_, slices) = slices(1, 0.9, 20_000.0, 10);
        let slices: Vec<_> = slices.iter().collect();
        let counted: u64 = slices.iter().map(|slice| slice.len()).sum();
        let median = percentile(&slices, 0.5).unwrap();
        assert!(median.independent * 10.0 < counted as f64, "{} of {counted}", median.independent);
        assert_eq!(percentile(&slices, 0.999), None);
    }

    #[test]
    fn independent_samples_count_as_what_they_are() {
        let mut random = crate::random::Random::new(6, 0);
        let mut slice = || Distribution::of((0..1_000).map(|_| random.below(100_000)));
        let slices: Vec<_> = (0..100).map(|_| slice()).collect();
        let found = percentile(&slices.iter().collect::<Vec<_>>(), 0.99).unwrap();
        assert!(found.independent > 40_000.0, "{}", found.independent);
        let (low, high) = found.interval_us.unwrap();
        assert!(low < 99_000 && high > 99_000 && high - low < 1_000, "{low} to {high}");
    }

    #[test]
    fn there_is_no_percentile_of_a_handful() {
        let few = Distribution::of(1..=500);
        assert_eq!(percentile(&[&few], 0.99), None);
        assert!(percentile(&[&few], 0.5).unwrap().interval_us.is_none(), "one slice has no sections");
        assert_eq!(percentile(&[], 0.5), None);
    }
}
