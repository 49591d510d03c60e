//! Prints answers: as JSON, as they came, or as a page for people.

use std::fmt::Display;
use std::io::Write;

use holdfast_protocol::Currency;
use serde::de::DeserializeOwned;

use super::Failure;
use super::time::{duration, utc_ms};
use crate::admin::report::{ChangeReport, ReloadReport, RouteReport, StatusReport, TransactionReport};
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
    if as_json { lines([json]) } else { lines(transaction_page(&read(&json)?)) }
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

fn status_page(s: &StatusReport) -> Vec<String> {
    let mut page = vec![
        format!("{} {}: {}, up {}", s.name, s.build, s.state, duration(s.uptime_ms)),
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
        "{:<24} {:>6} {:<10} {:<22} {:>5} {:>10}",
        "participant", "number", "status", "roles", "links", "unanswered"
    ));
    for p in &s.participants {
        let roles = [(p.originates, "originates"), (p.receives, "receives")];
        let roles: Vec<_> = roles.into_iter().filter(|(has, _)| *has).map(|(_, role)| role).collect();
        page.push(format!(
            "{:<24} {:>6} {:<10} {:<22} {:>5} {:>10}",
            p.name,
            p.number,
            p.status,
            roles.join(", "),
            p.links.len(),
            p.unanswered
        ));
    }
    page.push(String::new());
    page.extend(positions(s));
    page.extend(deliveries(s));
    let (q, j) = (&s.queues, &s.journal);
    page.push(String::new());
    page.push(format!(
        "pending {} of {}, open {} of {}, remembered {}, inputs {}, outbox {}, outbound {} bytes",
        q.pending,
        s.settings.pending_max,
        q.open,
        s.settings.open_max,
        q.remembered,
        q.inputs,
        q.outbox,
        q.outbound_bytes
    ));
    page.push(format!(
        "journal {}: {} syncs, {} facts, {} bytes written, {} unsynced, {} free{}",
        j.directory,
        j.syncs,
        j.facts,
        j.bytes,
        j.unsynced_bytes,
        j.free_bytes,
        if j.full { ", FULL" } else { "" }
    ));
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

fn transaction_page(t: &TransactionReport) -> Vec<String> {
    let currency = t.currency.as_deref().unwrap_or("");
    let money = |minor: &str| format!("{} {currency}", money(minor, currency)).trim_end().to_owned();
    let mut page = vec![format!("transaction {}/{}: {}", t.originator, t.id, t.state)];
    let mut row = |name: &str, value: Option<String>| {
        page.extend(value.map(|value| format!("  {name:<16} {value}")));
    };
    row("kind", t.kind.clone());
    row("payment ID", t.payment_id.clone());
    row("destination", t.destination.clone());
    row("instance", t.instance.map(|n| n.to_string()));
    row("debtor", t.debtor.clone());
    row("outcome", t.outcome.clone());
    row("reason", t.reason.clone());
    row("settlement date", t.settlement_date.clone());
    row("held for", Some(money(&t.held_for)));
    row("captured", Some(money(&t.captured)));
    row("released", Some(money(&t.released)));
    row("reversed", Some(money(&t.reversed)));
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
