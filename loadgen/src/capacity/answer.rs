//! What a search came to, for people and for programs.

use std::fmt::{self, Write};

use serde::Serialize;

use super::search::{Found, SoFar};
use super::trial::{Trial, TrialStanding};
use crate::admin::SwitchBuild;
use crate::exit::Exit;
use crate::objective::Objectives;
use crate::report::table::grouped;
use crate::results::head::Head;
use crate::trials::Spoiled;

/// The content of `capacity.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    /// Program, machine, seed.
    #[serde(flatten)]
    pub head: Head,
    /// Which kind of answer: `bracket`, `at_least`, `generator_limited`, `below`, `unknown`, `unsettled` or
    /// `broken_off`.
    pub found: &'static str,
    /// Of a search that broke off: what its trials say so far, which nothing confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub so_far: Option<SoFar>,
    /// The highest rate that passes, operations a second.
    pub passes_per_s: Option<f64>,
    /// The lowest that fails.
    pub fails_per_s: Option<f64>,
    /// The second by the first, less one.
    pub width: Option<f64>,
    /// The middle of the goodputs of the trials at the rate that passes.
    pub goodput_per_s: Option<f64>,
    /// The planned load, operations a second.
    pub planned_per_s: Option<f64>,
    /// How much more than is planned passes, as a share of the plan; negative where less does and the switch was the limit. Absent
    /// where what is planned was not tried, or the generator was the limit below it.
    pub headroom: Option<f64>,
    /// What was to be kept.
    #[serde(flatten)]
    pub objectives: Objectives,
    /// The mix, as resolved.
    pub mix: String,
    /// Every trial, in the order they were made.
    pub trials: Vec<Trial>,
}

/// What an answer says besides its trials.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The planned load.
    pub planned_per_s: Option<f64>,
    /// The objectives.
    pub objectives: Objectives,
    /// The mix.
    pub mix: String,
    /// The seed.
    pub seed: u64,
    /// Whether generator and switch share the machine.
    pub colocated: bool,
    /// Which build of the switch was measured.
    pub switch_build: Option<SwitchBuild>,
}

impl Answer {
    /// Puts it together.
    pub fn new(found: Found, asked: Asked, trials: Vec<Trial>) -> Self {
        let (name, passes, fails) = match found {
            Found::Bracket(passes, fails) => ("bracket", Some(passes), Some(fails)),
            Found::AtLeast(passes) => ("at_least", Some(passes), None),
            Found::GeneratorLimited(passes) => ("generator_limited", Some(passes), None),
            Found::Below(fails) => ("below", None, Some(fails)),
            Found::Unknown => ("unknown", None, None),
            Found::Unsettled => ("unsettled", None, None),
        };
        let goodput = passes.and_then(|passes| goodput_at(passes, &trials));
        // Without a rate that fails, what is above the one that passes is not known.
        let known = |headroom: &f64| *headroom >= 0.0 || fails.is_some();
        let Asked { planned_per_s, objectives, mix, seed, colocated, switch_build } = asked;
        Self {
            head: Head::new(seed, colocated).of_switch(switch_build),
            found: name,
            so_far: None,
            passes_per_s: passes,
            fails_per_s: fails,
            width: passes.zip(fails).map(|(passes, fails)| fails / passes - 1.0),
            goodput_per_s: goodput,
            planned_per_s,
            headroom: planned_per_s.zip(passes).map(|(planned, passes)| passes / planned - 1.0).filter(known),
            objectives,
            mix,
            trials,
        }
    }

    /// Of a search that ended before its time: nothing is judged.
    pub fn broken_off(spoiled: &Spoiled, so_far: SoFar, asked: Asked, trials: Vec<Trial>) -> Self {
        let answer = Self::new(Found::Unsettled, asked, trials);
        let head = answer.head.clone().until(Some(spoiled));
        Self { found: "broken_off", so_far: Some(so_far), head, ..answer }
    }

