//! What an operator does when a person changes the load by hand.

use super::{Loop, Operator};
use crate::stage::Now;

impl Operator {
    /// Follows the steering. What comes due in a pause does not come: it is neither sent nor shed.
    pub(super) fn steer(&mut self, at: Now) {
        let wanted = self.stage.steering.get();
        let before = std::mem::replace(&mut self.steering, wanted);
        if wanted.factor != before.factor {
            self.arrivals.change_rate(wanted.factor);
        }
        if self.pace == Loop::Open && (wanted.paused || before.paused) {
            while self.peek_ns().is_some_and(|at_ns| at_ns <= at.ns) {
                self.next = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::operator::tests::Play;
    use crate::steering::Steering;

    fn said(play: &mut Play, until_ms: u64) -> usize {
        let before = play.said.messages.len();
        play.at(until_ms);
        play.said.messages.len() - before
    }

    #[test]
    fn what_comes_due_in_a_pause_is_neither_sent_nor_shed() {
        let mut play = Play::new("pay:1");
        let first = said(&mut play, 200);
        play.stage.steering.set(Steering { paused: true, ..Steering::default() });
        assert_eq!(said(&mut play, 201) + said(&mut play, 500), 0);
        assert_eq!(play.operator.next_wake_ns() % 1_000_000_000, play.operator.next_sweep_ns % 1_000_000_000);
        play.stage.steering.set(Steering::default());
        assert_eq!(said(&mut play, 600), 0, "what came due meanwhile does not come");
        let last = said(&mut play, 800);
        assert!((100..300).contains(&first) && (100..300).contains(&last), "{first}, {last}");
        let counts = play.counts();
        assert_eq!((counts.sent, counts.shed), ((first + last) as u64, 0));
    }

    #[test]
    fn a_rate_that_is_doubled_brings_twice_as_many() {
        let mut play = Play::new("pay:1");
        let first = said(&mut play, 400);
        play.stage.steering.set(Steering { factor: 2.0, paused: false });
        let second = said(&mut play, 800);
        let ratio = second as f64 / first as f64;
        assert!((1.6..2.4).contains(&ratio), "{first}, then {second}");
    }
}
