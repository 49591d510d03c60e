//! What links refunds with their originals: how much of each original its refunds give back, and of which original each
//! refund is.
//!
//! A refund that is pending counts as refunded (rule 15). Few transactions are refunded, so this stands beside their
//! records, and leaves memory with them.
//!
//! Invariant: what is here follows from facts alone (I7), and what is pending from the open refunds.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use holdfast_protocol::{Amount, Refund, RequestId, TransactionKey};

/// How a transaction is linked with others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Linked {
    /// It is no refund that was ever reserved, and has none.
    #[default]
    Alone,
    /// It is an original, and refunds that are decided and stand give back this much of it.
    Refunded(Amount),
    /// It is a refund of this original.
    RefundOf(RequestId),
}

/// Of an original.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refunded {
    /// By refunds that are not decided.
    pub(crate) pending: Amount,
    /// By refunds that are, and stand.
    pub(crate) refunded: Amount,
}

impl Refunded {
    const NOTHING: Self = Self { pending: Amount::ZERO, refunded: Amount::ZERO };

    /// What counts as refunded.
    pub(crate) fn in_all(self) -> Amount {
        plus(self.pending, self.refunded)
    }
}

/// Of a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefundOf {
    pub(crate) original: RequestId,
    /// As received, while it may be forwarded again.
    pub(crate) request: Option<Box<Refund>>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Refunds {
    originals: HashMap<TransactionKey, Refunded, FixedState>,
    refunds: HashMap<TransactionKey, RefundOf, FixedState>,
}

const BEGUN: &str = "a refund that is decided was begun";

fn plus(sum: Amount, amount: Amount) -> Amount {
    sum.checked_add(amount).expect("rule 15: what is refunded never exceeds what was captured")
}

fn less(sum: Amount, amount: Amount) -> Amount {
    sum.checked_sub(amount).expect("what a refund gives up was counted when it was reserved or approved")
}

impl Refunds {
    pub(crate) fn new(hasher: &FixedState) -> Self {
        Self {
            originals: HashMap::with_hasher(hasher.clone()),
            refunds: HashMap::with_hasher(hasher.clone()),
        }
    }

    /// A refund is reserved.
    pub(crate) fn begin(&mut self, key: TransactionKey, request: &Refund) {
        let original = TransactionKey { originator: key.originator, id: request.original };
        let sums = self.originals.entry(original).or_insert(Refunded::NOTHING);
        sums.pending = plus(sums.pending, request.amount);
        let refund = RefundOf { original: request.original, request: Some(Box::new(request.clone())) };
        let before = self.refunds.insert(key, refund);
        assert!(before.is_none(), "I2: a refund is reserved once");
    }

    /// A pending refund is decided: approved, or not.
    pub(crate) fn decided(&mut self, key: TransactionKey, amount: Amount, approved: bool) {
        self.refunds.get_mut(&key).expect(BEGUN).request = None;
        let sums = self.original_sums(key).expect("an original stays as long as a refund of it is pending");
        sums.pending = less(sums.pending, amount);
        if approved {
            sums.refunded = plus(sums.refunded, amount);
        }
    }

    /// An approved refund was reversed. Where its original has left memory there is nothing to count.
    pub(crate) fn undone(&mut self, key: TransactionKey, amount: Amount) {
        if let Some(sums) = self.original_sums(key) {
            sums.refunded = less(sums.refunded, amount);
        }
    }

    fn original_sums(&mut self, refund: TransactionKey) -> Option<&mut Refunded> {
        let original = self.original_of(refund)?;
        self.originals.get_mut(&original)
    }

    /// What counts as refunded of an original.
    pub(crate) fn of(&self, original: TransactionKey) -> Refunded {
        self.originals.get(&original).copied().unwrap_or(Refunded::NOTHING)
    }

    /// Whether refunds of this original are counted here.
    pub(crate) fn counts(&self, original: TransactionKey) -> bool {
        self.originals.contains_key(&original)
    }

    /// The original of a refund.
    pub(crate) fn original_of(&self, refund: TransactionKey) -> Option<TransactionKey> {
        let found = self.refunds.get(&refund)?;
        Some(TransactionKey { originator: refund.originator, id: found.original })
    }

    /// A pending refund as received.
    pub(crate) fn request(&self, refund: TransactionKey) -> Option<&Refund> {
        self.refunds.get(&refund)?.request.as_deref()
    }

    pub(crate) fn linked(&self, key: TransactionKey) -> Linked {
        if self.is_empty() {
            return Linked::Alone;
        }
        if let Some(refund) = self.refunds.get(&key) {
            return Linked::RefundOf(refund.original);
        }
        self.originals.get(&key).map_or(Linked::Alone, |sums| Linked::Refunded(sums.refunded))
    }

    /// Whether nothing is linked: so it is usually.
    pub(crate) fn is_empty(&self) -> bool {
        self.originals.is_empty() && self.refunds.is_empty()
    }

    /// A transaction is in memory again, or for the first time since the start. What is pending is counted by
    /// [`Self::restore_pending`].
    pub(crate) fn restore(&mut self, key: TransactionKey, linked: Linked) {
        match linked {
            Linked::Alone => {}
            Linked::Refunded(amount) => {
                self.originals.entry(key).or_insert(Refunded::NOTHING).refunded = amount;
            }
            Linked::RefundOf(original) => {
                self.refunds.insert(key, RefundOf { original, request: None });
            }
        }
    }

    /// A refund is pending: as a snapshot says, after [`Self::restore`]. False where its original cannot bear it, or where
    /// it is pending twice.
    pub(crate) fn restore_pending(&mut self, key: TransactionKey, request: Refund) -> bool {
        let original = TransactionKey { originator: key.originator, id: request.original };
        let sums = self.originals.entry(original).or_insert(Refunded::NOTHING);
        let Some(pending) = sums.pending.checked_add(request.amount) else { return false };
        sums.pending = pending;
        let refund = RefundOf { original: request.original, request: Some(Box::new(request)) };
        self.refunds.insert(key, refund).is_some_and(|linked| linked.request.is_none())
    }

    /// A transaction leaves memory. Returns what linked it.
    pub(crate) fn leave(&mut self, key: TransactionKey) -> Linked {
        if self.is_empty() {
            return Linked::Alone;
        }
        let linked = self.linked(key);
        self.refunds.remove(&key);
        self.originals.remove(&key);
        linked
    }

    /// Everything about originals, in no order.
    pub(crate) fn originals(&self) -> impl Iterator<Item = (&TransactionKey, &Refunded)> {
        self.originals.iter()
    }

    /// Everything about refunds, in no order.
    pub(crate) fn refunds(&self) -> impl Iterator<Item = (&TransactionKey, &RefundOf)> {
        self.refunds.iter()
    }
}
