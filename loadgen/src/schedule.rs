//! Which operation arrives when: a function of the seed, the operator and the configuration, and of nothing else.
//!
//! Arrivals are a Poisson process, unless the shape says otherwise: gaps are exponential and independent, so that bursts come
//! as they come from thousands of clients who do not know each other. The schedule is computed as it is needed and never
//! slows down with the switch (open loop): latency is measured from the time that stands here.

use holdfast_protocol::Amount;

use crate::arrival::{Arrival, Payee};
use crate::fate::{DECLINE_REASONS, Fate};
use crate::popularity::{Choice, Popularity};
use crate::random::Random;
use crate::scenario::{Mix, Scenario};
use crate::shape::Shape;

/// What shapes the schedule of every operator.
#[derive(Clone, Debug)]
pub struct ScheduleSettings {
    /// The seed of the run.
    pub seed: u64,
    /// Arrivals a second of one operator; `None` in a closed loop, where completions decide when the next one comes.
    pub rate_per_s: Option<f64>,
    /// How long arrivals come, in nanoseconds since the start, warm-up included.
    pub duration_ns: u64,
    /// The shape begins after this; before, the rate is what it begins with.
    pub warmup_ns: u64,
    /// How the rate changes from then on.
    pub shape: Shape,
    /// How often which merchant of a destination is paid.
    pub popularity: Popularity,
    /// How often which scenario comes.
    pub mix: Mix,
    /// Operators in the run.
    pub operators: u32,
    /// Acquirers in the run.
    pub acquirers: u32,
    /// Merchants of each destination.
    pub merchants: u32,
    /// Shares, each 0 to 1, of requests that the destination declines, never answers, or answers late.
    pub decline_rate: f64,
    /// See above.
    pub silent_rate: f64,
    /// See above.
    pub late_rate: f64,
}

impl ScheduleSettings {
    /// Arrivals of all operators that the rate lets come between two times after the warm-up; zero in a closed loop.
    pub fn planned(&self, from_ns: u64, until_ns: u64) -> f64 {
        let shaped_ns = (self.duration_ns - self.warmup_ns) as f64;
        let share = |ns: u64| (ns.saturating_sub(self.warmup_ns) as f64 / shaped_ns).min(1.0);
        let seconds = until_ns.saturating_sub(from_ns) as f64 / 1e9;
        let rate_per_s = self.rate_per_s.unwrap_or(0.0) * f64::from(self.operators);
        rate_per_s * seconds * self.shape.mean(share(from_ns), share(until_ns))
    }
}

/// The arrivals of one operator, in the order of time.
#[derive(Clone, Debug)]
pub struct Schedule {
    settings: ScheduleSettings,
    operator: u32,
    random: Random,
    accounts: Random,
    merchants: Choice,
    /// Arrivals that the rate has let come so far, as a real number.
    come: f64,
    at_ns: u64,
    number: u64,
}

/// Amounts of payments and reservations in minor units.
const AMOUNT_MIN: u32 = 100;
const AMOUNT_SPAN: u32 = 9_900;
/// Amounts of verifications are small (Y.2741 Appendix I).
const VERIFY_SPAN: u32 = 99;
/// Of the streams of random numbers, the first that draws accounts.
const ACCOUNTS: u64 = 1 << 32;

/// One of `count`, by a number that is at random. One more takes its share evenly from all that were there before, and changes
/// nothing else.
fn one_of(count: u32, number: u64) -> u32 {
    let comes_in = |at: &u32| Random::new(number, u64::from(*at)).below(at + 1) == 0;
    (1..count).rev().find(comes_in).unwrap_or(0)
}

