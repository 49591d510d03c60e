//! Room under the caps of debtors that moved between partitions: given first, and taken only then.

use std::collections::BTreeMap;

/// Of which cap, from where to where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moved {
    /// Whose cap.
    pub debtor: u16,
    /// ISO 4217 number of its currency.
    pub currency: u16,
    /// Which partition gave.
    pub giver: u16,
    /// Which took.
    pub taker: u16,
}

/// In minor units.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    given: i128,
    taken: i128,
    /// One of them was less than before.
    fell: bool,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Leases(BTreeMap<Moved, Totals>);

impl Leases {
    /// So much was given or taken in all.
    pub(super) fn note(&mut self, moved: Moved, given: bool, total: i128) {
        let totals = self.0.entry(moved).or_default();
        let own = if given { &mut totals.given } else { &mut totals.taken };
        totals.fell |= total <= *own;
        *own = total.max(*own);
    }

    /// What cannot be, in words.
    pub fn faults(&self) -> impl Iterator<Item = String> {
        let fault = |(moved, totals): (&Moved, &Totals)| {
            let Moved { debtor, currency, giver, taker } = moved;
            let of = format!("of the cap of participant {debtor} in currency {currency} partition {taker}");
            if totals.taken > totals.given {
                Some(format!("{of} took {}, and partition {giver} gave it {}", totals.taken, totals.given))
            } else {
                totals.fell.then(|| format!("{of} and partition {giver} moved less in all than before"))
            }
        };
        self.0.iter().filter_map(fault)
    }
}
