//! Whose money: the positions as the journal's facts make them, and what operators and destinations believe.
//!
//! A party's belief about a transaction counts only where the party is sure: what it did not hear is unknown, never no.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::course::Course;
use crate::finding::{Class, Findings};
use crate::history::record::flag;
use crate::history::{Kind, Message, Record, Role};
use crate::journal::Debtor;
use crate::numbers::is_captured_by_approval;
use crate::rules::{Case, is_assured};
use crate::status::Status;
use crate::transaction::Seen;

/// What a participant owes and is owed in one currency, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Held by open transactions.
    pub held: i128,
    /// Taken from it.
    pub debits: i128,
    /// Given to it.
    pub credits: i128,
}

/// A sum that the journal and a party each made over the transactions that the party is sure of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Belief {
    /// Transactions that count.
    pub sure: u64,
    /// Captured and not undone, as the journal has it.
    pub journal: i128,
    /// The same as the party has it.
    pub party: i128,
    /// Transactions whose outcome the party does not know.
    pub unsure: u64,
    /// What the journal has for those.
    pub unsure_amount: i128,
}

/// All sums, by participant and ISO 4217 number of the currency.
#[derive(Debug, Default)]
pub struct Positions {
    /// From the facts alone.
    pub positions: BTreeMap<(u16, u16), Position>,
    /// From the histories, with the journal's word on the same transactions.
    pub beliefs: BTreeMap<(u16, u16, Role), Belief>,
}

impl Positions {
    /// Books what a course moved: legs that sum to zero (I4).
    pub fn book(&mut self, originator: u16, course: &Course) {
        let (debtor, creditor) = match course.debtor {
            Debtor::Originator => (originator, course.destination),
            Debtor::Destination => (course.destination, originator),
            Debtor::Outside => return,
        };
        let position = self.positions.entry((debtor, course.currency)).or_default();
        position.held += i128::from(course.open());
        position.debits += i128::from(course.captured) + i128::from(course.taken);
        position.credits += i128::from(course.reversed);
        let position = self.positions.entry((creditor, course.currency)).or_default();
        position.credits += i128::from(course.captured) + i128::from(course.taken);
        position.debits += i128::from(course.reversed);
    }

    /// Compares what the parties of a transaction believe with the journal, and adds it to their sums.
    pub fn compare(&mut self, case: &Case<'_>, findings: &mut Findings) {
        let course = case.course;
        if course.reserved.is_none() {
            return;
        }
        let originator = case.transaction.key.originator;
        if case.context.has(Role::Operator, originator) {
            self.add(case, originator, Role::Operator, operator_has(case), findings);
        }
        if case.context.has(Role::Destination, course.destination) {
            self.add(case, course.destination, Role::Destination, destination_has(case), findings);
        }
    }

    fn add(
        &mut self,
        case: &Case<'_>,
        participant: u16,
        role: Role,
        party: Option<u64>,
        findings: &mut Findings,
    ) {
        let kept = case.course.kept();
        let belief = self.beliefs.entry((participant, case.course.currency, role)).or_default();
        let Some(party) = party else {
            belief.unsure += 1;
            belief.unsure_amount += i128::from(kept);
            return;
        };
        belief.sure += 1;
        belief.journal += i128::from(kept);
        belief.party += i128::from(party);
        if party != kept {
            findings.add(Class::PositionsDisagree, || {
                let who = if role == Role::Operator { "operator" } else { "destination" };
                let facts = case.transaction.facts.iter().map(crate::transaction::fact_evidence);
                let seen = case.transaction.seen.iter().filter(|s| case.context.role(s) == role);
                let evidence = facts.chain(seen.map(|s| case.context.evidence(s))).collect();
                let what = format!("the {who} counts {party} as captured, the journal {kept}");
                (Some(case.transaction.key.to_string()), what, evidence)
            });
        }
    }
}

/// What the operator counts as captured and not undone; `None` while it waits for an answer that could change it.
fn operator_has(case: &Case<'_>) -> Option<u64> {
    let mut captured = 0_u64;
    let mut reversed = false;
    let mut asked = false;
    let mut counted: Vec<u128> = Vec::new();
    for sent in case.context.records(case.transaction, Role::Operator, Kind::Sent) {
        let message = sent.record.message;
        if matches!(message, Message::None | Message::Inquiry | Message::Release) {
            continue;
        }
        asked |= message == Message::Authorize;
        if counted.contains(&sent.record.id) {
            continue;
        }
        counted.push(sent.record.id);
        let Some((outcome, amount)) = learnt(case, sent) else {
            if refused_for_good(case, sent) {
                continue;
            }
            return None;
        };
        if outcome != 1 {
            continue;
        }
        match message {
            Message::Authorize if is_captured_by_approval(case.course.payment_kind) => captured += amount,
            Message::Capture => captured += amount,
            Message::Reverse => reversed = true,
            Message::Authorize | Message::None | Message::Inquiry | Message::Release => {}
        }
    }
    asked.then_some(if reversed { 0 } else { captured })
}

