//! Runs of the same kind, one after the other, each with a seed of its own that follows from the first.

use std::time::Duration;

use crate::admin::SwitchBuild;
use crate::cli::{CapacityArguments, LoadArguments, OutputArguments, Rate, RunArguments};
use crate::exit::Exit;
use crate::live::{self, Errand};
use crate::objective::Objective;
use crate::random::mix;
use crate::report::Report;
use crate::results::head::debug_builds;
use crate::results::summary::Build;
use crate::run::{Plan, RunError, Theatre, chosen_seed};
use crate::traffic::shape::Shape;

/// Why a run is no measurement at all. What is made of several runs ends with it; nothing is judged, and what was measured until then
/// is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoiled {
    /// How the program ends.
    pub exit: Exit,
    /// Why, in words.
    pub why: String,
}

impl Spoiled {
    /// Of this run, in words `what`; `None` where it is a measurement, good or bad.
    pub fn of(report: &Report, what: &str) -> Option<Self> {
        let exit = report.exit_code();
        let why = match exit {
            Exit::Pass | Exit::Missed | Exit::Invalid => return None,
            Exit::Interrupted => "interrupted".to_owned(),
            Exit::BooksOpen => format!("the books of {what} do not close"),
            Exit::RunError | Exit::Usage => {
                format!("{what}: {}", report.broken().unwrap_or("operations ended as errors"))
            }
        };
        Some(Self { exit, why })
    }

    /// Of a run that could not begin.
    pub fn by(error: &RunError) -> Self {
        Self { exit: error.exit(), why: error.to_string() }
    }
}

/// What all of them have in common.
#[derive(Clone, Debug)]
pub struct Trials {
    load: LoadArguments,
    to: OutputArguments,
    objectives: Vec<Objective>,
    warmup: Duration,
    duration: Duration,
    /// The seed they all follow from.
    pub seed: u64,
    made: u64,
    /// The command that they are made for, and what its screen says, where there is one.
    shown: Option<(&'static str, Errand)>,
    /// Which build of the switch the last of them measured.
    pub switch_build: Option<SwitchBuild>,
}

impl Trials {
    /// Those of a search for the capacity.
    pub fn of_capacity(a: &CapacityArguments) -> Self {
        Self::new(&a.load, &a.to, &a.objectives, a.warmup, a.duration)
    }

    /// Trials of this load and length.
    pub fn new(
        load: &LoadArguments,
        to: &OutputArguments,
        objectives: &[Objective],
        warmup: Duration,
        duration: Duration,
    ) -> Self {
        let seed = load.traffic.seed.unwrap_or_else(chosen_seed);
        let (load, to) = (load.clone(), to.clone());
        Self {
            load,
            to,
            objectives: objectives.to_vec(),
            warmup,
            duration,
            seed,
            made: 0,
            shown: None,
            switch_build: None,
        }
    }

    /// From now on each has a screen, where one is wanted, that says which command it is made for.
    pub fn show(&mut self, command: &'static str) {
        self.shown = live::is_wanted(&self.to).then(|| (command, Errand::default()));
    }

    /// What the screen says about the next one.
    pub fn say(&self, line: impl FnOnce() -> String) {
        if let Some((_, errand)) = &self.shown {
            errand.say(line());
        }
    }

    /// Whether a trial at this rate has outcomes enough for every objective.
    ///
    /// # Errors
    /// [`RunError::Usage`] where it has not, with what would do.
    pub fn can_judge(&self, rate_per_s: f64) -> Result<(), RunError> {
        let hardest = self.objectives.iter().max_by_key(|objective| objective.outcomes_min());
        let Some(hardest) = hardest else { return Ok(()) };
        let (takes, comes) = (hardest.outcomes_min(), rate_per_s * self.duration.as_secs_f64());
        let surely_takes = surely(takes);
        if comes >= surely_takes {
            return Ok(());
        }
        Err(RunError::Usage(format!(
            "{hardest} takes {takes} outcomes in each trial, and {rate_per_s:.0}/s for {} s make {comes:.0}: give -d {:.0}s, or begin at {:.0}/s",
            self.duration.as_secs_f64(),
            (surely_takes / rate_per_s).ceil(),
            (surely_takes / self.duration.as_secs_f64()).ceil()
        )))
    }

    /// How long one of them takes at least: what is in flight at its end has to end, too.
    pub fn length(&self) -> Duration {
        self.warmup + self.duration
    }

    /// The next run, at this rate: quiet, without files, with a seed of its own.
    pub fn arguments(&self, rate_per_s: f64) -> RunArguments {
        let mut load = self.load.clone();
        load.traffic.seed = Some(mix(self.seed.wrapping_add(self.made)) >> 32);
        RunArguments {
            rate: Rate::PerSecond(rate_per_s),
            shape: Shape::default(),
            phase: 0.0,
            duration: self.duration,
            warmup: self.warmup,
            objectives: self.objectives.clone(),
            no_history: true,
            load,
            to: OutputArguments { output: None, quiet: true, ..self.to.clone() },
        }
    }

    /// Makes it.
    ///
    /// # Errors
    /// Where it could not begin.
    pub fn run(&mut self, theatre: &mut Theatre, rate_per_s: f64) -> Result<Report, RunError> {
        let mut plan = Plan::new(self.arguments(rate_per_s))?;
        if let Some((command, errand)) = &self.shown {
            (plan.command, plan.errand) = (command, Some(errand.clone()));
        }
        self.made += 1;
        let report = theatre.perform(plan)?;
        self.switch_build.clone_from(&report.summary.switch_build);
        if let Some(words) = debug_builds(&Build::this(), self.switch_build.as_ref())
            && self.made == 1
            && !self.to.quiet
        {
            eprintln!("WARNING: {words}");
        }
        Ok(report)
    }
}

/// How many must come on average so that so many come: random arrivals stay four standard deviations below once in
/// thirty thousand times.
fn surely(outcomes: u64) -> f64 {
    if outcomes <= 1 {
        return outcomes as f64;
    }
    (2.0 + (4.0 + outcomes as f64).sqrt()).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::run_arguments;

    fn trials(slo: &[&str], duration: u64) -> Trials {
        let run = run_arguments("--switch 127.0.0.1:1 --certs c --no-admin").unwrap();
        let objectives: Vec<Objective> = slo.iter().map(|text| text.parse().unwrap()).collect();
        Trials::new(&run.load, &run.to, &objectives, Duration::ZERO, Duration::from_secs(duration))
    }

    #[test]
    fn a_trial_that_is_too_short_for_its_objectives_is_refused_before_it_begins() {
        assert!(trials(&["p99<10ms"], 5).can_judge(1_000.0).is_ok());
        assert!(trials(&["p99<10ms"], 5).can_judge(200.0).is_err(), "half of such trials have fewer");
        assert!(trials(&["p99<10ms"], 5).can_judge(228.0).is_ok());
        let said = trials(&["p50<1s", "p99<10ms", "errors<1%"], 5).can_judge(100.0).unwrap_err().to_string();
        assert!(
            said.contains("p99<10ms takes 1000 outcomes") && said.contains("-d 12s, or begin at 227/s"),
            "{said}"
        );
        assert!(trials(&["p999<10ms"], 5).can_judge(1_000.0).is_err());
        assert!(trials(&["errors<1%"], 1).can_judge(2.0).is_ok());
        assert!(trials(&[], 1).can_judge(0.1).is_ok());
    }
}
