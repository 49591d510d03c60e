//! Whether two sets of runs differ, and by how much.
//!
//! The unit is the run: one figure each. Samples of one run are no independent observations, so nothing here looks inside. The
//! permutation test asks how often a split of all runs at random would differ as much; the interval of the ratio is a
//! bootstrap of whole runs; Holm's correction keeps many metrics from raising a false alarm together; and what runs of the
//! same kind differ by among themselves (the noise floor) is said beside it.

use crate::random::Random;

/// Splits that are tried at random where there are too many to try all.
const SPLITS: u32 = 10_000;
/// Resamplings of the bootstrap.
const RESAMPLINGS: usize = 2_000;

/// The logarithm of the ratio of the two sets' geometric means: B by A.
fn log_ratio(a: &[f64], b: &[f64]) -> f64 {
    mean(b) - mean(a)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn logs(values: &[f64]) -> Vec<f64> {
    values.iter().map(|value| value.max(f64::MIN_POSITIVE).ln()).collect()
}

/// How often a split at random differs as much as this one, two-sided; the split itself counts as one.
pub fn permutation_test(a: &[f64], b: &[f64], random: &mut Random) -> f64 {
    let (a, b) = (logs(a), logs(b));
    let observed = log_ratio(&a, &b).abs();
    let mut all: Vec<f64> = a.iter().chain(&b).copied().collect();
    let mut as_much = 1_u32;
    // What differs by rounding only is as much.
    let reached = observed - 1e-12;
    for _ in 0..SPLITS {
        for index in (1..all.len()).rev() {
            let bound = u32::try_from(index + 1).unwrap_or(u32::MAX);
            all.swap(index, random.below(bound) as usize);
        }
        let (first, second) = all.split_at(a.len());
        as_much += u32::from(log_ratio(first, second).abs() >= reached);
    }
    f64::from(as_much) / f64::from(SPLITS + 1)
}

/// The smallest value that the test can give with so many runs: of all splits, only this one and its mirror differ as much.
pub fn smallest_possible(a: usize, b: usize) -> f64 {
    // The number of splits, as a product that does not overflow.
    let splits: f64 = (1..=a).map(|k| (b + k) as f64 / k as f64).product();
    if a == b { 2.0 / splits } else { 1.0 / splits }
}

/// Ratio B by A with its interval, which holds the true ratio with the given confidence.
pub fn ratio(a: &[f64], b: &[f64], confidence: f64, random: &mut Random) -> (f64, (f64, f64)) {
    let (a, b) = (logs(a), logs(b));
    let mut draw = |of: &[f64]| {
        let bound = u32::try_from(of.len()).unwrap_or(u32::MAX);
        let sum: f64 = of.iter().map(|_| of[random.below(bound) as usize]).sum();
        sum / of.len() as f64
    };
    let mut ratios: Vec<f64> = (0..RESAMPLINGS).map(|_| draw(&b) - draw(&a)).collect();
    ratios.sort_by(f64::total_cmp);
    let at = |share: f64| ratios[(share * (RESAMPLINGS - 1) as f64).round() as usize];
    let tail = (1.0 - confidence) / 2.0;
    // Resampling few runs understates how much they scatter.
    let widen = |count: usize| (count as f64 / (count as f64 - 1.0).max(1.0)).sqrt();
    let (centre, factor) = (log_ratio(&a, &b), widen(a.len().min(b.len())));
    let stretched = |value: f64| (centre + (value - centre) * factor).exp();
    (centre.exp(), (stretched(at(tail)), stretched(at(1.0 - tail))))
}

/// The ratio that halves of the same runs, split at random, exceed once in twenty times: above or below one, whichever is
/// farther, as a share. `None` where there are not two runs for each half.
pub fn noise_floor(runs: &[f64], random: &mut Random) -> Option<f64> {
    if runs.len() < 4 {
        return None;
    }
    let mut all = logs(runs);
    let half = all.len() / 2;
    let mut differences: Vec<f64> = (0..RESAMPLINGS)
        .map(|_| {
            for index in (1..all.len()).rev() {
                let bound = u32::try_from(index + 1).unwrap_or(u32::MAX);
                all.swap(index, random.below(bound) as usize);
            }
            let (first, second) = all.split_at(half);
            log_ratio(first, second).abs()
        })
        .collect();
    differences.sort_by(f64::total_cmp);
    Some(differences[RESAMPLINGS * 19 / 20].exp() - 1.0)
}

/// Holm's correction: each value as it counts among all of them.
pub fn holm(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut corrected = vec![1.0; values.len()];
    let mut highest: f64 = 0.0;
    for (rank, place) in order.into_iter().enumerate() {
        highest = highest.max(values[place] * (values.len() - rank) as f64).min(1.0);
        corrected[place] = highest;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs around a level, whose logarithms scatter evenly by `noise` to either side.
    fn runs(level: f64, noise: f64, count: usize, random: &mut Random) -> Vec<f64> {
        (0..count).map(|_| level * (noise * (2.0 * random.unit() - 1.0)).exp()).collect()
    }

    #[test]
    fn a_difference_beyond_all_scatter_is_as_unlikely_as_can_be() {
        let mut random = Random::new(1, 1);
        let (a, b) = (runs(100.0, 0.05, 8, &mut random), runs(150.0, 0.05, 8, &mut random));
        let p = permutation_test(&a, &b, &mut random);
        assert!(p < 0.001, "{p}");
        assert!((smallest_possible(8, 8) - 2.0 / 12_870.0).abs() < 1e-12);
        assert!((smallest_possible(3, 3) - 0.1).abs() < 1e-12);
        let (ratio, (low, high)) = ratio(&a, &b, 0.95, &mut random);
        assert!(low < 1.5 && 1.5 < high && (ratio - 1.5).abs() < 0.1, "{ratio} from {low} to {high}");
    }

    #[test]
    fn the_test_is_as_rare_as_it_says_where_nothing_differs() {
        let mut random = Random::new(2, 1);
        let alarms = (0..200)
            .filter(|_| {
                let (a, b) = (runs(100.0, 0.3, 6, &mut random), runs(100.0, 0.3, 6, &mut random));
                permutation_test(&a, &b, &mut random) < 0.05
            })
            .count();
        assert!((2..=20).contains(&alarms), "{alarms} of 200 at five in a hundred");
    }

    #[test]
    fn the_interval_of_the_ratio_holds_it() {
        let mut random = Random::new(3, 1);
        let held = (0..200)
            .filter(|_| {
                let (a, b) = (runs(100.0, 0.3, 8, &mut random), runs(120.0, 0.3, 8, &mut random));
                let (_, (low, high)) = ratio(&a, &b, 0.95, &mut random);
                low <= 1.2 && 1.2 <= high
            })
            .count();
        assert!(held >= 180, "{held} of 200");
    }

    #[test]
    fn many_metrics_are_held_to_more() {
        let corrected = holm(&[0.01, 0.04, 0.03, 0.5]);
        let expected = [0.04, 0.09, 0.09, 0.5];
        assert!(corrected.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{corrected:?}");
    }

    #[test]
    fn the_noise_floor_grows_with_the_scatter() {
        let mut random = Random::new(4, 1);
        let (calm, wild) = (runs(100.0, 0.01, 8, &mut random), runs(100.0, 0.3, 8, &mut random));
        let (calm, wild) =
            (noise_floor(&calm, &mut random).unwrap(), noise_floor(&wild, &mut random).unwrap());
        assert!(calm < 0.02 && wild > 0.05, "{calm} and {wild}");
        assert_eq!(noise_floor(&[1.0, 2.0, 3.0], &mut random), None);
    }
}
