//! What the journal alone shows: a lawful course that came to its end.

use super::Case;
use crate::course::Phase;
use crate::finding::{Class, Findings};
use crate::journal::{Fact, FactKind};
use crate::numbers::reason;

pub(super) fn check(case: &Case<'_>, findings: &mut Findings) {
    for fault in &case.course.faults {
        case.find(findings, fault.class, &[fault.fact], &[], || fault.what.clone());
    }
    stands_at_home(case, findings);
    ended_in_time(case, findings);
    late_approvals_are_reversed(case, findings);
}

/// Everything about an originator is decided by one partition: two could answer one request twice.
fn stands_at_home(case: &Case<'_>, findings: &mut Findings) {
    let home = case.context.home(case.transaction.key.originator);
    let away = |fact: &Fact| fact.partition != home;
    let Some(at) = case.transaction.facts.iter().position(away) else { return };
    case.find(findings, Class::WrongPartition, &[at], &[], || {
        let partition = case.transaction.facts[at].partition;
        format!("it stands in partition {partition}, and the home of its originator is partition {home}")
    });
}

/// Every hold ends exactly once, at its time at the latest (I5, rule 20).
fn ended_in_time(case: &Case<'_>, findings: &mut Findings) {
    let (facts, course, context) = (&case.transaction.facts, case.course, case.context);
    let Some(reserved) = course.reserved else { return };
    let Some(fact) = facts.get(reserved) else { return };
    let journal_end_ms = context.journal_end_ms(case.transaction.key.originator);
    match course.phase {
        Phase::Pending if context.drained || case.is_before(fact.deadline, journal_end_ms) => {
            case.find(findings, Class::HoldWithoutEnd, &[reserved], &[], || {
                format!("{} is held, and nobody answered until {}", course.open(), fact.deadline)
            });
        }
        Phase::Held if course.open() > 0 && case.is_before(fact.hold_until, journal_end_ms) => {
            case.find(findings, Class::HoldWithoutEnd, &[reserved], &[], || {
                format!("{} is still held after {}", course.open(), fact.hold_until)
            });
        }
        Phase::Unknown | Phase::Tombstone | Phase::Pending | Phase::Held | Phase::Closed => {}
    }
    for (at, declined) in facts.iter().enumerate() {
        let timed_out =
            declined.kind == FactKind::Declined && declined.reason == reason::DESTINATION_TIMED_OUT;
        if timed_out && declined.time_ms < fact.deadline {
            case.find(findings, Class::IllegalCourse, &[reserved, at], &[], || {
                format!("timed out before its deadline {}", fact.deadline)
            });
        }
    }
}

/// An approval that was not accepted is undone (rule 8).
fn late_approvals_are_reversed(case: &Case<'_>, findings: &mut Findings) {
    let late = |fact: &Fact| fact.kind == FactKind::LateAnswer && fact.approved;
    let Some(at) = case.transaction.facts.iter().position(late) else { return };
    // A second approval of what is approved is a repeat, not a late one.
    if case.course.approved.is_none() && !case.course.reversal_queued() {
        case.find(findings, Class::LateApproval, &[at], &[], || {
            "the destination approved too late and hears no reversal".to_owned()
        });
    }
}
