//! An M/M/1 queue in virtual time, whose percentiles are known: what the statistics are tested against.

use super::bins::{Bins, Distribution};
use crate::random::Random;

/// Clients who come at random to one server who takes a random time for each.
pub(crate) struct Queue {
    random: Random,
    arrivals_per_s: f64,
    served_per_s: f64,
    arrived_ns: f64,
    free_ns: f64,
    now_ns: f64,
}

impl Queue {
    pub(crate) fn new(seed: u64, arrivals_per_s: f64, served_per_s: f64) -> Self {
        let random = Random::new(seed, 77);
        Self { random, arrivals_per_s, served_per_s, arrived_ns: 0.0, free_ns: 0.0, now_ns: 0.0 }
    }

    /// The true latency that a share `p` of all clients does not exceed: time in the system is exponential.
    pub(crate) fn quantile_us(&self, p: f64) -> f64 {
        -(1.0 - p).ln() / (self.served_per_s - self.arrivals_per_s) * 1e6
    }

    /// The latencies of those who arrive in the next slice.
    pub(crate) fn slice(&mut self, length_ns: u64) -> Distribution {
        let mut bins = Bins::default();
        self.now_ns += length_ns as f64;
        while self.arrived_ns < self.now_ns {
            self.arrived_ns -= self.random.unit().ln() / self.arrivals_per_s * 1e9;
            let begins_ns = self.free_ns.max(self.arrived_ns);
            self.free_ns = begins_ns - self.random.unit().ln() / self.served_per_s * 1e9;
            bins.add(((self.free_ns - self.arrived_ns) / 1_000.0) as u32, 1);
        }
        bins.take()
    }
}
