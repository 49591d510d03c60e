//! Captures, releases and reversals that the switch delivers: applied once, acknowledged each time.

use holdfast_protocol::{
    Acknowledge, Capture, DeliveryNumber, Message, ParticipantNumber, Release, RequestId, Reverse,
};

use super::memory::{Remembered, Standing};
use super::{Destination, Key};
use crate::history::record::{EventKind, Record};
use crate::operator::Outgoing;
use crate::stage::Now;

impl Destination {
    /// Takes a capture.
    pub fn on_capture(&mut self, at: Now, capture: &Capture, out: &mut dyn Outgoing) {
        let (Some(originator), Some(delivery)) = (capture.originator, capture.delivery) else { return };
        let applied = self.apply(at, self.key(originator, capture.original), |destination, key| {
            destination.apply_capture(key, capture, delivery)
        });
        if let Some(history) = &mut self.history {
            history.write(Record::new(EventKind::Delivered, at.into()).capture(capture, originator, applied));
        }
        self.acknowledge(at, originator, capture.original, delivery, out);
    }

    /// Takes a release.
    pub fn on_release(&mut self, at: Now, release: &Release, out: &mut dyn Outgoing) {
        let (Some(originator), Some(delivery)) = (release.originator, release.delivery) else { return };
        let applied = self.apply(at, self.key(originator, release.original), |destination, key| {
            destination.apply_release(key, release, delivery)
        });
        if let Some(history) = &mut self.history {
            history.write(Record::new(EventKind::Delivered, at.into()).release(release, originator, applied));
        }
        self.acknowledge(at, originator, release.original, delivery, out);
    }

    /// Takes a reversal, which cannot be refused and may come before its original (rules 10 and 11).
    pub fn on_reverse(&mut self, at: Now, reverse: &Reverse, out: &mut dyn Outgoing) {
        let (Some(originator), Some(delivery)) = (reverse.originator, reverse.delivery) else { return };
        let applied = self.apply(at, self.key_of_new(originator, reverse.original), |destination, key| {
            destination.apply_reverse(key, reverse.original, delivery)
        });
        if let Some(history) = &mut self.history {
            history.write(Record::new(EventKind::Delivered, at.into()).reverse(reverse, originator, applied));
        }
        self.acknowledge(at, originator, reverse.original, delivery, out);
    }

    /// Counts a delivery and applies it, unless it belongs to another run or to a stranger: those are acknowledged and
    /// touch no books of this run.
    fn apply(&mut self, at: Now, key: Option<Key>, apply: impl FnOnce(&mut Self, Key) -> bool) -> bool {
        {
            let mut tally = self.tally.borrow_mut();
            tally.deliveries += 1;
            tally.latest_ns = at.ns;
        }
        match key {
            Some(key) => apply(self, key),
            None => {
                self.tally.borrow_mut().foreign += 1;
                false
            }
        }
    }

    fn apply_capture(&mut self, key: Key, capture: &Capture, delivery: DeliveryNumber) -> bool {
        let mut memory = self.stage.memory.borrow_mut();
        let Some(hold) = memory.hold_mut(key.operator, key.fields.number) else {
            drop(memory);
            self.stray(|| format!("a capture of a hold that was never approved or is complete: {capture:?}"));
            return false;
        };
        if !hold.note(delivery) {
            return false;
        }
        let amount = capture.amount.minor();
        let fits = !hold.ended && hold.captured + amount <= hold.amount;
        hold.captured += amount;
        hold.ended |= capture.last;
        drop(memory);
        if !fits {
            self.stray(|| format!("a capture of more than is held: {capture:?}"));
        }
        self.tally.borrow_mut().flows[key.operator as usize].reserve_captured += i128::from(amount);
        true
    }

    fn apply_release(&mut self, key: Key, release: &Release, delivery: DeliveryNumber) -> bool {
        let mut memory = self.stage.memory.borrow_mut();
        let Some(hold) = memory.hold_mut(key.operator, key.fields.number) else {
            drop(memory);
            self.stray(|| format!("a release of a hold that was never approved or is complete: {release:?}"));
            return false;
        };
        let is_new = hold.note(delivery);
        let ended_before = std::mem::replace(&mut hold.ended, true);
        drop(memory);
        if is_new && ended_before {
            self.stray(|| format!("a release of a hold that had ended: {release:?}"));
        }
        is_new
    }

    fn apply_reverse(&mut self, key: Key, original: RequestId, delivery: DeliveryNumber) -> bool {
        if key.fields.step > 0 {
            return self.apply_refund_reversal(key, original);
        }
        let (operator, number) = (key.operator, key.fields.number);
        let mut memory = self.stage.memory.borrow_mut();
        let Ok(known) = memory.look_up(operator, number, original) else {
            drop(memory);
            self.stray(|| format!("a reversal with the number of another id: {original}"));
            return false;
        };
        let hold = memory.hold_mut(operator, number).map(|hold| {
            let is_new = hold.note(delivery);
            hold.ended = true;
            (is_new, std::mem::take(&mut hold.captured))
        });
        let standing = match known.standing {
            Standing::Unseen | Standing::Tombstone => Standing::Tombstone,
            Standing::Approved
            | Standing::Late
            | Standing::Declined
            | Standing::Silent
            | Standing::Reversed => Standing::Reversed,
        };
        let destination = if known.standing == Standing::Unseen { self.index } else { known.destination };
        memory.remember(operator, number, original, Remembered { standing, destination, ..known });
        let refunded = memory.refunds.standing_for(operator, number);
        drop(memory);
        let was_booked = matches!(known.standing, Standing::Approved | Standing::Late);
        let mut tally = self.tally.borrow_mut();
        let flow = &mut tally.flows[operator as usize];
        match hold {
            Some((is_new, captured)) => {
                flow.reserve_reversed += i128::from(captured);
                is_new
            }
            None => {
                if was_booked {
                    // Refunds that stand stay as they are: it gives back what they have not (rule 15).
                    flow.pay_reversed += i128::from(known.amount) - i128::from(refunded);
                }
                known.standing != standing
            }
        }
    }

    pub(super) fn stray(&self, text: impl FnOnce() -> String) {
        self.stage.faults.borrow_mut().stray(text);
    }

    fn acknowledge(
        &mut self,
        at: Now,
        originator: ParticipantNumber,
        original: RequestId,
        delivery: DeliveryNumber,
        out: &mut dyn Outgoing,
    ) {
        if let Some(history) = &mut self.history {
            let record = Record::new(EventKind::Acknowledged, at.into())
                .ids(originator, original, original)
                .delivery(Some(delivery));
            history.write(record);
        }
        out.push(&Message::Acknowledge(Acknowledge { original, originator, delivery }));
    }
}
