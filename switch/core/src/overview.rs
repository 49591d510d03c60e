//! How much of everything there is: for those who watch the switch, never for a decision.

use std::collections::BTreeMap;

use holdfast_protocol::{
    Amount, BusinessDate, Currency, Instance, ParticipantNumber, PaymentId, Total, TransactionKey, UnixMillis,
};

use crate::effect::Delivery;
use crate::ledger::record::Standing;
use crate::ledger::state::Transaction;
use crate::registry::{Debtor, Route};
use crate::schedule::Head;
use crate::step::Core;

/// What one destination has not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    /// Who.
    pub destination: ParticipantNumber,
    /// Messages.
    pub messages: u64,
    /// Transactions whose first message was sent and is not acknowledged.
    pub on_their_way: u64,
    /// Since when the oldest of them waits.
    pub oldest: Option<UnixMillis>,
    /// Money behind unacknowledged reversals: the destination may still hold it.
    pub in_doubt: BTreeMap<Currency, InDoubt>,
}

/// Money that a destination may hold although the switch reversed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InDoubt {
    /// How much.
    pub amount: Total,
    /// Transactions.
    pub transactions: u64,
}

impl Undelivered {
    fn of(destination: ParticipantNumber) -> Self {
        Self { destination, messages: 0, on_their_way: 0, oldest: None, in_doubt: BTreeMap::new() }
    }

    fn add(&mut self, transaction: &Transaction, on_its_way: bool, since: UnixMillis) {
        self.messages += transaction.deliveries.len() as u64;
        self.on_their_way += u64::from(on_its_way);
        self.oldest = Some(self.oldest.map_or(since, |oldest| oldest.min(since)));
        let reversal = transaction.deliveries.iter().any(|d| matches!(d, Delivery::Reverse(_)));
        if let Some(terms) = transaction.terms.filter(|_| reversal) {
            let doubt = self.in_doubt.entry(terms.currency).or_default();
            let amount: Amount = transaction.held_for;
            doubt.amount = doubt.amount.plus(amount).expect("128 bits hold any sum of amounts");
            doubt.transactions += 1;
        }
    }
}

/// What is known of a transaction while it is open, besides its money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenDetails {
    /// The payee.
    pub payment_id: PaymentId,
    /// Which instance of the destination got the forward first.
    pub instance: Option<Instance>,
    /// Whose position carries the hold; none for a tombstone.
    pub debtor: Option<Debtor>,
    /// How often the first unacknowledged delivery may have been sent; zero while it waits.
    pub sends: u8,
    /// When it is sent again.
    pub next_send: Option<UnixMillis>,
}

impl Core {
    /// Details of a transaction that is pending, held or undelivered.
    pub fn open_details(&self, key: TransactionKey) -> Option<OpenDetails> {
        let Standing::Open(index) = self.ledger.remembered.transaction(key)?.standing() else { return None };
        let (transaction, flight) = (self.ledger.transactions.get(index), self.schedule.flight(index));
        let next_send = match flight.head {
            Head::Sent(again) => Some(again),
            Head::Idle | Head::Ready | Head::Waiting(_) => None,
        };
        Some(OpenDetails {
            payment_id: transaction.payment_id,
            instance: transaction.instance,
            debtor: transaction.terms.map(|terms| terms.debtor),
            sends: flight.sends,
            next_send,
        })
    }

    /// What destinations have not acknowledged, by number; those that have acknowledged everything are left out.
    /// Looks at every undelivered transaction.
    pub fn undelivered(&self) -> Vec<Undelivered> {
        let mut destinations: BTreeMap<ParticipantNumber, Undelivered> = BTreeMap::new();
        for (index, flight) in self.schedule.undelivered() {
            let transaction = self.ledger.transactions.get(index);
            let destination = transaction.destination;
            let on_its_way = matches!(flight.head, Head::Sent(_));
            destinations.entry(destination).or_insert_with(|| Undelivered::of(destination)).add(
                transaction,
                on_its_way,
                flight.head_since,
            );
        }
        destinations.into_values().collect()
    }

    /// Transactions that wait for their destination's answer.
    pub fn pending(&self) -> u64 {
        u64::from(self.ledger.pending)
    }

    /// Transactions that are pending, held or undelivered.
    pub fn open(&self) -> u64 {
        self.ledger.transactions.len() as u64
    }

    /// Ids that are remembered.
    pub fn remembered(&self) -> u64 {
        self.ledger.remembered.len() as u64
    }

    /// Days that are not closed, the newest last.
    pub fn open_days(&self) -> impl Iterator<Item = BusinessDate> {
        self.ledger.days.keys().copied()
    }

    /// All routes, sorted.
    pub fn routes(&self) -> &[Route] {
        self.ledger.routes.all()
    }
}
