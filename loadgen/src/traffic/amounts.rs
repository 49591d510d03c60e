//! How much is paid: a distribution of amounts, in minor units.

use std::fmt;
use std::str::FromStr;

use holdfast_protocol::Amount;

use crate::random::Random;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amounts {
    /// Always this.
    Fixed(Amount),
    /// From the first to the second, all alike.
    Uniform(Amount, Amount),
    /// Half are below the median; the logarithm is normal with this deviation, so that most are small and a few are large.
    LogNormal(Amount, f64),
}

/// The largest deviation: with more, most amounts would be the smallest or the largest there is.
const SIGMA_MAX: f64 = 5.0;
const ONE: Amount = Amount::from_minor(1).expect("one is an amount");

impl Amounts {
    /// Amounts of verifications, which are small (Y.2741 Appendix I).
    pub const VERIFICATIONS: Self = Self::Uniform(ONE, Amount::from_minor(99).expect("99 is an amount"));

    /// The next amount: at least one minor unit, at most twelve digits. Takes two random numbers, whatever the distribution.
    pub fn draw(self, random: &mut Random) -> Amount {
        let (first, second) = (random.bits(), random.unit());
        match self {
            Self::Fixed(amount) => amount,
            Self::Uniform(least, most) => {
                let span = u128::from(most.minor() - least.minor()) + 1;
                let above = (u128::from(first) * span) >> 64;
                let minor = least.minor() + u64::try_from(above).expect("it is below the span");
                Amount::from_minor(minor).expect("it is at most the largest")
            }
            Self::LogNormal(median, sigma) => {
                // Box and Muller: one normal number out of two uniform ones.
                let angle = (first >> 11) as f64 / (1_u64 << 53) as f64 * std::f64::consts::TAU;
                let normal = (-2.0 * second.ln()).sqrt() * angle.cos();
                let minor = (median.minor() as f64 * (sigma * normal).exp()).round();
                let minor = minor.clamp(1.0, Amount::MAX.minor() as f64);
                Amount::from_minor(minor as u64).expect("it is clamped to what there is")
            }
        }
    }
}

impl Default for Amounts {
    fn default() -> Self {
        let amount = |minor| Amount::from_minor(minor).expect("four digits are an amount");
        Self::Uniform(amount(100), amount(9_999))
    }
}

impl fmt::Display for Amounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(amount) => write!(f, "fixed:{}", amount.minor()),
            Self::Uniform(least, most) => write!(f, "uniform:{}..{}", least.minor(), most.minor()),
            Self::LogNormal(median, sigma) => write!(f, "lognormal:{},{sigma}", median.minor()),
        }
    }
}

fn parse(text: &str) -> Option<Amount> {
    let minor = text.trim().replace('_', "").parse().ok()?;
    Amount::from_minor(minor).filter(|amount| !amount.is_zero())
}

impl FromStr for Amounts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = match text.split_once(':') {
            Some(("fixed", amount)) => parse(amount).map(Self::Fixed),
            Some(("uniform", range)) => range.split_once("..").and_then(|(least, most)| {
                let (least, most) = (parse(least)?, parse(most)?);
                (least <= most).then_some(Self::Uniform(least, most))
            }),
            Some(("lognormal", both)) => both.split_once(',').and_then(|(median, sigma)| {
                let (median, sigma) = (parse(median)?, sigma.trim().parse().ok()?);
                (0.0..=SIGMA_MAX).contains(&sigma).then_some(Self::LogNormal(median, sigma))
            }),
            Some(_) | None => None,
        };
        read.ok_or_else(|| {
            "expected fixed:AMOUNT, uniform:LEAST..MOST or lognormal:MEDIAN,SIGMA with whole minor units from 1 to twelve \
             digits and a SIGMA from 0 to 5"
                .to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drawn(text: &str, count: usize) -> Vec<u64> {
        let amounts: Amounts = text.parse().unwrap();
        let mut random = Random::new(5, 6);
        (0..count).map(|_| amounts.draw(&mut random).minor()).collect()
    }

    #[test]
    fn each_distribution_is_what_its_name_says() {
        assert!(drawn("fixed:1250", 100).iter().all(|minor| *minor == 1_250));
        let uniform = drawn("uniform:10..19", 10_000);
        for minor in 10..=19 {
            let count = uniform.iter().filter(|drawn| **drawn == minor).count();
            assert!((850..1_150).contains(&count), "{minor}: {count}");
        }
        let mut log_normal = drawn("lognormal:5000,0.8", 20_000);
        log_normal.sort_unstable();
        let at = |share: f64| log_normal[(share * 20_000.0) as usize] as f64;
        assert!((at(0.5) / 5_000.0 - 1.0).abs() < 0.03, "{}", at(0.5));
        // One deviation above the median lie 15.87 %.
        assert!((at(0.8413) / (5_000.0 * 0.8_f64.exp()) - 1.0).abs() < 0.04, "{}", at(0.8413));
    }

    #[test]
    fn amounts_are_written_as_they_are_read_and_wrong_ones_refused() {
        for text in ["fixed:1", "uniform:100..9999", "lognormal:2500,0.8", "fixed:999999999999"] {
            assert_eq!(text.parse::<Amounts>().unwrap().to_string(), text);
        }
        assert_eq!(Amounts::default().to_string(), "uniform:100..9999");
        for wrong in [
            "",
            "1250",
            "fixed:0",
            "fixed:1000000000000",
            "fixed:1.5",
            "uniform:9..1",
            "uniform:5",
            "lognormal:100",
            "lognormal:100,9",
            "lognormal:100,NaN",
            "normal:1,2",
        ] {
            assert!(wrong.parse::<Amounts>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_amount_is_nothing_or_too_long(median in 1_u64..=Amount::MAX.minor(), sigma in 0.0_f64..=5.0, seed: u64) {
            let amounts: Amounts = format!("lognormal:{median},{sigma}").parse().unwrap();
            let mut random = Random::new(seed, 0);
            for _ in 0..100 {
                let amount = amounts.draw(&mut random);
                prop_assert!(!amount.is_zero() && amount <= Amount::MAX);
            }
        }
    }
}
