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
use crate::history::record::flag;
use crate::history::{Kind, Role};
use crate::journal::Fact;
use crate::transaction::{Context, Seen, Transaction, fact_evidence, made_ms};

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
        destination::check_left_over(case, findings);
        delivery::check_left_over(case, findings);
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

    /// Whether it is another run's: its id and those of all that was asked about it were made at times of which no history of its
    /// originator tells, and no operator mentions it; then nobody's word is missing. What such a run left open, destinations still hear
    /// of: a repeat, a delivery, no new forward. That is judged by what needs nobody else's word.
    /// Where no history of the originator was given, the destination's decide.
    pub(crate) fn is_uncovered(&self) -> bool {
        let Transaction { key, facts, seen } = self.transaction;
        let is_of_another = |id| self.context.is_silent(Role::Operator, key.originator, made_ms(id));
        let is_left_over = |s: &Seen| {
            self.context.role(s) == Role::Destination
                && (s.record.kind != Kind::Received || s.record.has(flag::REPEAT))
        };
        if facts.is_empty() {
            false
        } else if self.context.has(Role::Operator, key.originator) {
            is_of_another(key.original)
                && facts
                    .iter()
                    .filter(|fact| operator::needs_a_request(fact))
                    .all(|fact| is_of_another(fact.id))
                && seen.iter().all(is_left_over)
        } else {
            let made_ms = made_ms(key.original);
            seen.is_empty() && self.context.is_silent(Role::Destination, self.course.destination, made_ms)
        }
    }

    /// Whether the destination's histories end before a fact, or begin after it, and none of them had seen everything to its end:
    /// what led to the fact they need not have.
    fn is_untold(&self, fact: &Fact) -> bool {
        let (context, destination) = (self.context, self.course.destination);
        context.is_silent(Role::Destination, destination, fact.time_ms)
            && !context.is_drained(Role::Destination, destination)
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
