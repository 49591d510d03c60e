//! How much of everything there is: for those who watch the switch, never for a decision.

use std::collections::BTreeMap;

use holdfast_protocol::{
    BusinessDate, Currency, Instance, ParticipantNumber, PaymentId, TransactionKey, UnixMillis,
};

pub use crate::ledger::InDoubt;
use crate::ledger::record::Standing;
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
    /// The time of the fact since which the oldest of them waits.
    pub oldest: Option<UnixMillis>,
    /// Money behind unacknowledged reversals: the destination may still hold it.
    pub in_doubt: BTreeMap<Currency, InDoubt>,
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

    /// What destinations have not acknowledged, by number; those that have acknowledged everything are left out. Sums
    /// kept as things change: it takes as long as there are participants, whatever is undelivered.
    pub fn undelivered(&self) -> Vec<Undelivered> {
        let behind = self.ledger.participants.iter().filter(|p| p.undelivered > 0);
        behind
            .map(|p| Undelivered {
                destination: p.record.number,
                messages: u64::from(p.undelivered),
                on_their_way: u64::from(self.schedule.on_their_way(p.record.number)),
                oldest: self.schedule.oldest(p.record.number),
                in_doubt: p.in_doubt.clone(),
            })
            .collect()
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
