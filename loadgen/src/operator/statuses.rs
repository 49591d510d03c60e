//! Statuses as an operator is told them.

use holdfast_protocol::{Kind, MessageType, Outcome, Reason, State, Status};

use super::expectations::{check_decline, is_expected_refusal};
use super::operation::{FollowUp, Operation, Phase, Purpose, kind_of};
use super::{Operator, Outgoing};
use crate::accounting::{Ending, Fault};
use crate::history::record::{EventKind, Record};
use crate::measure::kinds::Measure;
use crate::stage::Now;

impl Operator {
    /// Takes a status.
    pub fn on_status(&mut self, at: Now, status: &Status, out: &mut dyn Outgoing) {
        if let Some(history) = &mut self.history {
            let record = Record::new(EventKind::Told, at.into())
                .about(MessageType::Inquiry, 0)
                .ids(self.number, status.id, status.id)
                .status(status);
            history.write(record);
        }
        let Some(slot) = self.space.fields(status.id).map(|fields| fields.slot) else { return };
        if self.transaction_of(slot) != Some(status.id) {
            // A status for an operation that has ended or gone on meanwhile: it asked twice, or its answer came first.
            return;
        }
        let Some(operation) = &self.slots[slot as usize] else { return };
        let Phase::Asking(purpose) = operation.phase else { return };
        if self.stage.rules.measures(operation.arrival.at_ns) {
            let after_ns = at.ns.saturating_sub(operation.step_sent_ns);
            self.batch.push(operation.arrival.scenario, Measure::FollowUp, after_ns);
        }
        if is_expected_refusal(status.reason) {
            self.tally.borrow_mut().inquiries_refused += 1;
            return self.on_inquiry_refused(at, slot, purpose);
        }
        match purpose {
            Purpose::Check => self.on_check(at, slot, status, out),
            Purpose::Expiry => self.on_expiry(at, slot, status),
            Purpose::Resolve => self.on_resolve(at, slot, status, out),
        }
    }

    fn on_inquiry_refused(&mut self, at: Now, slot: u32, purpose: Purpose) {
        let Some(operation) = &self.slots[slot as usize] else { return };
        // The payment itself was approved; only the question found no room.
        if purpose == Purpose::Check && operation.asked >= 5 {
            self.end(slot, Ending::Approved);
        } else {
            self.ask_later(at, slot, purpose);
        }
    }

    /// The status of an approved payment must say what its answer said.
    fn on_check(&mut self, at: Now, slot: u32, status: &Status, out: &mut dyn Outgoing) {
        let Some(operation) = &self.slots[slot as usize] else { return };
        let same = status.reason == Reason::None && status.outcome == Some(Outcome::Approved);
        let amounts = status.held_for.minor() == operation.approved
            && status.captured.minor() == operation.captured
            && status.reversed.is_zero();
        if !same {
            self.fail(slot, Fault::AnswersDisagree, status);
        } else if !amounts {
            self.fail(slot, Fault::AmountDiffers, status);
        } else if status.state != State::Captured {
            self.fail(slot, Fault::StateContradicts, status);
        } else {
            self.advance(at, slot, out);
        }
    }

    /// A short hold must have ended at its time.
    fn on_expiry(&mut self, at: Now, slot: u32, status: &Status) {
        let Some(operation) = &self.slots[slot as usize] else { return };
        let agrees = status.captured.minor() == operation.captured;
        match status.state {
            State::Expired if agrees => self.end(slot, Ending::Approved),
            // What was captured before stays captured.
            State::Captured if agrees && operation.captured > 0 => self.end(slot, Ending::Approved),
            // The switch's time may be a little behind what we know of it.
            State::Held => {
                if operation.asked < 10 || self.stage.rules.tolerate_restarts {
                    self.ask_later(at, slot, Purpose::Expiry);
                } else {
                    self.fail(slot, Fault::StateContradicts, status);
                }
            }
            State::None
            | State::Pending
            | State::Declined
            | State::Captured
            | State::Released
            | State::Expired
            | State::TimedOut
            | State::Reversed => self.fail(slot, Fault::StateContradicts, status),
        }
    }

