//! What the facts come to, reckoned apart from the core: what each position holds and has booked, and what each originator
//! used of its limits.
//!
//! It knows the facts and nothing of the ledger. The core and this must agree after every step: a position that moves
//! without a fact, or twice for one, shows here whether or not the core asserts anything.

use std::collections::BTreeMap;

use holdfast_core::fact::{RefundReserved, Reserved};
use holdfast_core::input::Recalled;
use holdfast_core::leaving::Archived;
use holdfast_core::registry::{CurrencyLimits, Debtor};
use holdfast_core::snapshot::Linked;
use holdfast_core::transaction::money::Ending;
use holdfast_core::{Core, Fact};
use holdfast_protocol::{
    Amount, BusinessDate, Currency, Kind, ParticipantNumber, Reason, SecurityLevel, TransactionKey,
};

use super::violation::{Verdict, ensure};

/// One position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Booked {
    held: i128,
    debits: i128,
    credits: i128,
}

/// What was used of a limit on one date.
#[derive(Clone, Copy, Debug)]
struct Used {
    date: BusinessDate,
    amount: i128,
    count: u64,
}

/// Whose, at which level and in which currency.
type Limited = (ParticipantNumber, SecurityLevel, Currency);

/// What is open and captured of one transaction.
#[derive(Clone, Copy, Debug)]
struct Reckoned {
    /// Debtor and creditor; none where it is settled elsewhere.
    legs: Option<(ParticipantNumber, ParticipantNumber)>,
    currency: Currency,
    /// The limit it counts for: none for a refund.
    limited: Option<Limited>,
    date: BusinessDate,
    /// Its approval is the capture.
    at_once: bool,
    open: i128,
    captured: i128,
    /// Of what was captured, given back by its refunds.
    refunded: i128,
    /// Reversed as a whole.
    reversed: bool,
    refund_of: Option<TransactionKey>,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reckoning {
    transactions: BTreeMap<TransactionKey, Reckoned>,
    positions: BTreeMap<(ParticipantNumber, Currency), Booked>,
    used: BTreeMap<Limited, Used>,
}

fn minor(amount: Amount) -> i128 {
    i128::from(amount.minor())
}

impl Reckoning {
    /// The next fact.
    pub(crate) fn fold(&mut self, fact: &Fact) {
        let key = |originator: &ParticipantNumber, id| TransactionKey { originator: *originator, id };
        match fact {
            Fact::Reserved(reserved) => self.reserved(reserved),
            Fact::RefundReserved(reserved) => self.refund_reserved(reserved),
            Fact::Approved { key, amount, .. } => {
                self.change(*key, |t, books| {
                    books.let_go(t, t.open - minor(*amount));
                    if t.at_once {
                        books.capture(t, t.open);
                    }
                });
                if let Some(original) = self.original_of(*key) {
                    original.refunded += minor(*amount);
                }
            }
            Fact::Declined { key, .. } | Fact::Expired(key) => {
                self.change(*key, |t, books| books.let_go(t, t.open));
            }
            Fact::Captured { originator, request, .. } => {
                self.change(key(originator, request.original), |t, books| {
                    books.capture(t, minor(request.amount));
                    if request.last {
                        books.let_go(t, t.open);
                    }
                });
            }
            Fact::Released { originator, request, .. } => {
                self.change(key(originator, request.original), |t, books| books.let_go(t, t.open));
            }
            Fact::Reversed { originator, request, .. } => {
                let key = key(originator, request.original);
                let given_up = self.transactions.get(&key).filter(|t| !t.reversed).map_or(0, |t| t.captured);
                self.change(key, |t, books| {
                    books.let_go(t, t.open);
                    books.undo(t);
                });
                if let Some(original) = self.original_of(key) {
                    original.refunded -= given_up;
                    if original.reversed {
                        // The reversal of the original takes what its refund gives up.
                        self.change(key, |t, books| books.pay_again(t, given_up));
                    }
                }
            }
            // They move no money.
            _ => {}
        }
    }

