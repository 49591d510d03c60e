//! The invariants, checked from outside: what tests and the simulator run after each step.
//!
//! The core itself asserts I3 as Δheld = Δopen in every change; here is the full recount, and what only an observer of
//! all outputs can see.

use std::collections::BTreeMap;

use holdfast_protocol::{
    Amount, Answer, Currency, Outcome, ParticipantNumber, Partition, RequestId, Sequence, Total,
    TransactionKey,
};

use crate::effect::Effect;
use crate::fact::Fact;
use crate::ledger::state::Ledger;
use crate::ledger::{Digest, in_doubt};
use crate::overview::Undelivered;
use crate::registry::Debtor;
use crate::report;
use crate::schedule::Head;
use crate::settings::Settings;
use crate::step::{Core, Output};
use crate::transaction::money::Money;
use crate::view::SessionId;

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// I2 and I6.
    #[error("I2: request {1} of participant {0} was told two outcomes")]
    TwoOutcomes(ParticipantNumber, RequestId),
    /// I2.
    #[error("I2: transaction {0} was forwarded twice as new")]
    ForwardedTwice(TransactionKey),
    /// I3.
    #[error("I3: participant {0} holds {2:?} in {1}, and its open reservations are {3:?}")]
    HeldIsNotOpen(ParticipantNumber, Currency, Total, Total),
    /// I4.
    #[error("I4: positions in {0} net to {1:?}")]
    NotZero(Currency, Total),
    /// I5.
    #[error("I5: transaction {0} is closed and holds something")]
    ClosedAndHeld(TransactionKey),
    /// Rule 15.
    #[error(
        "rule 15: refunds of {0} are said to give back {1:?}, open ones sum up to {2:?}, captured is {3:?}"
    )]
    Refunds(TransactionKey, [Amount; 2], Amount, Amount),
    /// I7.
    #[error("I7: live {live:?}, and its facts applied again {again:?}")]
    Digest {
        /// Of the core that decided.
        live: Digest,
        /// Of a ledger that was given its facts.
        again: Digest,
    },
    /// I9.
    #[error("I9: transaction {0} took its debtor above the cap")]
    AboveCap(TransactionKey),
    /// I9, of several partitions: the debtor, the currency, the taker and the giver.
    #[error("I9: partition {2:?} took more of the cap of participant {0} in {1} than partition {3:?} gave")]
    TakenNotGiven(ParticipantNumber, Currency, Partition, Partition),
    /// I9, of several partitions.
    #[error("I9: the leases of participant {0} in {1} sum to {2:?}, the cap is {3:?}")]
    LeasesAboveCap(ParticipantNumber, Currency, Total, Total),
    /// What is said of destinations disagrees with a walk over all transactions.
    #[error("undelivered is said to be {0:?}, a walk gives {1:?}")]
    Undelivered(Vec<Undelivered>, Vec<Undelivered>),
    /// The counters beside the ledger disagree with a recount.
    #[error("participant {0} counts {1}, a recount gives {2}")]
    Count(ParticipantNumber, &'static str, u64, u64),
}

/// What was told of a request: all of it but the state now.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    answer: Answer,
}

/// Watches one core.
#[derive(Debug)]
pub struct InvariantCheck {
    told: BTreeMap<(ParticipantNumber, RequestId), Told>,
    forwarded: BTreeMap<TransactionKey, ()>,
    replica: Core,
}

