//! The objectives of a run, and what MSER-5 left out of its figures.
//!
//! Promise: seconds that were asked for and that MSER-5 takes for a warm-up hide no miss. An objective holds where what was
//! measured keeps it, and so does everything after the warm-up that was asked for; what was left out is named with its p99.

use std::collections::BTreeMap;

use super::figures::Figures;
use crate::measure::bins::Sum;
use crate::measure::kinds::Figure;
use crate::measure::slices::Group;
use crate::objective::{Certainty, Judged, Known, Objective, PERCENTILES, Subject};
use crate::results::latency::LatencySummary;
use crate::results::summary::Rates;

/// What is left out beyond the warm-up that was asked for is named from this on.
const LEFT_OUT_NS_MIN: u64 = 1_000_000_000;

impl Figures<'_> {
    /// Each as it is judged; none where the run was cut short. `latencies` are those of what was measured.
    pub(super) fn objectives(
        &self,
        latencies: &BTreeMap<&'static str, LatencySummary>,
        rate: &Rates,
    ) -> Vec<Judged> {
        if self.cut_short {
            return vec![];
        }
        let judge = |objective: &Objective| {
            let latency = objective.subject.figure().and_then(|figure| latencies.get(figure.name()));
            let measured = known(objective.subject, latency, rate);
            match objective.subject.figure() {
                Some(figure) if self.span.asked < self.span.from => {
                    let all = self.latency(figure, self.span.asked);
                    let slices = &self.measured.slices;
                    let over_s = [slices.warm_ns, slices.end_ns].map(|ns| ns as f64 / 1e9);
                    objective.judge_all(measured, known(objective.subject, Some(&all), rate), over_s)
                }
                // Rates and errors are those of all the time that was asked for, whatever MSER-5 says.
                Some(_) | None => objective.judge(measured),
            }
        };
        self.plan.arguments.objectives.iter().map(judge).collect()
    }

    /// What MSER-5 left out beyond the warm-up that was asked for, in words, where it is a second or more.
    pub(super) fn left_out(&self) -> Option<String> {
        let slices = &self.measured.slices;
        let from_ns = slices.all.get(self.span.from)?.begun_ns;
        let left_out_ns = from_ns.saturating_sub(slices.warm_ns);
        if self.span.asked >= self.span.from || left_out_ns < LEFT_OUT_NS_MIN {
            return None;
        }
        let seconds = |ns: u64| ns as f64 / 1e9;
        let left_out = slices.all.get(self.span.asked..self.span.from)?;
        let responses = left_out.iter().map(|slice| slice.of(Figure::Response, Group::All));
        let p99 = Sum::of(responses.collect::<Vec<_>>().iter().map(AsRef::as_ref)).quantile(0.99, 0);
        let p99 = p99.map_or_else(
            || "nothing was answered there".to_owned(),
            |p99| format!("p99 of the response was {:.2} ms there", f64::from(p99) / 1e3),
        );
        Some(format!(
            "MSER-5 takes {:.1} s more than --warmup for the warm-up, and no latency counts them, from {:.1} to {:.1} s: {p99}; \
             objectives must hold with and without them",
            seconds(left_out_ns),
            seconds(slices.warm_ns),
            seconds(from_ns)
        ))
    }
}

/// What is known about a subject; `latency` is the figure that it is of.
fn known(subject: Subject, latency: Option<&LatencySummary>, rate: &Rates) -> Known {
    match subject {
        Subject::Percentile(_, place) => {
            latency.map_or(Known::Nothing, |summary| summary.known(PERCENTILES[place].0))
        }
        Subject::Max(_) => match latency {
            Some(of) if of.with_unanswered.as_ref().is_some_and(|all| all.unanswered > 0) => Known::Endless,
            Some(of) if of.count > 0 => Known::Value(f64::from(of.max), Certainty::Exact),
            Some(_) | None => Known::Nothing,
        },
        Subject::Errors => Known::Value(rate.error_share, Certainty::Exact),
        Subject::Goodput => Known::Value(rate.goodput_per_s, Certainty::Exact),
        Subject::Achieved => Known::Value(rate.achieved_per_s, Certainty::Exact),
    }
}
