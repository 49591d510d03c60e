//! Answers as an operator hears them.

use holdfast_protocol::{Answer, DecidedBy, Kind, Outcome, Reason, State};

use super::expectations::{
    check_approval, check_decline, check_refund_decline, check_state, is_end_of_hold, is_expected_refusal,
};
use super::operation::{FollowUp, Phase, Purpose, Wake, kind_of};
use super::refunds::answered;
use super::timers::message_of;
use super::{Operator, Outgoing};
use crate::accounting::{Ending, Fault};
use crate::history::record::{EventKind, Record};
use crate::measure::kinds::Measure;
use crate::operation_id::IdFields;
use crate::stage::Now;

/// Pause before a refused request is said again; the switch may ask for a longer one.
const REFUSED_PAUSE_NS: u64 = 50_000_000;

impl Operator {
    /// Takes an answer.
    #[inline]
    pub fn on_answer(&mut self, at: Now, answer: &Answer, out: &mut dyn Outgoing) {
        let Some(fields) = self.space.fields(answer.id) else { return self.stray(at, answer) };
        let found = self.slots.get(fields.slot as usize).and_then(Option::as_ref);
        let Some(operation) = found.filter(|o| o.arrival.number == fields.number) else {
            return self.on_answer_after_end(at, fields, answer);
        };
        let expected = match fields.step {
            0 => operation.original(self.space),
            step if step == operation.step => operation.request(self.space),
            _ => answer.id,
        };
        if expected != answer.id {
            return self.stray(at, answer);
        }
        let confirms = operation.phase == Phase::Confirming && fields.step == 0;
        let current = fields.step == operation.step && operation.phase != Phase::Confirming;
        let authorizing = operation.step == 0;
        if self.history.is_some() {
            self.write_heard(at, fields, answer);
        }
        if confirms {
            self.on_second_answer(at, fields.slot, answer, out);
        } else if current && authorizing {
            self.on_outcome(at, fields.slot, answer, out);
        } else if current {
            self.on_follow_up_answer(at, fields.slot, answer, out);
        } else {
            self.on_earlier_answer(fields, answer);
        }
    }

    fn stray(&mut self, at: Now, answer: &Answer) {
        self.stage.faults.borrow_mut().stray(|| format!("an answer nobody asked for at {at:?}: {answer:?}"));
    }

    fn write_heard(&mut self, at: Now, fields: IdFields, answer: &Answer) {
        let Some(operation) = self.slots.get(fields.slot as usize).and_then(Option::as_ref) else { return };
        let last = (message_of(operation), operation.transaction(self.space));
        let (message, original) = answered(operation.refund_steps, fields, answer.id, last);
        let copies = if fields.step == operation.step { operation.copies } else { 0 };
        let record = Record::new(EventKind::Heard, at.into())
            .about(message, copies)
            .ids(self.number, answer.id, original)
            .answer(answer);
        if let Some(history) = &mut self.history {
            history.write(record);
        }
    }

    /// The first answer to the authorize. Also one that comes while the operator asks about it.
    fn on_outcome(&mut self, at: Now, slot: u32, answer: &Answer, out: &mut dyn Outgoing) {
        self.sample_outcome(at, slot, answer);
        match answer.outcome {
            Outcome::Approved => self.on_approved(at, slot, answer, out),
            Outcome::Declined => self.on_declined(slot, answer),
            Outcome::Refused => self.on_refused(at, slot, answer, out),
        }
    }

    #[inline]
    fn sample_outcome(&mut self, at: Now, slot: u32, answer: &Answer) {
        let Some(operation) = &self.slots[slot as usize] else { return };
        let rules = &self.stage.rules;
        let response_ns = at.ns.saturating_sub(operation.arrival.at_ns);
        if answer.outcome == Outcome::Refused {
            // No outcome: it is said again, or counts among those that were never answered.
            return;
        }
        {
            let mut tally = self.tally.borrow_mut();
            let good = u64::from(answer.outcome == Outcome::Approved && response_ns <= rules.budget_ns());
            tally.completed += 1;
            tally.good += good;
            tally.first_answers.note(at.ns);
            if answer.outcome == Outcome::Approved {
                tally.first_approvals.note(at.ns);
            }
            if rules.measures(at.ns) {
                tally.completed_in_time += 1;
                tally.good_in_time += good;
            }
        }
        if !rules.measures(operation.arrival.at_ns) {
            self.batch.push_warm_up(response_ns);
            return;
        }
        let scenario = operation.arrival.scenario;
        let service_ns = at.ns.saturating_sub(operation.sent_ns);
        self.batch.push(scenario, Measure::Response, response_ns);
        self.batch.push(scenario, Measure::Service, service_ns);
        // Where the destination is played elsewhere, nobody here knows how long it took.
        if answer.decided_by == DecidedBy::Destination && self.stage.known.is_none() {
            let own_ns = self.stage.own_times.of(self.index, slot);
            self.batch.push(scenario, Measure::SwitchOnly, service_ns.saturating_sub(own_ns));
            self.batch.push(scenario, Measure::Dependency, own_ns);
        }
    }

