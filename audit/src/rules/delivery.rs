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
        let before = |d: &&&Seen| d.record.delivery == number && case.precedes(d, seen);
        let to_acknowledge = delivered.iter().filter(before).count();
        let until_now = acknowledged
            .iter()
            .filter(|a| a.record.delivery == number && (a.file, a.place) <= (seen.file, seen.place));
        if to_acknowledge < until_now.count() {
            case.find(findings, Class::Phantom, &[], &[seen], || {
                format!("delivery {number} was acknowledged more often than received")
            });
        }
    }
    once(case, &delivered, findings);
    acknowledged_in_the_journal(case, &acknowledged, findings);
    in_order(case, &delivered, &acknowledged, findings);
    complete(case, &delivered, &of(Kind::Completed), findings);
}

/// What another run left open and this one's destination heard of: the journal decided it, and it was applied once.
pub(super) fn check_left_over(case: &Case<'_>, findings: &mut Findings) {
    let delivered: Vec<&Seen> =
        case.context.records(case.transaction, Role::Destination, Kind::Delivered).collect();
    for seen in &delivered {
        was_decided(case, seen, findings);
    }
    let mut numbers: Vec<u16> = delivered.iter().map(|s| s.record.delivery).collect();
    numbers.sort_unstable();
    numbers.dedup();
    for number in numbers {
        applied_once(case, number, &copies(&delivered, number), findings);
    }
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
        || (delivery.amount == record.amount
            && case.course.currency == record.currency
            && delivery.last == record.has(flag::LAST));
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

/// All copies of one delivery.
fn copies<'a>(delivered: &[&'a Seen], number: u16) -> Vec<&'a Seen> {
    delivered.iter().copied().filter(|s| s.record.delivery == number).collect()
}

fn applied_once(case: &Case<'_>, number: u16, copies: &[&Seen], findings: &mut Findings) {
    let applied: Vec<&Seen> = copies.iter().copied().filter(|s| s.record.has(flag::APPLIED)).collect();
    if applied.len() > 1 {
        case.find(findings, Class::AppliedTwice, &[], &applied, || {
            format!("the destination applied delivery {number} twice")
        });
    }
}

/// A destination applies each delivery once, and each copy after the first is marked.
fn once(case: &Case<'_>, delivered: &[&Seen], findings: &mut Findings) {
    let mut numbers: Vec<u16> = delivered.iter().map(|s| s.record.delivery).collect();
    numbers.sort_unstable();
    numbers.dedup();
    for number in numbers {
        let copies = copies(delivered, number);
        applied_once(case, number, &copies, findings);
        if !copies.iter().any(|s| s.record.has(flag::APPLIED)) {
            case.find(findings, Class::Lost, &[], &copies, || {
                format!("the destination received delivery {number} and did not apply it")
            });
        }
        if let Some(unmarked) = copies.iter().skip(1).find(|s| !s.record.has(flag::REPEAT)) {
            case.find(findings, Class::RepeatUnmarked, &[], &[copies[0], unmarked], || {
                format!("delivery {number} came again without its repeat flag")
            });
        }
    }
}

/// What the journal calls acknowledged was acknowledged; what it decided is, once nothing is in flight.
fn acknowledged_in_the_journal(case: &Case<'_>, acknowledged: &[&Seen], findings: &mut Findings) {
    let judged = case.context.has(Role::Destination, case.course.destination);
    for delivery in &case.course.deliveries {
        let Delivery { number, fact, .. } = *delivery;
        let record = acknowledged.iter().find(|s| s.record.delivery == number);
        match (delivery.acknowledged, record) {
            (Some(at), None) if case.is_untold(&case.transaction.facts[at]) => {}
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
        let repeat = delivered[..at].iter().any(|s| s.record.delivery == number);
        if repeat || number < 2 {
            continue;
        }
        let waits = |other: &Seen| case.precedes(other, seen);
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

/// At completion nothing is undelivered. A later reversal of what was captured begins anew.
fn complete(case: &Case<'_>, delivered: &[&Seen], completed: &[&Seen], findings: &mut Findings) {
    let Some(first) = completed.first() else { return };
    if case.course.deliveries.is_empty() {
        case.find(findings, Class::Phantom, &[], &[first], || {
            "completion of what was never delivered".to_owned()
        });
    }
    for delivery in case.course.deliveries.iter().filter(|d| d.acknowledged.is_none() && !d.superseded) {
        let came = delivered.iter().any(|s| s.record.delivery == delivery.number && case.precedes(s, first));
        let decided_ms = case.transaction.facts[delivery.fact].time_ms;
        if came || case.is_before(decided_ms, first.record.time_ms) {
            case.find(findings, Class::DeliveryOutOfOrder, &[delivery.fact], &[first], || {
                format!("completed while delivery {} is not acknowledged", delivery.number)
            });
        }
    }
}
