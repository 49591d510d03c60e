//! Runs of the same kind, one after the other, each with a seed of its own that follows from the first.

use std::time::Duration;

use crate::admin::SwitchBuild;
use crate::cli::{CapacityArguments, LoadArguments, OutputArguments, Rate, RunArguments};
use crate::exit::Exit;
use crate::objective::Objective;
use crate::random::mix;
use crate::report::Report;
use crate::run::{Plan, RunError, Theatre, chosen_seed};
use crate::shape::Shape;

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
            switch_build: None,
        }
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
        let plan = Plan::new(self.arguments(rate_per_s))?;
        self.made += 1;
        let report = theatre.perform(plan)?;
        self.switch_build.clone_from(&report.summary.switch_build);
        Ok(report)
    }
}