    fn on_approved(&mut self, at: Now, slot: u32, answer: &Answer, out: &mut dyn Outgoing) {
        let Some(operation) = &mut self.slots[slot as usize] else { return };
        let scenario = operation.arrival.scenario;
        let checked = check_approval(operation, answer).and_then(|()| check_state(scenario, answer.state));
        operation.approved = answer.amount.minor();
        if let Err(fault) = checked {
            return self.fail(slot, fault, answer);
        }
        if kind_of(scenario) == Kind::Pay {
            operation.captured = operation.approved;
            let destination = usize::from(operation.arrival.payee.destination);
            self.tally.borrow_mut().flows[destination].pay_captured += i128::from(operation.approved);
        } else if answer.state == State::Expired {
            // The answer was heard only after the hold had ended.
            return self.end(slot, Ending::NotDone(Reason::HoldExpired));
        }
        self.advance(at, slot, out);
    }

    fn on_declined(&mut self, slot: u32, answer: &Answer) {
        let Some(operation) = &self.slots[slot as usize] else { return };
        match check_decline(operation, answer.decided_by, answer.reason) {
            Ok(()) => self.end(slot, Ending::Declined(answer.reason)),
            Err(fault) => self.fail(slot, fault, answer),
        }
    }

    /// A refusal says nothing about other copies: with one copy the request was not done, with more it goes on.
    fn on_refused(&mut self, at: Now, slot: u32, answer: &Answer, out: &mut dyn Outgoing) {
        let Some(operation) = &self.slots[slot as usize] else { return };
        if !is_expected_refusal(answer.reason) {
            return self.fail(slot, Fault::UnexpectedReason(answer.reason), answer);
        }
        if operation.opens_transaction() && operation.copies == 1 {
            return self.end(slot, Ending::NotDone(answer.reason));
        }
        if at.switch > operation.step_expires(&self.stage.rules) || answer.reason == Reason::Expired {
            return self.ask(at, slot, Purpose::Resolve, out);
        }
        // Each refusal in a row doubles the pause, so that a switch that cannot is not asked by thousands at once.
        let doubled = REFUSED_PAUSE_NS << operation.copies.saturating_sub(1).min(5);
        let pause_ns = doubled.max(u64::from(answer.retry_after_ms) * 1_000_000);
        self.wait(at, slot, pause_ns, Wake::Repeat);
    }

    /// The second copy of an approved authorize must be approved with the same amount.
    fn on_second_answer(&mut self, at: Now, slot: u32, answer: &Answer, out: &mut dyn Outgoing) {
        self.sample_follow_up(at, slot);
        let Some(operation) = &self.slots[slot as usize] else { return };
        match answer.outcome {
            Outcome::Refused => self.on_refused(at, slot, answer, out),
            Outcome::Approved if answer.amount.minor() == operation.approved => self.advance(at, slot, out),
            Outcome::Approved | Outcome::Declined => self.fail(slot, Fault::AnswersDisagree, answer),
        }
    }

    fn sample_follow_up(&mut self, at: Now, slot: u32) {
        let Some(operation) = &self.slots[slot as usize] else { return };
        if self.stage.rules.measures(operation.arrival.at_ns) {
            let after_ns = at.ns.saturating_sub(operation.step_sent_ns);
            self.batch.push(operation.arrival.scenario, Measure::FollowUp, after_ns);
        }
    }

    fn on_follow_up_answer(&mut self, at: Now, slot: u32, answer: &Answer, out: &mut dyn Outgoing) {
        let Some(operation) = &self.slots[slot as usize] else { return };
        // The hold may have ended while the request was on its way or waited for a link.
        let hold_is_over = at.switch >= operation.hold_until(&self.stage.rules);
        let repeated = operation.repeated;
        let refunds = matches!(operation.current, FollowUp::Refund { .. });
        self.sample_follow_up(at, slot);
        match answer.outcome {
            Outcome::Approved => self.on_follow_up_done(at, slot, answer.amount.minor(), answer, out),
            Outcome::Declined if is_end_of_hold(answer.reason) && (hold_is_over || repeated) => {
                self.end(slot, Ending::NotDone(answer.reason));
            }
            Outcome::Declined if refunds => {
                self.on_refund_declined(slot, answer.decided_by, answer.reason, answer);
            }
            Outcome::Declined => self.fail(slot, Fault::UnexpectedReason(answer.reason), answer),
            Outcome::Refused => self.on_refused(at, slot, answer, out),
        }
    }

