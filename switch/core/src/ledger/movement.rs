//! Changes of one transaction and the legs on positions that go with them.
//!
//! I3 is asserted here for every change: what the positions hold moved by exactly what the transaction's open amount
//! moved. I4 holds because capturing and undoing each book both legs at once.

use std::collections::BTreeMap;

use holdfast_protocol::{Amount, BusinessDate, Currency, ParticipantNumber};

use super::participants::{Participant, Participants};
use super::state::{Ledger, Transaction};
use crate::effect::Delivery;
use crate::transaction::TransactionKind;
use crate::transaction::money::Money;

/// Legs on positions.
pub(super) struct Legs<'a> {
    participants: &'a mut Participants,
    /// By how much what the positions hold has moved.
    held_moved: i128,
}

impl Legs<'_> {
    /// Holds the open amount of a new reservation.
    pub(super) fn hold(&mut self, transaction: &Transaction, amount: Amount) {
        if let (Some(debtor), Some(terms)) = (transaction.debtor(), transaction.terms) {
            self.participants.known_mut(debtor).position_mut(terms.currency).hold(amount);
            self.held_moved += i128::from(amount.minor());
        }
    }

    fn let_go(&mut self, transaction: &Transaction, amount: Amount) {
        if let (Some(debtor), Some(terms)) = (transaction.debtor(), transaction.terms) {
            self.participants.known_mut(debtor).position_mut(terms.currency).let_go(amount);
            self.held_moved -= i128::from(amount.minor());
        }
    }

    /// Ends a part of a hold without capture.
    pub(super) fn release(&mut self, transaction: &mut Transaction, amount: Amount) {
        self.let_go(transaction, amount);
        transaction.released =
            transaction.released.checked_add(amount).expect("a part of what is held for is an amount");
        self.give_back(transaction, amount);
    }

    /// Turns a part of a hold into a movement from debtor to creditor.
    pub(super) fn capture(&mut self, transaction: &mut Transaction, amount: Amount) {
        self.let_go(transaction, amount);
        transaction.captured =
            transaction.captured.checked_add(amount).expect("a part of what is held for is an amount");
        if let (Some(debtor), Some(creditor), Some(terms)) =
            (transaction.debtor(), transaction.creditor(), transaction.terms)
        {
            self.pay(debtor, creditor, terms.currency, amount);
        }
    }

    /// Undoes all that was captured and that no refund gave back: the opposite movement.
    pub(super) fn undo_captures(&mut self, transaction: &mut Transaction, refunded: Amount) -> Amount {
        let amount = transaction
            .captured
            .checked_sub(refunded)
            .and_then(|rest| rest.checked_sub(transaction.reversed))
            .expect("rule 15: reversed and refunded never exceed what was captured");
        transaction.reversed = transaction
            .reversed
            .checked_add(amount)
            .expect("rule 15: reversed and refunded never exceed what was captured");
        if let (Some(debtor), Some(creditor), Some(terms)) =
            (transaction.debtor(), transaction.creditor(), transaction.terms)
        {
            self.pay(creditor, debtor, terms.currency, amount);
        }
        self.give_back(transaction, amount);
        amount
    }

    /// A refund was undone whose original is reversed as a whole: the reversal takes what it gave up, back to the debtor
    /// of the original, who is the creditor of the refund.
    pub(super) fn reverse_original(&mut self, refund: &Transaction, amount: Amount) {
        if let (Some(debtor), Some(creditor), Some(terms)) =
            (refund.debtor(), refund.creditor(), refund.terms)
        {
            self.pay(debtor, creditor, terms.currency, amount);
        }
    }

    /// I4: two legs that sum to zero.
    fn pay(&mut self, from: ParticipantNumber, to: ParticipantNumber, currency: Currency, amount: Amount) {
        self.participants.known_mut(from).position_mut(currency).debit(amount);
        self.participants.known_mut(to).position_mut(currency).credit(amount);
    }

    /// Refunds count for no limit, so they give nothing back.
    fn give_back(&mut self, transaction: &Transaction, amount: Amount) {
        if let Some(terms) = transaction.terms.filter(|terms| terms.kind != TransactionKind::Refund) {
            self.participants.known_mut(transaction.key.originator).usages.give_back(
                terms.security_level,
                terms.currency,
                transaction.settlement_date,
                amount,
            );
        }
    }
}

/// What a transaction counts for.
#[derive(Clone, Copy)]
struct Tally {
    pending: bool,
    unfinished: bool,
    undelivered: usize,
    open: bool,
    hold: i128,
    /// What an unacknowledged reversal is about.
    in_doubt: Option<(Currency, Amount)>,
}

