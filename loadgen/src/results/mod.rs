//! Everything a run leaves behind, for programs: `summary.json` with the figures, and `run.json` with these and what
//! pictures are made from. A report can be made from `run.json` alone.
//!
//! Fields are added, never changed in meaning; a change of meaning raises the schema's version.

pub mod head;
pub mod latency;
pub(crate) mod place;
mod publish;
pub mod series;
pub mod summary;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::drill::{DrillSummary, Outage};
use crate::measure::kinds::Figure;
use crate::measure::slices::Slices;
pub use publish::{publish, say, tell};
use series::{HeatMap, Point, Step};
use summary::Summary;

/// The content of `run.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Results<'a> {
    /// What `summary.json` holds, its version included.
    pub summary: &'a Summary,
    /// The run over time.
    pub points: Vec<Point>,
    /// Responses over time and by length.
    pub heat_map: HeatMap,
    /// Percentile spectrum of response and service.
    pub spectrum: BTreeMap<&'static str, Vec<Step>>,
    /// From each fault of a drill until everybody was served and approved again.
    pub kills: Vec<Outage>,
}

impl<'a> Results<'a> {
    /// Of a run; figures count from the slice `from` on.
    pub fn new(summary: &'a Summary, slices: &Slices, from: usize) -> Self {
        let spectra =
            [Figure::Response, Figure::Service].map(|f| (f.name(), series::spectrum(slices, from, f)));
        Self {
            summary,
            points: Point::all(slices, from),
            heat_map: HeatMap::of(slices),
            spectrum: BTreeMap::from(spectra),
            kills: summary.drill.as_ref().map_or_else(Vec::new, DrillSummary::outages),
        }
    }
}
