//! One run of a search as a vote.

use serde::Serialize;

use super::search::Vote;
use crate::exit::Exit;
use crate::measure::kinds::Figure;
use crate::objective::{Judged, Known, Standing};
use crate::report::Report;
use crate::trials::Spoiled;
use crate::verdict::{Cause, Measurement};

/// What is kept of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Trial {
    /// Operations a second that were asked for.
    pub rate_per_s: f64,
    /// What it says about the switch.
    pub standing: TrialStanding,
    /// Operations a second with an outcome.
    pub achieved_per_s: f64,
    /// Operations a second approved in time.
    pub goodput_per_s: f64,
    /// See [`crate::results::summary::Rates::error_share`].
    pub error_share: f64,
    /// Of the response in this run, unanswered included, in microseconds; `None` where ten samples do not lie beyond it, or
    /// where it is one of the unanswered.
    pub p50_us: Option<u32>,
    /// See above.
    pub p99_us: Option<u32>,
    /// Whether it is that of one of the unanswered.
    pub is_p99_endless: bool,
    /// Why the generator was the limit, or which objectives were missed.
    pub remarks: Vec<String>,
    /// The seed of the run.
    pub seed: u64,
}

/// See [`Vote`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialStanding {
    /// See [`Vote::Passed`].
    Passed,
    /// See [`Vote::Failed`].
    Failed,
    /// See [`Vote::Saturated`].
    Discarded,
}

impl TrialStanding {
    /// As a search hears it.
    pub const fn vote(self) -> Vote {
        match self {
            Self::Passed => Vote::Passed,
            Self::Failed => Vote::Failed,
            Self::Discarded => Vote::Saturated,
        }
    }
}

/// A rate is passed where every objective was met and the load was what it should be; it fails where one was missed and
/// nothing says that the generator or its machine had a part in it. A trial is judged as any run: by all of it after its
/// warm-up, so that a run at a rate that passes keeps the objectives from its first second on.
///
/// # Errors
/// Where the run broke off, was interrupted, has books that do not close, or is too short for an objective.
pub fn judge(report: &Report, rate_per_s: f64) -> Result<Trial, Spoiled> {
    if let Some(spoiled) = Spoiled::of(report, &format!("the trial at {rate_per_s:.0}/s")) {
        return Err(spoiled);
    }
    let s = &report.summary;
    let missed: Vec<_> = s.objectives.iter().filter(|judged| judged.standing == Standing::Missed).collect();
    let unknown = s.objectives.iter().find(|judged| judged.standing == Standing::Unknown);
    let generator = |level| {
        let remarks = report.remarks.iter().filter(move |r| r.cause == Cause::Generator && r.level >= level);
        remarks.map(|remark| remark.text.clone()).collect::<Vec<_>>()
    };
    let (invalid, suspect) = (generator(Measurement::Invalid), generator(Measurement::Suspect));
    let (standing, remarks) = if !invalid.is_empty() {
        (TrialStanding::Discarded, invalid)
    } else if !missed.is_empty() && !suspect.is_empty() {
        (TrialStanding::Discarded, suspect)
    } else if !missed.is_empty() {
        (TrialStanding::Failed, missed.into_iter().map(missed_in_words).collect())
    } else if let Some(unknown) = unknown {
        let why =
            format!("{} cannot be judged from a trial of this length: give a longer -d", unknown.objective);
        return Err(Spoiled { exit: Exit::Invalid, why });
    } else {
        (TrialStanding::Passed, vec![])
    };
    let response = s.latency_us.get(Figure::Response.name());
    let at = |name| response.and_then(|response| response.observed(name));
    Ok(Trial {
        rate_per_s,
        standing,
        achieved_per_s: s.rate.achieved_per_s,
        goodput_per_s: s.rate.goodput_per_s,
        error_share: s.rate.error_share,
        p50_us: at("p50"),
        p99_us: at("p99"),
        is_p99_endless: response.is_some_and(|response| response.known("p99") == Known::Endless),
        remarks,
        seed: s.seed,
    })
}

/// An objective that was missed; where it was missed by what MSER-5 left out of the trial's percentiles, with what it had then.
fn missed_in_words(judged: &Judged) -> String {
    match (judged.over(), &judged.said) {
        (Some(over), Some(value)) => format!("{}: {value} {over}", judged.objective),
        _ => judged.objective.clone(),
    }
}
