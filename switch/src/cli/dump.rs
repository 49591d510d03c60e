//! Facts as JSON lines: the schema of `docs/JOURNAL.md`.
//!
//! Fields are added, never changed in meaning. A field that does not apply is absent.

mod requests;
mod switch;

use holdfast_core::fact::{DeclinedAtOnce, Fact, FollowUp, RefundDeclined, RefundReserved, Reserved};
use holdfast_core::ledger::Linked;
use holdfast_protocol::{
    BusinessDate, Capture, DecidedBy, Epoch, ParticipantNumber, Partition, Reason, Release, RequestId,
    Reverse, Sequence, TransactionKey, UnixMillis,
};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::words::decider_name;

/// One fact and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    /// Where there are several.
    pub(super) partition: Option<Partition>,
    pub(super) sequence: Sequence,
    pub(super) epoch: Epoch,
    pub(super) time: UnixMillis,
    pub(super) fact: &'a Fact,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = Fields(serializer.serialize_map(None)?);
        if let Some(partition) = self.partition {
            fields.put("partition", partition.0)?;
        }
        fields.put("sequence", self.sequence.0)?;
        fields.put("epoch", self.epoch.0)?;
        fields.put("time", self.time.get())?;
        fields.fact(self.fact)?;
        fields.0.end()
    }
}

/// Which transaction a fact is about, if it is about one.
pub(super) fn transaction(fact: &Fact) -> Option<TransactionKey> {
    let key = |originator: &ParticipantNumber, id| Some(TransactionKey { originator: *originator, id });
    match fact {
        Fact::Reserved(r) => key(&r.originator, r.request.id),
        Fact::DeclinedAtOnce(d) => key(&d.originator, d.request.id),
        Fact::RefundReserved(r) => key(&r.originator, r.request.id),
        Fact::RefundDeclined(d) => key(&d.originator, d.request.id),
        Fact::Approved { key, .. }
        | Fact::Declined { key, .. }
        | Fact::LateAnswer { key, .. }
        | Fact::Expired(key)
        | Fact::Acknowledged { key, .. } => Some(*key),
        Fact::Recalled { entry, .. } => Some(entry.key),
        Fact::Captured { originator, request, .. } => key(originator, request.original),
        Fact::Released { originator, request, .. } => key(originator, request.original),
        Fact::Reversed { originator, request, .. } | Fact::Tombstoned { originator, request, .. } => {
            key(originator, request.original)
        }
        Fact::FollowUpDeclined { originator, request, .. } => key(originator, request.original()),
        Fact::ParticipantConfigured(_)
        | Fact::ParticipantRemoved(_)
        | Fact::ParticipantStatusSet(..)
        | Fact::RoutesConfigured(_)
        | Fact::CutOver(_)
        | Fact::DayClosed(_)
        | Fact::Founded { .. }
        | Fact::LeaseGiven { .. }
        | Fact::LeaseTaken { .. }
        | Fact::Forgotten(_) => None,
    }
}

/// Who asked for a fact under which id of its own, and what that was about: of captures, releases and reversals.
pub(super) fn follow_up(fact: &Fact) -> Option<(TransactionKey, RequestId)> {
    let (originator, id, original) = match fact {
        Fact::Captured { originator, request, .. } => (*originator, request.id, request.original),
        Fact::Released { originator, request, .. } => (*originator, request.id, request.original),
        Fact::Reversed { originator, request, .. } | Fact::Tombstoned { originator, request, .. } => {
            (*originator, request.id, request.original)
        }
        Fact::FollowUpDeclined { originator, request, .. } => (*originator, request.id(), request.original()),
        Fact::Reserved(_)
        | Fact::DeclinedAtOnce(_)
        | Fact::RefundReserved(_)
        | Fact::RefundDeclined(_)
        | Fact::Approved { .. }
        | Fact::Declined { .. }
        | Fact::LateAnswer { .. }
        | Fact::Expired(_)
        | Fact::Acknowledged { .. }
        | Fact::Recalled { .. }
        | Fact::ParticipantConfigured(_)
        | Fact::ParticipantRemoved(_)
        | Fact::ParticipantStatusSet(..)
        | Fact::RoutesConfigured(_)
        | Fact::CutOver(_)
        | Fact::DayClosed(_)
        | Fact::Founded { .. }
        | Fact::LeaseGiven { .. }
        | Fact::LeaseTaken { .. }
        | Fact::Forgotten(_) => return None,
    };
    Some((TransactionKey { originator, id }, original))
}