impl InvariantCheck {
    /// A watcher of a core that was made with the same settings and has done nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self { told: BTreeMap::new(), forwarded: BTreeMap::new(), replica: Core::new(settings) }
    }

    /// Checks everything after one step that added to an empty output.
    ///
    /// # Errors
    /// The first invariant that does not hold.
    pub fn after_step(
        &mut self,
        core: &Core,
        out: &Output,
        participant_of: impl Fn(SessionId) -> ParticipantNumber,
    ) -> Result<(), Violation> {
        for effect in &out.effects {
            match effect {
                Effect::Answer { to, answer, .. } => self.answered(participant_of(*to), answer)?,
                Effect::Forward { request, .. } => {
                    if let Some(key) = request.key()
                        && self.forwarded.insert(key, ()).is_some()
                        && !request.repeat
                    {
                        return Err(Violation::ForwardedTwice(key));
                    }
                }
                Effect::ForwardRefund { request, .. } => {
                    if let Some(key) = request.key()
                        && self.forwarded.insert(key, ()).is_some()
                        && !request.repeat
                    {
                        return Err(Violation::ForwardedTwice(key));
                    }
                }
                Effect::Lease { .. }
                | Effect::Status { .. }
                | Effect::Superseded { .. }
                | Effect::Deliver { .. }
                | Effect::Complete { .. }
                | Effect::Close { .. }
                | Effect::Recall(_) => {}
            }
        }
        self.replica.set_epoch(core.epoch());
        for fact in &out.facts {
            self.replica.apply_recovered(fact);
            if let Fact::Reserved(reserved) = fact {
                cap(self.replica.ledger(), reserved)?;
            }
        }
        recount(core)?;
        let (live, again) = (core.digest(), self.replica.digest());
        if live == again { Ok(()) } else { Err(Violation::Digest { live, again }) }
    }

    fn answered(&mut self, who: ParticipantNumber, answer: &Answer) -> Result<(), Violation> {
        if answer.outcome == Outcome::Refused {
            return Ok(());
        }
        let mut answer = answer.clone();
        // The state now may change, the outcome never (rule 13). The epoch of a decision is the journal's to say.
        answer.state = holdfast_protocol::State::None;
        answer.epoch = holdfast_protocol::Epoch(0);
        let id = answer.id;
        let told = self.told.entry((who, id)).or_insert_with(|| Told { answer: answer.clone() });
        if told.answer == answer && answer.sequence > Sequence(0) {
            Ok(())
        } else {
            Err(Violation::TwoOutcomes(who, id))
        }
    }
}

fn cap(ledger: &Ledger, reserved: &crate::fact::Reserved) -> Result<(), Violation> {
    let debtor = match reserved.debtor {
        Debtor::Originator => reserved.originator,
        Debtor::Destination => reserved.destination,
        Debtor::Outside => return Ok(()),
    };
    let (debtor, currency) = (ledger.participants.known(debtor), reserved.request.currency);
    let lease = ledger.lease(debtor, currency);
    let within = debtor.position(currency).is_some_and(|p| lease.is_some_and(|lease| p.exposure() <= lease));
    let key = TransactionKey { originator: reserved.originator, id: reserved.request.id };
    if within { Ok(()) } else { Err(Violation::AboveCap(key)) }
}

/// I9 over all partitions, whatever is on its way between them: nobody took what was not given, and where all know the same cap the
/// leases sum to no more.
///
/// # Errors
/// The first lease that does not hold.
pub fn leases(cores: &[&Core]) -> Result<(), Violation> {
    for taker in cores {
        for ((debtor, currency), from, moved) in taker.ledger.leases.all() {
            let by = taker.partition();
            let giver = cores.iter().find(|core| core.partition() == from);
            let given =
                giver.map_or(Total::ZERO, |giver| giver.ledger.leases.moved((debtor, currency), by).given);
            if moved.taken > given {
                return Err(Violation::TakenNotGiven(debtor, currency, by, from));
            }
        }
    }
    let Some(first) = cores.first() else { return Ok(()) };
    for participant in first.ledger.participants.iter() {
        let number = participant.record.number;
        for (currency, cap) in &participant.record.caps {
            let of = |core: &&Core| core.ledger.participants.find(number)?.position(*currency)?.cap;
            if cores.iter().any(|core| of(core) != Some(*cap)) {
                continue;
            }
            let leases = cores.iter().filter_map(|core| core.lease(number, *currency));
            let sum =
                leases.fold(Total::ZERO, |sum, lease| sum.checked_add(lease).expect("far below 128 bits"));
            if sum > *cap {
                return Err(Violation::LeasesAboveCap(number, *currency, sum, *cap));
            }
        }
    }
    Ok(())
}

/// What destinations have not acknowledged, from every open transaction.
fn walk(core: &Core) -> Vec<Undelivered> {
    let mut destinations: BTreeMap<ParticipantNumber, Undelivered> = BTreeMap::new();
    for (index, transaction) in core.ledger.transactions.iter().filter(|(_, t)| !t.deliveries.is_empty()) {
        let (destination, flight) = (transaction.destination, core.schedule.flight(index));
        let entry = destinations.entry(destination).or_insert_with(|| Undelivered {
            destination,
            messages: 0,
            on_their_way: 0,
            oldest: None,
            in_doubt: BTreeMap::new(),
        });
        entry.messages += transaction.deliveries.len() as u64;
        entry.on_their_way += u64::from(matches!(flight.head, Head::Sent(..)));
        entry.oldest = Some(entry.oldest.map_or(flight.head_since, |oldest| oldest.min(flight.head_since)));
        if let Some((currency, amount)) = in_doubt(transaction) {
            let doubt = entry.in_doubt.entry(currency).or_default();
            doubt.amount = doubt.amount.plus(amount).expect("far below 128 bits");
            doubt.transactions += 1;
        }
    }
    destinations.into_values().collect()
}

