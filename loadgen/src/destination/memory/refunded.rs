//! Refunds as the destinations remember them, under the payments that they give back.
//!
//! Few payments are refunded, so they stand in ordered maps and not in the pages of the requests.

use std::collections::BTreeMap;

use holdfast_protocol::RequestId;

/// What became of a refund at its destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundStanding {
    /// Approved, which moves the money back.
    Approved,
    /// Declined.
    Declined,
    /// Approved, and undone by a reversal.
    Reversed,
    /// A reversal came before it: it will be refused (rule 11).
    Tombstone,
}

/// One remembered refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refunded {
    /// Its id.
    pub id: RequestId,
    /// What became of it.
    pub standing: RefundStanding,
    /// What was asked for.
    pub amount: u64,
}

/// The refunds of each operator by the number of the payment.
#[derive(Debug)]
pub struct Refunds {
    by_operator: Vec<BTreeMap<u64, Vec<Refunded>>>,
}

impl Refunds {
    /// Nothing was refunded to any operator.
    pub fn new(operators: usize) -> Self {
        Self { by_operator: (0..operators).map(|_| BTreeMap::new()).collect() }
    }

    /// What is remembered of a refund.
    pub fn find(&self, operator: u32, number: u64, id: RequestId) -> Option<Refunded> {
        self.of(operator, number).iter().find(|refund| refund.id == id).copied()
    }

    /// How much of a payment is given back by refunds that stand.
    pub fn standing_for(&self, operator: u32, number: u64) -> u64 {
        let stands = |refund: &&Refunded| refund.standing == RefundStanding::Approved;
        self.of(operator, number).iter().filter(stands).map(|refund| refund.amount).sum()
    }

    fn of(&self, operator: u32, number: u64) -> &[Refunded] {
        self.by_operator
            .get(operator as usize)
            .and_then(|refunds| refunds.get(&number))
            .map_or(&[], Vec::as_slice)
    }

    pub(super) fn remember(&mut self, operator: u32, number: u64, refund: Refunded) {
        let Some(refunds) = self.by_operator.get_mut(operator as usize) else { return };
        let refunds = refunds.entry(number).or_default();
        match refunds.iter_mut().find(|known| known.id == refund.id) {
            Some(known) => *known = refund,
            None => refunds.push(refund),
        }
    }

    /// Drops the refunds of payments with lower numbers.
    pub(super) fn forget(&mut self, operator: usize, before: u64) {
        if let Some(refunds) = self.by_operator.get_mut(operator)
            && refunds.first_key_value().is_some_and(|(number, _)| *number < before)
        {
            *refunds = refunds.split_off(&before);
        }
    }
}