struct Fields<M>(M);

impl<M: SerializeMap> Fields<M> {
    fn put(&mut self, name: &'static str, value: impl Serialize) -> Result<(), M::Error> {
        self.0.serialize_entry(name, &value)
    }

    fn text(&mut self, name: &'static str, value: impl std::fmt::Display) -> Result<(), M::Error> {
        self.0.serialize_entry(name, &Text(value))
    }

    fn fact(&mut self, fact: &Fact) -> Result<(), M::Error> {
        match fact {
            Fact::ParticipantConfigured(_)
            | Fact::ParticipantRemoved(_)
            | Fact::ParticipantStatusSet(..)
            | Fact::RoutesConfigured(_)
            | Fact::CutOver(_)
            | Fact::DayClosed(_)
            | Fact::Founded { .. }
            | Fact::LeaseGiven { .. }
            | Fact::LeaseTaken { .. }
            | Fact::Forgotten(_) => self.of_no_transaction(fact),
            Fact::Reserved(reserved) => self.reserved(reserved),
            Fact::DeclinedAtOnce(declined) => self.declined_at_once(declined),
            Fact::RefundReserved(reserved) => self.refund_reserved(reserved),
            Fact::RefundDeclined(declined) => self.refund_declined(declined),
            Fact::Approved { key, amount, approval_code, .. } => {
                self.transaction("approved", *key, key.id)?;
                self.put("amount", amount.minor())?;
                self.put("approval_code", String::from_utf8_lossy(&approval_code.to_bytes()))
            }
            Fact::Declined { key, reason, decided_by, reversal, .. } => {
                self.transaction("declined", *key, key.id)?;
                self.declined(*reason, *decided_by)?;
                self.put("reversal", reversal)
            }
            Fact::LateAnswer { key, approved, reversal } => {
                self.transaction("late_answer", *key, key.id)?;
                self.put("approved", approved)?;
                self.put("reversal", reversal)
            }
            Fact::Captured { originator, request, settlement_date } => {
                self.captured(*originator, request, *settlement_date)
            }
            Fact::Released { originator, request, settlement_date } => {
                self.released(*originator, request, *settlement_date)
            }
            Fact::Reversed { originator, request, settlement_date, superseded_from } => {
                self.reversed("reversed", *originator, request, *settlement_date)?;
                superseded_from.map_or(Ok(()), |number| self.put("superseded_from", number.0))
            }
            Fact::Tombstoned { originator, request, destination, settlement_date } => {
                self.reversed("tombstoned", *originator, request, *settlement_date)?;
                destination.map_or(Ok(()), |number| self.put("destination", number.get()))
            }
            Fact::FollowUpDeclined { originator, request, reason, settlement_date } => {
                self.follow_up_declined(*originator, request, *reason, *settlement_date)
            }
            Fact::Expired(key) => self.transaction("expired", *key, key.id),
            Fact::Recalled { entry, until } => {
                self.transaction("recalled", entry.key, entry.key.id)?;
                self.put("until", until)?;
                self.linked(entry.linked)
            }
            Fact::Acknowledged { key, delivery } => {
                self.transaction("acknowledged", *key, key.id)?;
                self.put("delivery", delivery.0)
            }
        }
    }

    fn transaction(
        &mut self,
        kind: &'static str,
        key: TransactionKey,
        id: RequestId,
    ) -> Result<(), M::Error> {
        self.put("kind", kind)?;
        self.put("originator", key.originator.get())?;
        self.text("original", key.id)?;
        self.text("id", id)
    }

