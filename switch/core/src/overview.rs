//! How much of everything there is: for those who watch the switch, never for a decision.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use holdfast_protocol::{
    Amount, BusinessDate, Currency, Instance, ParticipantNumber, PaymentId, TransactionKey, UnixMillis,
};

use crate::effect::Delivery;
pub use crate::ledger::InDoubt;
use crate::ledger::in_doubt;
use crate::ledger::record::Standing;
use crate::registry::{Debtor, Route};
use crate::schedule::Head;
use crate::step::Core;
use crate::view::{LiveSession, View};

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

impl Undelivered {
    /// Of a destination that has acknowledged everything.
    pub const fn none(destination: ParticipantNumber) -> Self {
        Self { destination, messages: 0, on_their_way: 0, oldest: None, in_doubt: BTreeMap::new() }
    }

    /// With what it has not acknowledged of another partition's.
    pub fn join(&mut self, other: &Self) {
        self.messages += other.messages;
        self.on_their_way += other.on_their_way;
        self.oldest = self.oldest.into_iter().chain(other.oldest).min();
        for (currency, doubt) in &other.in_doubt {
            let kept = self.in_doubt.entry(*currency).or_default();
            kept.amount =
                kept.amount.checked_add(doubt.amount).expect("fewer than 2^80 movements of twelve digits");
            kept.transactions += doubt.transactions;
        }
    }
}

/// A transaction with something that its destination has not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overdue {
    /// Which.
    pub key: TransactionKey,
    /// Whose acknowledgement is missing.
    pub destination: ParticipantNumber,
    /// The first delivery without one.
    pub first: Delivery,
    /// How many wait behind it.
    pub behind: u16,
    /// Since when it is the first.
    pub since: UnixMillis,
    /// How often it may have been sent.
    pub sends: u8,
    /// What it waits for.
    pub waits_for: WaitsFor,
    /// The money behind an unacknowledged reversal.
    pub in_doubt: Option<(Currency, Amount)>,
}

/// What a delivery waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitsFor {
    /// The windows of the links that may take it have no room yet.
    Window,
    /// Its destination has no link: of this instance, or none of any.
    Link(Option<Instance>),
    /// It was sent and is not acknowledged; sent again at this time.
    Acknowledgement(UnixMillis),
}

/// What a participant has to finish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unfinished {
    /// Transactions waiting for its answer.
    pub pending: u32,
    /// Messages that it has not acknowledged.
    pub undelivered: u32,
    /// Transactions pending, held or undelivered of which it is originator or destination.
    pub open: u32,
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
            Head::Sent(again, _) => Some(again),
            Head::Idle | Head::Waiting(..) => None,
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
                on_their_way: self.schedule.on_their_way(p.record.number) as u64,
                oldest: self.schedule.oldest(p.record.number),
                in_doubt: p.in_doubt.clone(),
            })
            .collect()
    }

    /// The transactions with unacknowledged deliveries, of one destination or of all: the `max` that wait longest, the
    /// oldest first, and how many there are. Takes as long as there are participants and `max`, whatever is undelivered.
    pub fn overdue(&self, view: &View, of: Option<ParticipantNumber>, max: usize) -> (Vec<Overdue>, u64) {
        let numbers = self.ledger.participants.iter().map(|p| p.record.number);
        let numbers = numbers.filter(|number| of.is_none_or(|of| of == *number));
        let mut queues: Vec<_> =
            numbers.map(|number| self.schedule.by_age(number)).filter(|queue| queue.len() > 0).collect();
        let count = queues.iter().map(|queue| queue.len() as u64).sum();
        // The oldest of each destination; of them the oldest is the next.
        let mut heads: BinaryHeap<_> = queues
            .iter_mut()
            .enumerate()
            .filter_map(|(at, queue)| Some(Reverse((*queue.next()?, at))))
            .collect();
        let mut oldest = Vec::new();
        while oldest.len() < max
            && let Some(Reverse(((since, index), at))) = heads.pop()
        {
            oldest.extend(self.overdue_one(view, index, since));
            heads.extend(queues[at].next().map(|next| Reverse((*next, at))));
        }
        (oldest, count)
    }

    fn overdue_one(&self, view: &View, index: u32, since: UnixMillis) -> Option<Overdue> {
        let (transaction, flight) = (self.ledger.transactions.get(index), self.schedule.flight(index));
        let first = transaction.deliveries.first()?.clone();
        Some(Overdue {
            key: transaction.key,
            destination: transaction.destination,
            first,
            behind: u16::try_from(transaction.deliveries.len() - 1).unwrap_or(u16::MAX),
            since,
            sends: flight.sends,
            waits_for: match flight.head {
                Head::Idle => WaitsFor::Window,
                Head::Waiting(instance, _) => {
                    let takes = |link: &LiveSession| link.takes_deliveries_of(instance);
                    let has_link = view.receivers(transaction.destination).any(takes);
                    if has_link { WaitsFor::Window } else { WaitsFor::Link(instance) }
                }
                Head::Sent(again, _) => WaitsFor::Acknowledgement(again),
            },
            in_doubt: in_doubt(transaction),
        })
    }

    /// What a participant that is or was configured has to finish.
    pub fn unfinished(&self, participant: ParticipantNumber) -> Unfinished {
        self.ledger.participants.find(participant).map_or_else(Unfinished::default, |p| Unfinished {
            pending: p.pending,
            undelivered: p.undelivered,
            open: p.open,
        })
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

    /// Originals that were recalled and have not left memory again.
    pub fn recalled_kept(&self) -> u64 {
        u64::from(self.schedule.recalls.recalled())
    }

    /// Requests that wait until their original was looked up.
    pub fn recalls_waiting(&self) -> u64 {
        self.schedule.recalls.len() as u64
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
