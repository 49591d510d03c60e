//! The Universal Scalability Law: throughput by the number of operations in flight.
//!
//! X(N) = λN / (1 + σ(N − 1) + κN(N − 1)): σ is what is done one after the other, κ what everybody must agree on with everybody
//! (Gunther 1993). With Little's law N / X is the mean time an operation takes, so the law is a parabola of that time in N,
//! fitted by least squares of the relative errors with no negative coefficient. The bands are those of five hundred
//! resamplings of the trials. It is never drawn beyond twice the data.

use serde::Serialize;

use crate::random::Random;

/// One trial: operations in flight on average, and operations a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// N.
    pub in_flight: f64,
    /// X.
    pub per_s: f64,
}

/// The law, fitted.
#[derive(Clone, Debug, Serialize)]
pub struct Fit {
    /// λ: operations a second of one operation in flight.
    pub lambda: f64,
    /// σ: contention.
    pub sigma: f64,
    /// κ: coherency.
    pub kappa: f64,
    /// Each with its 95 % interval.
    pub lambda_interval: (f64, f64),
    /// See above.
    pub sigma_interval: (f64, f64),
    /// See above.
    pub kappa_interval: (f64, f64),
    /// The law with its band, up to twice the data.
    pub curve: Vec<CurvePoint>,
    /// The highest throughput of the curve, where it surely turns down, and within twice the data: N, X.
    pub peak: Option<(f64, f64)>,
}

/// One point of the curve.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CurvePoint {
    /// N.
    pub in_flight: f64,
    /// X.
    pub per_s: f64,
    /// The band of 95 %.
    pub band: (f64, f64),
}

/// Fewer different loads make no curve.
const SAMPLES_MIN: usize = 6;
const RESAMPLINGS: usize = 500;
const CURVE_POINTS: u32 = 40;
/// How far beyond the data the curve goes.
const BEYOND: f64 = 2.0;

#[derive(Clone, Copy, Debug)]
struct Law {
    /// 1/λ, σ/λ, κ/λ.
    coefficients: [f64; 3],
}

impl Law {
    const fn terms(n: f64) -> [f64; 3] {
        [1.0, n - 1.0, n * (n - 1.0)]
    }

    fn time(&self, n: f64) -> f64 {
        Self::terms(n).iter().zip(self.coefficients).map(|(term, c)| term * c).sum()
    }

    fn throughput(&self, n: f64) -> f64 {
        n / self.time(n)
    }

    fn lambda(&self) -> f64 {
        1.0 / self.coefficients[0]
    }

    fn parameters(&self) -> [f64; 3] {
        let lambda = self.lambda();
        [lambda, self.coefficients[1] * lambda, self.coefficients[2] * lambda]
    }
}

/// Fits the law; `None` where there are too few different loads, or none that it could be.
pub fn fit(samples: &[Sample], seed: u64) -> Option<Fit> {
    let usable: Vec<Sample> =
        samples.iter().copied().filter(|s| s.in_flight > 0.0 && s.per_s > 0.0).collect();
    if usable.len() < SAMPLES_MIN {
        return None;
    }
    let law = least_squares(&usable)?;
    let mut random = Random::new(seed, 0xf17);
    let count = u32::try_from(usable.len()).unwrap_or(u32::MAX);
    let laws: Vec<Law> = (0..RESAMPLINGS)
        .filter_map(|_| {
            let resampled: Vec<_> = usable.iter().map(|_| usable[random.below(count) as usize]).collect();
            least_squares(&resampled)
        })
        .collect();
    let interval = |of: &dyn Fn(&Law) -> f64| middle_95(laws.iter().map(of).collect());
    let most = usable.iter().map(|sample| sample.in_flight).fold(0.0, f64::max) * BEYOND;
    let least = usable.iter().map(|sample| sample.in_flight).fold(f64::INFINITY, f64::min);
    let curve = (0..=CURVE_POINTS).map(|step| {
        let n = least + (most - least) * f64::from(step) / f64::from(CURVE_POINTS);
        CurvePoint { in_flight: n, per_s: law.throughput(n), band: interval(&|law| law.throughput(n)) }
    });
    let [lambda, sigma, kappa] = law.parameters();
    let top = if kappa > 0.0 && sigma < 1.0 { ((1.0 - sigma) / kappa).sqrt() } else { f64::INFINITY };
    let kappa_interval = interval(&|law| law.parameters()[2]);
    // Where what was measured may as well come from a law that never turns down, nothing is said of a peak.
    let turns_down = kappa_interval.0 > 0.0 && top <= most;
    Some(Fit {
        lambda,
        sigma,
        kappa,
        lambda_interval: interval(&|law| law.parameters()[0]),
        sigma_interval: interval(&|law| law.parameters()[1]),
        kappa_interval,
        curve: curve.collect(),
        peak: turns_down.then(|| (top, law.throughput(top))),
    })
}

