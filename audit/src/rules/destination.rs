//! What destinations received and answered, against what the journal forwarded and accepted.

use super::{Case, outcome_name};
use crate::course::Phase;
use crate::finding::{Class, Findings};
use crate::history::record::flag;
use crate::history::{Kind, Record, Role};
use crate::journal::{Fact, FactKind};
use crate::numbers::reason;
use crate::transaction::Seen;

pub(super) fn check(case: &Case<'_>, findings: &mut Findings) {
    let of =
        |kind| -> Vec<&Seen> { case.context.records(case.transaction, Role::Destination, kind).collect() };
    let received = of(Kind::Received);
    let answered = of(Kind::Answered);
    forwards_are_journaled(case, &received, findings);
    let unasked = answered.iter().copied().chain(of(Kind::Silent));
    for seen in unasked {
        if !received.iter().any(|r| case.precedes(r, seen)) {
            case.find(findings, Class::Phantom, &[], &[seen], || {
                "the destination had received no forward".to_owned()
            });
        }
    }
    answers_fit(case, &received, &answered, findings);
    one_answer(case, &answered, findings);
    accepted_answers_were_given(case, &answered, findings);
    approvals_are_accepted_or_reversed(case, &answered, findings);
}

/// What another run left open and this one's destination heard of.
pub(super) fn check_left_over(case: &Case<'_>, findings: &mut Findings) {
    let received: Vec<&Seen> =
        case.context.records(case.transaction, Role::Destination, Kind::Received).collect();
    forwards_are_journaled(case, &received, findings);
}

fn forwards_are_journaled(case: &Case<'_>, received: &[&Seen], findings: &mut Findings) {
    for forward in received {
        let Some(reserved) = case.course.reserved else {
            case.find(findings, Class::Phantom, &[], &[forward], || {
                "a forward that the journal never accepted".to_owned()
            });
            continue;
        };
        let fact = &case.transaction.facts[reserved];
        if case.context.participant(forward) != fact.destination {
            case.find(findings, Class::ContentDiffers, &[reserved], &[forward], || {
                format!("forwarded to another destination than {}", fact.destination)
            });
        }
        if !same_content(fact, &forward.record) {
            case.find(findings, Class::ContentDiffers, &[reserved], &[forward], || {
                "the forward has another content than the journal".to_owned()
            });
        }
        if case.is_before(forward.record.time_ms, fact.time_ms) {
            case.find(findings, Class::EffectBeforeFact, &[reserved], &[forward], || {
                format!("received at {}, journaled at {}", forward.record.time_ms, fact.time_ms)
            });
        }
    }
    if let Some(unmarked) = received.iter().skip(1).find(|s| !s.record.has(flag::REPEAT)) {
        case.find(findings, Class::RepeatUnmarked, &[], &[received[0], unmarked], || {
            "the destination could take the second copy for a new request".to_owned()
        });
    }
    let mut applied = received.iter().filter(|s| s.record.has(flag::APPLIED));
    if let (Some(first), Some(second)) = (applied.next(), applied.next()) {
        case.find(findings, Class::AppliedTwice, &[], &[first, second], || {
            "the destination carried the request out twice".to_owned()
        });
    }
}

/// A destination that answers has carried the request out, once, and answers in its currency and kind.
fn answers_fit(case: &Case<'_>, received: &[&Seen], answered: &[&Seen], findings: &mut Findings) {
    let Some(first) = received.first() else { return };
    let silent = case.context.records(case.transaction, Role::Destination, Kind::Silent);
    let carried_out = answered.iter().copied().filter(|s| s.record.outcome != 3).chain(silent).next();
    let applied = received.iter().any(|s| s.record.has(flag::APPLIED));
    if let (Some(seen), false) = (carried_out, applied) {
        case.find(findings, Class::HistoryContradicts, &[], &[first, seen], || {
            "the destination answered what it did not carry out".to_owned()
        });
    }
    for seen in answered {
        let (answer, asked) = (&seen.record, &first.record);
        let approved = answer.outcome == 1;
        if approved != (answer.reason == 0) || approved == (answer.amount == 0) {
            case.find(findings, Class::HistoryContradicts, &[], &[seen], || {
                "an approval has an amount and no reason, anything else a reason and no amount".to_owned()
            });
        }
        if (answer.currency, answer.payment_kind) != (asked.currency, asked.payment_kind) {
            case.find(findings, Class::HistoryContradicts, &[], &[first, seen], || {
                "the answer is about another currency or kind of payment".to_owned()
            });
        }
    }
}