    fn reserved(&mut self, reserved: &Reserved) {
        let Reserved { originator, destination, request, .. } = reserved;
        let legs = match reserved.debtor {
            Debtor::Originator => Some((*originator, *destination)),
            Debtor::Destination => Some((*destination, *originator)),
            Debtor::Outside => None,
        };
        let limited = (*originator, request.security_level, request.currency);
        let (date, open) = (reserved.settlement_date, minor(request.amount));
        let used = self.used.entry(limited).or_insert(Used { date, amount: 0, count: 0 });
        if used.date != date {
            *used = Used { date, amount: 0, count: 0 };
        }
        (used.amount, used.count) = (used.amount + open, used.count + 1);
        if let Some((debtor, _)) = legs {
            self.positions.entry((debtor, request.currency)).or_default().held += open;
        }
        let key = TransactionKey { originator: *originator, id: request.id };
        let reckoned = Reckoned {
            legs,
            currency: request.currency,
            limited: Some(limited),
            date,
            at_once: request.kind == Kind::Pay,
            open,
            captured: 0,
            refunded: 0,
            reversed: false,
            refund_of: None,
        };
        self.transactions.insert(key, reckoned);
    }

    fn refund_reserved(&mut self, reserved: &RefundReserved) {
        let RefundReserved { originator, destination, request, .. } = reserved;
        let legs = match reserved.debtor {
            Debtor::Originator => Some((*originator, *destination)),
            Debtor::Destination => Some((*destination, *originator)),
            Debtor::Outside => None,
        };
        let open = minor(request.amount);
        if let Some((debtor, _)) = legs {
            self.positions.entry((debtor, request.currency)).or_default().held += open;
        }
        let reckoned = Reckoned {
            legs,
            currency: request.currency,
            limited: None,
            date: reserved.settlement_date,
            at_once: true,
            open,
            captured: 0,
            refunded: 0,
            reversed: false,
            refund_of: Some(TransactionKey { originator: *originator, id: request.original }),
        };
        self.transactions.insert(TransactionKey { originator: *originator, id: request.id }, reckoned);
    }

    /// The original of a refund.
    fn original_of(&mut self, key: TransactionKey) -> Option<&mut Reckoned> {
        let original = self.transactions.get(&key)?.refund_of?;
        self.transactions.get_mut(&original)
    }

