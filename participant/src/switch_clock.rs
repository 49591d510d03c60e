//! The switch's time, as far as a participant can know it.
//!
//! Ids and expiries are stamped in switch time, so that a participant whose own clock is wrong is not refused. The
//! monotonic clock is handed in; only the convenience [`SwitchClock::now`] reads it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use holdfast_protocol::UnixMillis;

/// Follows the switch's time from the times it sends. Shared by both halves of a link without a lock.
#[derive(Debug)]
pub struct SwitchClock {
    anchor: Instant,
    /// The switch's time at the anchor, in milliseconds.
    at_anchor: AtomicU64,
    /// The round trip of the sample in use, in microseconds.
    round_trip_us: AtomicU64,
}

impl SwitchClock {
    /// From the first time the switch sent, in answer to something sent at `sent`.
    pub fn new(sent: Instant, received: Instant, time: UnixMillis) -> Self {
        let clock = Self {
            anchor: sent,
            at_anchor: AtomicU64::new(time.get()),
            round_trip_us: AtomicU64::new(u64::MAX),
        };
        clock.sample(sent, received, time);
        clock
    }

    /// Takes another time of the switch into account. A sample with a long round trip says little and is passed over,
    /// unless nothing better has come for a while.
    pub fn sample(&self, sent: Instant, received: Instant, time: UnixMillis) {
        let round_trip = received.saturating_duration_since(sent);
        let round_trip_us = u64::try_from(round_trip.as_micros()).unwrap_or(u64::MAX);
        let best = self.round_trip_us.load(Ordering::Relaxed);
        if round_trip_us > best {
            // The best sample ages: a route that has become slower is followed in the end.
            self.round_trip_us.store(best.saturating_add(best / 8 + 100), Ordering::Relaxed);
            return;
        }
        let middle = sent + round_trip / 2;
        let at_anchor = time.minus(millis_between(self.anchor, middle));
        self.at_anchor.store(at_anchor.get(), Ordering::Relaxed);
        self.round_trip_us.store(round_trip_us, Ordering::Relaxed);
    }

    /// The switch's time at an instant. It may step back by what two samples differ.
    pub fn at(&self, instant: Instant) -> UnixMillis {
        UnixMillis::from_48_bits(self.at_anchor.load(Ordering::Relaxed))
            .plus(millis_between(self.anchor, instant))
    }

    /// The switch's time now.
    pub fn now(&self) -> UnixMillis {
        self.at(Instant::now())
    }
}

fn millis_between(earlier: Instant, later: Instant) -> u64 {
    u64::try_from(later.saturating_duration_since(earlier).as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(ms: u64) -> UnixMillis {
        UnixMillis::new(ms).unwrap()
    }

    #[test]
    fn switch_time_runs_from_the_middle_of_the_round_trip() {
        let start = Instant::now();
        let clock = SwitchClock::new(start, start + Duration::from_millis(10), at(1_000_000));
        assert_eq!(clock.at(start + Duration::from_millis(5)), at(1_000_000));
        assert_eq!(clock.at(start + Duration::from_millis(1_005)), at(1_001_000));
    }

    #[test]
    fn a_slow_sample_is_passed_over_and_a_slower_route_is_followed_in_the_end() {
        let start = Instant::now();
        let clock = SwitchClock::new(start, start + Duration::from_millis(2), at(1_000_000));
        let slow = |n: u64| {
            (start + Duration::from_secs(n), start + Duration::from_secs(n) + Duration::from_millis(40))
        };
        let (sent, received) = slow(1);
        clock.sample(sent, received, at(9_000_000));
        assert_eq!(clock.at(start + Duration::from_millis(1)), at(1_000_000));
        for n in 2..60 {
            let (sent, received) = slow(n);
            clock.sample(sent, received, at(2_000_000 + n * 1_000 + 20));
        }
        assert_eq!(clock.at(start + Duration::from_secs(60)), at(2_060_000));
    }
}
