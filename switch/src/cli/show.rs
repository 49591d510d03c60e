//! Prints answers: as JSON, as they came, or as a page for people.

use std::fmt::Display;
use std::io::Write;

use holdfast_protocol::Currency;
use serde::de::DeserializeOwned;

use super::Failure;
use super::time::{bytes, duration, utc_ms};
use crate::admin::report::{
    ChangeReport, ReloadReport, RouteReport, StatusReport, TransactionReport, UndeliveredReport,
};
use crate::config::{Change, text_from_minor};

/// Prints lines. A reader that has gone, as `head` does, is no failure.
pub(super) fn lines(lines: impl IntoIterator<Item = impl Display>) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    for line in lines {
        match writeln!(out, "{line}") {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(Failure::Failed(error.to_string())),
        }
    }
    Ok(())
}

/// Prints the answer to an order.
pub(super) fn answer(json: &str, as_json: bool, text: impl FnOnce() -> String) -> Result<(), Failure> {
    lines([if as_json { json.to_owned() } else { text() }])
}

/// Who was suspended, drained or resumed, by name also where it was asked for by number.
pub(super) fn participant(json: &str, as_json: bool, done: &str) -> Result<(), Failure> {
    #[derive(serde::Deserialize)]
    struct Done {
        participant: String,
    }
    let Done { participant } = read(json)?;
    answer(json, as_json, || format!("{participant} {done}"))
}

pub(super) fn reload(json: &str, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return lines([json]);
    }
    let ReloadReport { changes } = read(json)?;
    if changes.is_empty() {
        return lines(["certificates read again, no other change"]);
    }
    lines(changes.into_iter().map(|ChangeReport { key, before, after, needs_restart }| Change {
        key,
        before,
        after,
        needs_restart,
    }))
}

pub(super) fn status(json: String, as_json: bool) -> Result<(), Failure> {
    if as_json { lines([json]) } else { lines(status_page(&read(&json)?)) }
}

pub(super) fn transaction(json: String, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return lines([json]);
    }
    let report: TransactionReport = read(&json)?;
    let named = report.follow_up.as_deref().map(named_by);
    lines(named.into_iter().chain(transaction_page(&report)).chain(forgotten(&report)))
}

pub(super) fn route(json: String, as_json: bool) -> Result<(), Failure> {
    if as_json { lines([json]) } else { lines(route_page(&read(&json)?)) }
}

fn read<T: DeserializeOwned>(json: &str) -> Result<T, Failure> {
    serde_json::from_str(json).map_err(|error| {
        Failure::Failed(format!("the switch's answer was not understood ({error}); is it another version?"))
    })
}

/// Minor units in the form for people.
fn money(minor: &str, currency: &str) -> String {
    match (minor.parse(), Currency::from_code(currency)) {
        (Ok(minor), Some(currency)) => text_from_minor(minor, currency),
        _ => minor.to_owned(),
    }
}

/// Nothing where the switch is too old to say it.
fn profile(profile: &str) -> String {
    if profile.is_empty() { String::new() } else { format!(", {profile} build") }
}

