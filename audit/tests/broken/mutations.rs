//! Every record of a world that agrees is removed, doubled and changed in each field, and nothing of it goes unnoticed
//! but what is listed here with the reason why it cannot matter.

use std::collections::{BTreeMap, BTreeSet};

use holdfast_audit::history::record::flag;
use holdfast_audit::history::{Kind, Message, Record, Role};
use serde_json::{Value, json};

use crate::world::{Line, World};

/// Whether something else than the order of the dump's lines was found. A gap alone is always found; that the join
/// finds it too is what these tests are about.
fn found_by_joining(world: &World) -> bool {
    let Some(report) = world.audit() else { return true };
    report.findings_by_class.keys().any(|class| *class != "journal-broken")
}

fn found(world: &World) -> bool {
    world.audit().is_none_or(|report| !report.is_clean())
}

/// What a record is, for the lists below.
fn name(role: Role, record: &Record) -> String {
    let role = if role == Role::Operator { "operator" } else { "destination" };
    let message =
        if record.message == Message::None { String::new() } else { format!(" {:?}", record.message) };
    let more = match (record.outcome, record.flags & flag::REPEAT != 0) {
        (3, _) => " (refused)",
        (_, true) => " (repeat)",
        (_, false) => "",
    };
    format!("{role}: {:?}{message}{more}", record.kind).to_lowercase()
}

fn line_name(line: &Line) -> String {
    format!("journal: {}", line["kind"].as_str().unwrap())
}

/// Compares the mutations that went unnoticed with those that may, by name; both ways, so that the list stays true.
fn check(unnoticed: BTreeMap<String, usize>, harmless: &[(&str, &str)]) {
    let unnoticed: BTreeSet<&str> = unnoticed.keys().map(String::as_str).collect();
    let allowed: BTreeSet<&str> = harmless.iter().map(|(name, _)| *name).collect();
    let missed: Vec<_> = unnoticed.difference(&allowed).collect();
    assert!(missed.is_empty(), "went unnoticed: {missed:#?}");
    let stale: Vec<_> = allowed.difference(&unnoticed).collect();
    assert!(stale.is_empty(), "is found after all: {stale:#?}");
}

/// Tries a change of every record of every history and of every line of the journal.
fn unnoticed(
    world: &World,
    of_record: impl Fn(&mut Vec<Record>, usize),
    of_line: impl Fn(&mut Vec<Line>, usize),
) -> BTreeMap<String, usize> {
    let mut missed = BTreeMap::new();
    for role in [Role::Operator, Role::Destination] {
        let mut original = world.clone();
        for (at, record) in original.records_mut(role).clone().iter().enumerate() {
            let mut broken = world.clone();
            of_record(broken.records_mut(role), at);
            if !found_by_joining(&broken) {
                *missed.entry(name(role, record)).or_insert(0) += 1;
            }
        }
    }
    for (at, line) in world.journal.iter().enumerate() {
        let mut broken = world.clone();
        of_line(&mut broken.journal, at);
        if !found_by_joining(&broken) {
            *missed.entry(line_name(line)).or_insert(0) += 1;
        }
    }
    missed
}

#[test]
fn a_removed_record_is_found() {
    let world = World::everything();
    let remove = |records: &mut Vec<Record>, at: usize| {
        records.remove(at);
    };
    let remove_line = |lines: &mut Vec<Line>, at: usize| {
        lines.remove(at);
    };
    check(
        unnoticed(&world, remove, remove_line),
        &[
            ("destination: acknowledged", "another copy was acknowledged; one acknowledgement suffices"),
            ("destination: closed", "a history without its end is noted, and judged more mildly"),
            ("destination: completed", "a completion is told once and may be lost with a link"),
            (
                "destination: decidedthrough",
                "a later count covers it; without one the approval is provisional, which is unknown",
            ),
            (
                "destination: received authorize",
                "never answered: whether a forward arrived is not known to the switch",
            ),
            ("destination: received authorize (repeat)", "a copy that changed nothing"),
            ("destination: silent authorize", "why a destination was silent is its own business"),
            ("journal: late_answer", "it moves nothing: the reversal is decided without it"),
            ("journal: participant_configured", "names are for people"),
            ("journal: cut_over", "moves no money"),
            ("operator: closed", "a history without its end is noted, and judged more mildly"),
            ("operator: gaveup authorize", "a status told the outcome later"),
            ("operator: heard authorize", "of two copies that were answered alike"),
        ],
    );
}

