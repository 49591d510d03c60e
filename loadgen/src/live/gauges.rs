//! What the machine and the switch's journal say about themselves, read by the thread that draws: what the thread that plays
//! must not spend time on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::snapshot::Setting;
use crate::admin;
use crate::machine;

/// How often they are read.
const EVERY: Duration = Duration::from_secs(1);
/// A switch that says nothing about its journal for this long is asked again later.
const PATIENCE: Duration = Duration::from_millis(300);

/// The figures.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gauges {
    /// Share of the time in which the thread that plays ran.
    pub ran_share: f64,
    /// Share in which it could have run and had no processor.
    pub waited_share: f64,
    /// The longest oversleep of a thread that asks for a millisecond, in microseconds.
    pub hiccup_us: u64,
    /// Datagrams dropped since the screen was begun.
    pub udp_drops: u64,
    /// Syncs of the journal a second; `None` where they are not known.
    pub syncs_per_s: Option<f64>,
}

/// Reads them.
#[derive(Debug)]
pub(super) struct Meter {
    player: i32,
    hiccup_us: Arc<AtomicU64>,
    admin: Option<SocketAddr>,
    runtime: Option<tokio::runtime::Runtime>,
    last: Option<Reading>,
    drops_before: u64,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    at: Instant,
    thread: machine::ThreadTime,
    syncs: Option<f64>,
}

impl Meter {
    pub(super) fn new(setting: &Setting) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Self {
            player: setting.player,
            hiccup_us: Arc::clone(&setting.hiccup_us),
            admin: setting.admin,
            runtime: runtime.ok(),
            last: None,
            drops_before: machine::udp_drops(),
        }
    }

    /// New figures, where it is time for them.
    pub(super) fn read(&mut self) -> Option<Gauges> {
        let at = Instant::now();
        if self.last.is_some_and(|last| at.duration_since(last.at) < EVERY) {
            return None;
        }
        let reading = Reading { at, thread: machine::time_of_thread(self.player), syncs: self.syncs() };
        let last = self.last.replace(reading)?;
        let seconds = at.duration_since(last.at).as_secs_f64();
        let share = |now: Duration, then: Duration| now.saturating_sub(then).as_secs_f64() / seconds;
        let syncs = reading.syncs.zip(last.syncs);
        Some(Gauges {
            ran_share: share(reading.thread.ran, last.thread.ran),
            waited_share: share(reading.thread.waited, last.thread.waited),
            hiccup_us: self.hiccup_us.load(Ordering::Relaxed),
            udp_drops: machine::udp_drops().saturating_sub(self.drops_before),
            // A switch that was restarted counts from zero again.
            syncs_per_s: syncs.map(|(now, then)| if now < then { now } else { now - then } / seconds),
        })
    }

    fn syncs(&self) -> Option<f64> {
        let (address, runtime) = (self.admin?, self.runtime.as_ref()?);
        let read = runtime.block_on(async { tokio::time::timeout(PATIENCE, admin::journal(address)).await });
        Some(read.ok()?.ok()?.syncs)
    }
}
