//! A run in slices of time: what everything that is said about it afterwards is made of.

use std::borrow::Cow;
use std::time::Duration;

use super::batch::{Latencies, WarmUp};
use super::bins::{Distribution, Sum};
use super::kinds::Figure;
use super::warm_up::{self, Cut};
use crate::traffic::scenario::Scenario;

/// The shortest slice, and how many a run has at most.
const SLICE_MIN: Duration = Duration::from_millis(100);
const SLICES_MAX: u32 = 600;

/// How long a slice of a run of this length is.
pub fn slice_length(run: Duration) -> Duration {
    SLICE_MIN.max(run / SLICES_MAX)
}

/// Whose latencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Everybody's.
    All,
    /// Those of one scenario.
    Of(Scenario),
    /// Those of one operator, counted from zero.
    By(usize),
}

/// What happened in one slice.
#[derive(Clone, Debug, Default)]
pub struct Slice {
    /// When it began, in nanoseconds since the run did.
    pub begun_ns: u64,
    /// How long it was.
    pub length_ns: u64,
    /// Arrivals that came due in it.
    pub offered: u64,
    /// Authorizes that had an outcome in it.
    pub completed: u64,
    /// Of those, approved before their deadline.
    pub good: u64,
    /// Responses to what was meant to be sent in the warm-up.
    pub warm_up: WarmUp,
    /// By operator, all scenarios together.
    pub operators: Vec<Latencies>,
    /// By scenario, all operators together.
    pub scenarios: Vec<Latencies>,
}

impl Slice {
    /// The latencies of one figure and group.
    pub fn of(&self, figure: Figure, group: Group) -> Cow<'_, Distribution> {
        let groups: Vec<&Latencies> = match group {
            Group::All => self.operators.iter().collect(),
            Group::Of(scenario) => self.scenarios.get(scenario.index()).into_iter().collect(),
            Group::By(operator) => self.operators.get(operator).into_iter().collect(),
        };
        let measures = figure.measures();
        if let ([latencies], [measure]) = (groups.as_slice(), measures) {
            return Cow::Borrowed(latencies.of(*measure));
        }
        let mut all = Distribution::default();
        for latencies in groups {
            measures.iter().for_each(|measure| all.merge(latencies.of(*measure)));
        }
        Cow::Owned(all)
    }

    /// The mean response in it, warm-up included; `None` where nothing was answered.
    fn mean_us(&self) -> Option<f64> {
        let measured = self.of(Figure::Response, Group::All);
        let count = measured.len() + self.warm_up.count;
        (count > 0).then(|| (measured.total_micros() + self.warm_up.total_us as f64) / count as f64)
    }
}

/// All slices of a run.
#[derive(Clone, Debug, Default)]
pub struct Slices {
    /// In the order of time, warm-up and drain included.
    pub all: Vec<Slice>,
    /// What was meant to be sent before this belongs to the warm-up, as configured; in nanoseconds since the start.
    pub warm_ns: u64,
    /// Nothing was sent after this.
    pub end_ns: u64,
}

/// Where the measured part begins, and why there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// The first slice of it.
    pub from: usize,
    /// The first slice after the warm-up as configured, which is `from` unless MSER-5 found that too short.
    pub asked: usize,
    /// What MSER-5 said.
    pub cut: Cut,
}

impl Slices {
    /// Where the figures begin: where the warm-up ends as configured, or later where MSER-5 finds that it was too short,
    /// yet never later than a quarter into the measured time. Where the rate is meant to change (`flat` is false) only as
    /// configured: what changes with it is no warm-up.
    pub fn measured(&self, flat: bool) -> Measured {
        let sending: Vec<_> = self.all.iter().take_while(|slice| slice.begun_ns < self.end_ns).collect();
        let cut = warm_up::cut(&sending.iter().map(|slice| slice.mean_us()).collect::<Vec<_>>());
        let configured = self.first_at(self.warm_ns);
        let latest = self.first_at(self.warm_ns + self.end_ns.saturating_sub(self.warm_ns) / 4);
        let found = match cut {
            Cut::At(slice) if flat => slice,
            Cut::At(_) | Cut::Never | Cut::TooShort => 0,
        };
        Measured { from: found.clamp(configured, latest.max(configured)), asked: configured, cut }
    }

    fn first_at(&self, ns: u64) -> usize {
        // A slice is cut off where most of it lies in the warm-up; what was measured in it was sent after all.
        self.all.partition_point(|slice| slice.begun_ns + slice.length_ns <= ns)
    }

    /// One figure of one group, slice by slice.
    pub fn series(&self, from: usize, figure: Figure, group: Group) -> Vec<Cow<'_, Distribution>> {
        self.all[from.min(self.all.len())..].iter().map(|slice| slice.of(figure, group)).collect()
    }

    /// The same in one.
    pub fn sum(&self, from: usize, figure: Figure, group: Group) -> Sum {
        Sum::of(self.series(from, figure, group).iter().map(AsRef::as_ref))
    }
}