impl Schedule {
    /// The schedule of one operator, counted from zero.
    pub fn new(settings: &ScheduleSettings, operator: u32) -> Self {
        let mut random = Random::new(settings.seed, u64::from(operator));
        // Operators that send evenly do not all send at once: each begins somewhere within its first gap.
        let come = if settings.shape.random { 0.0 } else { random.unit() - 1.0 };
        Self {
            settings: settings.clone(),
            operator,
            random,
            accounts: Random::new(settings.seed, u64::from(operator) | ACCOUNTS),
            merchants: Choice::new(settings.popularity, settings.merchants),
            come,
            at_ns: 0,
            number: 0,
        }
    }

    /// When the rate, by its shape, has let so much come, in seconds of the whole rate; `None` where that is never.
    #[inline]
    fn time_of(&self, whole_s: f64) -> Option<u64> {
        let s = &self.settings;
        if s.shape.is_flat() {
            return Some((whole_s * 1e9) as u64);
        }
        let (warmup_s, shaped_s) = (s.warmup_ns as f64 / 1e9, (s.duration_ns - s.warmup_ns) as f64 / 1e9);
        let before = warmup_s * s.shape.first();
        if whole_s < before {
            return Some((whole_s / s.shape.first() * 1e9) as u64);
        }
        let share = s.shape.reaches((whole_s - before) / shaped_s)?;
        Some(((warmup_s + share * shaped_s) * 1e9) as u64)
    }

    fn fate(&mut self, scenario: Scenario) -> Fate {
        let dice = self.random.unit();
        let detail = self.random.below(u32::MAX);
        let s = &self.settings;
        if dice <= s.decline_rate {
            Fate::Decline(DECLINE_REASONS[detail as usize % DECLINE_REASONS.len()])
        } else if dice <= s.decline_rate + s.silent_rate {
            Fate::Silent
        } else if dice <= s.decline_rate + s.silent_rate + s.late_rate {
            Fate::Late
        } else if scenario == Scenario::Partial && detail.is_multiple_of(2) {
            Fate::ApproveHalf
        } else {
            Fate::Approve
        }
    }

    fn payee(&mut self, scenario: Scenario) -> Payee {
        let dice = self.random.bits();
        let merchant = self.merchants.of((self.random.bits() >> 32) as u32);
        let destination = if scenario == Scenario::Intersystem {
            // Any operator but this one.
            let other = one_of(self.settings.operators.saturating_sub(1), dice);
            self.settings.acquirers + if other < self.operator { other } else { other + 1 }
        } else {
            one_of(self.settings.acquirers, dice)
        };
        let short = |n: u32| u16::try_from(n).expect("the command line limits participants and merchants");
        Payee { destination: short(destination), merchant: short(merchant) }
    }
}

impl Iterator for Schedule {
    type Item = Arrival;

    #[inline]
    fn next(&mut self) -> Option<Arrival> {
        // Each arrival takes the same count of random numbers, so that a change of the mix moves no arrival in time.
        let gap = -self.random.unit().ln();
        if let Some(rate_per_s) = self.settings.rate_per_s {
            self.come += if self.settings.shape.random { gap } else { 1.0 };
            self.at_ns =
                self.time_of(self.come / rate_per_s).filter(|at_ns| *at_ns < self.settings.duration_ns)?;
        }
        let chosen = self.random.below(self.settings.mix.sum());
        let scenario = self.settings.mix.choose(chosen);
        let payee = self.payee(scenario);
        let amount_dice = self.random.below(u32::MAX);
        let minor = match scenario {
            Scenario::Verify => 1 + amount_dice % VERIFY_SPAN,
            Scenario::Pay
            | Scenario::Intersystem
            | Scenario::Reserve
            | Scenario::Partial
            | Scenario::Release
            | Scenario::Expire
            | Scenario::Reverse
            | Scenario::Inquiry
            | Scenario::Duplicate
            | Scenario::Refund => AMOUNT_MIN + amount_dice % AMOUNT_SPAN,
        };
        let fate = self.fate(scenario);
        let number = self.number;
        self.number += 1;
        let amount = Amount::from_minor(u64::from(minor)).expect("32 bits are an amount");
        let account = self.accounts.bits();
        Some(Arrival { number, at_ns: self.at_ns, scenario, payee, amount, fate, account, course: None })
    }
}

