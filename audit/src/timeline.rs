//! One transaction as everybody wrote it down, in the order of time.

use std::fmt::Write as _;

use serde::Serialize;

use crate::history::Record;
use crate::history::record::flag;
use crate::journal::Fact;
use crate::shard::id_text;
use crate::transaction::{Context, Transaction};

/// One fact or record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TimelineLine {
    /// Unix milliseconds, as its writer knew them.
    pub time_ms: u64,
    /// The journal, or the name of a history.
    pub source: String,
    /// Its sequence in the journal, or its number in the history.
    pub place: u64,
    /// What it says.
    pub what: String,
}

/// The lines of a transaction. Equal times keep the order journal first, then history after history.
pub fn timeline(context: &Context, transaction: &Transaction) -> Vec<TimelineLine> {
    let facts = transaction.facts.iter().map(|fact| TimelineLine {
        time_ms: fact.time_ms,
        source: match fact.partition {
            0 => "journal".to_owned(),
            partition => format!("journal of partition {partition}"),
        },
        place: fact.sequence,
        what: fact_text(fact),
    });
    let seen = transaction.seen.iter().map(|seen| TimelineLine {
        time_ms: seen.record.time_ms,
        source: context.source(seen).file.clone(),
        place: seen.place,
        what: record_text(&seen.record),
    });
    let mut lines: Vec<TimelineLine> = facts.chain(seen).collect();
    lines.sort_by_key(|line| line.time_ms);
    lines
}

/// Adds ` name value` where there is a value.
fn put(text: &mut String, name: &str, value: u64) {
    if value != 0 {
        write!(text, " {name} {value}").expect("a text takes what is written to it");
    }
}

fn fact_text(fact: &Fact) -> String {
    let mut text = fact.kind.name().to_owned();
    if fact.id != fact.original {
        text.push(' ');
        text.push_str(&id_text(fact.id));
    }
    put(&mut text, "amount", fact.amount);
    put(&mut text, "destination", fact.destination.into());
    put(&mut text, "reason", fact.reason.into());
    put(&mut text, "delivery", fact.delivery.into());
    put(&mut text, "deadline", fact.deadline);
    put(&mut text, "hold until", fact.hold_until);
    put(&mut text, "epoch", fact.epoch.into());
    for (is_set, name) in [(fact.last, " last"), (fact.reversal, " with a reversal"), (fact.approved, " yes")]
    {
        if is_set {
            text.push_str(name);
        }
    }
    text
}

fn record_text(record: &Record) -> String {
    let mut text = format!("{:?} {:?}", record.kind, record.message).to_lowercase();
    if record.id != record.original {
        text.push(' ');
        text.push_str(&id_text(record.id));
    }
    put(&mut text, "copy", record.attempt.into());
    put(&mut text, "delivery", record.delivery.into());
    put(&mut text, "outcome", record.outcome.into());
    put(&mut text, "state", record.state.into());
    put(&mut text, "reason", record.reason.into());
    put(&mut text, "amount", record.amount);
    if record.outcome != 0 {
        put(&mut text, "partition", record.partition.into());
        put(&mut text, "epoch", record.epoch.into());
        put(&mut text, "sequence", record.sequence);
    }
    for (bit, name) in [
        (flag::REPEAT, " repeat"),
        (flag::LAST, " last"),
        (flag::EXPIRED, " expired"),
        (flag::APPLIED, " applied"),
    ] {
        if record.has(bit) {
            text.push_str(name);
        }
    }
    text
}