/// The outcome and amount of a request as its operator learnt them, from an answer or from a status.
fn learnt(case: &Case<'_>, sent: &Seen) -> Option<(u8, u64)> {
    let of = |kind| {
        let all = case.context.records(case.transaction, Role::Operator, kind);
        all.filter(|s| s.record.id == sent.record.id).map(|s| &s.record)
    };
    let mut heard = of(Kind::Heard).filter(|r| r.message == sent.record.message && r.outcome != 3);
    let mut told = of(Kind::Told).filter(|r| matches!(r.outcome, 1 | 2));
    // A status tells what is held for the transaction, not what a capture took of it.
    let taken = |status: &Record| {
        if sent.record.message == Message::Capture { sent.record.amount } else { status.amount }
    };
    heard.next().map(|r| (r.outcome, r.amount)).or_else(|| told.next().map(|r| (r.outcome, taken(r))))
}

/// A refusal of the only copy: nothing was done.
fn refused_for_good(case: &Case<'_>, sent: &Seen) -> bool {
    let of = |kind| {
        case.context
            .records(case.transaction, Role::Operator, kind)
            .filter(|s| s.record.id == sent.record.id && s.record.message == sent.record.message)
    };
    of(Kind::Sent).count() == 1 && of(Kind::Heard).any(|s| s.record.attempt == 1)
}

/// What the destination counts as captured and not undone; `None` while something for it is on its way, or while it
/// was not told whether its approval counts.
fn destination_has(case: &Case<'_>) -> Option<u64> {
    let of = |kind| case.context.records(case.transaction, Role::Destination, kind);
    let applied =
        |number| of(Kind::Delivered).any(|s| s.record.delivery == number && s.record.has(flag::APPLIED));
    let reversed = of(Kind::Delivered).any(|s| s.record.message == Message::Reverse);
    if reversed {
        return Some(0);
    }
    let on_its_way =
        |d: &&crate::course::Delivery| d.message != Message::Release && !d.superseded && !applied(d.number);
    if case.course.deliveries.iter().any(|d| on_its_way(&d)) && !case.context.drained {
        return None;
    }
    if !is_captured_by_approval(case.course.payment_kind) {
        let captures = of(Kind::Delivered)
            .filter(|s| s.record.message == Message::Capture && s.record.has(flag::APPLIED));
        return Some(captures.map(|s| s.record.amount).sum());
    }
    let mut approvals = of(Kind::Answered).filter(|s| s.record.outcome == 1).peekable();
    let Some(first) = approvals.peek().copied() else { return Some(0) };
    approvals.any(|s| is_assured(case, s)).then_some(first.record.amount)
}

/// The positions of the switch are those that the facts make.
pub(crate) fn compare_status(journal: &Positions, status: &Status, findings: &mut Findings) {
    let keys: BTreeSet<_> = journal.positions.keys().chain(status.positions.keys()).copied().collect();
    for key in keys {
        let of = |map: &BTreeMap<(u16, u16), Position>| map.get(&key).copied().unwrap_or_default();
        let (facts, switch) = (of(&journal.positions), of(&status.positions));
        if facts != switch {
            findings.add(Class::PositionsDisagree, || {
                let what = format!(
                    "participant {} in currency {}: the facts make held {} debits {} credits {}, the switch says {} {} {}",
                    key.0, key.1, facts.held, facts.debits, facts.credits, switch.held, switch.debits, switch.credits
                );
                (None, what, Vec::new())
            });
        }
    }
    nets_to_zero("the switch's", &status.positions, findings);
}

/// I4, for each currency.
pub(crate) fn nets_to_zero(whose: &str, positions: &BTreeMap<(u16, u16), Position>, findings: &mut Findings) {
    let mut nets = BTreeMap::new();
    for ((_, currency), position) in positions {
        *nets.entry(*currency).or_insert(0_i128) += position.credits - position.debits;
    }
    for (currency, net) in nets.into_iter().filter(|(_, net)| *net != 0) {
        findings.add(Class::NotNetZero, || {
            (None, format!("{whose} positions in currency {currency} sum to {net}"), Vec::new())
        });
    }
}
