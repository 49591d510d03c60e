//! The journal from outside: over real files, over storage that forgets, and when things go wrong.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod faults;
mod files;
mod power_cut;
mod records;
mod stage;
mod threads;

use std::time::{Duration, Instant};

/// Waits for the journal's threads, for what it is called.
fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(20), "waited too long for: {what}");
        std::thread::yield_now();
    }
}
