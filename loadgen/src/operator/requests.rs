//! Requests as they leave an operator: first copies, follow-ups, repeats, inquiries.

use std::cell::Cell;

use holdfast_protocol::{Message, MessageType, RequestId};

use super::operation::{FollowUp, Operation, Phase, Purpose, RequestCopy, Wake};
use super::{Operator, Outgoing};
use crate::accounting::Ending;
use crate::history::History;
use crate::history::record::{At, EventKind, Record};
use crate::measure::kinds::Measure;
use crate::operation_id::STEP_MAX;
use crate::stage::Now;
use crate::traffic::arrival::Arrival;

/// How long after the end of a hold the operator asks whether it has ended.
const EXPIRY_PATIENCE_NS: u64 = 30_000_000;

impl From<Now> for At {
    fn from(now: Now) -> Self {
        Self { time: now.switch, monotonic_ns: now.ns }
    }
}

/// Writes the last record of a history.
pub(super) fn close_history(history: &mut Option<History>, at: Now, drained: bool, stalls: &Cell<u64>) {
    if let Some(mut history) = history.take() {
        history.write(Record::new(EventKind::Closed, at.into()).drained(drained));
        stalls.set(stalls.get() + history.stalls());
    }
}

impl Operator {
    /// Begins an operation in a free slot.
    #[inline]
    pub(super) fn begin(&mut self, at: Now, slot: u32, arrival: Arrival, out: &mut dyn Outgoing) {
        let rules = self.stage.rules;
        let (scenario, at_ns) = (arrival.scenario, arrival.at_ns);
        let operation = Operation {
            arrival,
            slot,
            phase: Phase::Authorizing,
            step: 0,
            current: FollowUp::Done,
            copies: 1,
            asked: 0,
            repeated: false,
            created: at.switch,
            step_created: at.switch,
            sent_ns: at.ns,
            step_sent_ns: at.ns,
            approved: 0,
            captured: 0,
            refunded: 0,
            refund_steps: 0,
            refund_created: at.switch,
        };
        let at_once = operation.copies_at_once();
        self.slots[slot as usize] = Some(operation);
        self.unanswered += 1;
        let mut tally = self.tally.borrow_mut();
        let counts = tally.accounting.of_mut(scenario);
        counts.scheduled += 1;
        counts.sent += 1;
        let measured = rules.measures(at_ns);
        tally.offered += 1;
        tally.offered_in_time += u64::from(measured);
        drop(tally);
        if measured && self.pace == super::Loop::Open {
            let measure = if at_ns <= self.held_back_until_ns { Measure::HeldBack } else { Measure::Lag };
            self.batch.push(scenario, measure, at.ns - at_ns);
        }
        self.push_request(at, slot, out);
        if at_once {
            self.count_duplicate(slot);
            self.push_copy(at, slot, out);
        }
    }

    fn count_duplicate(&mut self, slot: u32) {
        if let Some(operation) = &self.slots[slot as usize] {
            self.tally.borrow_mut().accounting.of_mut(operation.arrival.scenario).duplicates += 1;
        }
    }

    /// Sends one more copy of the request of this step.
    fn push_copy(&mut self, at: Now, slot: u32, out: &mut dyn Outgoing) {
        let Some(operation) = &mut self.slots[slot as usize] else { return };
        operation.copies = operation.copies.saturating_add(1);
        operation.repeated = true;
        self.push_request(at, slot, out);
    }

    /// Says the request of this step again, under the same id.
    pub(super) fn repeat(&mut self, at: Now, slot: u32, out: &mut dyn Outgoing) {
        let Some(operation) = &self.slots[slot as usize] else { return };
        let phase = match (operation.step, operation.current) {
            (0, _) => Phase::Authorizing,
            (_, FollowUp::SecondCopy) => Phase::Confirming,
            (_, FollowUp::Check) => return self.ask(at, slot, Purpose::Check, out),
            (_, FollowUp::Expire | FollowUp::Done) => return,
            (
                _,
                FollowUp::Capture { .. }
                | FollowUp::Release
                | FollowUp::Reverse
                | FollowUp::Refund { .. }
                | FollowUp::ReverseRefund,
            ) => Phase::Following,
        };
        self.set_phase(slot, phase);
        self.tally.borrow_mut().repeats += 1;
        self.push_copy(at, slot, out);
    }

    /// A link stands again: everything unanswered is said again.
    pub fn on_link(&mut self, at: Now, out: &mut dyn Outgoing) {
        for slot in 0..self.slots.len() {
            let Some(operation) = &self.slots[slot] else { continue };
            let (slot, phase) = (operation.slot, operation.phase);
            match phase {
                Phase::Authorizing | Phase::Following | Phase::Confirming => self.repeat(at, slot, out),
                Phase::Asking(purpose) => self.ask(at, slot, purpose, out),
                Phase::Waiting(_) => {}
            }
        }
    }

    /// Does what the scenario does next, or ends the operation as approved.
    pub(super) fn advance(&mut self, at: Now, slot: u32, out: &mut dyn Outgoing) {
        let Some(operation) = &mut self.slots[slot as usize] else { return };
        let follow_up = operation.follow_up();
        if follow_up == FollowUp::Done {
            // It stays what it was last: answers to copies still come.
            return self.end(slot, Ending::Approved);
        }
        if operation.step >= STEP_MAX {
            return;
        }
        if let FollowUp::Refund { .. } = operation.current {
            operation.refund_created = operation.step_created;
        }
        operation.step += 1;
        operation.current = follow_up;
        operation.asked = 0;
        if let FollowUp::Refund { .. } = follow_up {
            operation.refund_steps |= 1 << operation.step;
        }
        if !self.waits_for_its_time(at, slot) {
            self.follow_up(at, slot, out);
        }
    }