/// The values between which 95 in a hundred lie.
fn middle_95(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values.get((share * (values.len().max(1) - 1) as f64).round() as usize).copied();
    (at(0.025).unwrap_or(f64::NAN), at(0.975).unwrap_or(f64::NAN))
}

/// Least squares of the relative errors of the time, without negative coefficients: of all subsets of the terms that give
/// none, the one with the smallest error.
fn least_squares(samples: &[Sample]) -> Option<Law> {
    let rows: Vec<([f64; 3], f64)> = samples
        .iter()
        .map(|s| {
            let time = s.in_flight / s.per_s;
            (Law::terms(s.in_flight).map(|term| term / time), 1.0)
        })
        .collect();
    let mut best: Option<(f64, Law)> = None;
    for subset in [0b111_u8, 0b011, 0b101, 0b001] {
        let Some(coefficients) = solve(&rows, subset) else { continue };
        if coefficients[0] <= 0.0 || coefficients.iter().any(|c| *c < 0.0) {
            continue;
        }
        let error: f64 = rows
            .iter()
            .map(|(terms, one)| {
                (terms.iter().zip(coefficients).map(|(t, c)| t * c).sum::<f64>() - one).powi(2)
            })
            .sum();
        if best.is_none_or(|(least, _)| error < least) {
            best = Some((error, Law { coefficients }));
        }
    }
    best.map(|(_, law)| law)
}

/// The normal equations of some of the terms, by elimination; `None` where the loads do not tell them apart.
fn solve(rows: &[([f64; 3], f64)], subset: u8) -> Option<[f64; 3]> {
    let chosen: Vec<usize> = (0..3).filter(|term| subset & (1 << term) != 0).collect();
    let mut matrix: Vec<Vec<f64>> = chosen
        .iter()
        .map(|a| {
            let mut row: Vec<f64> =
                chosen.iter().map(|b| rows.iter().map(|(terms, _)| terms[*a] * terms[*b]).sum()).collect();
            row.push(rows.iter().map(|(terms, one)| terms[*a] * one).sum());
            row
        })
        .collect();
    let size = chosen.len();
    for column in 0..size {
        let pivot =
            (column..size).max_by(|a, b| matrix[*a][column].abs().total_cmp(&matrix[*b][column].abs()))?;
        matrix.swap(column, pivot);
        let head = matrix[column].clone();
        if head[column].abs() < 1e-12 {
            return None;
        }
        for row in (0..size).filter(|row| *row != column) {
            let factor = matrix[row][column] / head[column];
            matrix[row].iter_mut().zip(&head).for_each(|(value, above)| *value -= factor * above);
        }
    }
    let mut coefficients = [0.0; 3];
    for (row, term) in chosen.into_iter().enumerate() {
        coefficients[term] = matrix[row][size] / matrix[row][row];
    }
    Some(coefficients)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(lambda: f64, sigma: f64, kappa: f64, noise: f64, seed: u64) -> Vec<Sample> {
        let mut random = Random::new(seed, 1);
        let loads = [1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 24.0, 32.0];
        let all = loads.iter().flat_map(|n| [*n; 3]);
        all.map(|n: f64| {
            let x = lambda * n / (1.0 + sigma * (n - 1.0) + kappa * n * (n - 1.0));
            Sample { in_flight: n, per_s: x * (1.0 + noise * (random.unit() - 0.5)) }
        })
        .collect()
    }

    #[test]
    fn a_law_that_is_known_is_found_within_its_intervals() {
        let mut held = 0;
        for seed in 0..20 {
            let fit = fit(&samples(1_000.0, 0.05, 0.001, 0.06, seed), seed).unwrap();
            let holds = |(low, high): (f64, f64), truth: f64| low <= truth && truth <= high;
            held += u32::from(holds(fit.sigma_interval, 0.05) && holds(fit.kappa_interval, 0.001));
            assert!((fit.lambda / 1_000.0 - 1.0).abs() < 0.05, "{}", fit.lambda);
            let (n, _) = fit.peak.expect("it turns down at 31");
            assert!((25.0..40.0).contains(&n), "{n}");
        }
        assert!(held >= 15, "{held} of 20");
    }

    #[test]
    fn nothing_is_drawn_beyond_twice_the_data() {
        let fit = fit(&samples(1_000.0, 0.01, 0.0, 0.0, 1), 1).unwrap();
        let most = fit.curve.iter().map(|point| point.in_flight).fold(0.0, f64::max);
        assert!((most - 64.0).abs() < 1e-9, "{most}");
        assert_eq!(fit.peak, None, "it never turns down");
    }

    #[test]
    fn what_scales_has_no_contention_and_few_loads_make_no_curve() {
        let fit = fit(&samples(500.0, 0.0, 0.0, 0.0, 1), 1).unwrap();
        assert!(fit.sigma.abs() < 1e-9 && fit.kappa.abs() < 1e-9, "{fit:?}");
        assert!(super::fit(&samples(500.0, 0.0, 0.0, 0.0, 1)[..5], 1).is_none());
    }
}