    /// The payment stands, and its refund does not.
    pub(super) fn on_refund_declined(
        &mut self,
        slot: u32,
        by: DecidedBy,
        reason: Reason,
        what: &dyn std::fmt::Debug,
    ) {
        match check_refund_decline(by, reason) {
            Ok(()) => self.end(slot, Ending::Declined(reason)),
            Err(fault) => self.fail(slot, fault, what),
        }
    }

    /// Books a follow-up that the switch carried out, if it did what was asked.
    pub(super) fn on_follow_up_done(
        &mut self,
        at: Now,
        slot: u32,
        amount: u64,
        what: &dyn std::fmt::Debug,
        out: &mut dyn Outgoing,
    ) {
        let Some(operation) = &mut self.slots[slot as usize] else { return };
        let destination = usize::from(operation.arrival.payee.destination);
        let scenario = operation.arrival.scenario;
        let mut tally = self.tally.borrow_mut();
        let expected = match operation.current {
            FollowUp::Capture { amount, .. } => {
                operation.captured += amount;
                tally.flows[destination].reserve_captured += i128::from(amount);
                amount
            }
            FollowUp::Release => operation.approved - operation.captured,
            FollowUp::Reverse => {
                let rest = operation.captured - operation.refunded;
                let flow = &mut tally.flows[destination];
                match kind_of(scenario) {
                    Kind::Pay => flow.pay_reversed += i128::from(rest),
                    Kind::Reserve | Kind::Verify => flow.reserve_reversed += i128::from(rest),
                }
                tally.accounting.of_mut(scenario).reversed += 1;
                // What was held and not captured goes back with it.
                operation.approved - operation.refunded
            }
            FollowUp::Refund { amount } => {
                operation.refunded += amount;
                tally.flows[destination].refunded += i128::from(amount);
                tally.accounting.of_mut(scenario).refunds += 1;
                amount
            }
            FollowUp::ReverseRefund => {
                let undone = std::mem::take(&mut operation.refunded);
                tally.flows[destination].refund_reversed += i128::from(undone);
                tally.accounting.of_mut(scenario).reversed += 1;
                undone
            }
            FollowUp::Check | FollowUp::SecondCopy | FollowUp::Expire | FollowUp::Done => amount,
        };
        drop(tally);
        if amount == expected {
            self.advance(at, slot, out)
        } else {
            self.fail(slot, Fault::AmountDiffers, what)
        }
    }

    /// A second answer to a request of an earlier step: it must say what the first said.
    fn on_earlier_answer(&mut self, fields: IdFields, answer: &Answer) {
        let Some(operation) = &self.slots[fields.slot as usize] else { return };
        let agrees = match answer.outcome {
            // Nothing is said about other copies.
            Outcome::Refused => operation.repeated,
            Outcome::Approved => {
                fields.step < operation.step
                    && operation.repeated
                    && (fields.step > 0 || answer.amount.minor() == operation.approved)
            }
            Outcome::Declined => false,
        };
        if !agrees {
            self.fail(fields.slot, Fault::AnswersDisagree, answer);
        }
    }

    /// A second answer to an operation that has ended: it must agree with how it ended.
    fn on_answer_after_end(&mut self, at: Now, fields: IdFields, answer: &Answer) {
        let ended = self.find_ended(fields.number);
        if let (Some(history), Some(ended)) = (&mut self.history, ended) {
            let (message, original) = answered(ended.refund_steps, fields, answer.id, ended.last);
            let record = Record::new(EventKind::Heard, at.into())
                .about(message, 0)
                .ids(self.number, answer.id, original)
                .answer(answer);
            history.write(record);
        }
        let agrees = ended.is_some_and(|ended| match answer.outcome {
            Outcome::Refused => true,
            // What came before its last request was approved, or that request would not have come.
            Outcome::Approved => fields.step < ended.step || ended.outcome != Outcome::Declined,
            Outcome::Declined => {
                fields.step == ended.step
                    && (ended.outcome == Outcome::Refused || ended.reason == answer.reason)
            }
        });
        if !agrees {
            self.stray(at, answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Play, answer, authorize, good_answer};
    use super::*;

    #[test]
    fn a_decline_ends_the_wait_for_an_answer_and_not_for_an_approval() {
        let mut play = Play::new("pay:1");
        play.operator.tally().borrow_mut().expect(0, 1_000_000);
        play.at(20);
        let id = authorize(&play.next()).id;
        let declined = answer(id, Outcome::Declined, State::Declined, Reason::DestinationNotConnected, 0);
        play.hear(Answer { decided_by: DecidedBy::Switch, ..declined });
        play.at(30);
        let message = play.next();
        play.hear(good_answer(&message));
        let tally = play.operator.tally();
        let (answers, approvals) = (&tally.borrow().first_answers, &tally.borrow().first_approvals);
        assert_eq!((answers.after(0), approvals.after(0)), (Some(20_000_000), Some(30_000_000)));
    }
}
