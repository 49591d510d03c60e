//! A run over time, for pictures.

use serde::Serialize;

use crate::measure::bins::{Distribution, Sum};
use crate::measure::kinds::Figure;
use crate::measure::percentile::percentile_of;
use crate::measure::slices::{Group, Slice, Slices};

/// One slice of time. Its percentiles are those of the few samples in it: good for a picture, not for a judgement.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    /// When it began, in seconds since the run did.
    pub at_s: f64,
    /// How long it was.
    pub length_s: f64,
    /// Whether its samples count.
    pub measured: bool,
    /// Arrivals a second.
    pub offered_per_s: f64,
    /// Outcomes a second.
    pub achieved_per_s: f64,
    /// Approvals in time, a second.
    pub goodput_per_s: f64,
    /// Microseconds.
    pub response_p50_us: Option<u32>,
    /// Microseconds.
    pub response_p99_us: Option<u32>,
    /// Microseconds.
    pub response_max_us: Option<u32>,
    /// Microseconds.
    pub service_p99_us: Option<u32>,
    /// Microseconds.
    pub lag_p99_us: Option<u32>,
}

impl Point {
    fn of(slice: &Slice, measured: bool) -> Self {
        let length_s = slice.length_ns as f64 / 1e9;
        let per_second = |count: u64| if length_s > 0.0 { count as f64 / length_s } else { 0.0 };
        let sum = |figure| Sum::of([slice.of(figure, Group::All).as_ref()]);
        let (response, service, lag) = (sum(Figure::Response), sum(Figure::Service), sum(Figure::Lag));
        Self {
            at_s: slice.begun_ns as f64 / 1e9,
            length_s,
            measured,
            offered_per_s: per_second(slice.offered),
            achieved_per_s: per_second(slice.completed),
            goodput_per_s: per_second(slice.good),
            response_p50_us: response.quantile(0.5, 0),
            response_p99_us: response.quantile(0.99, 0),
            response_max_us: response.quantile(1.0, 0),
            service_p99_us: service.quantile(0.99, 0),
            lag_p99_us: lag.quantile(0.99, 0),
        }
    }

    /// The first line of `series.csv`.
    pub const CSV_HEAD: &'static str = "at_s,length_s,measured,offered_per_s,achieved_per_s,goodput_per_s,\
                                        response_p50_us,response_p99_us,response_max_us,service_p99_us,lag_p99_us";

    /// A line of `series.csv`; empty between commas where there is no value.
    pub fn csv(&self) -> String {
        let rates =
            [self.offered_per_s, self.achieved_per_s, self.goodput_per_s].map(|rate| format!("{rate:.1}"));
        let latencies = [
            self.response_p50_us,
            self.response_p99_us,
            self.response_max_us,
            self.service_p99_us,
            self.lag_p99_us,
        ];
        let latencies = latencies.map(|micros| micros.map_or_else(String::new, |micros| micros.to_string()));
        let (at_s, length_s) = (self.at_s, self.length_s);
        format!("{at_s:.3},{length_s:.3},{},{},{}", self.measured, rates.join(","), latencies.join(","))
    }

    /// Every slice of a run.
    pub fn all(slices: &Slices, from: usize) -> Vec<Self> {
        slices.all.iter().enumerate().map(|(index, slice)| Self::of(slice, index >= from)).collect()
    }
}

/// Responses over time and by length.
#[derive(Clone, Debug, Serialize)]
pub struct HeatMap {
    /// The longest latency of each row in microseconds, ascending; sixteen rows to a factor of ten.
    pub rows_us: Vec<u32>,
    /// Counts by slice, then by row.
    pub counts: Vec<Vec<u64>>,
}

const ROWS_OF_TEN: f64 = 16.0;

impl HeatMap {
    /// Every slice of a run.
    pub fn of(slices: &Slices) -> Self {
        let longest = slices.sum(0, Figure::Response, Group::All).max();
        let rows = row_of(longest) + 1;
        let rows_us =
            (0..rows).map(|row| 10_f64.powf((row + 1) as f64 / ROWS_OF_TEN).floor() as u32).collect();
        let counts = slices.all.iter().map(|slice| {
            let mut counts = vec![0; rows];
            for (micros, count) in Sum::of([slice.of(Figure::Response, Group::All).as_ref()]).entries() {
                counts[row_of(micros)] += count;
            }
            counts
        });
        Self { rows_us, counts: counts.collect() }
    }
}

fn row_of(micros: u32) -> usize {
    (f64::from(micros.max(1)).log10() * ROWS_OF_TEN) as usize
}

/// A point of the percentile spectrum.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Step {
    /// 0 to 1.
    pub p: f64,
    /// Microseconds.
    pub value_us: u32,
    /// From and to, where there is an interval.
    pub interval_us: Option<(u32, u32)>,
}

const SPECTRUM: [f64; 16] =
    [0.1, 0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999, 0.99999];

/// As far as the run has enough independent samples.
pub fn spectrum(slices: &Slices, from: usize, figure: Figure) -> Vec<Step> {
    let series = slices.series(from, figure, Group::All);
    let series: Vec<&Distribution> = series.iter().map(AsRef::as_ref).collect();
    let sum = Sum::of(series.iter().copied());
    let found = SPECTRUM.into_iter().filter_map(|p| percentile_of(&sum, &series, p));
    found.map(|found| Step { p: found.p, value_us: found.value_us, interval_us: found.interval_us }).collect()
}
