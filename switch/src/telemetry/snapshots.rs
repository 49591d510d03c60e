//! What the thread that makes snapshots says of itself, and how the scrape tells it.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::page::Page;

/// See the module. Written by one thread, read by any.
#[derive(Debug)]
pub struct SnapshotTally(Mutex<Snapshots>);

/// What was made since the start.
#[derive(Clone, Debug)]
pub struct Snapshots {
    /// How many.
    pub made: u64,
    /// How often none could be made.
    pub failures: u64,
    /// Why, where the last try failed.
    pub failing: Option<String>,
    /// Length of the newest in bytes; zero before the first.
    pub bytes: u64,
    /// When the newest was made, or the process started.
    since: Instant,
}

impl Default for SnapshotTally {
    fn default() -> Self {
        let since = Instant::now();
        Self(Mutex::new(Snapshots { made: 0, failures: 0, failing: None, bytes: 0, since }))
    }
}

impl Snapshots {
    /// With those of another partition; the oldest is the one that a start waits for.
    #[must_use]
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            made: self.made.saturating_add(other.made),
            failures: self.failures.saturating_add(other.failures),
            failing: self.failing.or(other.failing),
            bytes: self.bytes.saturating_add(other.bytes),
            since: self.since.min(other.since),
        }
    }
}

impl SnapshotTally {
    fn change(&self, change: impl FnOnce(&mut Snapshots)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// One of so many bytes was made.
    pub fn made(&self, bytes: u64) {
        self.change(|said| {
            said.made = said.made.saturating_add(1);
            (said.failing, said.bytes, said.since) = (None, bytes, Instant::now());
        });
    }

    /// None was made, and why.
    pub fn failed(&self, why: String) {
        self.change(|said| {
            said.failures = said.failures.saturating_add(1);
            said.failing = Some(why);
        });
    }

    /// How it stands.
    pub fn get(&self) -> Snapshots {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

pub(super) fn snapshots(said: &Snapshots, page: &mut Page<'_>) -> fmt::Result {
    page.count("holdfast_snapshots_made", "Snapshots made since the start.", said.made)?;
    page.count("holdfast_snapshot_failures", "Tries to make a snapshot that failed.", said.failures)?;
    let help = "Length of the newest snapshot made since the start.";
    page.level("holdfast_snapshot_bytes", help, said.bytes as f64)?;
    let help = "Since a snapshot was made, or since the start where none was.";
    page.level("holdfast_snapshot_age_seconds", help, said.since.elapsed().as_secs_f64())
}
