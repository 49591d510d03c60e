//! What the screen knows: the latest snapshot, the slices before it, and how they are to be coloured.

use ratatui::style::{Color, Style};

use super::gauges::Gauges;
use super::snapshot::{Setting, Snapshot};
use crate::measure::bins::{Distribution, Sum};

/// Slices that are kept; a run has at most six hundred and its drain a few more.
const SLICES_MAX: usize = 1_000;
/// What is shown as the rate and the percentiles of now: those of so much time.
const NOW_NS: u64 = 1_000_000_000;

/// With colours, or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Palette {
    /// With colours.
    Colours,
    /// Without: `NO_COLOR` is set.
    Plain,
}

impl Palette {
    /// As the environment asks: <https://no-color.org>.
    pub fn of_environment() -> Self {
        Self::of(std::env::var_os("NO_COLOR").as_deref())
    }

    /// As the value of `NO_COLOR` asks; an empty one asks for nothing.
    pub fn of(no_color: Option<&std::ffi::OsStr>) -> Self {
        if no_color.is_some_and(|value| !value.is_empty()) { Self::Plain } else { Self::Colours }
    }

    pub(super) fn ink(self, colour: Color) -> Style {
        match self {
            Self::Colours => Style::default().fg(colour),
            Self::Plain => Style::default(),
        }
    }
}

/// One slice of time as it is drawn.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) achieved_per_s: f64,
    pub(super) p50_us: Option<u32>,
    pub(super) p99_us: Option<u32>,
    pub(super) responses: Distribution,
}

/// See the module.
#[derive(Debug)]
pub struct View {
    setting: Setting,
    pub(super) palette: Palette,
    pub(super) latest: Snapshot,
    pub(super) gauges: Option<Gauges>,
    pub(super) columns: Vec<Column>,
    /// The last second: its slices, with their ends.
    recent: Vec<Snapshot>,
    scratch: Sum,
}

/// Of the last second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Recent {
    pub(super) offered_per_s: f64,
    pub(super) achieved_per_s: f64,
    pub(super) p50_us: Option<u32>,
    pub(super) p99_us: Option<u32>,
    pub(super) lag_p99_us: Option<u32>,
}

impl View {
    /// Nothing has happened yet.
    pub fn new(setting: Setting, palette: Palette) -> Self {
        Self {
            setting,
            palette,
            latest: Snapshot::default(),
            gauges: None,
            columns: Vec::new(),
            recent: Vec::new(),
            scratch: Sum::default(),
        }
    }

    /// What does not change.
    pub const fn setting(&self) -> &Setting {
        &self.setting
    }

    /// Takes one slice.
    pub fn take(&mut self, snapshot: Snapshot) {
        if snapshot.length_ns > 0 {
            let seconds = snapshot.length_ns as f64 / 1e9;
            self.scratch.clear();
            self.scratch.add(&snapshot.responses);
            self.columns.push(Column {
                achieved_per_s: snapshot.completed as f64 / seconds,
                p50_us: self.scratch.quantile(0.5, 0),
                p99_us: self.scratch.quantile(0.99, 0),
                responses: snapshot.responses.clone(),
            });
            if self.columns.len() > SLICES_MAX {
                self.columns.remove(0);
            }
            self.recent.retain(|slice| slice.at_ns + NOW_NS > snapshot.at_ns);
            self.recent.push(snapshot.clone());
        }
        self.latest = snapshot;
    }

    /// Takes what the machine says.
    pub const fn take_gauges(&mut self, gauges: Gauges) {
        self.gauges = Some(gauges);
    }

    /// What the last second was like.
    pub(super) fn recent(&self) -> Recent {
        let length_ns: u64 = self.recent.iter().map(|slice| slice.length_ns).sum();
        if length_ns == 0 {
            return Recent::default();
        }
        let per_second = |count: u64| count as f64 * 1e9 / length_ns as f64;
        let responses = Sum::of(self.recent.iter().map(|slice| &slice.responses));
        let lag = Sum::of(self.recent.iter().map(|slice| &slice.lag));
        Recent {
            offered_per_s: per_second(self.recent.iter().map(|slice| slice.offered).sum()),
            achieved_per_s: per_second(self.recent.iter().map(|slice| slice.completed).sum()),
            p50_us: responses.quantile(0.5, 0),
            p99_us: responses.quantile(0.99, 0),
            lag_p99_us: lag.quantile(0.99, 0),
        }
    }

    /// The slices in at most so many columns, each of the same count of slices, the last perhaps of fewer.
    pub(super) fn squeezed(&self, width: usize) -> impl Iterator<Item = &[Column]> {
        let of_one = self.columns.len().div_ceil(width.max(1)).max(1);
        self.columns.chunks(of_one)
    }
}
