//! The switch's time: never backwards, not even over a restart.
//!
//! Time is `max(last journaled time, start + monotonic)`. The wall clock is read once at the start and then only
//! compared: a difference is slewed by at most one part in a hundred, so that a wall clock set by hand expires nothing
//! by itself.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use holdfast_protocol::UnixMillis;

/// A wall clock further away than this is an alarm.
pub const ALARM_MS: u64 = 1_000;

/// Reads the time for everything in this process.
#[derive(Debug)]
pub struct Clock {
    started: Instant,
    timeline: Timeline,
}

/// The wall clock, in microseconds since 1970; zero where it stands before that.
fn wall_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// A span in whole milliseconds, as logs and reports have it.
pub fn whole_ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

impl Clock {
    /// Starts with the wall clock, or with the last journaled time where that is later.
    pub fn start(last_journaled: UnixMillis) -> Self {
        Self { started: Instant::now(), timeline: Timeline::start(wall_us(), last_journaled) }
    }

    fn elapsed_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// The time now.
    pub fn now(&mut self) -> UnixMillis {
        self.timeline.now(self.elapsed_us())
    }

    /// Moves a little towards the wall clock and returns by how many milliseconds they differ, positive where the
    /// wall clock is ahead. Called about once a second.
    pub fn slew(&mut self) -> i64 {
        self.timeline.slew(self.elapsed_us(), wall_us())
    }
}

/// The clock's arithmetic: microseconds since the start and those of the wall clock are handed in.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// The time that belongs to the start, with all slewing so far, in microseconds.
    base_us: u64,
    slewed_at_us: u64,
    floor: UnixMillis,
}

impl Timeline {
    /// See [`Clock::start`].
    pub fn start(wall_us: u64, last_journaled: UnixMillis) -> Self {
        // Where the last journaled time is ahead, time runs on from it and is slewed back: were it only a floor, time
        // would stand still until the wall clock caught up, and no deadline would come.
        let base_us = wall_us.max(last_journaled.get().saturating_mul(1_000));
        Self { base_us, slewed_at_us: 0, floor: last_journaled }
    }

    /// See [`Clock::now`].
    pub fn now(&mut self, elapsed_us: u64) -> UnixMillis {
        let now = UnixMillis::from_48_bits(self.base_us.saturating_add(elapsed_us) / 1_000);
        self.floor = self.floor.max(now);
        self.floor
    }

    /// See [`Clock::slew`].
    pub fn slew(&mut self, elapsed_us: u64, wall_us: u64) -> i64 {
        let ours = self.base_us.saturating_add(elapsed_us);
        let since = elapsed_us.saturating_sub(self.slewed_at_us);
        self.slewed_at_us = elapsed_us;
        let step = wall_us.abs_diff(ours).min(since / 100);
        // Our own time must not step back: it only runs slower, since the step is a fraction of what has passed.
        self.base_us = if wall_us > ours { self.base_us + step } else { self.base_us.saturating_sub(step) };
        let difference = i64::try_from(wall_us.abs_diff(ours) / 1_000).unwrap_or(i64::MAX);
        if wall_us > ours { difference } else { -difference }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_runs_on_from_the_last_journaled_time_where_the_wall_clock_was_set_back() {
        let ahead = UnixMillis::from_48_bits(wall_us() / 1_000).plus(3_600_000);
        let mut clock = Clock::start(ahead);
        let first = clock.now();
        assert!(first >= ahead);
        while clock.now() == first {
            std::hint::spin_loop();
        }
        assert!(clock.now() > first, "time does not stand still");
        assert!(clock.slew() < -3_500_000, "and the difference is an alarm");
    }
}
