//! Whether a run was steady: a figure that drifts while it is measured is no figure of the system.
//!
//! The medians of up to twenty parts of the measured time are asked for a trend (Mann and Kendall); it counts where it is
//! not by chance (one in a hundred) and where it moved the median by a tenth.

use super::bins::{Distribution, Sum};

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Steadiness {
    /// No trend worth mentioning.
    Steady,
    /// The median of the last third over that of the first.
    Drifts(f64),
    /// Too short to tell.
    Unknown,
}

const PARTS_MAX: usize = 20;
const PARTS_MIN: usize = 8;
/// The point that a standard normal variable passes once in a hundred times, to either side.
const CHANCE: f64 = 2.576;
/// A drift that matters.
const DRIFT: f64 = 0.10;

/// Looks at the response, slice by slice.
pub fn steadiness(slices: &[&Distribution]) -> Steadiness {
    let parts = slices.len().min(PARTS_MAX);
    if parts < PARTS_MIN {
        return Steadiness::Unknown;
    }
    let bound = |part: usize| slices.len() * part / parts;
    let medians: Vec<f64> = (0..parts)
        .filter_map(|part| Sum::of(slices[bound(part)..bound(part + 1)].iter().copied()).quantile(0.5, 0))
        .map(f64::from)
        .collect();
    if medians.len() < PARTS_MIN {
        return Steadiness::Unknown;
    }
    let third = medians.len() / 3;
    let drift = middle(&medians[medians.len() - third..]) / middle(&medians[..third]).max(1.0);
    if trend(&medians).abs() > CHANCE && !(1.0 - DRIFT..=1.0 + DRIFT).contains(&drift) {
        Steadiness::Drifts(drift)
    } else {
        Steadiness::Steady
    }
}

fn middle(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// The statistic of Mann and Kendall, standard normal where there is no trend.
fn trend(values: &[f64]) -> f64 {
    let mut s: f64 = 0.0;
    for (index, first) in values.iter().enumerate() {
        for later in &values[index + 1..] {
            s += if later > first { 1.0 } else { 0.0 } - if later < first { 1.0 } else { 0.0 };
        }
    }
    let n = values.len() as f64;
    let deviation = (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt();
    (s - s.clamp(-1.0, 1.0)) / deviation
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn slices(level: impl Fn(usize) -> u32) -> Vec<Distribution> {
        let mut random = Random::new(4, 1);
        (0..100).map(|index| Distribution::of((0..50).map(|_| level(index) + random.below(200)))).collect()
    }

    fn said(slices: &[Distribution]) -> Steadiness {
        steadiness(&slices.iter().collect::<Vec<_>>())
    }

    #[test]
    fn what_stays_is_steady_and_what_grows_is_not() {
        assert_eq!(said(&slices(|_| 1_000)), Steadiness::Steady);
        let Steadiness::Drifts(drift) = said(&slices(|index| 1_000 + 20 * index as u32)) else {
            panic!("it drifts")
        };
        assert!(drift > 1.5, "{drift}");
        assert_eq!(said(&slices(|_| 1_000)[..5]), Steadiness::Unknown);
    }

    #[test]
    fn a_small_drift_does_not_count() {
        assert_eq!(said(&slices(|index| 10_000 + 3 * index as u32)), Steadiness::Steady);
    }
}
