//! The courses that a transaction can take, each told by everybody who sees it.

use holdfast_audit::history::record::flag;
use holdfast_audit::history::{Kind, Message, Record};
use serde_json::json;

use super::{DEADLINE_MS, DESTINATION, HOLD_MS, PAYMENT_ID, Transaction, World, said};

impl World {
    pub(crate) fn pay_approved(&mut self) -> Transaction {
        let t = self.authorize(1, 1_250);
        self.forward(&t);
        self.answer(&t, 1, 0, 1_250);
        let place = self.fact_of("approved", &t, t.id, json!({"amount": 1_250}));
        self.book(&t, 1_250);
        self.assure();
        self.hear(&t, Message::Authorize, t.id, said(1, 0, 4, 1, 1_250), place);
        t
    }

    pub(crate) fn pay_declined(&mut self) {
        let t = self.authorize(1, 800);
        self.forward(&t);
        self.answer(&t, 2, 101, 0);
        let fields = json!({"reason": 101, "decided_by": "destination", "reversal": false});
        let place = self.fact_of("declined", &t, t.id, fields);
        self.assure();
        self.hear(&t, Message::Authorize, t.id, said(2, 101, 3, 1, 0), place);
    }

    pub(crate) fn pay_timed_out_with_a_late_approval(&mut self) {
        let mut t = self.authorize(1, 900);
        self.forward(&t);
        let silent = self.record(Kind::Silent, Message::Authorize, t.id, t.id);
        self.destination.push(silent);
        self.wait(DEADLINE_MS);
        let fields = json!({"reason": 203, "decided_by": "switch", "reversal": true});
        let place = self.fact_of("declined", &t, t.id, fields);
        self.hear(&t, Message::Authorize, t.id, said(2, 203, 7, 2, 0), place);
        self.answer(&t, 1, 0, 900);
        self.fact_of("late_answer", &t, t.id, json!({"approved": true, "reversal": false}));
        self.assure();
        let id = t.id;
        self.deliver(&mut t, Message::Reverse, id, 0, 0);
        self.complete(&t);
    }

    pub(crate) fn pay_repeated(&mut self) {
        let t = self.authorize(1, 1_000);
        self.forward(&t);
        self.send_authorize(&t, 2);
        self.receive(&t, 2);
        self.answer(&t, 1, 0, 1_000);
        self.answer(&t, 1, 0, 1_000);
        let place = self.fact_of("approved", &t, t.id, json!({"amount": 1_000}));
        self.book(&t, 1_000);
        self.assure();
        for _ in 0..2 {
            self.hear(&t, Message::Authorize, t.id, said(1, 0, 4, 1, 1_000), place);
            self.operator.last_mut().unwrap().attempt = 2;
        }
    }

    pub(crate) fn pay_given_up_and_asked_for(&mut self) {
        let t = self.authorize(1, 3_000);
        self.forward(&t);
        self.answer(&t, 1, 0, 3_000);
        let sequence = self.fact_of("approved", &t, t.id, json!({"amount": 3_000}));
        self.book(&t, 3_000);
        self.assure();
        let gave_up = self.record(Kind::GaveUp, Message::Authorize, t.id, t.id);
        self.operator.push(Record { attempt: 1, ..gave_up });
        let asked = self.record(Kind::Sent, Message::Inquiry, t.id, t.id);
        self.operator.push(Record { attempt: 1, ..asked });
        let told = self.record(Kind::Told, Message::Inquiry, t.id, t.id);
        let epoch = self.epoch;
        self.operator.push(Record {
            outcome: 1,
            state: 4,
            decided_by: 1,
            amount: 3_000,
            epoch,
            sequence,
            ..told
        });
    }

    pub(crate) fn pay_refused(&mut self) {
        let t = self.authorize(1, 700);
        self.hear(&t, Message::Authorize, t.id, said(3, 300, 0, 2, 0), 0);
    }

    pub(crate) fn pay_declined_at_once(&mut self) {
        let t = self.authorize(1, 600);
        let mut fields = self.content(&t);
        let more = json!({"reason": 202, "decided_by": "switch"});
        fields.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        let place = self.fact_of("declined_at_once", &t, t.id, fields);
        self.hear(&t, Message::Authorize, t.id, said(2, 202, 3, 2, 0), place);
    }

    /// A reservation, approved in part.
    pub(crate) fn reserved(&mut self, kind: u8, asked: u64, approved: u64) -> Transaction {
        let t = self.authorize(kind, asked);
        self.forward(&t);
        self.answer(&t, 1, 0, approved);
        let place = self.fact_of("approved", &t, t.id, json!({"amount": approved}));
        self.assure();
        self.hear(&t, Message::Authorize, t.id, said(1, 0, 2, 1, approved), place);
        t
    }

    pub(crate) fn capture(&mut self, t: &mut Transaction, amount: u64, last: bool, state: u8) {
        let id = self.follow_up(t, Message::Capture, amount, last);
        let fields = json!({"amount": amount, "currency": "EUR", "last": last});
        let place = self.fact_of("captured", t, id, fields);
        self.book(t, i64::try_from(amount).unwrap());
        self.hear(t, Message::Capture, id, said(1, 0, state, 2, amount), place);
        // A part that takes all that is held is the last for the destination, too.
        let ended = last || state == 4;
        self.deliver(t, Message::Capture, id, amount, if ended { flag::LAST } else { 0 });
    }

