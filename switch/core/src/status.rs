//! How the core stands, for `/status` and `/metrics`. Reads what is undelivered and the counters, never all that is open.

use std::collections::BTreeMap;

use holdfast_protocol::{Currency, ParticipantNumber, Total, UnixMillis};

use crate::effect::Delivery;
use crate::step::Core;

/// In all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Transactions waiting for their destination.
    pub pending: u64,
    /// Transactions pending, held or undelivered.
    pub open: u64,
    /// Messages that destinations have not acknowledged.
    pub undelivered: u64,
    /// Ids remembered.
    pub remembered: u64,
}

/// Of one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationStatus {
    /// Which.
    pub participant: ParticipantNumber,
    /// Transactions waiting for its answer.
    pub pending: u32,
    /// Transactions pending or held, each with a delivery slot reserved.
    pub unfinished: u32,
    /// Messages that it has not acknowledged.
    pub undelivered: u32,
    /// For how long the oldest of them has been the next of its transaction, in milliseconds. Counted from the start of the
    /// process at the earliest.
    pub oldest_ms: Option<u64>,
    /// How many are older than the alarm.
    pub overdue: u32,
    /// What transactions were for whose reversal it has not acknowledged.
    pub in_doubt: Vec<(Currency, Total)>,
}

impl Core {
    /// How many of what there are.
    pub fn totals(&self) -> Totals {
        let ledger = self.ledger();
        Totals {
            pending: u64::from(ledger.pending),
            open: ledger.transactions.len() as u64,
            undelivered: ledger.participants.iter().map(|p| u64::from(p.undelivered)).sum(),
            remembered: ledger.remembered.len() as u64,
        }
    }

    /// Each participant as a destination, by number.
    pub fn destinations(&self, now: UnixMillis) -> Vec<DestinationStatus> {
        let ledger = self.ledger();
        let destination_of = |index| ledger.transactions.get(index).destination;
        let mut all = Vec::new();
        for p in ledger.participants.iter() {
            let participant = p.record.number;
            let undelivered = self.schedule().undelivered(participant, destination_of);
            let ages: Vec<u64> = undelivered.iter().map(|(_, since)| now.since(*since)).collect();
            let mut in_doubt: BTreeMap<Currency, Total> = BTreeMap::new();
            for (index, _) in &undelivered {
                let t = ledger.transactions.get(*index);
                let reversal = t.deliveries.iter().any(|d| matches!(d, Delivery::Reverse(_)));
                if let (true, Some(terms)) = (reversal, t.terms) {
                    let total = in_doubt.entry(terms.currency).or_default();
                    *total = total.plus(t.held_for).expect("far below 128 bits");
                }
            }
            let overdue = ages.iter().filter(|age| **age > self.settings().delivery_alarm_ms).count();
            all.push(DestinationStatus {
                participant,
                pending: p.pending,
                unfinished: p.unfinished,
                undelivered: p.undelivered,
                oldest_ms: ages.iter().copied().max(),
                overdue: u32::try_from(overdue).unwrap_or(u32::MAX),
                in_doubt: in_doubt.into_iter().collect(),
            });
        }
        all
    }
}