/// A thousand arrivals a second for a second, for the tests of those who play.
#[cfg(test)]
pub(crate) fn played_settings() -> ScheduleSettings {
    ScheduleSettings {
        seed: 1,
        rate_per_s: Some(1_000.0),
        duration_ns: 1_000_000_000,
        warmup_ns: 0,
        shape: Shape::default(),
        popularity: Popularity::Uniform,
        mix: Mix::DEFAULT.parse().expect("the tests read it"),
        operators: 2,
        acquirers: 2,
        merchants: 3,
        decline_rate: 0.0,
        silent_rate: 0.0,
        late_rate: 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn settings(seed: u64, rate_per_s: f64, seconds: u64) -> ScheduleSettings {
        ScheduleSettings {
            seed,
            rate_per_s: Some(rate_per_s),
            duration_ns: seconds * 1_000_000_000,
            warmup_ns: 0,
            shape: Shape::default(),
            popularity: Popularity::Uniform,
            mix: Mix::DEFAULT.parse().unwrap(),
            operators: 3,
            acquirers: 2,
            merchants: 10,
            decline_rate: 0.1,
            silent_rate: 0.05,
            late_rate: 0.05,
        }
    }

    #[test]
    fn arrivals_are_a_poisson_process_of_the_rate_asked_for() {
        let arrivals: Vec<_> = Schedule::new(&settings(42, 10_000.0, 10), 0).collect();
        let count = arrivals.len() as f64;
        // Five standard deviations of a Poisson count.
        assert!((count - 100_000.0).abs() < 5.0 * 100_000_f64.sqrt(), "{count}");
        let gaps: Vec<f64> = arrivals.windows(2).map(|w| (w[1].at_ns - w[0].at_ns) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        // The deviation of an exponential gap equals its mean.
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.03, "{}", variance.sqrt() / mean);
    }

    #[test]
    fn shares_are_those_of_the_mix_and_of_the_faults() {
        let arrivals: Vec<_> = Schedule::new(&settings(7, 20_000.0, 10), 1).collect();
        let share = |test: &dyn Fn(&Arrival) -> bool| {
            arrivals.iter().filter(|a| test(a)).count() as f64 / arrivals.len() as f64
        };
        assert!((share(&|a| a.scenario == Scenario::Pay) - 0.37).abs() < 0.01);
        assert!((share(&|a| a.scenario == Scenario::Duplicate) - 0.02).abs() < 0.01);
        assert!((share(&|a| matches!(a.fate, Fate::Decline(_))) - 0.10).abs() < 0.01);
        assert!((share(&|a| a.fate == Fate::Silent) - 0.05).abs() < 0.01);
        assert!((share(&|a| a.fate == Fate::Late) - 0.05).abs() < 0.01);
    }

    #[test]
    fn another_mix_moves_no_arrival_in_time() {
        let one = settings(3, 1_000.0, 2);
        let other = ScheduleSettings { mix: "pay:1".parse().unwrap(), decline_rate: 0.0, ..one.clone() };
        let times = |s: &ScheduleSettings| Schedule::new(s, 0).map(|a| a.at_ns).collect::<Vec<_>>();
        assert_eq!(times(&one), times(&other));
    }

    #[test]
    fn a_shape_moves_arrivals_and_changes_nothing_else() {
        let shaped =
            |text: &str| ScheduleSettings { shape: text.parse().unwrap(), ..settings(4, 2_000.0, 4) };
        let flat: Vec<_> = Schedule::new(&shaped("poisson"), 1).collect();
        let ramp: Vec<_> = Schedule::new(&shaped("ramp:0"), 1).collect();
        assert!(
            (flat.len() as f64 / 8_000.0 - 1.0).abs() < 0.05
                && (ramp.len() as f64 / 4_000.0 - 1.0).abs() < 0.06
        );
        let late = ramp.iter().filter(|arrival| arrival.at_ns >= 2_000_000_000).count();
        assert!((late as f64 / ramp.len() as f64 - 0.75).abs() < 0.03, "{late} of {}", ramp.len());
        let same =
            |(a, b): (&Arrival, &Arrival)| (a.scenario, a.amount, a.fate) == (b.scenario, b.amount, b.fate);
        assert!(flat.iter().zip(&ramp).all(same));
        assert!(flat.windows(2).chain(ramp.windows(2)).all(|pair| pair[0].at_ns <= pair[1].at_ns));
    }

    #[test]
    fn evenly_means_evenly_and_each_operator_has_a_phase_of_its_own() {
        let even = ScheduleSettings { shape: "constant".parse().unwrap(), ..settings(4, 1_000.0, 1) };
        let first = |operator| {
            let all: Vec<_> = Schedule::new(&even, operator).map(|arrival| arrival.at_ns).collect();
            assert!(all.windows(2).all(|pair| (999_998..=1_000_002).contains(&(pair[1] - pair[0]))));
            assert_eq!(all.len(), 1_000);
            all[0]
        };
        assert!(first(0) < 1_000_000 && first(0) != first(1));
    }

    #[test]
    fn the_warm_up_comes_at_the_rate_that_the_shape_begins_with() {
        let warm = ScheduleSettings {
            shape: "ramp:0.5".parse().unwrap(),
            warmup_ns: 2_000_000_000,
            ..settings(4, 2_000.0, 4)
        };
        let before = Schedule::new(&warm, 0).filter(|arrival| arrival.at_ns < 2_000_000_000).count();
        assert!((before as f64 / 2_000.0 - 1.0).abs() < 0.1, "{before}");
    }

    #[test]
    fn a_popular_merchant_is_paid_often() {
        let popular = ScheduleSettings { popularity: "zipf".parse().unwrap(), ..settings(4, 2_000.0, 2) };
        let first = Schedule::new(&popular, 0).filter(|arrival| arrival.payee.merchant == 0).count();
        assert!(first > 1_000, "one by the sum to ten, of four thousand: {first}");
    }

    proptest! {
        #[test]
        fn the_schedule_is_a_function_of_seed_and_operator(seed: u64, operator in 0_u32..3) {
            let s = settings(seed, 2_000.0, 1);
            let one: Vec<_> = Schedule::new(&s, operator).collect();
            prop_assert_eq!(&one, &Schedule::new(&s, operator).collect::<Vec<_>>());
            prop_assert_ne!(&one, &Schedule::new(&s, operator + 1).collect::<Vec<_>>());
            prop_assert_ne!(&one, &Schedule::new(&settings(seed ^ 1, 2_000.0, 1), operator).collect::<Vec<_>>());
        }

        #[test]
        fn every_arrival_can_be_sent(seed: u64, operator in 0_u32..3) {
            let s = settings(seed, 2_000.0, 1);
            let mut before = 0;
            for (index, arrival) in Schedule::new(&s, operator).enumerate() {
                prop_assert_eq!(arrival.number, index as u64);
                prop_assert!(arrival.at_ns >= before && arrival.at_ns < s.duration_ns);
                before = arrival.at_ns;
                prop_assert!(!arrival.amount.is_zero());
                let destination = u32::from(arrival.payee.destination);
                if arrival.scenario == Scenario::Intersystem {
                    prop_assert!(destination >= s.acquirers && destination < s.acquirers + s.operators);
                    prop_assert_ne!(destination, s.acquirers + operator, "nobody pays into its own system");
                } else {
                    prop_assert!(destination < s.acquirers);
                }
                prop_assert!(u32::from(arrival.payee.merchant) < s.merchants);
            }
        }
    }
}
