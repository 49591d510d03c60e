//! Many seeds, on several threads.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::planted::Planted;
use super::summary::Summary;
use super::{Failure, Telling, play};

/// Which seeds, and how.
#[derive(Clone, Copy, Debug)]
pub struct Hunt {
    /// The first.
    pub from: u64,
    /// How many.
    pub seeds: u64,
    /// What is planted.
    pub planted: Option<Planted>,
    /// How many at once.
    pub threads: usize,
}

/// Plays them all, unless one fails; `done` is called after each, from any thread.
///
/// # Errors
/// Of those that failed the one with the lowest seed. What was played until then is in the summary.
pub fn hunt(hunt: Hunt, done: impl Fn(u64) + Sync) -> (Summary, Option<Box<Failure>>) {
    let (next, failed) = (AtomicU64::new(0), AtomicBool::new(false));
    let found: Mutex<(Summary, Option<Box<Failure>>)> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..hunt.threads.max(1) {
            scope.spawn(|| {
                while !failed.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= hunt.seeds {
                        return;
                    }
                    let result = play(hunt.from.wrapping_add(at), hunt.planted, Telling::Quiet);
                    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                    match result {
                        Ok(course) => found.0.add(&course),
                        Err(failure) => {
                            failed.store(true, Ordering::Relaxed);
                            if found.1.as_ref().is_none_or(|other| failure.seed < other.seed) {
                                found.1 = Some(failure);
                            }
                        }
                    }
                    done(at);
                }
            });
        }
    });
    found.into_inner().unwrap_or_else(PoisonError::into_inner)
}
