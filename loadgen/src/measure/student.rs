//! Student's t, as far as intervals of 95 % need it.

/// The two-sided 95 % points by degrees of freedom, from one to thirty.
const POINTS: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/// How many standard errors an interval of 95 % reaches to either side; infinite where there is no degree of freedom.
pub fn reach_95(degrees: usize) -> f64 {
    match degrees {
        0 => f64::INFINITY,
        1..=30 => POINTS[degrees - 1],
        // Within one in a thousand of the true point.
        _ => 1.96 + 2.4 / degrees as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_those_of_the_table() {
        assert!(reach_95(0).is_infinite());
        for (degrees, point) in [(1, 12.706), (9, 2.262), (30, 2.042), (60, 2.000), (120, 1.980)] {
            assert!((reach_95(degrees) - point).abs() < 0.002, "{degrees}");
        }
    }
}
