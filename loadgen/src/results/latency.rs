//! A latency in a report: percentiles with their intervals, or nothing where the run was too short for them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::measure::bins::{Distribution, Sum};
use crate::measure::kinds::Figure;
use crate::measure::percentile::percentile_of;
use crate::measure::slices::{Group, Slices};
use crate::objective::{Certainty, Known, PERCENTILES};

/// One figure of one group.
#[derive(Clone, Debug, Serialize)]
pub struct LatencySummary {
    /// Samples.
    pub count: u64,
    /// Microseconds by the names of [`PERCENTILES`]; `None` where too few independent samples lie beyond.
    #[serde(flatten)]
    pub percentiles: BTreeMap<&'static str, Option<u32>>,
    /// The longest; zero where there is no sample.
    pub max: u32,
    /// From and to in microseconds, which hold the true percentile in 95 of a hundred runs.
    pub intervals: BTreeMap<&'static str, (u32, u32)>,
    /// How many independent samples stood behind each percentile.
    pub independent: BTreeMap<&'static str, u64>,
    /// The same percentiles with those who have no outcome as longest of all; only of the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with_unanswered: Option<WithUnanswered>,
    /// The percentiles of this run, whether or not another run would have the same; of the response with those who have no
    /// outcome as longest. For objectives, and for comparisons of whole runs.
    #[serde(serialize_with = "as_reached")]
    observed: BTreeMap<&'static str, Known>,
}

/// Microseconds, "endless", or nothing where ten samples do not lie beyond it.
fn as_reached<S: Serializer>(
    observed: &BTreeMap<&'static str, Known>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(observed.iter().map(|(name, known)| {
        let reached = match known {
            Known::Value(micros, _) => Some(Reached::Micros(*micros as u32)),
            Known::Endless => Some(Reached::ENDLESS),
            Known::Nothing => None,
        };
        (name, reached)
    }))
}

/// Samples beyond a percentile that it takes to say whether a run kept an objective.
const BEYOND_OBSERVED_MIN: f64 = 10.0;

/// See [`LatencySummary::with_unanswered`].
#[derive(Clone, Debug, Serialize)]
pub struct WithUnanswered {
    /// Arrivals of the measured time without an outcome: shed, refused, unknown, in flight at the end.
    pub unanswered: u64,
    /// Microseconds, or the word "endless" where the percentile is one of them.
    #[serde(flatten)]
    pub percentiles: BTreeMap<&'static str, Option<Reached>>,
}

/// A percentile that may be nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Reached {
    /// Microseconds.
    Micros(u32),
    /// Longer than anything measured.
    Endless(&'static str),
}

impl Reached {
    const ENDLESS: Self = Self::Endless("endless");
}

impl LatencySummary {
    /// Of the slices from `from` on. `unanswered` counts among the longest.
    pub fn of(slices: &Slices, from: usize, figure: Figure, group: Group, unanswered: Option<u64>) -> Self {
        let series = slices.series(from, figure, group);
        let series: Vec<&Distribution> = series.iter().map(Cow::as_ref).collect();
        let sum = Sum::of(series.iter().copied());
        let found = PERCENTILES.map(|(name, p)| (name, percentile_of(&sum, &series, p)));
        let with_unanswered = unanswered.map(|unanswered| {
            let reached = found.iter().zip(PERCENTILES).map(|((name, known), (_, p))| {
                let reached = match (sum.quantile(p, unanswered), known) {
                    (Some(micros), Some(_)) => Some(Reached::Micros(micros)),
                    (None, _) if unanswered > 0 => Some(Reached::ENDLESS),
                    (Some(_) | None, _) => None,
                };
                (*name, reached)
            });
            WithUnanswered { unanswered, percentiles: reached.collect() }
        });
        let unanswered = unanswered.unwrap_or(0);
        let observed = found.iter().zip(PERCENTILES).map(|((name, found), (_, p))| {
            let enough = (sum.len() + unanswered) as f64 * (1.0 - p) >= BEYOND_OBSERVED_MIN;
            let certainty = found.map_or(Certainty::Unknown, |found| match found.interval_us {
                Some((low, high)) => Certainty::Within(f64::from(low), f64::from(high)),
                None => Certainty::Unknown,
            });
            let known = match sum.quantile(p, unanswered) {
                Some(micros) if enough => Known::Value(f64::from(micros), certainty),
                Some(_) => Known::Nothing,
                None if unanswered > 0 => Known::Endless,
                None => Known::Nothing,
            };
            (*name, known)
        });
        let observed = observed.collect();
        let known = || found.iter().filter_map(|(name, percentile)| Some((*name, (*percentile)?)));
        Self {
            count: sum.len(),
            percentiles: found.iter().map(|(name, found)| (*name, found.map(|p| p.value_us))).collect(),
            max: sum.max(),
            intervals: known().filter_map(|(name, p)| Some((name, p.interval_us?))).collect(),
            independent: known().map(|(name, p)| (name, p.independent as u64)).collect(),
            with_unanswered,
            observed,
        }
    }

    /// Microseconds of a percentile; `None` where it is not known.
    pub fn get(&self, name: &str) -> Option<u32> {
        self.percentiles.get(name).copied().flatten()
    }

    /// Microseconds of a percentile of this run, whether or not another run would have the same.
    pub fn observed(&self, name: &str) -> Option<u32> {
        match self.known(name) {
            Known::Value(micros, _) => Some(micros as u32),
            Known::Endless | Known::Nothing => None,
        }
    }

    /// A percentile as an objective sees it: that of this run, where those without an outcome took longest.
    pub fn known(&self, name: &str) -> Known {
        self.observed.get(name).copied().unwrap_or(Known::Nothing)
    }
}

/// All figures of one group, by name; those without a sample are left out.
pub fn figures(slices: &Slices, from: usize, group: Group) -> BTreeMap<&'static str, LatencySummary> {
    let figures =
        Figure::ALL.into_iter().map(|f| (f.name(), LatencySummary::of(slices, from, f, group, None)));
    figures.filter(|(_, summary)| summary.count > 0).collect()
}
