//! What the thread that plays says about one slice of time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use crate::accounting::Counts;
use crate::measure::bins::Distribution;
use crate::steering::Steering;

/// What does not change while a run goes on.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Which command runs.
    pub command: &'static str,
    /// Where the switch listens.
    pub switch: SocketAddr,
    /// Where its journal's figures are read; `None` where the run goes without.
    pub admin: Option<SocketAddr>,
    /// Of the schedule.
    pub seed: u64,
    /// How long is sent before what is measured.
    pub warmup: Duration,
    /// How long is sent and measured.
    pub duration: Duration,
    /// Who sets the rate.
    pub rate: RateBy,
    /// The longest oversleep of the thread that measures hiccups, in microseconds.
    pub hiccup_us: Arc<AtomicU64>,
    /// The number that the kernel gave the thread that plays.
    pub player: i32,
}

/// Who sets the rate of a run, and to how many operations a second where that was asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RateBy {
    /// It is constant: the keys may change it.
    Keys(f64),
    /// The shape multiplies it.
    Shape(f64),
    /// The trace.
    Trace,
    /// The switch, in a closed loop.
    Switch,
    /// The command that the run is made for: no key changes anything but its end.
    Command(f64),
}

/// Where a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Before the measured time.
    #[default]
    WarmUp,
    /// In it.
    Measuring,
    /// Nothing more is sent; what is out ends.
    Draining,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// When the slice ended, in nanoseconds since the run began.
    pub at_ns: u64,
    /// How long it was.
    pub length_ns: u64,
    /// Where the run is.
    pub phase: Phase,
    /// What it is made for; empty where it is made for itself.
    pub errand: String,
    /// What was changed by hand.
    pub steering: Steering,
    /// Arrivals that came due in it.
    pub offered: u64,
    /// Authorizes that had an outcome in it.
    pub completed: u64,
    /// Responses of it, without the warm-up.
    pub responses: Distribution,
    /// The generator's own lag in it.
    pub lag: Distribution,
    /// Endings of the whole run so far.
    pub total: Counts,
    /// Operations without an ending.
    pub in_flight: u64,
}