#[test]
fn a_doubled_record_is_found() {
    let world = World::everything();
    let double = |records: &mut Vec<Record>, at: usize| records.insert(at, records[at]);
    let double_line = |lines: &mut Vec<Line>, at: usize| lines.insert(at, lines[at].clone());
    check(
        unnoticed(&world, double, double_line),
        &[
            ("destination: completed", "to hear twice that nothing more comes changes nothing"),
            ("destination: decidedthrough", "the count is cumulative"),
            ("destination: delivered capture (repeat)", "a delivery is repeated until it is acknowledged"),
            ("destination: delivered release (repeat)", "a delivery is repeated until it is acknowledged"),
            ("destination: delivered reverse (repeat)", "a delivery is repeated until it is acknowledged"),
            ("destination: received authorize (repeat)", "a forward may be repeated"),
            ("destination: silent authorize", "silence twice is silence"),
            ("journal: participant_configured", "a participant may be configured again"),
            ("journal: cut_over", "moves no money"),
        ],
    );
}

type Change = fn(&mut Record);

/// One change of each field, where the field is used.
fn changes(record: &Record) -> Vec<(&'static str, Change)> {
    let answers = matches!(record.kind, Kind::Heard | Kind::Answered | Kind::Told);
    let mut all: Vec<(&'static str, Change)> = vec![
        ("kind", |r| r.kind = if r.kind == Kind::Sent { Kind::GaveUp } else { Kind::Sent }),
        ("message", |r| {
            r.message = if r.message == Message::Capture { Message::Release } else { Message::Capture };
        }),
        ("much later", |r| r.time_ms += 3_600_000),
        ("much earlier", |r| r.time_ms -= 3_600_000),
        ("monotonic clock", |r| r.monotonic_ns += 3_600_000_000_000),
        ("partition", |r| r.partition += 1),
    ];
    let mut used = |is_used: bool, name: &'static str, change: Change| {
        if is_used {
            all.push((name, change));
        }
    };
    used(record.originator != 0, "originator", |r| r.originator += 1);
    used(record.id != 0, "id", |r| r.id ^= 1);
    used(record.original != 0, "original", |r| r.original ^= 1);
    used(record.attempt != 0, "attempt", |r| r.attempt += 1);
    used(record.delivery != 0, "delivery", |r| r.delivery += 1);
    used(record.currency != 0, "currency", |r| r.currency = 840);
    used(record.payment_kind != 0, "kind of payment", |r| r.payment_kind = r.payment_kind % 3 + 1);
    used(record.lane != 0, "lane", |r| r.lane += 1);
    used(record.amount != 0, "amount", |r| r.amount += 1);
    used(answers, "outcome", |r| r.outcome = r.outcome % 3 + 1);
    used(answers && record.reason != 0, "reason", |r| r.reason += 1);
    used(answers && record.reason == 0, "reason", |r| r.reason = 101);
    used(record.state != 0, "state", |r| r.state = r.state % 8 + 1);
    used(record.decided_by != 0, "decided by", |r| r.decided_by = r.decided_by % 3 + 1);
    used(record.epoch != 0, "epoch", |r| r.epoch += 1);
    used(record.sequence != 0, "sequence", |r| r.sequence += 1);
    let has = |bit| record.flags & bit != 0;
    used(has(flag::REPEAT), "repeat", |r| r.flags ^= flag::REPEAT);
    used(has(flag::PARTIAL_ALLOWED), "partial allowed", |r| r.flags ^= flag::PARTIAL_ALLOWED);
    used(has(flag::CAPTURES_MANY), "captures many", |r| r.flags ^= flag::CAPTURES_MANY);
    used(has(flag::LAST), "last", |r| r.flags ^= flag::LAST);
    used(has(flag::EXPIRED), "expired", |r| r.flags ^= flag::EXPIRED);
    used(has(flag::APPLIED), "applied", |r| r.flags ^= flag::APPLIED);
    used(has(flag::REPEAT), "repeat applied", |r| r.flags ^= flag::APPLIED);
    used(has(flag::DRAINED), "drained", |r| r.flags ^= flag::DRAINED);
    all
}