/// Money behind an unacknowledged reversal: the destination may still hold it. A tombstone stands for no known money.
pub(crate) fn in_doubt(transaction: &Transaction) -> Option<(Currency, Amount)> {
    let reversal = transaction.deliveries.iter().any(|delivery| matches!(delivery, Delivery::Reverse(_)));
    let amount = Some(transaction.held_for).filter(|amount| reversal && !amount.is_zero());
    Some((transaction.terms?.currency, amount?))
}

impl Tally {
    const NONE: Self =
        Self { pending: false, unfinished: false, undelivered: 0, open: false, hold: 0, in_doubt: None };

    fn of(transaction: &Transaction) -> Self {
        let undelivered = transaction.deliveries.len();
        let unfinished = !transaction.money.is_closed();
        Self {
            pending: transaction.money == Money::Pending,
            unfinished,
            undelivered,
            open: unfinished || undelivered > 0,
            hold: i128::from(transaction.hold_on_position().minor()),
            in_doubt: in_doubt(transaction),
        }
    }
}

fn step(counter: &mut u32, before: bool, after: bool) {
    match (before, after) {
        (false, true) => *counter += 1,
        (true, false) => *counter -= 1,
        (false, false) | (true, true) => {}
    }
}

fn count(participant: &mut Participant, before: Tally, after: Tally) {
    step(&mut participant.pending, before.pending, after.pending);
    step(&mut participant.unfinished, before.unfinished, after.unfinished);
    let undelivered = participant.undelivered as usize + after.undelivered - before.undelivered;
    participant.undelivered = u32::try_from(undelivered).expect("settings limit what is undelivered");
    if before.in_doubt != after.in_doubt {
        if let Some((currency, amount)) = before.in_doubt {
            participant.resolve(currency, amount);
        }
        if let Some((currency, amount)) = after.in_doubt {
            participant.doubt(currency, amount);
        }
    }
}

fn count_pending(days: &mut BTreeMap<BusinessDate, u64>, date: BusinessDate, before: Tally, after: Tally) {
    let day = days.entry(date).or_insert(0);
    match (before.pending, after.pending) {
        (false, true) => *day += 1,
        (true, false) => *day -= 1,
        (false, false) | (true, true) => {}
    }
}

fn settle(ledger: &mut Ledger, index: u32, before: Tally, held_moved: i128) {
    let transaction = ledger.transactions.get(index);
    let after = Tally::of(transaction);
    assert_eq!(
        held_moved,
        after.hold - before.hold,
        "I3: the change of what is held is the change of what is open"
    );
    if before.pending != after.pending {
        step(&mut ledger.pending, before.pending, after.pending);
        count_pending(&mut ledger.days, transaction.settlement_date, before, after);
    }
    let (originator, destination) = (transaction.key.originator, transaction.destination);
    count(ledger.participants.known_mut(destination), before, after);
    if before.open != after.open {
        step(&mut ledger.participants.known_mut(destination).open, before.open, after.open);
        step(&mut ledger.participants.known_mut(originator).open, before.open, after.open);
    }
}

/// Puts a transaction into the slab and holds what it is for.
pub(super) fn open(ledger: &mut Ledger, transaction: Transaction) -> u32 {
    let mut legs = Legs { participants: &mut ledger.participants, held_moved: 0 };
    let amount = transaction.open_amount();
    legs.hold(&transaction, amount);
    let held_moved = legs.held_moved;
    let index = ledger.transactions.insert(transaction);
    settle(ledger, index, Tally::NONE, held_moved);
    index
}

/// Puts a transaction into the slab whose hold is on its position already.
pub(super) fn restore(ledger: &mut Ledger, transaction: Transaction) -> u32 {
    let held = i128::from(transaction.hold_on_position().minor());
    let index = ledger.transactions.insert(transaction);
    settle(ledger, index, Tally::NONE, held);
    index
}

/// Changes a transaction of the slab.
pub(super) fn change<T>(
    ledger: &mut Ledger,
    index: u32,
    change: impl FnOnce(&mut Transaction, &mut Legs<'_>) -> T,
) -> T {
    let transaction = ledger.transactions.get_mut(index);
    let before = Tally::of(transaction);
    let mut legs = Legs { participants: &mut ledger.participants, held_moved: 0 };
    let result = change(transaction, &mut legs);
    let held_moved = legs.held_moved;
    settle(ledger, index, before, held_moved);
    result
}
