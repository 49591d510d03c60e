//! Where the arrivals of a run come from. Everything else of a run is the same.

use std::sync::Arc;
use std::time::Duration;

use crate::trace::{Replayed, Trace, TraceError, at_speed};
use crate::traffic::arrivals::Arrivals;
use crate::traffic::schedule::{Schedule, ScheduleSettings};

/// See the module.
#[derive(Clone, Debug)]
pub enum Source {
    /// Schedules, drawn while they are sent.
    Drawn(Box<ScheduleSettings>),
    /// A trace.
    Trace {
        /// Checked.
        trace: Arc<Trace>,
        /// How many times faster than it was made.
        speed: f64,
    },
}

impl Source {
    /// The arrivals of an operator, counted from zero, that come before `until_ns`.
    pub fn arrivals(&self, operator: u32, until_ns: u64) -> Arrivals {
        match self {
            Self::Drawn(settings) => Schedule::new(settings, operator).into(),
            Self::Trace { trace, speed } => {
                Replayed::new(Arc::clone(trace), operator, *speed, until_ns).into()
            }
        }
    }

    /// How long follow-ups come after the last arrival, besides those that follow their answers at once.
    pub(super) fn tail(&self) -> Duration {
        match self {
            Self::Drawn(_) => Duration::ZERO,
            Self::Trace { trace, speed } => Duration::from_nanos(at_speed(trace.totals.tail_ns, *speed)),
        }
    }

    /// How long after its authorize a follow-up may come that has a time of its own, in milliseconds.
    pub(super) fn longest_ms(&self) -> u64 {
        match self {
            Self::Drawn(_) => 0,
            Self::Trace { trace, speed } => at_speed(trace.totals.longest_ns, *speed).div_ceil(1_000_000),
        }
    }

    /// What is wrong with where they come from, once: then no more come.
    pub(super) fn fault(&self) -> Option<TraceError> {
        match self {
            Self::Drawn(_) => None,
            Self::Trace { trace, .. } => trace.fault(),
        }
    }

    /// Whether the rate is meant to stay what it is.
    pub fn is_flat(&self) -> bool {
        match self {
            Self::Drawn(settings) => settings.shape.is_flat(),
            Self::Trace { trace, .. } => trace.header.flat,
        }
    }

    /// Arrivals that it has between two times of the run; zero in a closed loop.
    pub fn planned(&self, from_ns: u64, until_ns: u64) -> f64 {
        match self {
            Self::Drawn(settings) => settings.planned(from_ns, until_ns),
            Self::Trace { trace, speed } => {
                let of_operator = |operator| {
                    let arrivals = Replayed::at_once(Arc::clone(trace), operator, *speed, until_ns);
                    arrivals.filter(|arrival| arrival.at_ns >= from_ns).count()
                };
                (0..trace.header.operators).map(of_operator).sum::<usize>() as f64
            }
        }
    }
}