/// I3, I4 and I5: counts a core's ledger again in full, and what it says of destinations.
///
/// # Errors
/// The first invariant that does not hold.
pub fn recount(core: &Core) -> Result<(), Violation> {
    let (said, walked) = (core.undelivered(), walk(core));
    if said != walked {
        return Err(Violation::Undelivered(said, walked));
    }
    recount_ledger(core.ledger())
}

/// Rule 15: reversed + refunded ≤ captured for each original, pending refunds included.
fn recount_refunds(ledger: &Ledger) -> Result<(), Violation> {
    let refunds = &ledger.remembered.refunds;
    let mut pending: BTreeMap<TransactionKey, Amount> = BTreeMap::new();
    let open = ledger.transactions.iter().filter(|(_, t)| t.is_refund() && t.money == Money::Pending);
    for (_, refund) in open {
        if let Some(original) = refunds.original_of(refund.key) {
            let sum = pending.entry(original).or_insert(Amount::ZERO);
            *sum = sum.checked_add(refund.held_for).expect("a part of what was captured");
        }
    }
    for (key, said) in refunds.originals() {
        let counted = pending.remove(key).unwrap_or(Amount::ZERO);
        let (captured, reversed) = report::transaction(ledger, *key)
            .map_or((Amount::ZERO, Amount::ZERO), |t| (t.captured, t.reversed));
        let sums = [counted, said.refunded, reversed];
        let in_all: u64 = sums.iter().map(|amount| amount.minor()).sum();
        if said.pending != counted || in_all > captured.minor() {
            return Err(Violation::Refunds(*key, [said.pending, said.refunded], counted, captured));
        }
    }
    match pending.first_key_value() {
        Some((key, counted)) => Err(Violation::Refunds(*key, [Amount::ZERO; 2], *counted, Amount::ZERO)),
        None => Ok(()),
    }
}

fn recount_ledger(ledger: &Ledger) -> Result<(), Violation> {
    recount_refunds(ledger)?;
    let mut open: BTreeMap<(ParticipantNumber, Currency), Total> = BTreeMap::new();
    let mut counts: BTreeMap<ParticipantNumber, [u64; 4]> = BTreeMap::new();
    for (_, transaction) in ledger.transactions.iter() {
        let closed = transaction.money.is_closed();
        if closed && !transaction.open_amount().is_zero() {
            return Err(Violation::ClosedAndHeld(transaction.key));
        }
        if let (Some(debtor), Some(terms)) = (transaction.debtor(), transaction.terms) {
            let total = open.entry((debtor, terms.currency)).or_default();
            *total = total.plus(transaction.open_amount()).expect("far below 128 bits");
        }
        let of_destination = counts.entry(transaction.destination).or_default();
        of_destination[0] += u64::from(transaction.money == Money::Pending);
        of_destination[1] += u64::from(!closed);
        of_destination[2] += transaction.deliveries.len() as u64;
        of_destination[3] += 1;
        counts.entry(transaction.key.originator).or_default()[3] += 1;
    }
    let mut net: BTreeMap<Currency, Total> = BTreeMap::new();
    for participant in ledger.participants.iter() {
        let number = participant.record.number;
        for position in &participant.positions {
            let expected = open.remove(&(number, position.currency)).unwrap_or_default();
            if position.held != expected {
                let (currency, held) = (position.currency, position.held);
                return Err(Violation::HeldIsNotOpen(number, currency, held, expected));
            }
            let net = net.entry(position.currency).or_default();
            let sum = net.checked_add(position.debits).and_then(|sum| sum.checked_sub(position.credits));
            *net = sum.expect("far below 128 bits");
        }
        let [pending, unfinished, undelivered, open] = counts.get(&number).copied().unwrap_or_default();
        for (name, kept, counted) in [
            ("pending", participant.pending, pending),
            ("unfinished", participant.unfinished, unfinished),
            ("undelivered", participant.undelivered, undelivered),
            ("open", participant.open, open),
        ] {
            if u64::from(kept) != counted {
                return Err(Violation::Count(number, name, u64::from(kept), counted));
            }
        }
    }
    match net.into_iter().find(|(_, net)| *net != Total::ZERO) {
        Some((currency, net)) => Err(Violation::NotZero(currency, net)),
        None => Ok(()),
    }
}