    fn change(&mut self, key: TransactionKey, change: impl FnOnce(&mut Reckoned, &mut Books<'_>)) {
        // A tombstone holds nothing.
        let Some(transaction) = self.transactions.get_mut(&key) else { return };
        change(transaction, &mut Books { positions: &mut self.positions, used: &mut self.used });
    }

    /// Before a reservation is folded: it is within the limits; where one was declined for a limit, it was not.
    pub(crate) fn within(&self, reserved: &Reserved, limits: CurrencyLimits) -> Verdict {
        let request = &reserved.request;
        let limited = (reserved.originator, request.security_level, request.currency);
        let amount = minor(request.amount);
        let over = self.over(limited, reserved.settlement_date, amount, limits);
        let (id, used) = (request.id, self.used.get(&limited));
        ensure!("limits", over.is_empty(), "{id} over {amount} is reserved with {used:?} used: {over:?}");
        Ok(())
    }

    /// A decline for the sake of a limit names one that would be passed.
    pub(crate) fn beyond(
        &self,
        limited: Limited,
        date: BusinessDate,
        amount: Amount,
        limits: CurrencyLimits,
        reason: Reason,
    ) -> Verdict {
        let over = self.over(limited, date, minor(amount), limits);
        let used = self.used.get(&limited);
        ensure!("limits", over.contains(&reason), "{amount:?} is declined with {reason}, {used:?} is used");
        Ok(())
    }

    fn over(
        &self,
        limited: Limited,
        date: BusinessDate,
        amount: i128,
        limits: CurrencyLimits,
    ) -> Vec<Reason> {
        let used = self.used.get(&limited).filter(|used| used.date == date);
        let (sum, count) = used.map_or((0, 0), |used| (used.amount, used.count));
        let mut over = Vec::new();
        if limits.amount.is_some_and(|limit| amount > minor(limit)) {
            over.push(Reason::AmountLimitExceeded);
        }
        if limits.daily_amount.is_some_and(|limit| sum + amount > limit.minor()) {
            over.push(Reason::DailyAmountLimitExceeded);
        }
        if limits.daily_count.is_some_and(|limit| count >= limit) {
            over.push(Reason::DailyCountLimitExceeded);
        }
        over
    }

    /// What the archive found of a transaction is what the facts came to; one they tell of is never absent.
    pub(crate) fn recalled(&self, key: TransactionKey, recalled: &Recalled) -> Verdict {
        let Some(known) = self.transactions.get(&key) else { return Ok(()) };
        match recalled {
            Recalled::Unavailable | Recalled::Found(Archived::FollowUp(_)) => {}
            Recalled::Absent => ensure!("archive", false, "{key} is said to be absent, the facts tell of it"),
            Recalled::Found(Archived::Transaction(found)) => {
                let refunded = match found.linked {
                    Linked::Refunded(amount) => minor(amount),
                    Linked::Alone | Linked::RefundOf(_) => 0,
                };
                // One that ended without a capture stays as it ended when it is reversed.
                let reversed = found.closed.ending == Ending::Reversed && known.captured != 0;
                let told = (minor(found.closed.captured), refunded, reversed);
                let reckoned = (known.captured, known.refunded, known.reversed && known.captured != 0);
                ensure!(
                    "archive",
                    told == reckoned,
                    "{key} is found as {told:?}, the facts come to {reckoned:?}"
                );
            }
        }
        Ok(())
    }

    /// I3 and I4 from outside: the positions are what the facts come to.
    pub(crate) fn agrees(&self, core: &Core) -> Verdict {
        let configured = core.participants().map(|(record, _, positions)| (record.number, positions));
        let removed = core.removed_participants().map(|(record, positions)| (record.number, positions));
        let mut seen = 0;
        for (number, positions) in configured.chain(removed) {
            for position in positions {
                let reckoned = self.positions.get(&(number, position.currency));
                seen += usize::from(reckoned.is_some());
                let reckoned = reckoned.copied().unwrap_or_default();
                let booked = Booked {
                    held: position.held.minor(),
                    debits: position.debits.minor(),
                    credits: position.credits.minor(),
                };
                let currency = position.currency;
                ensure!(
                    "I3",
                    booked == reckoned,
                    "{number} has {booked:?} in {currency}, the facts come to {reckoned:?}"
                );
            }
        }
        // Who was removed with flat books is not shown.
        let flat = |booked: &&Booked| booked.held == 0 && booked.debits == booked.credits;
        let hidden = self.positions.len() - seen;
        let may_hide = self.positions.values().filter(flat).count();
        ensure!(
            "I3",
            hidden <= may_hide,
            "positions are missing that the facts come to: {:?}",
            self.positions
        );
        Ok(())
    }
}

/// Where the movements of one transaction are booked.
struct Books<'a> {
    positions: &'a mut BTreeMap<(ParticipantNumber, Currency), Booked>,
    used: &'a mut BTreeMap<Limited, Used>,
}

impl Books<'_> {
    fn of(&mut self, who: ParticipantNumber, t: &Reckoned) -> &mut Booked {
        self.positions.entry((who, t.currency)).or_default()
    }

    fn let_go(&mut self, t: &mut Reckoned, amount: i128) {
        t.open -= amount;
        if let Some((debtor, _)) = t.legs {
            self.of(debtor, t).held -= amount;
        }
        self.give_back(t, amount);
    }

    fn capture(&mut self, t: &mut Reckoned, amount: i128) {
        (t.open, t.captured) = (t.open - amount, t.captured + amount);
        if let Some((debtor, creditor)) = t.legs {
            self.of(debtor, t).held -= amount;
            self.of(debtor, t).debits += amount;
            self.of(creditor, t).credits += amount;
        }
    }

    /// What its refunds have not given back (rule 15).
    fn undo(&mut self, t: &mut Reckoned) {
        if std::mem::replace(&mut t.reversed, true) {
            return;
        }
        let amount = t.captured - t.refunded;
        if let Some((debtor, creditor)) = t.legs {
            self.of(creditor, t).debits += amount;
            self.of(debtor, t).credits += amount;
        }
        self.give_back(t, amount);
    }

    fn pay_again(&mut self, t: &Reckoned, amount: i128) {
        if let Some((debtor, creditor)) = t.legs {
            self.of(debtor, t).debits += amount;
            self.of(creditor, t).credits += amount;
        }
    }

    /// Rule 22: the amount, not the count, and only of the date it was accepted on.
    fn give_back(&mut self, t: &Reckoned, amount: i128) {
        let used = t.limited.and_then(|limited| self.used.get_mut(&limited));
        if let Some(used) = used.filter(|used| used.date == t.date) {
            used.amount -= amount;
        }
    }
}
