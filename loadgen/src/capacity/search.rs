//! The search for the highest rate that meets the objectives, among trials that are noisy.
//!
//! In the manner of MLRsearch (draft-ietf-bmwg-mlrsearch): every rate keeps the votes of all its trials and is a lower bound
//! or an upper bound by their majority. Rates grow by a factor until one fails; then the middle, on a logarithmic scale,
//! halves what is left; at the end a rate a little below and one a little above are tried until each leads by two votes. A
//! vote that turns a bound over reopens the search instead of being argued away. One failure is no bound, it takes two more
//! than there are passes: what is wrong with a machine makes trials fail and hardly ever pass.
//!
//! A trial in which the generator was the limit has no vote. A rate where that happens again and again is the generator's
//! ceiling: the search looks below it and says "at least", never "at most".
//!
//! Pure: it asks for rates and hears how they went.

use serde::Serialize;

/// How a trial went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vote {
    /// Every objective was met.
    Passed,
    /// One was missed, and the generator was not to blame.
    Failed,
    /// The generator was the limit.
    Saturated,
}

/// What to look for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    /// The first rate to try, operations a second.
    pub first: f64,
    /// The highest.
    pub top: f64,
    /// How wide the bracket may be: upper bound by lower bound, less one.
    pub width: f64,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// Try this rate.
    Try(f64),
    /// This is the answer.
    Done(Found),
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Found {
    /// The lower passes, the upper fails.
    Bracket(f64, f64),
    /// This passes; nothing higher was to be tried.
    AtLeast(f64),
    /// This passes; higher, the generator was the limit.
    GeneratorLimited(f64),
    /// Even this fails.
    Below(f64),
    /// The generator was the limit wherever it was tried: nothing is known about the switch.
    Unknown,
    /// The trials contradict each other too often.
    Unsettled,
}

/// What a search knows before its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct SoFar {
    /// The highest rate that passes by the trials so far, operations a second.
    pub passes_per_s: Option<f64>,
    /// The lowest above it that fails.
    pub fails_per_s: Option<f64>,
}

#[derive(Clone, Copy, Debug)]
struct Load {
    rate: f64,
    passed: u32,
    failed: u32,
    saturated: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Passes,
    Fails,
    Tied,
    /// Only saturated trials, so many that there is no point in more.
    Ceiling,
}

impl Load {
    const fn standing(&self) -> Standing {
        if self.passed > self.failed {
            Standing::Passes
        } else if self.failed >= self.passed + LEAD {
            // What is wrong with a machine makes trials fail and hardly ever pass: one failure is no bound.
            Standing::Fails
        } else if self.passed == 0 && self.saturated >= SATURATED_MAX {
            Standing::Ceiling
        } else {
            Standing::Tied
        }
    }

    const fn lead(&self) -> u32 {
        self.passed.abs_diff(self.failed)
    }
}

/// Saturated trials of a rate before it counts as the generator's ceiling.
const SATURATED_MAX: u32 = 3;
/// Rates grow by this until one fails.
const GROWTH: f64 = 2.0;
/// Votes by which a bound must lead in the end.
const LEAD: u32 = 2;
/// How close to the generator's ceiling it is worth looking.
const CEILING_WIDTH: f64 = 0.1;
/// Below this there is no switch to speak of.
const RATE_MIN: f64 = 1.0;
/// Trials in all.
const TRIALS_MAX: u32 = 100;

/// See the module.
#[derive(Clone, Debug)]
pub struct Search {
    goal: Goal,
    /// In ascending order.
    loads: Vec<Load>,
    trials: u32,
}

impl Search {
    /// A search that has tried nothing.
    pub const fn new(goal: Goal) -> Self {
        Self { goal, loads: Vec::new(), trials: 0 }
    }

    /// Hears how a trial went.
    pub fn note(&mut self, rate: f64, vote: Vote) {
        self.trials += 1;
        let place = self.loads.partition_point(|load| load.rate < rate);
        if self.loads.get(place).is_none_or(|load| load.rate > rate) {
            self.loads.insert(place, Load { rate, passed: 0, failed: 0, saturated: 0 });
        }
        let load = &mut self.loads[place];
        match vote {
            Vote::Passed => load.passed += 1,
            Vote::Failed => load.failed += 1,
            Vote::Saturated => load.saturated += 1,
        }
    }

    /// What to do next.
    pub fn next(&self) -> Step {
        if self.trials >= TRIALS_MAX {
            return Step::Done(Found::Unsettled);
        }
        let (lower, upper) = self.bounds();
        let below = |load: &&Load| upper.is_none_or(|upper| load.rate < upper.rate);
        let above_lower = |load: &&Load| lower.is_none_or(|lower| load.rate > lower.rate);
        let tied =
            self.loads.iter().filter(below).filter(above_lower).find(|l| l.standing() == Standing::Tied);
        if let Some(tied) = tied {
            return Step::Try(tied.rate);
        }
        match (lower, upper) {
            (None, None) => Step::Try(self.goal.first.min(self.goal.top)),
            (Some(lower), None) => self.grow(lower),
            (None, Some(upper)) => Self::shrink(upper),
            (Some(lower), Some(upper)) => self.narrow(lower, upper),
        }
    }

