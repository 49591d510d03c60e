//! What of the caps of debtors moved between partitions.
//!
//! A cap begins whole at the home of its debtor. What a partition may hold against it is its lease: its share, and what it took from
//! others, less what it gave them; it may be negative, where it gave away what credits had made room for. Giver and taker each keep a
//! total that only grows, so that a repeat changes nothing and a lost message is made up by the next. The giver's is written first:
//! what is on its way counts for nobody, and leases never sum to more than the cap (I9).
//!
//! With one partition there is nothing here.

use std::collections::BTreeMap;

use holdfast_protocol::{Currency, ParticipantNumber, Partition, Total};

use super::participants::Participant;
use super::state::Ledger;

/// What moved between this partition and another, of one cap, in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// To the other.
    pub given: Total,
    /// From the other.
    pub taken: Total,
}

/// Of which cap.
pub(crate) type Cap = (ParticipantNumber, Currency);

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leases {
    moved: BTreeMap<(ParticipantNumber, Currency, Partition), Moved>,
    /// Taken less given, over all others.
    net: BTreeMap<Cap, Total>,
}

/// No number of leases reaches 128 bits.
const FITS: &str = "leases are parts of caps, which are far below 128 bits";

impl Leases {
    /// What moved between this partition and another.
    pub(crate) fn moved(&self, (debtor, currency): Cap, other: Partition) -> Moved {
        self.moved.get(&(debtor, currency, other)).copied().unwrap_or_default()
    }

    /// Taken less given, over all others.
    pub(crate) fn net(&self, cap: Cap) -> Total {
        self.net.get(&cap).copied().unwrap_or_default()
    }

    /// All that moved, by debtor.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Cap, Partition, &Moved)> {
        self.moved.iter().map(|((debtor, currency, other), moved)| ((*debtor, *currency), *other, moved))
    }

    /// So much was given to another in all.
    pub(super) fn given(&mut self, cap: Cap, to: Partition, total: Total) {
        let moved = self.moved.entry((cap.0, cap.1, to)).or_default();
        let grown = total.max(moved.given).checked_sub(moved.given).expect(FITS);
        moved.given = total.max(moved.given);
        let net = self.net.entry(cap).or_default();
        *net = net.checked_sub(grown).expect(FITS);
    }

    /// So much was taken from another in all.
    pub(super) fn taken(&mut self, cap: Cap, from: Partition, total: Total) {
        let moved = self.moved.entry((cap.0, cap.1, from)).or_default();
        let grown = total.max(moved.taken).checked_sub(moved.taken).expect(FITS);
        moved.taken = total.max(moved.taken);
        let net = self.net.entry(cap).or_default();
        *net = net.checked_add(grown).expect(FITS);
    }
}

impl Ledger {
    /// What this partition may hold against a cap; none where the currency is not agreed.
    pub(crate) fn lease(&self, debtor: &Participant, currency: Currency) -> Option<Total> {
        let cap = debtor.position(currency)?.cap?;
        if self.partitions == 1 {
            return Some(cap);
        }
        let number = debtor.record.number;
        let share = if number.home(self.partitions) == self.partition { cap } else { Total::ZERO };
        Some(share.checked_add(self.leases.net((number, currency))).expect(FITS))
    }

    /// Whether another partition can be that number.
    pub(crate) fn is_other(&self, partition: Partition) -> bool {
        partition.0 < self.partitions && partition != self.partition
    }

    /// The other partitions.
    pub(crate) fn others(&self) -> impl Iterator<Item = Partition> + use<> {
        let own = self.partition;
        (0..self.partitions).map(Partition).filter(move |other| *other != own)
    }
}
