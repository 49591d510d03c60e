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
        let fails = |load: &&Load| matches!(load.standing(), Standing::Fails | Standing::Ceiling);
        // What passes for sure overrules what failed below it: there the machine had a bad moment.
        let sure = |load: &&Load| load.standing() == Standing::Passes && load.lead() >= LEAD;
        let overruled = self.loads.iter().rev().find(sure).map_or(0.0, |load| load.rate);
        let upper = self.loads.iter().filter(|load| load.rate > overruled).find(fails).copied();
        let below = |load: &&Load| upper.is_none_or(|upper| load.rate < upper.rate);
        let lower = self.loads.iter().rev().filter(below).find(|l| l.standing() == Standing::Passes).copied();
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
        let width = if is_ceiling { CEILING_WIDTH } else { self.goal.width * 0.48 };
        if upper.rate / lower.rate - 1.0 > width {
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
        let outside = 1.0 + self.goal.width / 4.0;
        let (below, above) = (whole(lower.rate / outside), whole(upper.rate * outside));
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

/// Without a fraction, where it makes no difference.
fn whole(rate: f64) -> f64 {
    if rate >= 1_000.0 { rate.round() } else { rate }
}

/// The middle on a logarithmic scale, as a whole number where there is one between.
fn middle(lower: f64, upper: f64) -> f64 {
    let middle = (lower * upper).sqrt();
    let whole = middle.round();
    if whole > lower && whole < upper { whole } else { middle }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    const GOAL: Goal = Goal { first: 1_000.0, top: 1_000_000.0, width: 0.025 };

    /// Searches against a switch that `vote` plays.
    fn search(goal: Goal, mut vote: impl FnMut(f64) -> Vote) -> (Found, u32) {
        let mut search = Search::new(goal);
        loop {
            match search.next() {
                Step::Try(rate) => search.note(rate, vote(rate)),
                Step::Done(found) => return (found, search.trials),
            }
        }
    }

    /// A switch that answers so many a second and refuses the rest; the objective is fewer than one error in ten
    /// thousand. One trial in ten meets something else that makes it fail, one in fifty passes by luck, one in twenty
    /// finds the generator tired.
    fn noisy(limit: f64, rate: f64, random: &mut Random) -> Vote {
        let dice = random.unit();
        // Arrivals are random: what a trial of five seconds offers varies.
        let offered = rate * (1.0 + (random.unit() - 0.5) * 4.0 / (rate * 5.0).sqrt());
        if dice < 0.05 {
            Vote::Saturated
        } else if dice < 0.15 {
            Vote::Failed
        } else if dice < 0.17 || 1.0 - limit / offered < 0.000_1 {
            Vote::Passed
        } else {
            Vote::Failed
        }
    }

    /// Two bad moments of the machine at what becomes the lower end: what passes above overrules them for the search, but the end
    /// passes only by trials of its own.
    #[test]
    fn an_end_of_the_bracket_leads_by_its_own_votes() {
        let (mut search, mut bad_moments) = (Search::new(GOAL), 2);
        let found = loop {
            match search.next() {
                Step::Try(rate) if rate == 46_965.0 && bad_moments > 0 => {
                    bad_moments -= 1;
                    search.note(rate, Vote::Failed);
                }
                Step::Try(rate) if rate <= 47_281.0 => search.note(rate, Vote::Passed),
                Step::Try(rate) => search.note(rate, Vote::Failed),
                Step::Done(found) => break found,
            }
        };
        let Found::Bracket(below, above) = found else { panic!("{found:?}") };
        assert_eq!((below, bad_moments), (46_965.0, 0), "the moments were met");
        let (below, above) = (search.load(below).unwrap(), search.load(above).unwrap());
        assert_eq!((below.standing(), above.standing()), (Standing::Passes, Standing::Fails));
        assert!(below.lead() >= LEAD && above.lead() >= LEAD, "{search:?}");
    }

    #[test]
    fn the_bracket_holds_the_limit_in_nineteen_of_twenty_searches() {
        let (mut held, mut trials) = (0, 0);
        for seed in 0..200 {
            let mut random = Random::new(seed, 9);
            let (found, tried) = search(GOAL, |rate| noisy(50_000.0, rate, &mut random));
            let Found::Bracket(lower, upper) = found else { continue };
            assert!(upper / lower <= 1.025_001, "{lower} to {upper}");
            held += u32::from(lower <= 50_000.0 && upper >= 50_000.0);
            trials += tried;
        }
        assert!(held >= 190, "{held} of 200");
        assert!(trials < 200 * 45, "{} trials a search", trials / 200);
    }

    #[test]
    fn a_machine_on_which_every_fourth_trial_fails_for_nothing_moves_the_bracket_rarely() {
        let held = (0..200)
            .filter(|seed| {
                let mut random = Random::new(*seed, 10);
                let (found, _) = search(GOAL, |rate| {
                    if rate > 50_000.0 || random.unit() < 0.25 { Vote::Failed } else { Vote::Passed }
                });
                matches!(found, Found::Bracket(lower, upper) if lower <= 50_000.0 && upper >= 50_000.0)
            })
            .count();
        assert!(held >= 180, "{held} of 200");
    }

    #[test]
    fn without_noise_it_takes_few_trials() {
        let (found, trials) = search(GOAL, |r| if r <= 50_000.0 { Vote::Passed } else { Vote::Failed });
        assert!(
            matches!(found, Found::Bracket(lower, upper) if lower <= 50_000.0 && upper > 50_000.0),
            "{found:?}"
        );
        assert!(trials <= 24, "{trials}");
    }

    #[test]
    fn a_tired_generator_is_never_called_a_limit() {
        let (found, _) = search(GOAL, |_| Vote::Saturated);
        assert_eq!(found, Found::Unknown);
        let (found, _) = search(GOAL, |rate| if rate < 30_000.0 { Vote::Passed } else { Vote::Saturated });
        assert!(
            matches!(found, Found::GeneratorLimited(rate) if rate > 27_000.0 && rate < 30_000.0),
            "{found:?}"
        );
        // It is tired above the switch's limit as well.
        let (found, _) = search(GOAL, |rate| match rate {
            rate if rate <= 50_000.0 => Vote::Passed,
            rate if rate < 90_000.0 => Vote::Failed,
            _ => Vote::Saturated,
        });
        assert!(
            matches!(found, Found::Bracket(lower, upper) if lower <= 50_000.0 && upper > 50_000.0),
            "{found:?}"
        );
    }

    #[test]
    fn the_ends_of_the_scale_are_said_as_such() {
        assert_eq!(search(GOAL, |_| Vote::Passed).0, Found::AtLeast(1_000_000.0));
        assert!(matches!(search(GOAL, |_| Vote::Failed).0, Found::Below(rate) if rate < 2.0));
        let low = search(GOAL, |rate| if rate <= 30.0 { Vote::Passed } else { Vote::Failed }).0;
        assert!(matches!(low, Found::Bracket(lower, upper) if lower <= 30.0 && upper > 30.0), "{low:?}");
    }

    #[test]
    fn a_bound_that_is_overturned_reopens_the_search() {
        let mut tries_at_half = 0;
        let (found, _) = search(GOAL, |rate| match rate {
            rate if rate == 32_000.0 && tries_at_half == 0 => {
                tries_at_half += 1;
                Vote::Failed
            }
            rate if rate <= 50_000.0 => Vote::Passed,
            _ => Vote::Failed,
        });
        assert!(
            matches!(found, Found::Bracket(lower, upper) if lower <= 50_000.0 && upper > 50_000.0),
            "{found:?}"
        );
    }

    #[test]
    fn trials_that_only_contradict_each_other_come_to_an_end() {
        let mut count = 0;
        let (found, trials) = search(GOAL, |_| {
            count += 1;
            if count % 2 == 0 { Vote::Passed } else { Vote::Failed }
        });
        assert!(trials <= 100, "{found:?} after {trials}");
    }
}