    /// The rate that passes and the rate that fails, as far as is known: neither needs to be confirmed yet, and the upper one may be
    /// where the generator is the limit.
    fn bounds(&self) -> (Option<Load>, Option<Load>) {
        let fails = |load: &&Load| matches!(load.standing(), Standing::Fails | Standing::Ceiling);
        // What passes for sure overrules what failed below it: there the machine had a bad moment.
        let sure = |load: &&Load| load.standing() == Standing::Passes && load.lead() >= LEAD;
        let overruled = self.loads.iter().rev().find(sure).map_or(0.0, |load| load.rate);
        let upper = self.loads.iter().filter(|load| load.rate > overruled).find(fails).copied();
        let below = |load: &&Load| upper.is_none_or(|upper| load.rate < upper.rate);
        let lower = self.loads.iter().rev().filter(below).find(|l| l.standing() == Standing::Passes).copied();
        (lower, upper)
    }

    /// The highest rate that passes and the lowest above it that fails, by the trials so far: no answer yet.
    pub fn so_far(&self) -> SoFar {
        let (lower, upper) = self.bounds();
        let failed = upper.filter(|load| load.standing() == Standing::Fails);
        SoFar { passes_per_s: lower.map(|load| load.rate), fails_per_s: failed.map(|load| load.rate) }
    }

    /// Nothing fails yet.
    fn grow(&self, lower: Load) -> Step {
        if lower.rate < self.goal.top {
            Step::Try((lower.rate * GROWTH).min(self.goal.top))
        } else if lower.lead() < LEAD {
            Step::Try(lower.rate)
        } else {
            Step::Done(Found::AtLeast(lower.rate))
        }
    }

    /// Nothing passes yet.
    fn shrink(upper: Load) -> Step {
        let lower = upper.rate / GROWTH;
        let is_ceiling = upper.standing() == Standing::Ceiling;
        if lower >= RATE_MIN {
            Step::Try(lower)
        } else if !is_ceiling && upper.lead() < LEAD {
            Step::Try(upper.rate)
        } else {
            Step::Done(if is_ceiling { Found::Unknown } else { Found::Below(upper.rate) })
        }
    }

    fn narrow(&self, lower: Load, upper: Load) -> Step {
        let is_ceiling = upper.standing() == Standing::Ceiling;
        let factor = if is_ceiling { 1.0 + CEILING_WIDTH } else { narrowest(self.goal.width) };
        if upper.rate / lower.rate > factor {
            return Step::Try(middle(lower.rate, upper.rate));
        }
        if is_ceiling {
            let settled = lower.lead() >= LEAD;
            return if settled {
                Step::Done(Found::GeneratorLimited(lower.rate))
            } else {
                Step::Try(lower.rate)
            };
        }
        self.confirm(lower, upper)
    }

    /// The limit lies between these two, or close to one of them, where one trial passes and the next fails. So the ends of
    /// the answer stand a little outside, and are tried for themselves.
    fn confirm(&self, lower: Load, upper: Load) -> Step {
        let outside = outside(self.goal.width);
        let (below, above) =
            (inward(lower.rate / outside, f64::ceil), inward(upper.rate * outside, f64::floor));
        match self.load(below) {
            Some(load) if load.standing() == Standing::Passes && load.lead() >= LEAD => {}
            // One that failed and was overruled by what passes above it is no end of the answer before it passes itself.
            Some(_) | None => return Step::Try(below),
        }
        match self.load(above) {
            Some(load) if load.standing() == Standing::Fails => Step::Done(Found::Bracket(below, above)),
            Some(_) | None => Step::Try(above),
        }
    }

    fn load(&self, rate: f64) -> Option<&Load> {
        self.loads.iter().find(|load| load.rate == rate)
    }
}

/// By which factor each end of the answer stands outside of what was narrowed down.
fn outside(width: f64) -> f64 {
    1.0 + width / 4.0
}

/// By which factor what is narrowed down differs at most: nearly half of the width, and never so much that the ends outside of it
/// are further apart than the width.
fn narrowest(width: f64) -> f64 {
    (1.0 + width * 0.48).min((1.0 + width) / outside(width).powi(2))
}

/// How often the middle is tried until what is between a rate that passes and the doubled one is so narrow.
pub fn halvings(width: f64) -> f64 {
    (GROWTH.ln() / narrowest(width).ln()).log2().ceil().max(1.0)
}

/// Without a fraction, where it makes no difference; rounded so that nothing becomes wider.
fn inward(rate: f64, round: impl Fn(f64) -> f64) -> f64 {
    if rate >= 1_000.0 { round(rate) } else { rate }
}

/// The middle on a logarithmic scale, as a whole number where there is one between.
fn middle(lower: f64, upper: f64) -> f64 {
    let middle = (lower * upper).sqrt();
    let whole = middle.round();
    if whole > lower && whole < upper { whole } else { middle }
}

#[cfg(test)]
mod tests;
