//! When and where to dial next.

use std::time::Duration;

/// Pauses between attempts: exponential, jittered so that a thousand participants do not come back at once.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    /// Pauses from about `first`, doubling up to `longest`.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0 }
    }

    /// How many attempts failed since the last success.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// An attempt succeeded: the next pause is short again.
    pub const fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// An attempt failed. The pause before the next one is between half of the step and the whole of it; `random` is
    /// any number.
    pub fn failed(&mut self, random: u32) -> Duration {
        let step = self.first.saturating_mul(1 << self.failures.min(20)).min(self.longest);
        self.failures = self.failures.saturating_add(1);
        let half = step / 2;
        half + half.mul_f64(f64::from(random) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_keep_their_jitter() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(100), ms(1_000));
        let shortest: Vec<_> = (0..6).map(|_| backoff.failed(0).as_millis()).collect();
        assert_eq!(shortest, [50, 100, 200, 400, 500, 500]);
        assert_eq!(backoff.failed(u32::MAX), ms(1_000));
        backoff.succeeded();
        assert_eq!(backoff.failed(u32::MAX), ms(100));
    }
}
