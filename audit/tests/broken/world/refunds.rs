//! Refunds of payments, and reversals on either side of them.

use holdfast_audit::history::Message;
use holdfast_audit::id_text;
use serde_json::{Value, json};

use super::{PAYMENT_ID, Transaction, World, said};

impl World {
    /// The operator asks for a refund.
    pub(crate) fn refund(&mut self, of: &Transaction, amount: u64) -> Transaction {
        let t = Transaction { id: self.id(), amount, kind: 4, refund_of: of.id, deliveries: 0 };
        self.send_authorize(&t, 1);
        t
    }

    pub(super) fn refund_content(t: &Transaction) -> Value {
        let refund_of = id_text(t.refund_of);
        json!({"payment_kind": "refund", "refund_of": refund_of, "amount": t.amount, "currency": "EUR"})
    }

    pub(crate) fn refund_approved(&mut self, of: &Transaction, amount: u64) -> Transaction {
        let t = self.refund(of, amount);
        self.forward(&t);
        self.answer(&t, 1, 0, amount);
        let place = self.fact_of("approved", &t, t.id, json!({"amount": amount}));
        self.book(&t, i64::try_from(amount).unwrap());
        self.assure();
        self.hear(&t, Message::Authorize, t.id, said(1, 0, 4, 1, amount), place);
        t
    }

    /// Undone as a whole: so much of it.
    pub(crate) fn reversed(&mut self, t: &mut Transaction, amount: u64) {
        let id = self.follow_up(t, Message::Reverse, 0, false);
        let place = self.fact_of("reversed", t, id, json!({"payment_id": PAYMENT_ID}));
        self.book(t, -i64::try_from(amount).unwrap());
        self.hear(t, Message::Reverse, id, said(1, 0, 8, 2, amount), place);
        self.deliver(t, Message::Reverse, id, 0, 0);
        self.complete(t);
    }

    pub(crate) fn pay_refunded(&mut self) -> Transaction {
        let pay = self.pay_approved();
        self.refund_approved(&pay, 400);
        let declined = self.refund(&pay, 850);
        self.forward(&declined);
        self.answer(&declined, 2, 108, 0);
        let fields = json!({"reason": 108, "decided_by": "destination", "reversal": false});
        let place = self.fact_of("declined", &declined, declined.id, fields);
        self.assure();
        self.hear(&declined, Message::Authorize, declined.id, said(2, 108, 3, 1, 0), place);
        let too_much = self.refund(&pay, 851);
        let mut fields = Self::refund_content(&too_much);
        let more = json!({"reason": 243, "decided_by": "switch"});
        fields.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        let place = self.fact_of("refund_declined", &too_much, too_much.id, fields);
        self.hear(&too_much, Message::Authorize, too_much.id, said(2, 243, 3, 2, 0), place);
        pay
    }

    pub(crate) fn pay_refunded_and_reversed(&mut self) {
        let mut pay = self.pay_approved();
        let mut undone = self.refund_approved(&pay, 50);
        self.reversed(&mut undone, 50);
        let mut refund = self.refund_approved(&pay, 400);
        self.reversed(&mut pay, 850);
        // What the refund gives up then belongs to the reversal: on the way there and back.
        self.reversed(&mut refund, 400);
        self.book(&refund, 400);
    }
}
