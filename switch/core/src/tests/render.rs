//! Effects and facts in the words of scripts.

use holdfast_protocol::*;

use super::world::{World, name, number};
use crate::effect::Delivery;
use crate::*;

fn money(amount: Amount) -> String {
    format!("{}.{:02}", amount.minor() / 100, amount.minor() % 100)
}

fn total(total: Total) -> String {
    let sign = if total.minor() < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", total.minor().abs() / 100, total.minor().abs() % 100)
}

fn repeat(repeat: bool) -> &'static str {
    if repeat { " again" } else { "" }
}

pub(super) fn effect(world: &World, effect: &Effect) -> String {
    match effect {
        Effect::Answer { to, answer, .. } => {
            let who = world.owner(*to);
            format!("{} {} {}", name(who), world.short(who, answer.id), outcome(answer))
        }
        Effect::Status { to, status } => format!("{} {}", name(world.owner(*to)), self::status(status)),
        Effect::Forward { to, request, .. } => {
            let originator = request.originator.unwrap();
            format!(
                "{} authorize {}/{} {}{}",
                name(world.owner(*to)),
                name(originator),
                world.short(originator, request.id),
                money(request.amount),
                repeat(request.repeat)
            )
        }
        Effect::ForwardRefund { to, request, .. } => {
            let originator = request.originator.unwrap();
            format!(
                "{} refund {}/{} of {} {}{}",
                name(world.owner(*to)),
                name(originator),
                world.short(originator, request.id),
                world.short(originator, request.original),
                money(request.amount),
                repeat(request.repeat)
            )
        }
        Effect::Deliver { to, delivery } => {
            format!("{} {}", name(world.owner(*to)), self::delivery(world, delivery))
        }
        Effect::Complete { to, complete } => {
            let short = world.short(complete.originator, complete.original);
            format!("{} complete {}/{short}", name(world.owner(*to)), name(complete.originator))
        }
        Effect::Superseded { to } => format!("{} superseded", name(world.owner(*to))),
        Effect::Close { to, reason } => format!("{} closed {}", name(world.owner(*to)), reason.name()),
        Effect::Recall(key) => {
            format!("recall {}/{}", name(key.originator), world.short(key.originator, key.id))
        }
        Effect::Lease { to, message } => format!("to partition {} {message:?}", to.0),
    }
}

/// What each destination has not acknowledged, with ages in milliseconds.
pub(super) fn undelivered(world: &World) -> Vec<String> {
    let one = |u: overview::Undelivered| {
        let age = u.oldest.map_or(0, |oldest| world.at().since(oldest));
        let doubts: String =
            u.in_doubt.values().map(|doubt| format!(" in doubt {}", total(doubt.amount))).collect();
        format!("{} {} on_their_way={} age={age}{doubts}", name(u.destination), u.messages, u.on_their_way)
    };
    world.core.undelivered().into_iter().map(one).collect()
}

fn outcome(answer: &Answer) -> String {
    match answer.outcome {
        Outcome::Approved => format!("approved {} {:?}", money(answer.amount), answer.state),
        Outcome::Declined => format!("declined {} {:?}", answer.reason.name(), answer.state),
        Outcome::Refused => format!("refused {}", answer.reason.name()),
    }
}

fn status(status: &Status) -> String {
    if status.reason != Reason::None {
        return format!("status {}", status.reason.name());
    }
    let outcome = status.outcome.map_or("undecided".to_owned(), |outcome| format!("{outcome:?}"));
    format!(
        "status {outcome} {:?} held_for={} captured={} released={} reversed={} undelivered={}",
        status.state,
        money(status.held_for),
        money(status.captured),
        money(status.released),
        money(status.reversed),
        status.undelivered
    )
}

fn delivery(world: &World, delivery: &Delivery) -> String {
    let number = delivery.number().0;
    let (what, originator, original, again) = match delivery {
        Delivery::Capture(m) => {
            let last = if m.last { " last" } else { "" };
            (format!("capture {}{last}", money(m.amount)), m.originator, m.original, m.repeat)
        }
        Delivery::Release(m) => {
            let expired = if m.expired { " expired" } else { "" };
            (format!("release{expired}"), m.originator, m.original, m.repeat)
        }
        Delivery::Reverse(m) => ("reverse".to_owned(), m.originator, m.original, m.repeat),
    };
    let originator = originator.unwrap();
    let short = world.short(originator, original);
    format!("{what} {}/{short} #{number}{}", name(originator), repeat(again))
}

pub(super) fn position(world: &World, who: &str) -> String {
    let found = world.core.participants().find(|(record, _, _)| record.number == number(who)).unwrap();
    let position = &found.2[0];
    format!(
        "held={} debits={} credits={}",
        total(position.held),
        total(position.debits),
        total(position.credits)
    )
}

/// The name of a fact, with what a script may want to see of it.
pub(super) fn fact(fact: &Fact) -> String {
    match fact {
        Fact::DayClosed(date) => format!("DayClosed {date}"),
        Fact::CutOver(date) => format!("CutOver {date}"),
        Fact::LateAnswer { approved, reversal, .. } => {
            format!("LateAnswer approved={approved} reversal={reversal}")
        }
        Fact::Declined { reason, reversal, .. } => format!("Declined {} reversal={reversal}", reason.name()),
        Fact::ParticipantConfigured(_)
        | Fact::ParticipantRemoved(_)
        | Fact::ParticipantStatusSet(..)
        | Fact::RoutesConfigured(_)
        | Fact::Founded { .. }
        | Fact::LeaseGiven { .. }
        | Fact::LeaseTaken { .. }
        | Fact::Forgotten(_)
        | Fact::Reserved(_)
        | Fact::DeclinedAtOnce(_)
        | Fact::Approved { .. }
        | Fact::Captured { .. }
        | Fact::Released { .. }
        | Fact::Expired(_)
        | Fact::Reversed { .. }
        | Fact::Tombstoned { .. }
        | Fact::FollowUpDeclined { .. }
        | Fact::Recalled { .. }
        | Fact::RefundReserved(_)
        | Fact::RefundDeclined(_)
        | Fact::Acknowledged { .. } => {
            format!("{fact:?}").split([' ', '(', '{']).next().unwrap_or_default().to_owned()
        }
    }
}
