//! The load as a person changes it by hand while it is offered: faster, slower, paused.
//!
//! What was changed stands in the results, and no measurement with such a change is called valid: it cannot be made again from
//! its seed. While the load is paused arrivals are neither sent nor shed: they do not come.

use serde::Serialize;

/// By how much one key press changes the rate.
const STEP: f64 = 1.1;
/// Farther from the rate that was asked for it does not go.
const FACTOR_MAX: f64 = 10.0;

/// What a person asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// A tenth more.
    Faster,
    /// As much less as [`Self::Faster`] undoes.
    Slower,
    /// Nothing until the same is asked for again.
    Pause,
    /// The end, in good order.
    Quit,
}

/// How the load differs now from what was asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steering {
    /// On the rate.
    pub factor: f64,
    /// Nothing is offered.
    pub paused: bool,
}

impl Default for Steering {
    fn default() -> Self {
        Self { factor: 1.0, paused: false }
    }
}

/// A change, as the results have it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Seconds since the run began.
    pub at_s: f64,
    /// From then on, on the rate that was asked for.
    pub factor: f64,
    /// From then on nothing was offered.
    pub paused: bool,
}

/// Every change of a run.
#[derive(Clone, Debug, Default)]
pub struct ByHand {
    changes: Vec<(u64, Steering)>,
}

impl ByHand {
    /// How the load is to be now.
    pub fn now(&self) -> Steering {
        self.changes.last().map(|(_, steering)| *steering).unwrap_or_default()
    }

    /// Follows an order, in nanoseconds since the run began; whether anything changes. Without `steerable` the rate stays.
    pub fn follow(&mut self, at_ns: u64, order: Order, steerable: bool) -> bool {
        let now = self.now();
        let bounded = |factor: f64| factor.clamp(1.0 / FACTOR_MAX, FACTOR_MAX);
        let next = match order {
            Order::Faster if steerable => Steering { factor: bounded(now.factor * STEP), ..now },
            Order::Slower if steerable => Steering { factor: bounded(now.factor / STEP), ..now },
            Order::Pause => Steering { paused: !now.paused, ..now },
            Order::Faster | Order::Slower | Order::Quit => now,
        };
        if next == now {
            return false;
        }
        self.changes.push((at_ns, next));
        true
    }

    /// Whether nothing was changed.
    pub const fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The mean factor between two moments, where a pause counts as none.
    pub fn mean(&self, from_ns: u64, until_ns: u64) -> f64 {
        if until_ns <= from_ns {
            return 1.0;
        }
        let begin = std::iter::once((0, Steering::default())).chain(self.changes.iter().copied());
        let ends = self.changes.iter().map(|(at_ns, _)| *at_ns).chain([u64::MAX]);
        let sum: f64 = begin
            .zip(ends)
            .map(|((at_ns, steering), end_ns)| {
                let length_ns = end_ns.min(until_ns).saturating_sub(at_ns.max(from_ns));
                let factor = if steering.paused { 0.0 } else { steering.factor };
                factor * length_ns as f64
            })
            .sum();
        sum / (until_ns - from_ns) as f64
    }

    /// For the results.
    pub fn changes(&self) -> Vec<Change> {
        let change = |(at_ns, s): &(u64, Steering)| Change {
            at_s: (*at_ns / 1_000_000) as f64 / 1_000.0,
            factor: s.factor,
            paused: s.paused,
        };
        self.changes.iter().map(change).collect()
    }

    /// In words; `None` where nothing was changed.
    pub fn remark(&self) -> Option<String> {
        let (first, _) = self.changes.first()?;
        let (last, now) = self.changes.last()?;
        let seconds = |ns: &u64| *ns as f64 / 1e9;
        let times = if self.changes.len() == 1 { "once" } else { "several times" };
        Some(format!(
            "the load was changed by hand {times} between {:.1} and {:.1} s, at last to {:.2} times the rate{}",
            seconds(first),
            seconds(last),
            now.factor,
            if now.paused { ", paused" } else { "" }
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(orders: &[(u64, Order)]) -> ByHand {
        let mut by_hand = ByHand::default();
        orders.iter().for_each(|(at_ns, order)| assert!(by_hand.follow(*at_ns, *order, true)));
        by_hand
    }

    #[test]
    fn slower_undoes_faster_and_a_second_pause_goes_on() {
        let by_hand =
            follow(&[(10, Order::Faster), (20, Order::Slower), (30, Order::Pause), (40, Order::Pause)]);
        assert_eq!(by_hand.now(), Steering::default());
        assert_eq!(by_hand.changes().len(), 4);
        assert!(by_hand.remark().is_some_and(|remark| remark.contains("several times")));
    }

    #[test]
    fn the_rate_has_bounds_and_may_not_be_ours_to_change() {
        let mut by_hand = ByHand::default();
        for order in [Order::Faster, Order::Slower, Order::Quit] {
            assert!(!by_hand.follow(5, order, false));
        }
        assert!(by_hand.is_empty() && by_hand.remark().is_none());
        let changes = (0..100).filter(|at_ns| by_hand.follow(*at_ns, Order::Faster, true)).count();
        assert!((20..30).contains(&changes) && by_hand.now().factor == FACTOR_MAX);
    }

    #[test]
    fn the_mean_weighs_each_factor_with_its_time() {
        let by_hand = follow(&[(100, Order::Faster), (200, Order::Pause), (300, Order::Pause)]);
        let near = |value: f64, expected: f64| assert!((value - expected).abs() < 1e-12, "{value}");
        near(by_hand.mean(0, 100), 1.0);
        near(by_hand.mean(0, 400), (1.0 + 1.1 + 0.0 + 1.1) / 4.0);
        near(by_hand.mean(150, 250), 0.55);
        near(ByHand::default().mean(0, 9), 1.0);
    }
}
