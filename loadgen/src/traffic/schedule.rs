//! Which operation arrives when: a function of the seed, the operator and the configuration, and of nothing else.
//!
//! Arrivals are a Poisson process, unless the shape says otherwise: gaps are exponential and independent, so that bursts come
//! as they come from thousands of clients who do not know each other. The schedule is computed as it is needed and never
//! slows down with the switch (open loop): latency is measured from the time that stands here.

use crate::random::Random;
use crate::traffic::amounts::Amounts;
use crate::traffic::arrival::{Arrival, Payee};
use crate::traffic::fate::{DECLINE_REASONS, Fate};
use crate::traffic::popularity::{Choice, Popularity};
use crate::traffic::scenario::{Mix, Scenario};
use crate::traffic::shape::Shape;

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
    /// How much later than the one before it each operator is in the shape, as a share of its length.
    pub phase: f64,
    /// How often which merchant of a destination is paid.
    pub popularity: Popularity,
    /// How often which account of an operator pays.
    pub payers: Choice,
    /// How much is paid.
    pub amounts: Amounts,
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
        let of_shape = |operator| self.shape_of(operator).mean(share(from_ns), share(until_ns));
        self.rate_per_s.unwrap_or(0.0) * seconds * (0..self.operators).map(of_shape).sum::<f64>()
    }

    /// The shape as an operator has it.
    fn shape_of(&self, operator: u32) -> Shape {
        self.shape.shifted((self.phase * f64::from(operator)).fract())
    }
}

/// The arrivals of one operator, in the order of time.
#[derive(Clone, Debug)]
pub struct Schedule {
    settings: ScheduleSettings,
    operator: u32,
    random: Random,
    accounts: Random,
    amounts: Random,
    merchants: Choice,
    /// Arrivals that the rate has let come so far, as a real number.
    come: f64,
    at_ns: u64,
    number: u64,
    /// Where the rate was changed last: how much had come, when, and the factor since.
    changed: Option<(f64, u64, f64)>,
}

/// Of the streams of random numbers, the first that draws accounts, and the first that draws amounts.
const ACCOUNTS: u64 = 1 << 32;
const AMOUNTS: u64 = 2 << 32;
/// An account has its operator in its lowest bits: those of two operators are never the same.
const OPERATOR_BITS: u32 = 6;

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
            settings: ScheduleSettings { shape: settings.shape_of(operator), ..settings.clone() },
            operator,
            random,
            accounts: Random::new(settings.seed, u64::from(operator) | ACCOUNTS),
            amounts: Random::new(settings.seed, u64::from(operator) | AMOUNTS),
            merchants: Choice::new(settings.popularity, settings.merchants),
            come,
            at_ns: 0,
            number: 0,
            changed: None,
        }
    }

    /// Changes the rate from the last arrival on, where it is constant.
    pub fn change_rate(&mut self, factor: f64) {
        if self.settings.shape.is_flat() {
            self.changed = Some((self.come, self.at_ns, factor));
        }
    }

    /// When so much has come; `None` where that is never.
    #[inline]
    fn due_ns(&self, rate_per_s: f64) -> Option<u64> {
        match self.changed {
            None => self.time_of(self.come / rate_per_s),
            Some((come, at_ns, factor)) => {
                Some(at_ns + ((self.come - come) / (rate_per_s * factor) * 1e9) as u64)
            }
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
            self.at_ns = self.due_ns(rate_per_s).filter(|at_ns| *at_ns < self.settings.duration_ns)?;
        }
        let chosen = self.random.below(self.settings.mix.sum());
        let scenario = self.settings.mix.choose(chosen);
        let payee = self.payee(scenario);
        let amounts =
            if scenario == Scenario::Verify { Amounts::VERIFICATIONS } else { self.settings.amounts };
        let amount = amounts.draw(&mut self.amounts);
        let fate = self.fate(scenario);
        let number = self.number;
        self.number += 1;
        let payer = self.settings.payers.of((self.accounts.bits() >> 32) as u32);
        let account = (u64::from(payer) << OPERATOR_BITS) | u64::from(self.operator);
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
        phase: 0.0,
        popularity: Popularity::Uniform,
        payers: Choice::new(Popularity::Uniform, 1_000),
        amounts: Amounts::default(),
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
mod tests;
