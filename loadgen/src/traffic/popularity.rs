//! How often who is chosen: all alike, or few of them most of the time (Zipf).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// As given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Popularity {
    /// All alike.
    Uniform,
    /// The n-th as often as 1 by n to this power.
    Zipf(f64),
}

impl fmt::Display for Popularity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uniform => f.write_str("uniform"),
            Self::Zipf(exponent) => write!(f, "zipf:{exponent}"),
        }
    }
}

impl FromStr for Popularity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "expected uniform, zipf or zipf:EXPONENT with an exponent from 0.1 to 5".to_owned();
        match text.split_once(':') {
            None if text == "uniform" => Ok(Self::Uniform),
            None if text == "zipf" => Ok(Self::Zipf(1.0)),
            Some(("zipf", exponent)) => match exponent.parse::<f64>() {
                Ok(exponent) if (0.1..=5.0).contains(&exponent) => Ok(Self::Zipf(exponent)),
                _ => Err(wrong()),
            },
            Some(_) | None => Err(wrong()),
        }
    }
}

/// A choice among so many, ready to be made: one random number each.
#[derive(Clone, Debug)]
pub struct Choice {
    count: u32,
    /// Up to which of 2^32 numbers each is chosen, ascending; none where all are alike.
    bounds: Option<Arc<[u32]>>,
}

impl Choice {
    /// Among `count`, at least one.
    pub fn new(popularity: Popularity, count: u32) -> Self {
        let bounds = match popularity {
            Popularity::Uniform => None,
            Popularity::Zipf(exponent) => {
                let weights: Vec<f64> = (1..=count).map(|n| f64::from(n).powf(-exponent)).collect();
                let all: f64 = weights.iter().sum();
                let sums = weights.iter().scan(0.0, |sum, weight| {
                    *sum += weight;
                    Some((*sum / all * f64::from(u32::MAX)) as u32)
                });
                Some(sums.collect())
            }
        };
        Self { count, bounds }
    }

    /// The one that `number`, uniform over 32 bits, falls on; counted from zero.
    #[inline]
    pub fn of(&self, number: u32) -> u32 {
        match &self.bounds {
            None => ((u64::from(number) * u64::from(self.count)) >> 32) as u32,
            Some(bounds) => {
                let place = bounds.partition_point(|bound| *bound < number);
                u32::try_from(place).unwrap_or(u32::MAX).min(self.count.saturating_sub(1))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn counts(popularity: Popularity, count: u32) -> Vec<u32> {
        let (choice, mut random) = (Choice::new(popularity, count), Random::new(1, 2));
        let mut counts = vec![0; count as usize];
        for _ in 0..100_000 {
            counts[choice.of((random.bits() >> 32) as u32) as usize] += 1;
        }
        counts
    }

    #[test]
    fn zipf_halves_for_the_second_and_uniform_does_not() {
        let zipf = counts(Popularity::Zipf(1.0), 100);
        let ratio = f64::from(zipf[0]) / f64::from(zipf[1]);
        assert!((1.9..2.1).contains(&ratio), "{ratio}");
        assert!((18_000..20_500).contains(&zipf[0]), "one by the sum to a hundred: {}", zipf[0]);
        assert!(zipf.iter().all(|count| *count > 0));
        let uniform = counts(Popularity::Uniform, 100);
        assert!(uniform.iter().all(|count| (800..1_200).contains(count)), "{uniform:?}");
    }

    #[test]
    fn the_ends_of_the_numbers_fall_on_somebody() {
        for popularity in [Popularity::Uniform, Popularity::Zipf(2.0)] {
            let choice = Choice::new(popularity, 3);
            assert_eq!((choice.of(0), choice.of(u32::MAX)), (0, 2), "{popularity}");
        }
    }

    #[test]
    fn popularities_are_written_as_they_are_read() {
        for text in ["uniform", "zipf:1.2"] {
            assert_eq!(text.parse::<Popularity>().unwrap().to_string(), text);
        }
        for wrong in ["zipf:0", "zipf:x", "few", "uniform:1"] {
            assert!(wrong.parse::<Popularity>().is_err(), "{wrong}");
        }
    }
}
