//! What a participant owes and is owed, in one currency.
//!
//! I4: a movement is two legs that sum to zero, so over all participants debits equal credits. Undoing what was captured
//! books the opposite movement; it never subtracts (rule 22).

use holdfast_protocol::{Amount, Currency, Total};

/// One position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// In which currency.
    pub currency: Currency,
    /// The net debit cap; none where the currency is no longer agreed.
    pub cap: Option<Total>,
    /// What its open reservations hold.
    pub held: Total,
    /// What it owes from captures, and from reversals of what was captured in its favour.
    pub debits: Total,
    /// What it is owed.
    pub credits: Total,
}

/// Money that a destination may hold although the switch reversed it, in one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InDoubt {
    /// How much.
    pub amount: Total,
    /// Transactions.
    pub transactions: u64,
}

/// No number of payments reaches 128 bits.
const FITS: &str = "fewer than 2^80 movements of twelve digits";

impl Position {
    pub(crate) const fn new(currency: Currency) -> Self {
        Self { currency, cap: None, held: Total::ZERO, debits: Total::ZERO, credits: Total::ZERO }
    }

    /// held + debits − credits (rule 22).
    pub fn exposure(&self) -> Total {
        self.held.checked_add(self.debits).and_then(|sum| sum.checked_sub(self.credits)).expect(FITS)
    }

    /// Whether nothing is held and nothing owed.
    pub fn is_flat(&self) -> bool {
        self.held == Total::ZERO && self.debits == self.credits
    }

    /// This and what another partition has of the same participant in the same currency; both know the whole cap.
    #[must_use]
    pub fn joined(&self, other: &Self) -> Self {
        let sum = |a: Total, b: Total| a.checked_add(b).expect(FITS);
        Self {
            currency: self.currency,
            cap: self.cap,
            held: sum(self.held, other.held),
            debits: sum(self.debits, other.debits),
            credits: sum(self.credits, other.credits),
        }
    }

    pub(crate) fn hold(&mut self, amount: Amount) {
        self.held = self.held.plus(amount).expect(FITS);
    }

    pub(crate) fn let_go(&mut self, amount: Amount) {
        self.held = self.held.less(amount).expect(FITS);
        assert!(self.held >= Total::ZERO, "I3: a position never lets go more than it holds");
    }

    pub(crate) fn debit(&mut self, amount: Amount) {
        self.debits = self.debits.plus(amount).expect(FITS);
    }

    pub(crate) fn credit(&mut self, amount: Amount) {
        self.credits = self.credits.plus(amount).expect(FITS);
    }
}
