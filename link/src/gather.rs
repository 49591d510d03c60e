//! A busy thread of links pauses before it waits, as a network adapter holds back its interrupts: what comes meanwhile is
//! taken at once.
//!
//! Each time such a thread wakes, it reads what is there, has it decided, and sends what follows on every link. Under a
//! load that leaves it gaps of microseconds it wakes for every few packets, and spends more on calls of the system than at
//! the highest rate, where it never waits. A thread that is awake for a smaller share of its time than it is told does not pause
//! (pauses count as sleep, so a busy one pauses now and then rather than always): a single request is taken when it comes.
//!
//! Invariant: it pauses only with nothing to do, and once before it waits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Builder;

/// What was seen before counts for so many eighths when the thread waits again.
const KEPT_EIGHTHS: u32 = 7;

/// Has the thread of this runtime pause for so long (zero: never) while it is awake for more than so many percent of its time.
pub fn gather(runtime: &mut Builder, pause: Duration, busy_percent: u32) {
    if pause.is_zero() {
        return;
    }
    let waiting = Arc::new(Mutex::new(Share::new(Instant::now(), busy_percent)));
    let waking = Arc::clone(&waiting);
    runtime.on_thread_park(move || {
        if locked(&waiting).waits(Instant::now()) {
            std::thread::sleep(pause);
        }
    });
    runtime.on_thread_unpark(move || locked(&waking).wakes(Instant::now()));
}

fn locked(share: &Mutex<Share>) -> MutexGuard<'_, Share> {
    share.lock().unwrap_or_else(PoisonError::into_inner)
}

/// For how much of the last dozens of rounds a thread was awake.
#[derive(Debug)]
struct Share {
    /// When it last woke or began to wait.
    since: Instant,
    awake: Duration,
    asleep: Duration,
    busy_percent: u32,
}

impl Share {
    const fn new(now: Instant, busy_percent: u32) -> Self {
        Self { since: now, awake: Duration::ZERO, asleep: Duration::ZERO, busy_percent }
    }

    /// The thread has nothing to do. Says whether it is a busy one.
    fn waits(&mut self, now: Instant) -> bool {
        self.awake = self.awake * KEPT_EIGHTHS / 8 + now.saturating_duration_since(self.since);
        self.since = now;
        self.awake * 100 > (self.awake + self.asleep) * self.busy_percent
    }

    fn wakes(&mut self, now: Instant) {
        self.asleep = self.asleep * KEPT_EIGHTHS / 8 + now.saturating_duration_since(self.since);
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether it pauses in each of so many rounds, in which it is awake and asleep for so many microseconds.
    fn rounds(share: &mut Share, rounds: usize, awake: u64, asleep: u64) -> Vec<bool> {
        let round = |_| {
            let waits = share.since + Duration::from_micros(awake);
            let pauses = share.waits(waits);
            share.wakes(waits + Duration::from_micros(asleep));
            pauses
        };
        (0..rounds).map(round).collect()
    }

    #[test]
    fn only_a_thread_that_is_awake_most_of_the_time_pauses() {
        let mut share = Share::new(Instant::now(), 66);
        let single = rounds(&mut share, 100, 60, 100);
        assert!(!single[1..].contains(&true), "{single:?}");
        let busy = rounds(&mut share, 100, 60, 10);
        assert!(busy[30..].iter().all(|pauses| *pauses), "{busy:?}");
        let again = rounds(&mut share, 100, 60, 100);
        assert!(!again[30..].contains(&true), "{again:?}");
    }

    #[test]
    fn one_long_turn_makes_no_busy_thread_for_long() {
        let mut share = Share::new(Instant::now(), 66);
        rounds(&mut share, 100, 20, 100);
        rounds(&mut share, 1, 5_000, 100);
        let after = rounds(&mut share, 60, 20, 100);
        assert!(!after[40..].contains(&true), "{after:?}");
    }

    #[test]
    fn a_thread_that_gathers_still_takes_what_comes() {
        let mut runtime = Builder::new_current_thread();
        gather(&mut runtime, Duration::from_micros(50), 0);
        let runtime = runtime.enable_all().build().unwrap();
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let other = std::thread::spawn(move || sender.send(7).unwrap());
        assert_eq!(runtime.block_on(receiver).unwrap(), 7);
        other.join().unwrap();
    }
}
