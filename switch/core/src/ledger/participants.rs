//! The participants with all that is kept for each.

use std::collections::BTreeMap;

use holdfast_protocol::{Amount, Currency, ParticipantNumber};

use super::limits::Usages;
use super::position::{InDoubt, Position};
use crate::registry::{ParticipantRecord, ParticipantStatus};

/// One participant.
#[derive(Clone, Debug)]
pub(crate) struct Participant {
    pub(crate) record: ParticipantRecord,
    pub(crate) status: ParticipantStatus,
    /// It is not configured any more. Its books stay, for what is remembered of it may still be reversed.
    pub(crate) removed: bool,
    pub(crate) positions: Vec<Position>,
    pub(crate) usages: Usages,
    /// Transactions waiting for its answer.
    pub(crate) pending: u32,
    /// Transactions that it is the destination of and that are not closed; each has a slot for its last delivery.
    pub(crate) unfinished: u32,
    /// Messages that it has not acknowledged.
    pub(crate) undelivered: u32,
    /// Open transactions that it is originator or destination of.
    pub(crate) open: u32,
    /// What its unacknowledged reversals are about.
    pub(crate) in_doubt: BTreeMap<Currency, InDoubt>,
}

impl Participant {
    pub(crate) fn position(&self, currency: Currency) -> Option<&Position> {
        self.positions.iter().find(|p| p.currency == currency)
    }

    pub(crate) fn position_mut(&mut self, currency: Currency) -> &mut Position {
        let at = self.positions.iter().position(|p| p.currency == currency).unwrap_or_else(|| {
            self.positions.push(Position::new(currency));
            self.positions.len() - 1
        });
        &mut self.positions[at]
    }

    /// A transaction has an unacknowledged reversal now.
    pub(super) fn doubt(&mut self, currency: Currency, amount: Amount) {
        let doubt = self.in_doubt.entry(currency).or_default();
        doubt.amount = doubt.amount.plus(amount).expect("128 bits hold any sum of amounts");
        doubt.transactions += 1;
    }

    /// A transaction has no unacknowledged reversal any more.
    pub(super) fn resolve(&mut self, currency: Currency, amount: Amount) {
        let doubt = self.in_doubt.get_mut(&currency).expect("what is resolved was in doubt");
        doubt.amount = doubt.amount.less(amount).expect("it was added before");
        doubt.transactions -= 1;
        if doubt.transactions == 0 {
            self.in_doubt.remove(&currency);
        }
    }

    /// Whether nothing is open, nothing held and nothing owed.
    pub(crate) fn is_settled(&self) -> bool {
        self.open == 0 && self.positions.iter().all(Position::is_flat)
    }

    /// Whether it agreed to the currency.
    pub(crate) fn agrees(&self, currency: Currency) -> bool {
        self.position(currency).is_some_and(|p| p.cap.is_some())
    }
}

/// All participants, by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Participants(Vec<Option<Participant>>);

const KNOWN: &str = "a transaction names participants that were configured, and none is ever taken out";

impl Participants {
    #[inline]
    pub(crate) fn get(&self, number: ParticipantNumber) -> Option<&Participant> {
        self.find(number).filter(|participant| !participant.removed)
    }

    /// One that is or was configured, if there is such a number.
    pub(crate) fn find(&self, number: ParticipantNumber) -> Option<&Participant> {
        self.0.get(usize::from(number.get()))?.as_ref()
    }

    /// One that is or was configured.
    pub(crate) fn known(&self, number: ParticipantNumber) -> &Participant {
        self.find(number).expect(KNOWN)
    }

    #[inline]
    pub(crate) fn known_mut(&mut self, number: ParticipantNumber) -> &mut Participant {
        self.0.get_mut(usize::from(number.get())).and_then(Option::as_mut).expect(KNOWN)
    }

    /// All that are or were configured, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Participant> {
        self.0.iter().flatten()
    }

    /// Whether it is or was configured.
    pub(crate) fn is_known(&self, number: ParticipantNumber) -> bool {
        self.find(number).is_some()
    }

    /// A participant of a snapshot, with its books. What its open transactions count for comes with them.
    pub(crate) fn restore(
        &mut self,
        record: ParticipantRecord,
        (status, removed): (ParticipantStatus, bool),
        positions: Vec<Position>,
        usages: Usages,
    ) {
        let number = record.number;
        self.configure(&record);
        let participant = self.known_mut(number);
        (participant.status, participant.removed) = (status, removed);
        participant.positions = positions;
        participant.usages = usages;
    }

    /// A participant is like this from now on; its books stay.
    pub(crate) fn configure(&mut self, record: &ParticipantRecord) {
        let at = usize::from(record.number.get());
        if self.0.len() <= at {
            self.0.resize_with(at + 1, || None);
        }
        let participant = self.0[at].get_or_insert_with(|| Participant {
            record: record.clone(),
            status: ParticipantStatus::Active,
            removed: false,
            positions: Vec::new(),
            usages: Usages::default(),
            pending: 0,
            unfinished: 0,
            undelivered: 0,
            open: 0,
            in_doubt: BTreeMap::new(),
        });
        participant.record = record.clone();
        participant.removed = false;
        for position in &mut participant.positions {
            position.cap = None;
        }
        for (currency, cap) in &record.caps {
            participant.position_mut(*currency).cap = Some(*cap);
        }
    }

    /// A participant without open work and with flat books is gone.
    pub(crate) fn remove(&mut self, number: ParticipantNumber) {
        let participant = self.known_mut(number);
        assert_eq!(participant.open, 0, "a participant with open work is not removed");
        participant.removed = true;
        participant.status = ParticipantStatus::Active;
    }

    pub(crate) fn set_status(&mut self, number: ParticipantNumber, status: ParticipantStatus) {
        self.known_mut(number).status = status;
    }
}