#[test]
fn a_changed_record_is_found() {
    let world = World::everything();
    let mut missed = BTreeMap::new();
    for role in [Role::Operator, Role::Destination] {
        let mut original = world.clone();
        for (at, record) in original.records_mut(role).clone().iter().enumerate() {
            for (field, change) in changes(record) {
                let mut broken = world.clone();
                change(&mut broken.records_mut(role)[at]);
                if !found(&broken) {
                    *missed.entry(format!("{}: {field}", name(role, record))).or_insert(0) += 1;
                }
            }
        }
    }
    check(
        missed,
        &[
            (
                "destination: answered authorize: amount",
                "a late approval: the journal keeps no amount of what it did not accept",
            ),
            ("destination: closed: drained", "judged more mildly"),
            ("destination: delivered capture: attempt", "a count of copies the destination cannot check"),
            (
                "destination: delivered capture (repeat): attempt",
                "a count of copies the destination cannot check",
            ),
            ("destination: delivered release: attempt", "a count of copies the destination cannot check"),
            (
                "destination: delivered release (repeat): attempt",
                "a count of copies the destination cannot check",
            ),
            ("destination: delivered reverse: attempt", "a count of copies the destination cannot check"),
            (
                "destination: delivered reverse (repeat): attempt",
                "a count of copies the destination cannot check",
            ),
            (
                "destination: received authorize (repeat): attempt",
                "a count of copies the destination cannot check",
            ),
            ("destination: received authorize: applied", "never answered: nobody else knows"),
            ("destination: received authorize: attempt", "a count of copies the destination cannot check"),
            ("operator: closed: drained", "judged more mildly"),
            ("operator: heard authorize (refused): reason", "the switch keeps nothing of a refusal"),
            ("operator: sent authorize: amount", "refused: nobody else has it"),
            ("operator: sent authorize: currency", "refused: nobody else has it"),
            ("operator: sent authorize: kind of payment", "refused: nobody else has it"),
            ("operator: sent authorize: sequence", "refused: nobody else has it"),
            ("operator: sent inquiry: attempt", "an inquiry changes nothing, its copies are not told apart"),
        ],
    );
}

/// Another value of the same form.
fn other(field: &str, value: &Value) -> Value {
    match value {
        Value::Bool(set) => Value::Bool(!set),
        Value::Number(number) => {
            let number = number.as_u64().unwrap();
            // Times move by more than clocks may differ.
            if number > 1_000_000_000_000 { json!(number + 3_600_000) } else { json!(number + 1) }
        }
        Value::String(text) => match field {
            "id" | "original" | "refund_of" => {
                let digit = if text.ends_with('f') { 'e' } else { 'f' };
                json!(format!("{}{digit}", &text[..text.len() - 1]))
            }
            "currency" => json!("USD"),
            "payment_kind" => json!(if text == "pay" { "reserve" } else { "pay" }),
            "debtor" => json!(if text == "originator" { "destination" } else { "originator" }),
            "decided_by" => json!(if text == "switch" { "destination" } else { "switch" }),
            "request" => json!("release"),
            "kind" => json!(if text == "approved" { "declined" } else { "approved" }),
            _ => json!("other@else"),
        },
        _ => unreachable!("a line has no other values"),
    }
}

#[test]
fn a_changed_line_of_the_journal_is_found() {
    let world = World::everything();
    let mut missed = BTreeMap::new();
    for (at, line) in world.journal.iter().enumerate() {
        for (field, value) in line {
            let mut broken = world.clone();
            broken.journal[at].insert(field.clone(), other(field, value));
            if !found(&broken) {
                *missed.entry(format!("{}: {field}", line_name(line))).or_insert(0) += 1;
            }
        }
    }
    check(
        missed,
        &[
            ("journal: cut_over: business_date", "moves no money"),
            ("journal: cut_over: epoch", "no line comes after it"),
            ("journal: cut_over: time", "no line comes after it"),
            ("journal: declined_at_once: hold_until", "histories do not have it, and nothing was held"),
            ("journal: participant_configured: name", "names are for people"),
            ("journal: participant_configured: participant", "names are for people"),
            (
                "journal: reserved: deadline",
                "histories do not have it; that nothing times out early is checked",
            ),
            (
                "journal: refund_reserved: deadline",
                "histories do not have it; that nothing times out early is checked",
            ),
            ("journal: reserved: debtor", "nothing was captured: no position shows it"),
            (
                "journal: reserved: hold_until",
                "histories do not have it; that nothing expires early is checked",
            ),
            ("journal: reversed: payment_id", "the operator's record of a reversal has no payee"),
            ("journal: tombstoned: payment_id", "the operator's record of a reversal has no payee"),
        ],
    );
}