    /// How the program ends.
    pub fn exit_code(&self) -> Exit {
        match (self.passes_per_s, self.found) {
            (Some(_), _) if self.headroom.is_some_and(|headroom| headroom < 0.0) => Exit::Missed,
            (Some(_), _) if self.planned_per_s.is_some() && self.headroom.is_none() => Exit::Invalid,
            (Some(_), _) => Exit::Pass,
            (None, "below") => Exit::Missed,
            (None, _) => Exit::Invalid,
        }
    }

    /// The text for people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out).expect("a string takes what is written to it");
        out
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "\n{}\n{}", self.head.program(), self.head.machine())?;
        writeln!(out, "{} that keeps {}\n", self.mix, self.objectives.objectives.join(", "))?;
        let rate = |rate: Option<f64>| rate.map_or_else(|| "-".to_owned(), per_second);
        let (passes, fails) = (rate(self.passes_per_s), rate(self.fails_per_s));
        match self.found {
            "bracket" => {
                let width = self.width.unwrap_or(0.0) * 100.0;
                writeln!(out, "  capacity: {passes} passes, {fails} fails ({width:.1} % wide)")?;
            }
            "at_least" => {
                writeln!(out, "  capacity: at least {passes}, the highest rate that was to be tried")?
            }
            "generator_limited" => {
                writeln!(
                    out,
                    "  capacity: at least {passes}, generator saturated: what the switch does above is not known"
                )?;
            }
            "below" => writeln!(out, "  capacity: none: even {fails} fails")?,
            "broken_off" => {
                let why = self.head.broken_off.as_deref().unwrap_or_default();
                writeln!(out, "  capacity: not known, nothing is judged; the search broke off: {why}")?;
                let SoFar { passes_per_s, fails_per_s } = self.so_far.unwrap_or_default();
                let (passed, failed) = (rate(passes_per_s), rate(fails_per_s));
                writeln!(out, "  until then {passed} passed and {failed} failed, not confirmed")?;
            }
            "unsettled" => writeln!(out, "  capacity: not known: the trials contradict each other")?,
            _ => writeln!(out, "  capacity: not known: the generator was the limit in every trial")?,
        }
        if let Some(goodput) = self.goodput_per_s {
            writeln!(out, "  goodput there: {}", per_second(goodput))?;
        }
        if let Some(planned) = self.planned_per_s.filter(|_| self.passes_per_s.is_some()).map(per_second) {
            match self.headroom {
                Some(headroom) if headroom < 0.0 => {
                    writeln!(
                        out,
                        "  NO ROOM for the planned {planned}: {:.1} % too little",
                        -headroom * 100.0
                    )?;
                }
                Some(headroom) => {
                    writeln!(out, "  headroom above the planned {planned}: {:.0} %", headroom * 100.0)?;
                }
                None => writeln!(out, "  whether there is room for the planned {planned} is not known")?,
            }
        }
        let count = |standing| self.trials.iter().filter(|trial| trial.standing == standing).count();
        writeln!(
            out,
            "  {} trials: {} passed, {} failed, {} discarded because of the generator or its machine",
            self.trials.len(),
            count(TrialStanding::Passed),
            count(TrialStanding::Failed),
            count(TrialStanding::Discarded)
        )?;
        self.head.label.map_or(Ok(()), |label| writeln!(out, "  {label}"))
    }
}

fn per_second(rate: f64) -> String {
    format!("{}/s", grouped(rate.round() as u64))
}

fn goodput_at(rate: f64, trials: &[Trial]) -> Option<f64> {
    let passed = |trial: &&Trial| trial.rate_per_s == rate && trial.standing == TrialStanding::Passed;
    let mut goodputs: Vec<f64> = trials.iter().filter(passed).map(|trial| trial.goodput_per_s).collect();
    goodputs.sort_by(f64::total_cmp);
    goodputs.get(goodputs.len() / 2).copied()
}