    fn reserved(&mut self, r: &Reserved) -> Result<(), M::Error> {
        let key = TransactionKey { originator: r.originator, id: r.request.id };
        self.transaction("reserved", key, key.id)?;
        self.authorize(&r.request)?;
        self.forwarded(r.originator, r.destination, r.instance, r.debtor)?;
        self.text("settlement_date", r.settlement_date)?;
        self.put("deadline", r.deadline.get())
    }

    fn refund_reserved(&mut self, r: &RefundReserved) -> Result<(), M::Error> {
        let key = TransactionKey { originator: r.originator, id: r.request.id };
        self.transaction("refund_reserved", key, key.id)?;
        self.refund(&r.request)?;
        self.forwarded(r.originator, r.destination, r.instance, r.debtor)?;
        self.text("settlement_date", r.settlement_date)?;
        self.put("deadline", r.deadline.get())
    }

    fn refund_declined(&mut self, d: &RefundDeclined) -> Result<(), M::Error> {
        let key = TransactionKey { originator: d.originator, id: d.request.id };
        self.transaction("refund_declined", key, key.id)?;
        self.refund(&d.request)?;
        self.declined(d.reason, DecidedBy::Switch)?;
        self.text("settlement_date", d.settlement_date)
    }

    fn declined_at_once(&mut self, d: &DeclinedAtOnce) -> Result<(), M::Error> {
        let key = TransactionKey { originator: d.originator, id: d.request.id };
        self.transaction("declined_at_once", key, key.id)?;
        self.authorize(&d.request)?;
        self.declined(d.reason, DecidedBy::Switch)?;
        self.text("settlement_date", d.settlement_date)
    }

    fn captured(
        &mut self,
        originator: ParticipantNumber,
        request: &Capture,
        date: BusinessDate,
    ) -> Result<(), M::Error> {
        self.transaction("captured", key(originator, request.original), request.id)?;
        self.capture(request)?;
        self.text("settlement_date", date)
    }

    fn released(
        &mut self,
        originator: ParticipantNumber,
        request: &Release,
        date: BusinessDate,
    ) -> Result<(), M::Error> {
        self.transaction("released", key(originator, request.original), request.id)?;
        self.release(request)?;
        self.text("settlement_date", date)
    }

    fn reversed(
        &mut self,
        kind: &'static str,
        originator: ParticipantNumber,
        request: &Reverse,
        date: BusinessDate,
    ) -> Result<(), M::Error> {
        self.transaction(kind, key(originator, request.original), request.id)?;
        self.reverse(request)?;
        self.text("settlement_date", date)
    }

    fn follow_up_declined(
        &mut self,
        originator: ParticipantNumber,
        request: &FollowUp,
        reason: Reason,
        date: BusinessDate,
    ) -> Result<(), M::Error> {
        self.transaction("follow_up_declined", key(originator, request.original()), request.id())?;
        self.follow_up(request)?;
        self.declined(reason, DecidedBy::Switch)?;
        self.text("settlement_date", date)
    }

    fn follow_up(&mut self, request: &FollowUp) -> Result<(), M::Error> {
        match request {
            FollowUp::Capture(request) => {
                self.put("request", "capture")?;
                self.capture(request)
            }
            FollowUp::Release(request) => {
                self.put("request", "release")?;
                self.release(request)
            }
            FollowUp::Reverse(request) => {
                self.put("request", "reverse")?;
                self.reverse(request)
            }
        }
    }

    fn linked(&mut self, linked: Linked) -> Result<(), M::Error> {
        match linked {
            Linked::Alone => Ok(()),
            Linked::Refunded(amount) => self.put("refunded", amount.minor()),
            Linked::RefundOf(original) => self.text("refund_of", original),
        }
    }

    fn declined(&mut self, reason: Reason, by: DecidedBy) -> Result<(), M::Error> {
        self.put("reason", reason.number())?;
        self.put("reason_name", reason.name())?;
        self.put("decided_by", decider_name(by))
    }
}

/// A value in its text form, without a string of its own.
struct Text<T>(T);

impl<T: std::fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

const fn key(originator: ParticipantNumber, id: RequestId) -> TransactionKey {
    TransactionKey { originator, id }
}
