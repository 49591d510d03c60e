//! What an operation does, and how often each kind of operation comes.

use std::fmt;
use std::str::FromStr;

/// What one scheduled arrival does from beginning to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Scenario {
    /// Pays an acquirer's merchant in one message.
    Pay,
    /// Pays a payee of another operator, which is the destination.
    Intersystem,
    /// Reserves, then captures finally.
    Reserve,
    /// Reserves with several captures allowed, perhaps approved in part, then captures three times.
    Partial,
    /// Reserves, then releases.
    Release,
    /// Reserves for a short time, lets the hold expire and asks what became of it.
    Expire,
    /// Verifies an instrument, then releases.
    Verify,
    /// Pays, then reverses.
    Reverse,
    /// Pays, then asks what became of it.
    Inquiry,
    /// Pays with two copies of one request; all answers must agree.
    Duplicate,
    /// Pays, then refunds all of it or a part; after a part comes the rest, or the reversal of either.
    Refund,
}

impl Scenario {
    /// Every scenario, in the order of the numbers.
    pub const ALL: [Self; 11] = [
        Self::Pay,
        Self::Intersystem,
        Self::Reserve,
        Self::Partial,
        Self::Release,
        Self::Expire,
        Self::Verify,
        Self::Reverse,
        Self::Inquiry,
        Self::Duplicate,
        Self::Refund,
    ];

    /// The word on the command line and in `summary.json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pay => "pay",
            Self::Intersystem => "intersystem",
            Self::Reserve => "reserve",
            Self::Partial => "partial",
            Self::Release => "release",
            Self::Expire => "expire",
            Self::Verify => "verify",
            Self::Reverse => "reverse",
            Self::Inquiry => "inquiry",
            Self::Duplicate => "duplicate",
            Self::Refund => "refund",
        }
    }

    /// Its place in [`Self::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A weight for each scenario. At least one is above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mix {
    weights: [u32; Scenario::ALL.len()],
}

/// A text that is no mix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MixError {
    /// There is no such scenario.
    #[error("there is no scenario {0:?}; there are {list}", list = Scenario::ALL.map(Scenario::name).join(", "))]
    UnknownScenario(String),
    /// Not `NAME:WEIGHT`.
    #[error("{0:?} is no scenario with a weight: expected NAME:WEIGHT with a whole number up to 1,000,000")]
    Weight(String),
    /// The same scenario twice.
    #[error("{0} stands twice in the mix")]
    Twice(Scenario),
    /// Every weight is zero.
    #[error("every weight of the mix is zero")]
    Empty,
}

/// The largest weight of one scenario: all of them together fit 32 bits.
const WEIGHT_MAX: u32 = 1_000_000;

impl Mix {
    /// The mix of a run that names none.
    pub const DEFAULT: &str = "pay:37,intersystem:15,reserve:15,partial:5,release:5,expire:3,verify:5,reverse:5,inquiry:5,duplicate:2,refund:3";

    /// The weight as given.
    pub const fn weight(&self, scenario: Scenario) -> u32 {
        self.weights[scenario.index()]
    }

    /// The share of a scenario, 0 to 1.
    pub fn share(&self, scenario: Scenario) -> f64 {
        f64::from(self.weight(scenario)) / f64::from(self.sum())
    }

    /// The sum of all weights; the bound for the number given to [`Self::choose`].
    pub fn sum(&self) -> u32 {
        self.weights.iter().sum()
    }

    /// The scenario that `number`, from 0 to [`Self::sum`] less one, falls on.
    #[inline]
    pub fn choose(&self, number: u32) -> Scenario {
        let mut rest = number;
        for scenario in Scenario::ALL {
            let weight = self.weights[scenario.index()];
            if rest < weight {
                return scenario;
            }
            rest -= weight;
        }
        Scenario::Refund
    }

    /// The same mix without one scenario; `None` where nothing would be left.
    pub fn without(mut self, scenario: Scenario) -> Option<Self> {
        self.weights[scenario.index()] = 0;
        (self.sum() > 0).then_some(self)
    }
}

impl FromStr for Mix {
    type Err = MixError;

    fn from_str(text: &str) -> Result<Self, MixError> {
        let mut weights = [None; Scenario::ALL.len()];
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, weight) = part.split_once(':').unwrap_or((part, "1"));
            let scenario = Scenario::ALL
                .into_iter()
                .find(|s| s.name() == name.trim())
                .ok_or_else(|| MixError::UnknownScenario(name.trim().to_owned()))?;
            let weight: u32 = weight.trim().parse().map_err(|_| MixError::Weight(part.to_owned()))?;
            if weight > WEIGHT_MAX {
                return Err(MixError::Weight(part.to_owned()));
            }
            if weights[scenario.index()].replace(weight).is_some() {
                return Err(MixError::Twice(scenario));
            }
        }
        let mix = Self { weights: weights.map(Option::unwrap_or_default) };
        if mix.sum() > 0 { Ok(mix) } else { Err(MixError::Empty) }
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for scenario in Scenario::ALL.into_iter().filter(|s| self.weight(*s) > 0) {
            write!(f, "{separator}{scenario}:{}", self.weight(scenario))?;
            separator = ",";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_mix_is_the_one_of_the_documentation() {
        let mix: Mix = Mix::DEFAULT.parse().unwrap();
        assert_eq!(mix.sum(), 100);
        assert_eq!(mix.to_string(), Mix::DEFAULT);
        assert!((mix.share(Scenario::Pay) - 0.37).abs() < 1e-12);
    }

    #[test]
    fn weights_are_normalised_by_their_sum() {
        let mix: Mix = "pay:1, reserve:3".parse().unwrap();
        assert!((mix.share(Scenario::Reserve) - 0.75).abs() < 1e-12);
        let chosen: Vec<_> = (0..mix.sum()).map(|n| mix.choose(n)).collect();
        assert_eq!(chosen, [Scenario::Pay, Scenario::Reserve, Scenario::Reserve, Scenario::Reserve]);
    }

    #[test]
    fn a_name_alone_weighs_one() {
        assert_eq!("pay".parse::<Mix>().unwrap().weight(Scenario::Pay), 1);
    }

    #[test]
    fn wrong_mixes_are_refused_with_what_is_wrong() {
        let error = |text: &str| text.parse::<Mix>().unwrap_err();
        assert_eq!(error("pay:1,pay:2"), MixError::Twice(Scenario::Pay));
        assert_eq!(error("pay:0"), MixError::Empty);
        assert_eq!(error(""), MixError::Empty);
        assert_eq!(error("pay:x"), MixError::Weight("pay:x".into()));
        assert_eq!(error("pay:1000001"), MixError::Weight("pay:1000001".into()));
        assert!(error("teleport:1").to_string().contains("there are pay, intersystem"));
    }

    #[test]
    fn taking_a_scenario_out_leaves_the_others() {
        let mix: Mix = "pay:1,intersystem:2".parse().unwrap();
        assert_eq!(mix.without(Scenario::Intersystem).unwrap().to_string(), "pay:1");
        assert_eq!(mix.without(Scenario::Pay).unwrap().without(Scenario::Intersystem), None);
    }
}
