//! Refunds: a destination gives back what it approved before, as a transaction of its own that is answered like a payment.

use holdfast_protocol::{Amount, Answer, Message, Outcome, Reason, Refund, RequestId};

use super::forwards::answer_to;
use super::memory::{RefundStanding, Refunded, Standing};
use super::{Destination, Key};
use crate::history::record::{EventKind, Record};
use crate::operator::Outgoing;
use crate::stage::Now;

impl Destination {
    /// Takes a refund.
    pub fn on_refund(&mut self, at: Now, refund: &Refund, out: &mut dyn Outgoing) {
        let Some(originator) = refund.originator else { return };
        {
            let mut tally = self.tally.borrow_mut();
            tally.forwards += 1;
            tally.latest_ns = at.ns;
        }
        let Some(key) = self.key_of_refund(originator, refund) else {
            self.tally.borrow_mut().foreign += 1;
            self.write_refund(at, refund, true);
            return self.answer_refund(at, refund, RefundStanding::Declined, out);
        };
        if key.fields.step == 0 {
            // Played apart from the operators, this destination took a reversal that came first for that of a payment.
            self.write_refund(at, refund, false);
            return self.answer_refund(at, refund, RefundStanding::Tombstone, out);
        }
        let known = self.stage.memory.borrow().refunds.find(key.operator, key.fields.number, refund.id);
        self.write_refund(at, refund, known.is_none());
        if let Some(known) = known {
            if !refund.repeat && known.standing != RefundStanding::Tombstone {
                self.stray(|| format!("a refund forwarded twice as new: {refund:?}"));
            }
            return self.answer_refund(at, refund, known.standing, out);
        }
        let standing =
            if self.owes(key, refund) { RefundStanding::Approved } else { RefundStanding::Declined };
        let amount = refund.amount.minor();
        let remembered = Refunded { id: refund.id, standing, amount };
        self.stage.memory.borrow_mut().remember_refund(key.operator, key.fields.number, remembered);
        if standing == RefundStanding::Approved {
            self.tally.borrow_mut().flows[key.operator as usize].refunded += i128::from(amount);
        }
        self.answer_refund(at, refund, standing, out);
    }

    /// Whether this destination approved the payment, and has not given back so much that this is too much.
    fn owes(&self, key: Key, refund: &Refund) -> bool {
        let memory = self.stage.memory.borrow();
        let known = memory.look_up(key.operator, key.fields.number, refund.original);
        let refunded = memory.refunds.standing_for(key.operator, key.fields.number);
        drop(memory);
        let owes = known.is_ok_and(|known| {
            known.standing == Standing::Approved
                && known.destination == self.index
                && refunded + refund.amount.minor() <= known.amount
        });
        if !owes {
            self.stray(|| format!("a refund of what was not approved, or given back: {refund:?}"));
        }
        owes
    }

    fn write_refund(&mut self, at: Now, refund: &Refund, applied: bool) {
        if let (Some(history), Some(originator)) = (&mut self.history, refund.originator) {
            history.write(Record::new(EventKind::Received, at.into()).refund(refund, originator, applied));
        }
    }

    fn answer_refund(&mut self, at: Now, refund: &Refund, standing: RefundStanding, out: &mut dyn Outgoing) {
        let (outcome, reason, amount) = match standing {
            RefundStanding::Approved => (Outcome::Approved, Reason::None, refund.amount),
            RefundStanding::Declined => (Outcome::Declined, Reason::InvalidTransaction, Amount::ZERO),
            RefundStanding::Reversed | RefundStanding::Tombstone => {
                (Outcome::Refused, Reason::ReversedBeforeArrival, Amount::ZERO)
            }
        };
        let answer: Answer = answer_to(refund.id, refund.originator, outcome, reason, amount);
        let place = self.next_place(refund.id);
        if let (Some(history), Some(originator)) = (&mut self.history, refund.originator) {
            let record = Record::new(EventKind::Answered, at.into())
                .ids(originator, refund.id, refund.id)
                .refund_answered(&answer, refund, place);
            history.write(record);
        }
        out.push(&Message::Answer(answer));
    }

    /// Undoes a refund, or remembers that it is undone before it comes (rules 10 and 11); whether that was news.
    pub(super) fn apply_refund_reversal(&mut self, key: Key, refund: RequestId) -> bool {
        let (operator, number) = (key.operator, key.fields.number);
        let mut memory = self.stage.memory.borrow_mut();
        let known = memory.refunds.find(operator, number, refund);
        let standing = match known.map(|known| known.standing) {
            None | Some(RefundStanding::Tombstone) => RefundStanding::Tombstone,
            Some(RefundStanding::Approved | RefundStanding::Declined | RefundStanding::Reversed) => {
                RefundStanding::Reversed
            }
        };
        let amount = known.map_or(0, |known| known.amount);
        memory.remember_refund(operator, number, Refunded { id: refund, standing, amount });
        let payment = memory.standing_of(operator, number);
        drop(memory);
        let mut tally = self.tally.borrow_mut();
        let flow = &mut tally.flows[operator as usize];
        if known.is_some_and(|known| known.standing == RefundStanding::Approved) {
            flow.refund_reversed += i128::from(amount);
            if payment == Standing::Reversed {
                // The payment was reversed without it: what it gives up belongs to that reversal.
                flow.pay_reversed += i128::from(amount);
            }
        }
        known.is_none_or(|known| known.standing != standing)
    }
}

#[cfg(test)]
mod tests;