fn same_content(fact: &Fact, received: &Record) -> bool {
    fact.amount == received.amount
        && fact.currency == received.currency
        && fact.payment_kind == received.payment_kind
        && fact.payment_digest == received.sequence
        && fact.partial_allowed == received.has(flag::PARTIAL_ALLOWED)
        && fact.captures_many == received.has(flag::CAPTURES_MANY)
}

/// A destination answers every copy alike; a refusal of a copy speaks of that copy only.
fn one_answer(case: &Case<'_>, answered: &[&Seen], findings: &mut Findings) {
    let mut recorded = answered.iter().filter(|s| s.record.outcome != 3);
    let Some(first) = recorded.next() else { return };
    let said = |r: &Record| (r.outcome, r.reason, r.amount);
    for other in recorded {
        if said(&first.record) != said(&other.record) {
            case.find(findings, Class::TwoAnswers, &[], &[first, other], || {
                "the destination answered in two ways".to_owned()
            });
        }
    }
}

/// What the journal says a destination answered, it answered.
fn accepted_answers_were_given(case: &Case<'_>, answered: &[&Seen], findings: &mut Findings) {
    if !case.context.has(Role::Destination, case.course.destination) {
        return;
    }
    for (at, fact) in case.transaction.facts.iter().enumerate() {
        let by_destination = fact.decided_by == 1 || fact.reason == reason::DESTINATION_REFUSED;
        let given: Option<&&Seen> = match fact.kind {
            FactKind::Approved => {
                answered.iter().find(|s| s.record.outcome == 1 && s.record.amount == fact.amount)
            }
            FactKind::Declined if by_destination => answered.iter().find(|s| {
                let refused = s.record.outcome == 3 && fact.reason == reason::DESTINATION_REFUSED;
                // A reason that is not a destination's to give says no more than that it declines.
                let foreign = !(100..200).contains(&s.record.reason) && fact.reason == reason::DO_NOT_HONOUR;
                refused || (s.record.outcome == 2 && (s.record.reason == fact.reason || foreign))
            }),
            FactKind::LateAnswer => answered.iter().find(|s| (s.record.outcome == 1) == fact.approved),
            _ => continue,
        };
        match given {
            // Asked again, its successor in another run may have given it.
            None if case.is_untold(fact) => {}
            None => case.find(findings, Class::Phantom, &[at], answered, || {
                "the destination gave no such answer".to_owned()
            }),
            Some(seen) if case.is_before(fact.time_ms, seen.record.time_ms) => {
                case.find(findings, Class::EffectBeforeFact, &[at], &[seen], || {
                    format!("journaled at {}, answered at {}", fact.time_ms, seen.record.time_ms)
                });
            }
            Some(_) => {}
        }
    }
}

/// An approval is accepted, or it is undone; and what the destination was told is decided, is.
fn approvals_are_accepted_or_reversed(case: &Case<'_>, answered: &[&Seen], findings: &mut Findings) {
    let course = case.course;
    let undecided = matches!(course.phase, Phase::Unknown | Phase::Tombstone | Phase::Pending);
    for seen in answered.iter().filter(|s| is_assured(case, s)) {
        if undecided && !course.reversal_queued() {
            case.find(findings, Class::Lost, &[], &[seen], || {
                format!("the destination was told that its {} is decided", outcome_name(seen.record.outcome))
            });
        }
    }
    let Some(approval) = answered.iter().find(|s| s.record.outcome == 1) else { return };
    let accepted = course.approved.is_some() || course.reversal_queued();
    if accepted || (course.phase == Phase::Pending && !case.context.drained) {
        return;
    }
    case.find(findings, Class::LateApproval, &[], &[approval], || {
        "the approval was not accepted, and no reversal was decided".to_owned()
    });
}

/// Whether the destination was told that its answer is decided.
pub(crate) fn is_assured(case: &Case<'_>, answered: &Seen) -> bool {
    let Record { epoch, lane, sequence, .. } = answered.record;
    let through = case.context.source(answered).decided_through.get(&(epoch, lane));
    let by_lane = sequence > 0 && through.is_some_and(|count| *count >= sequence);
    by_lane
        || case.transaction.seen.iter().any(|s| {
            s.file == answered.file
                && (s.record.kind == Kind::Assured || (s.record.kind == Kind::Told && s.record.outcome != 0))
        })
}