    pub(crate) fn reserve_captured_whole_in_parts(&mut self) {
        let mut t = self.reserved(2, 1_000, 1_000);
        self.capture(&mut t, 400, false, 2);
        self.capture(&mut t, 600, false, 4);
        self.complete(&t);
    }

    pub(crate) fn reserve_captured_in_parts(&mut self) {
        let mut t = self.reserved(2, 5_000, 4_000);
        self.capture(&mut t, 1_500, false, 2);
        self.capture(&mut t, 2_000, true, 4);
        self.complete(&t);
    }

    pub(crate) fn release(&mut self, t: &mut Transaction, open: u64) {
        let id = self.follow_up(t, Message::Release, 0, false);
        let place = self.fact_of("released", t, id, json!({}));
        self.hear(t, Message::Release, id, said(1, 0, 5, 2, open), place);
        self.deliver(t, Message::Release, id, 0, 0);
        self.complete(t);
    }

    pub(crate) fn reserve_released(&mut self) {
        let mut t = self.reserved(2, 2_500, 2_500);
        self.release(&mut t, 2_500);
    }

    pub(crate) fn reserve_expired(&mut self) {
        let mut t = self.reserved(2, 2_600, 2_600);
        self.expire(&mut t);
        self.complete(&t);
    }

    /// A hold ends at its time, and its destination hears so.
    pub(crate) fn expire(&mut self, t: &mut Transaction) {
        self.wait(HOLD_MS);
        self.fact_of("expired", t, t.id, json!({}));
        let id = t.id;
        self.deliver(t, Message::Release, id, 0, flag::EXPIRED);
    }

    /// Nobody answered in time, and the destination hears of the reversal.
    pub(crate) fn time_out(&mut self, t: &mut Transaction) {
        self.wait(DEADLINE_MS);
        let fields = json!({"reason": 203, "decided_by": "switch", "reversal": true});
        self.fact_of("declined", t, t.id, fields);
        let id = t.id;
        self.deliver(t, Message::Reverse, id, 0, 0);
    }

    /// The destination's decline is journaled.
    pub(crate) fn declined(&mut self, t: &Transaction) {
        let fields = json!({"reason": 101, "decided_by": "destination", "reversal": false});
        self.fact_of("declined", t, t.id, fields);
    }

    pub(crate) fn reserve_captured_and_reversed(&mut self) {
        let mut t = self.reserved(2, 2_000, 2_000);
        self.capture(&mut t, 2_000, true, 4);
        let id = self.follow_up(&t, Message::Reverse, 0, false);
        let place = self.fact_of("reversed", &t, id, json!({"payment_id": PAYMENT_ID}));
        self.book(&t, -2_000);
        self.hear(&t, Message::Reverse, id, said(1, 0, 8, 2, 2_000), place);
        self.deliver(&mut t, Message::Reverse, id, 0, 0);
        self.complete(&t);
    }

    pub(crate) fn reserve_reversed_while_pending(&mut self) {
        let mut t = self.authorize(2, 1_100);
        self.forward(&t);
        let id = self.follow_up(&t, Message::Reverse, 0, false);
        let place = self.fact_of("reversed", &t, id, json!({"payment_id": PAYMENT_ID}));
        self.hear(&t, Message::Authorize, t.id, said(2, 216, 8, 2, 0), place);
        self.hear(&t, Message::Reverse, id, said(1, 0, 8, 2, 1_100), place);
        self.deliver(&mut t, Message::Reverse, id, 0, 0);
        self.complete(&t);
    }

    pub(crate) fn pay_reversed_before_it_came(&mut self) {
        let mut t = Transaction { id: self.id(), amount: 400, kind: 1, refund_of: 0, deliveries: 0 };
        let id = self.follow_up(&t, Message::Reverse, 0, false);
        let fields = json!({"payment_id": PAYMENT_ID, "destination": DESTINATION});
        let place = self.fact_of("tombstoned", &t, id, fields);
        self.hear(&t, Message::Reverse, id, said(1, 0, 8, 2, 0), place);
        self.deliver(&mut t, Message::Reverse, id, 0, 0);
        self.send_authorize(&t, 1);
        let mut fields = self.content(&t);
        let more = json!({"reason": 212, "decided_by": "switch"});
        fields.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        let place = self.fact_of("declined_at_once", &t, t.id, fields);
        self.hear(&t, Message::Authorize, t.id, said(2, 212, 8, 2, 0), place);
    }

    pub(crate) fn capture_declined(&mut self) {
        let mut t = self.reserved(2, 300, 300);
        let id = self.follow_up(&t, Message::Capture, 301, true);
        let fields = json!({"request": "capture", "amount": 301, "currency": "EUR", "last": true,
                            "reason": 237, "decided_by": "switch"});
        let place = self.fact_of("follow_up_declined", &t, id, fields);
        self.hear(&t, Message::Capture, id, said(2, 237, 2, 2, 0), place);
        self.release(&mut t, 300);
    }

    pub(crate) fn verify_released(&mut self) {
        let mut t = self.reserved(3, 17, 17);
        self.release(&mut t, 17);
    }
}