    /// What became of a request that stayed unanswered.
    fn on_resolve(&mut self, at: Now, slot: u32, status: &Status, out: &mut dyn Outgoing) {
        let Some(operation) = &self.slots[slot as usize] else { return };
        if status.reason == Reason::OriginalUnknown {
            // Within the window of remembered ids, so it was never recorded, and it has expired since.
            return if operation.opens_transaction() {
                self.end(slot, Ending::NotDone(Reason::Expired));
            } else {
                self.fail(slot, Fault::AnswersDisagree, status);
            };
        }
        if status.reason != Reason::None {
            return self.fail(slot, Fault::UnexpectedReason(status.reason), status);
        }
        match status.outcome {
            None => self.ask_later(at, slot, Purpose::Resolve),
            Some(Outcome::Refused) => self.fail(slot, Fault::StateContradicts, status),
            Some(Outcome::Declined) if operation.step == 0 => {
                match check_decline(operation, status.decided_by, status.outcome_reason) {
                    Ok(()) => self.end(slot, Ending::Declined(status.outcome_reason)),
                    Err(fault) => self.fail(slot, fault, status),
                }
            }
            Some(Outcome::Declined) if operation.opens_transaction() => {
                self.on_refund_declined(slot, status.decided_by, status.outcome_reason, status);
            }
            Some(Outcome::Declined) => self.fail(slot, Fault::AnswersDisagree, status),
            Some(Outcome::Approved) if operation.step == 0 => {
                self.on_resolved_approval(at, slot, status, out)
            }
            Some(Outcome::Approved) => self.on_resolved_follow_up(at, slot, status, out),
        }
    }

    fn on_resolved_approval(&mut self, at: Now, slot: u32, status: &Status, out: &mut dyn Outgoing) {
        let Some(operation) = &mut self.slots[slot as usize] else { return };
        operation.approved = status.held_for.minor();
        if operation.approved != operation.expected_amount() {
            return self.fail(slot, Fault::AmountDiffers, status);
        }
        if kind_of(operation.arrival.scenario) == Kind::Pay {
            operation.captured = operation.approved;
            let destination = usize::from(operation.arrival.payee.destination);
            self.tally.borrow_mut().flows[destination].pay_captured += i128::from(status.captured.minor());
        } else if status.state == State::Expired {
            return self.end(slot, Ending::NotDone(Reason::HoldExpired));
        }
        self.advance(at, slot, out);
    }

    /// A follow-up without an answer: the amounts say whether it was carried out.
    fn on_resolved_follow_up(&mut self, at: Now, slot: u32, status: &Status, out: &mut dyn Outgoing) {
        let Some(operation) = &self.slots[slot as usize] else { return };
        match done_amount(operation, status) {
            Some(amount) => self.on_follow_up_done(at, slot, amount, status, out),
            None if status.state == State::Expired => self.end(slot, Ending::NotDone(Reason::HoldExpired)),
            None => self.end(slot, Ending::NotDone(Reason::Expired)),
        }
    }
}

/// The amount of the follow-up of this step, where the status shows that it was carried out.
fn done_amount(operation: &Operation, status: &Status) -> Option<u64> {
    match operation.current {
        FollowUp::Capture { amount, .. } => {
            (status.captured.minor() == operation.captured + amount).then_some(amount)
        }
        // With something captured before, the state is captured.
        FollowUp::Release => {
            matches!(status.state, State::Released | State::Captured).then(|| status.released.minor())
        }
        FollowUp::Refund { .. } => (status.state == State::Captured).then(|| status.captured.minor()),
        FollowUp::Reverse | FollowUp::ReverseRefund => {
            (status.state == State::Reversed).then(|| status.reversed.minor() + status.released.minor())
        }
        FollowUp::Check | FollowUp::SecondCopy => Some(0),
        FollowUp::Expire | FollowUp::Done => None,
    }
}
