//! Captures, releases and reversals on their way to the destination, and their acknowledgements.

use super::Case;
use crate::course::Delivery;
use crate::finding::{Class, Findings};
use crate::history::record::flag;
use crate::history::{Kind, Message, Role};
use crate::journal::FactKind;
use crate::transaction::Seen;

pub(super) fn check(case: &Case<'_>, findings: &mut Findings) {
    let of =
        |kind| -> Vec<&Seen> { case.context.records(case.transaction, Role::Destination, kind).collect() };
    let (delivered, acknowledged) = (of(Kind::Delivered), of(Kind::Acknowledged));
    for seen in &delivered {
        was_decided(case, seen, findings);
    }
    for seen in &acknowledged {
        let number = seen.record.delivery;
        let before = |d: &&Seen| d.file == seen.file && d.place < seen.place && d.record.delivery == number;
        if !delivered.iter().any(before) {
            case.find(findings, Class::Phantom, &[], &[seen], || {
                format!("delivery {number} was acknowledged and never received")
            });
        }
    }
    once(case, &delivered, findings);
    acknowledged_in_the_journal(case, &delivered, &acknowledged, findings);
    in_order(case, &delivered, &acknowledged, findings);
    complete(case, &delivered, &of(Kind::Completed), findings);
}

/// What a destination received, the journal decided.
fn was_decided(case: &Case<'_>, seen: &Seen, findings: &mut Findings) {
    let record = &seen.record;
    let Some(delivery) = case.course.deliveries.iter().find(|d| d.number == record.delivery) else {
        case.find(findings, Class::Phantom, &[], &[seen], || {
            format!("the journal decided no delivery {}", record.delivery)
        });
        return;
    };
    let fact = &case.transaction.facts[delivery.fact];
    let expired = (fact.kind == FactKind::Expired) == record.has(flag::EXPIRED);
    let same_capture = record.message != Message::Capture
        || (delivery.amount == record.amount && fact.last == record.has(flag::LAST));
    let same = delivery.message == record.message && delivery.id == record.id && same_capture && expired;
    if !same || case.context.participant(seen) != case.course.destination {
        case.find(findings, Class::ContentDiffers, &[delivery.fact], &[seen], || {
            format!("delivery {} is another than the journal decided", record.delivery)
        });
    }
    if case.is_before(record.time_ms, fact.time_ms) {
        case.find(findings, Class::EffectBeforeFact, &[delivery.fact], &[seen], || {
            format!("received at {}, journaled at {}", record.time_ms, fact.time_ms)
        });
    }
}

/// A destination applies each delivery once.
fn once(case: &Case<'_>, delivered: &[&Seen], findings: &mut Findings) {
    for (at, seen) in delivered.iter().enumerate() {
        let applied = |s: &&&Seen| s.record.delivery == seen.record.delivery && s.record.has(flag::APPLIED);
        if seen.record.has(flag::APPLIED)
            && let Some(first) = delivered[..at].iter().find(applied)
        {
            case.find(findings, Class::AppliedTwice, &[], &[first, seen], || {
                format!("the destination applied delivery {} twice", seen.record.delivery)
            });
        }
    }
}

/// What the journal calls acknowledged was acknowledged; what it decided is, once nothing is in flight.
fn acknowledged_in_the_journal(
    case: &Case<'_>,
    delivered: &[&Seen],
    acknowledged: &[&Seen],
    findings: &mut Findings,
) {
    let judged = case.context.has(Role::Destination, case.course.destination);
    for delivery in &case.course.deliveries {
        let Delivery { number, fact, .. } = *delivery;
        let record = acknowledged.iter().find(|s| s.record.delivery == number);
        match (delivery.acknowledged, record) {
            (Some(at), None) if judged => case.find(findings, Class::Phantom, &[at], &[], || {
                format!("the destination never acknowledged delivery {number}")
            }),
            (Some(at), Some(seen)) => {
                let journaled_ms = case.transaction.facts[at].time_ms;
                if case.is_before(journaled_ms, seen.record.time_ms) {
                    case.find(findings, Class::EffectBeforeFact, &[at], &[seen], || {
                        format!("journaled at {journaled_ms}, acknowledged at {}", seen.record.time_ms)
                    });
                }
                let ignored = delivery.message == Message::Capture
                    && !delivered.iter().any(|s| s.record.delivery == number && s.record.has(flag::APPLIED));
                if ignored {
                    case.find(findings, Class::Lost, &[at], &[seen], || {
                        format!("the destination acknowledged capture {number} without applying it")
                    });
                }
            }
            (None, _) if case.context.drained && !delivery.superseded => {
                case.find(findings, Class::Undelivered, &[fact], &[], || {
                    format!("delivery {number} was decided and the journal has no acknowledgement")
                });
            }
            (Some(_) | None, _) => {}
        }
    }
}

/// A delivery leaves after the one before it was acknowledged.
fn in_order(case: &Case<'_>, delivered: &[&Seen], acknowledged: &[&Seen], findings: &mut Findings) {
    for (at, seen) in delivered.iter().enumerate() {
        let number = seen.record.delivery;
        let repeat = delivered[..at].iter().any(|s| s.record.delivery == number && s.file == seen.file);
        if repeat || number < 2 {
            continue;
        }
        let waits = |other: &Seen| other.file == seen.file && other.place < seen.place;
        let earlier = delivered[..at].iter().filter(|s| waits(s) && s.record.delivery < number);
        for before in earlier {
            let done = acknowledged.iter().any(|a| waits(a) && a.record.delivery == before.record.delivery);
            if !done {
                case.find(findings, Class::DeliveryOutOfOrder, &[], &[before, seen], || {
                    format!("delivery {number} came before {} was acknowledged", before.record.delivery)
                });
                break;
            }
        }
        let skipped = case.course.deliveries.iter().find(|d| {
            d.number < number && !d.superseded && !delivered.iter().any(|s| s.record.delivery == d.number)
        });
        if let Some(skipped) = skipped {
            case.find(findings, Class::DeliveryOutOfOrder, &[skipped.fact], &[seen], || {
                format!("delivery {number} came and delivery {} never did", skipped.number)
            });
        }
    }
}

/// After completion nothing comes, and nothing is left.
fn complete(case: &Case<'_>, delivered: &[&Seen], completed: &[&Seen], findings: &mut Findings) {
    let Some(first) = completed.first() else { return };
    let left = case.course.deliveries.iter().find(|d| d.acknowledged.is_none() && !d.superseded);
    if let Some(delivery) = left {
        case.find(findings, Class::DeliveryOutOfOrder, &[delivery.fact], &[first], || {
            format!("completed while delivery {} is not acknowledged", delivery.number)
        });
    }
    let new = |s: &&&Seen| s.file == first.file && s.place > first.place && s.record.has(flag::APPLIED);
    if let Some(later) = delivered.iter().find(new) {
        case.find(findings, Class::DeliveryOutOfOrder, &[], &[first, later], || {
            "a new delivery came after completion".to_owned()
        });
    }
}
