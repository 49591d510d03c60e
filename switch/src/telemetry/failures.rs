//! Failures that come in bursts, and what is said of them: the first at once, the rest in sums that name every cause.
//!
//! Invariant: one line a second, whoever fails how often, and none of them goes unsaid: the sum of a second is said when
//! it is over, not when the next one fails.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Causes that a sum tells apart (I8); the rest of them is counted together.
const CAUSES_MAX: usize = 8;
/// A cause may hold words of a stranger.
const CAUSE_CHARS_MAX: usize = 160;

/// See the module.
#[derive(Debug, Default)]
pub struct Failures {
    /// The first of the burst was said.
    bursting: bool,
    causes: BTreeMap<String, u64>,
    other: u64,
}

impl Failures {
    /// Somebody failed. The first of a burst is to be said by the caller; the others come with [`Self::sum`].
    #[must_use]
    pub fn add(&mut self, cause: &str) -> bool {
        if !self.bursting {
            self.bursting = true;
            return true;
        }
        let cause: String = cause.chars().take(CAUSE_CHARS_MAX).collect();
        if self.causes.len() < CAUSES_MAX || self.causes.contains_key(&cause) {
            *self.causes.entry(cause).or_insert(0) += 1;
        } else {
            self.other += 1;
        }
        false
    }

    /// A second is over: how many failed in it that were not said, and why. Nothing ends the burst.
    pub fn sum(&mut self) -> Option<(u64, String)> {
        let (causes, other) = (std::mem::take(&mut self.causes), std::mem::take(&mut self.other));
        let times = causes.values().sum::<u64>() + other;
        if times == 0 {
            self.bursting = false;
            return None;
        }
        let mut text = String::new();
        for (cause, times) in causes {
            let separator = if text.is_empty() { "" } else { "; " };
            write!(text, "{separator}{times} x {cause}").expect("writing to a text does not fail");
        }
        if other > 0 {
            write!(text, "; {other} x of other causes").expect("writing to a text does not fail");
        }
        Some((times, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_said_at_once_and_the_rest_when_the_second_is_over() {
        let mut failures = Failures::default();
        assert_eq!(failures.sum(), None);
        assert!(failures.add("expired"));
        assert!(!failures.add("expired") && !failures.add("unknown authority") && !failures.add("expired"));
        assert_eq!(failures.sum(), Some((3, "2 x expired; 1 x unknown authority".to_owned())));
        assert!(!failures.add("expired"), "the burst goes on");
        assert_eq!(failures.sum(), Some((1, "1 x expired".to_owned())), "also the last is said");
        assert_eq!(failures.sum(), None);
        assert!(failures.add("expired"), "after a quiet second it is said at once");
    }

    #[test]
    fn there_is_a_limit_to_causes() {
        let mut failures = Failures::default();
        assert!(failures.add("first"));
        for n in 0..20 {
            assert!(!failures.add(&format!("cause {n:02}{}", "x".repeat(1_000))));
        }
        let (times, text) = failures.sum().unwrap();
        assert_eq!(times, 20);
        assert!(text.ends_with("; 12 x of other causes") && text.len() < 2_000, "{text}");
    }
}
