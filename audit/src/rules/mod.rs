//! The rules: one file for each party whose word is checked.
//!
//! Silence is unknown, never no: what a party did not hear, and what may still be in flight at the end, is no finding
//! unless the run was drained. A party without a history is not judged.

mod delivery;
mod destination;
mod journal;
mod operator;

pub(crate) use destination::is_assured;

use crate::course::Course;
use crate::finding::{Class, Evidence, Findings};
use crate::transaction::{Context, Seen, Transaction, fact_evidence};

/// One transaction before the rules.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// What is known beside it.
    pub context: &'a Context,
    /// What everybody wrote down about it.
    pub transaction: &'a Transaction,
    /// What the journal made of it.
    pub course: &'a Course,
}

/// Lets every rule see the transaction.
pub fn check(case: &Case<'_>, findings: &mut Findings) {
    journal::check(case, findings);
    if case.is_uncovered() {
        return;
    }
    operator::check(case, findings);
    destination::check(case, findings);
    delivery::check(case, findings);
}

impl Case<'_> {
    /// Reports something about the transaction, with the facts (by their places) and records that prove it.
    fn find(
        &self,
        findings: &mut Findings,
        class: Class,
        facts: &[usize],
        seen: &[&Seen],
        what: impl FnOnce() -> String,
    ) {
        findings.add(class, || {
            let facts = facts.iter().filter_map(|at| self.transaction.facts.get(*at)).map(fact_evidence);
            let seen = seen.iter().map(|s| self.context.evidence(s));
            let evidence: Vec<Evidence> = facts.chain(seen).collect();
            (Some(self.transaction.key.to_string()), what(), evidence)
        });
    }

    /// Whether its id was made at a time that no history covers, and none mentions it: then nobody's word is missing.
    pub(crate) fn is_uncovered(&self) -> bool {
        let Transaction { key, facts, seen } = self.transaction;
        !facts.is_empty()
            && seen.is_empty()
            && self.context.is_uncovered(key.originator, self.course.destination, key.original)
    }

    /// Whether one record lies before another.
    fn precedes(&self, earlier: &Seen, later: &Seen) -> bool {
        earlier.precedes(later, self.context.skew_ms)
    }

    /// Whether `earlier` lies before `later` by more than the clocks may differ.
    fn is_before(&self, earlier_ms: u64, later_ms: u64) -> bool {
        earlier_ms + self.context.skew_ms < later_ms
    }
}

/// The outcome in words.
fn outcome_name(outcome: u8) -> &'static str {
    match outcome {
        1 => "approved",
        2 => "declined",
        3 => "refused",
        _ => "nothing",
    }
}