    /// Sends the request of this step for the first time, or waits for what is to happen by itself.
    pub(super) fn follow_up(&mut self, at: Now, slot: u32, out: &mut dyn Outgoing) {
        let Some(operation) = &mut self.slots[slot as usize] else { return };
        match operation.current {
            FollowUp::Capture { .. }
            | FollowUp::Release
            | FollowUp::Reverse
            | FollowUp::Refund { .. }
            | FollowUp::ReverseRefund => {
                operation.copies = 1;
                operation.step_created = at.switch;
                self.set_phase(slot, Phase::Following);
                self.push_request(at, slot, out);
            }
            FollowUp::SecondCopy => {
                self.count_duplicate(slot);
                self.set_phase(slot, Phase::Confirming);
                self.push_copy(at, slot, out);
            }
            FollowUp::Check => self.ask(at, slot, Purpose::Check, out),
            FollowUp::Expire => {
                let rest_ms = operation.hold_until(&self.stage.rules).since(at.switch);
                let after_ns = rest_ms.saturating_mul(1_000_000).saturating_add(EXPIRY_PATIENCE_NS);
                self.wait(at, slot, after_ns, Wake::Ask(Purpose::Expiry));
            }
            FollowUp::Done => {}
        }
    }

    /// Asks what became of the transaction of this step.
    pub(super) fn ask(&mut self, at: Now, slot: u32, purpose: Purpose, out: &mut dyn Outgoing) {
        // An inquiry that is still out was lost with its link.
        self.give_up_inquiry(at, slot);
        self.set_phase(slot, Phase::Asking(purpose));
        let Some(operation) = &mut self.slots[slot as usize] else { return };
        operation.asked = operation.asked.saturating_add(1);
        operation.step_sent_ns = at.ns;
        let inquiry = operation.inquiry(self.space);
        self.tally.borrow_mut().accounting.of_mut(operation.arrival.scenario).messages += 1;
        if let Some(history) = &mut self.history {
            let record = Record::new(EventKind::Sent, at.into())
                .about(MessageType::Inquiry, operation.asked)
                .ids(self.number, inquiry.id, inquiry.id);
            history.write(record);
        }
        out.push(&Message::Inquiry(inquiry));
    }

    /// Writes down and sends the request of this step as its latest copy.
    #[inline]
    fn push_request(&mut self, at: Now, slot: u32, out: &mut dyn Outgoing) {
        let (space, stage) = (self.space, &self.stage);
        let rules = &stage.rules;
        let Some(operation) = &mut self.slots[slot as usize] else { return };
        operation.step_sent_ns = at.ns;
        // In a copy the budget is what is left of it; a copy past the deadline only asks for the outcome.
        let passed_ms = u32::try_from(at.switch.since(operation.step_created)).unwrap_or(u32::MAX);
        let copy = RequestCopy {
            number: operation.copies,
            budget_ms: rules.budget_ms.saturating_sub(passed_ms).max(1),
        };
        let message = match operation.current {
            FollowUp::Capture { amount, last } => {
                Message::Capture(operation.capture(space, rules, amount, last, copy))
            }
            FollowUp::Release => Message::Release(operation.release(space, rules, copy)),
            FollowUp::Reverse | FollowUp::ReverseRefund => {
                Message::Reverse(operation.reverse(space, rules, &stage.payees, copy))
            }
            FollowUp::Refund { amount } => Message::Refund(operation.refund(space, rules, amount, copy)),
            FollowUp::SecondCopy | FollowUp::Check | FollowUp::Expire | FollowUp::Done => {
                Message::Authorize(operation.authorize(space, rules, &stage.payees, copy))
            }
        };
        self.tally.borrow_mut().accounting.of_mut(operation.arrival.scenario).messages += 1;
        if let Some(history) = &mut self.history {
            let digest = stage.payees.digest(operation.arrival.payee);
            history.write(sent(&message, self.number, at, digest));
        }
        out.push(&message);
    }

    /// The transaction that an operation is about now; `None` where the slot is free.
    pub(super) fn transaction_of(&self, slot: u32) -> Option<RequestId> {
        self.slots.get(slot as usize)?.as_ref().map(|operation| operation.transaction(self.space))
    }
}

/// The record of a copy that is about to leave.
fn sent(message: &Message, number: holdfast_protocol::ParticipantNumber, at: Now, digest: u64) -> Record {
    let record = Record::new(EventKind::Sent, at.into());
    match message {
        Message::Authorize(m) => record.authorize(m, number, false, digest),
        Message::Capture(m) => record.capture(m, number, false),
        Message::Release(m) => record.release(m, number, false),
        Message::Reverse(m) => record.reverse(m, number, false),
        Message::Refund(m) => record.refund(m, number, false),
        Message::SignOn(_)
        | Message::Welcome(_)
        | Message::Echo(_)
        | Message::Window(_)
        | Message::Notice(_)
        | Message::Drain(_)
        | Message::SignOff(_)
        | Message::LaneOpen(_)
        | Message::Answer(_)
        | Message::Acknowledge(_)
        | Message::Inquiry(_)
        | Message::Status(_)
        | Message::DecidedThrough(_)
        | Message::Complete(_) => record,
    }
}
