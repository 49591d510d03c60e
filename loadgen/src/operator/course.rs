//! Operations whose follow-ups were recorded: what comes after the approval, when, and how long the hold lasts.

use holdfast_protocol::UnixMillis;

use super::Operator;
use super::operation::{FollowUp, Operation, Wake};
use crate::stage::{Now, Rules};
use crate::traffic::arrival::{Action, Course};

/// How long after its last follow-up a hold ends that is not to end by itself, in milliseconds.
const SPARE_MS: u64 = 10_000;

impl Operation {
    /// What comes after as many steps as were taken.
    pub(super) fn recorded_follow_up(&self, course: &Course) -> FollowUp {
        let Some(step) = course.steps.get(usize::from(self.step)) else { return FollowUp::Done };
        match step.action {
            Action::Capture { amount, last } => FollowUp::Capture { amount: amount.minor(), last },
            Action::Release => FollowUp::Release,
            Action::Reverse => FollowUp::Reverse,
            Action::Expire => FollowUp::Expire,
            Action::Refund { amount } => FollowUp::Refund { amount: amount.minor() },
            Action::ReverseRefund => FollowUp::ReverseRefund,
        }
    }

    /// When the request of this step is to leave, in nanoseconds since the start.
    fn due_ns(&self) -> u64 {
        let course = self.arrival.course.as_deref();
        let step = course.and_then(|course| course.steps.get(usize::from(self.step).checked_sub(1)?));
        step.map_or(0, |step| self.arrival.at_ns.saturating_add(step.after_ns))
    }

    /// When the hold of a recorded operation ends, no sooner than `least`.
    pub(super) fn recorded_hold_until(&self, course: &Course, least: UnixMillis) -> UnixMillis {
        let length_ms = course.length_ns() / 1_000_000;
        let hold_ms = if course.ends_by_expiry() { length_ms } else { length_ms.saturating_add(SPARE_MS) };
        self.created.plus(hold_ms).max(least)
    }

    /// Until when the authorize may be accepted: sooner where its hold is to end soon.
    pub(super) fn recorded_expires(&self, course: &Course, rules: &Rules) -> UnixMillis {
        let after_ms = if course.ends_by_expiry() { u64::from(rules.budget_ms) } else { rules.expires_ms };
        self.created.plus(after_ms)
    }
}

impl Operator {
    /// Lets a follow-up wait for its time; `false` where it has come.
    pub(super) fn waits_for_its_time(&mut self, at: Now, slot: u32) -> bool {
        let due_ns = self.slots[slot as usize].as_ref().map_or(0, Operation::due_ns);
        if due_ns <= at.ns {
            return false;
        }
        self.wait(at, slot, due_ns - at.ns, Wake::FollowUp);
        true
    }
}

#[cfg(test)]
mod tests;