fn status_page(s: &StatusReport) -> Vec<String> {
    let mut page = vec![
        format!("{} {}{}: {}, up {}", s.name, s.build, profile(&s.profile), s.state, duration(s.uptime_ms)),
        format!(
            "business date {}{}, partition {}, epoch {}, sequence {} (durable {})",
            s.business_date,
            if s.open_days.is_empty() {
                String::new()
            } else {
                format!(" (open: {})", s.open_days.join(", "))
            },
            s.partition,
            s.epoch,
            s.sequence,
            s.durable
        ),
    ];
    page.extend(s.alarms.iter().map(|alarm| format!("ALARM {alarm}")));
    page.push(String::new());
    page.push(format!(
        "{:<24} {:>6} {:<10} {:<22} {:>5} {:>10} {:>7} {:>11} {:>9}",
        "participant", "number", "status", "roles", "links", "unanswered", "pending", "undelivered", "open"
    ));
    for p in &s.participants {
        let roles = [(p.originates, "originates"), (p.receives, "receives")];
        let roles: Vec<_> = roles.into_iter().filter(|(has, _)| *has).map(|(_, role)| role).collect();
        page.push(format!(
            "{:<24} {:>6} {:<10} {:<22} {:>5} {:>10} {:>7} {:>11} {:>9}",
            p.name,
            p.number,
            if p.drained && p.status == "draining" { "drained" } else { &p.status },
            roles.join(", "),
            p.links.len(),
            p.unanswered,
            p.pending,
            p.undelivered,
            p.open
        ));
    }
    page.push(String::new());
    page.extend(positions(s));
    page.extend(deliveries(s));
    let (q, j) = (&s.queues, &s.journal);
    page.push(String::new());
    page.push("transactions".to_owned());
    let pending = format!("{} of at most {}", q.pending, s.settings.pending_max);
    let open = format!("{} of at most {}", q.open, s.settings.open_max);
    let full = if j.full { "NO ROOM: only open work is finished" } else { "has room" };
    let rows = [
        ("waiting for their destination", pending),
        ("pending, held or undelivered", open),
        ("ids remembered", q.remembered.to_string()),
        ("archived", format!("{} in indexes, {} not yet", q.archived, q.unindexed)),
        ("recalled", q.recalled.to_string()),
        ("inputs waiting", q.inputs.to_string()),
        ("turns waiting for the disk", q.outbox.to_string()),
        ("waiting for links", bytes(q.outbound_bytes)),
    ];
    page.extend(rows.map(|(name, value)| format!("  {name:<30} {value}")));
    page.push(format!("journal {} since this start", j.directory));
    let rows = [
        ("room", full.to_owned()),
        ("written", format!("{}, {} facts, {} syncs", bytes(j.bytes), j.facts, j.syncs)),
        ("not synced yet", bytes(j.unsynced_bytes)),
        ("free on its disk", bytes(j.free_bytes)),
    ];
    page.extend(rows.map(|(name, value)| format!("  {name:<30} {value}")));
    page
}

fn positions(s: &StatusReport) -> Vec<String> {
    let row = |cells: [&str; 7]| {
        let [name, currency, held, debits, credits, exposure, cap] = cells;
        format!("{name:<24} {currency:<3} {held:>18} {debits:>20} {credits:>20} {exposure:>20} {cap:>18}")
    };
    let mut rows = vec![row(["position", "", "held", "debits", "credits", "exposure", "cap"])];
    for p in &s.positions {
        let money = |minor: &str| money(minor, &p.currency);
        rows.push(row([
            &p.participant,
            &p.currency,
            &money(&p.held),
            &money(&p.debits),
            &money(&p.credits),
            &money(&p.exposure),
            &p.cap.as_deref().map_or_else(|| "not agreed".to_owned(), money),
        ]));
    }
    rows
}

fn deliveries(s: &StatusReport) -> Vec<String> {
    if s.deliveries.iter().all(|d| d.undelivered == 0) {
        return vec!["undelivered: 0, every destination has acknowledged everything".to_owned()];
    }
    let mut rows = Vec::new();
    for d in s.deliveries.iter().filter(|d| d.undelivered > 0) {
        let in_doubt: Vec<_> = d
            .in_doubt
            .iter()
            .map(|sum| {
                format!(
                    "{} {} in {} transactions",
                    money(&sum.amount, &sum.currency),
                    sum.currency,
                    sum.count
                )
            })
            .collect();
        rows.push(format!(
            "undelivered to {}: {} ({} on their way), the oldest for {}; in doubt: {}",
            d.destination,
            d.undelivered,
            d.on_their_way,
            duration(d.oldest_ms),
            if in_doubt.is_empty() { "nothing".to_owned() } else { in_doubt.join(", ") }
        ));
    }
    rows
}

/// What was asked about is a part of the transaction that is shown.
pub(super) fn named_by(follow_up: impl Display) -> String {
    format!("{follow_up} is a capture, release or reversal of this transaction:")
}

