//! Turns the driver: on the I/O thread after each poll, or on a thread of its own.
//!
//! Roles are not threads: both ways run the same [`Shell::turn`]. Inline saves a thread hop on machines of up to four
//! cores; a thread of its own lets I/O and decisions overlap where there are more.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError};
use holdfast_journal::Log;
use holdfast_protocol::UnixMillis;
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::driver::Driver;
use crate::driver::Progress;

/// The longest sleep of the driver: how late a wall clock's jump or a statistics reader may be noticed.
const IDLE_MAX: Duration = Duration::from_millis(100);

/// What the shell does between turns besides turning: commands, statistics, the stop.
pub(super) trait Between<L> {
    /// Called before each turn, on the driver's thread. Returns whether the driver shall stop now.
    fn between(&mut self, driver: &mut Driver<L>, now: UnixMillis, at: Instant) -> bool;
}

/// A driver with its clock and with what happens between turns.
#[derive(Debug)]
pub(super) struct Shell<L, B> {
    driver: Driver<L>,
    clock: Arc<Mutex<Clock>>,
    between: B,
}

/// What to do after a turn.
enum Next {
    Again,
    Wait(Duration),
    Stop,
}

impl<L: Log, B: Between<L>> Shell<L, B> {
    /// Puts them together.
    pub(super) const fn new(driver: Driver<L>, clock: Arc<Mutex<Clock>>, between: B) -> Self {
        Self { driver, clock, between }
    }

    fn turn(&mut self) -> Next {
        let now = self.clock.lock().unwrap_or_else(PoisonError::into_inner).now();
        let at = Instant::now();
        if self.between.between(&mut self.driver, now, at) {
            return Next::Stop;
        }
        let progress = self.driver.turn(now, at);
        self.driver.count_turn(at.elapsed());
        match progress {
            Progress::More => Next::Again,
            Progress::Idle => Next::Wait(
                self.driver
                    .next_deadline()
                    .map_or(IDLE_MAX, |due| Duration::from_millis(due.since(now).max(1)).min(IDLE_MAX)),
            ),
        }
    }

    /// Runs on the I/O thread until stopped; returns the driver.
    pub(super) async fn run_inline(mut self, wake: Arc<Notify>) -> Driver<L> {
        loop {
            match self.turn() {
                // The links get their share of the thread between two turns.
                Next::Again => tokio::task::yield_now().await,
                Next::Wait(longest) => {
                    tokio::select! {
                        () = wake.notified() => {}
                        // What came before the deadline may still be with the links: their tasks go first, once.
                        () = tokio::time::sleep(longest) => tokio::task::yield_now().await,
                    }
                }
                Next::Stop => return self.driver,
            }
        }
    }

    /// Runs on this thread until stopped; returns the driver.
    pub(super) fn run_on_thread(mut self, wake: &Receiver<()>) -> Driver<L> {
        loop {
            match self.turn() {
                Next::Again => {}
                Next::Wait(longest) => match wake.recv_timeout(longest) {
                    Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                    // Nobody is left to wake it; time still does.
                    Err(RecvTimeoutError::Disconnected) => std::thread::sleep(longest),
                },
                Next::Stop => return self.driver,
            }
        }
    }
}