pub(super) fn transaction_page(t: &TransactionReport) -> Vec<String> {
    let currency = t.currency.as_deref().unwrap_or("");
    let money = |minor: &str| format!("{} {currency}", money(minor, currency)).trim_end().to_owned();
    let made = utc_ms(t.created_ms);
    let mut page = vec![format!("transaction {}/{}, made at {made}", t.originator, t.id)];
    let mut row = |name: &str, value: Option<String>| {
        page.extend(value.map(|value| format!("  {name:<16} {value}")));
    };
    row("kind", t.kind.clone());
    row("refund of", t.refund_of.clone());
    row("payment ID", t.payment_id.clone());
    row("destination", t.destination.clone());
    row("instance", t.instance.map(|n| n.to_string()));
    row("debtor", t.debtor.clone());
    row("state", Some(t.state.clone()));
    row("outcome", t.outcome.clone());
    row("decided by", t.decided_by.clone());
    row("approval code", t.approval_code.clone());
    row("reason", t.reason.clone());
    row("settlement date", t.settlement_date.clone());
    row("held for", Some(money(&t.held_for)));
    row("captured", Some(money(&t.captured)));
    row("released", Some(money(&t.released)));
    row("reversed", Some(money(&t.reversed)));
    // Shown where there is any, for most transactions are not refunded.
    let some = |minor: &str| !minor.is_empty() && minor != "0";
    row("refunded", some(&t.refunded).then(|| money(&t.refunded)));
    row("being refunded", some(&t.refunding).then(|| money(&t.refunding)));
    row("open", Some(money(&t.open)));
    row("deadline", t.deadline_ms.map(utc_ms));
    row("hold until", t.hold_until_ms.map(utc_ms));
    row("sequence", t.sequence.map(|n| n.to_string()));
    for d in &t.deliveries {
        let next = d.next_attempt_ms.map_or(String::new(), |ms| format!(", next at {}", utc_ms(ms)));
        page.push(format!(
            "  delivery {:<7} {} {}, sent {} times{next}",
            d.number, d.kind, d.state, d.attempts
        ));
    }
    page
}

/// What memory does not have, and where it is.
fn forgotten(t: &TransactionReport) -> Option<String> {
    let what = t.forgotten.join(", ");
    let command = format!("holdfast transaction {}/{} --journal COPY", t.originator, t.id);
    (!what.is_empty()).then(|| {
        format!("not in memory: {what}; `{command}` tells all of it from a copy of the journal's directory")
    })
}

pub(super) fn undelivered(json: &str, as_json: bool) -> Result<(), Failure> {
    if as_json { lines([json.to_owned()]) } else { lines(undelivered_page(&read(json)?)) }
}

fn undelivered_page(report: &UndeliveredReport) -> Vec<String> {
    if report.transactions.is_empty() && report.more == 0 {
        return vec!["nothing is undelivered".to_owned()];
    }
    let row = |cells: [&str; 6]| {
        let [age, delivery, to, attempts, in_doubt, transaction] = cells;
        format!("{age:<14} {delivery:<14} {to:<20} {attempts:>8} {in_doubt:>20}  {transaction}")
    };
    let mut page = vec![row(["waits for", "delivery", "to", "attempts", "in doubt", "transaction, and why"])];
    for t in &report.transactions {
        let in_doubt = t.in_doubt.as_ref().zip(t.currency.as_ref());
        let in_doubt = in_doubt.map_or_else(|| "-".to_owned(), |(sum, c)| format!("{} {c}", money(sum, c)));
        let behind = if t.behind > 0 { format!(" (+{})", t.behind) } else { String::new() };
        let again = t.next_attempt_ms.map_or_else(String::new, |ms| format!(", again at {}", utc_ms(ms)));
        page.push(row([
            &duration(t.age_ms),
            &format!("{} {}{behind}", t.delivery, t.kind),
            &t.destination,
            &t.attempts.to_string(),
            &in_doubt,
            &format!("{}/{}: {}{again}", t.originator, t.id, t.why),
        ]));
    }
    if report.more > 0 {
        page.push(format!(
            "and {} more; --max N lists more of them, a NAME those of one destination",
            report.more
        ));
    }
    page
}

fn route_page(r: &RouteReport) -> Vec<String> {
    let mut page = vec![match (&r.destination, &r.matched) {
        (Some(destination), Some(matched)) => {
            format!("{} -> {destination} (matched {matched})", r.payment_id)
        }
        _ => format!("{} leads nowhere", r.payment_id),
    }];
    if let (Some(pay), Some(reserve)) = (&r.pay_debtor, &r.reserve_debtor) {
        page.push(format!("  debtor: {pay} for a payment, {reserve} for a reservation"));
    }
    page.extend(r.considered.iter().map(|route| format!("  considered {route}")));
    page.push(format!("  now: {}", r.now));
    page
}
