//! The report of a run that was made up: its schema, its exit codes, its files.

use clap::Parser;
use serde_json::Value;

use super::*;
use crate::accounting::{Ending, Fault};
use crate::arguments::{Arguments, Command};
use crate::books::Open;
use crate::latency::Batch;
use crate::scenario::Scenario;
use crate::stage::played_stage;
use holdfast_protocol::Reason;

fn plan(more: &str) -> Plan {
    let line = "loadgen run --switch 127.0.0.1:1 --certs c --admin 127.0.0.1:2 --seed 7 -r 1000 -d 2s";
    let Command::Run(run) =
        Arguments::try_parse_from(line.split(' ').chain(more.split_whitespace())).unwrap().command;
    Plan::new(*run).unwrap()
}

fn closing() -> Closing {
    let mut closing = Closing { all_sent: true, ..Closing::default() };
    let endings = [
        (Scenario::Pay, Ending::Approved, 1_900),
        (Scenario::Pay, Ending::Declined(Reason::InsufficientFunds), 60),
        (Scenario::Reserve, Ending::NotDone(Reason::Busy), 39),
        (Scenario::Reserve, Ending::Unknown, 1),
    ];
    for (scenario, ending, count) in endings {
        let counts = closing.accounting.of_mut(scenario);
        counts.scheduled += count;
        counts.sent += count;
        counts.messages += count;
        (0..count).for_each(|_| counts.end(ending));
    }
    closing.sums.completed_in_time = 1_960;
    closing.sums.good_in_time = 1_900;
    closing.sums.offered_in_time = 2_000;
    closing
}

fn measured() -> Measured {
    let mut latencies = Latencies::default();
    let mut batch = Batch::default();
    for micros in 1..=2_000_u64 {
        batch.push(Measure::Response, micros * 1_000);
        batch.push(Measure::Service, micros * 900);
    }
    batch.fold(&mut latencies);
    let counters = |n: f64| JournalCounters { syncs: n, bytes: n * 4_096.0, frames: n, facts: n * 10.0 };
    Measured {
        seconds: 2.0,
        cpu_seconds: 0.5,
        udp_drops: 0,
        hiccup_us: 900,
        journal: Some(JournalSpan { start: counters(100.0), end: counters(300.0), seconds: 2.0 }),
        intervals: vec![(Duration::ZERO, latencies)],
    }
}

fn report(closing: Closing, measured: Measured) -> Report {
    Report::new(&plan(""), &played_stage(3, 3), closing, measured, None, false)
}

fn json(report: &Report) -> Value {
    serde_json::to_value(&report.summary).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn the_summary_has_the_fields_that_are_promised() {
    let summary = json(&report(closing(), measured()));
    let has = |value: &Value, names: &[&str]| {
        for name in names {
            assert!(value.get(name).is_some(), "{name} is missing in {value}");
        }
    };
    has(&summary, &["schema_version", "seed", "config", "build", "host", "verdict", "rate", "latency_us"]);
    has(&summary, &["accounting", "scenarios", "journal", "generator"]);
    has(&summary["verdict"], &["measurement", "books", "audit", "durable"]);
    assert_eq!(keys(&summary["rate"]), ["achieved_per_s", "goodput_per_s", "offered_per_s"]);
    assert_eq!(keys(&summary["latency_us"]), ["lag", "response", "service", "switch_only"]);
    for measure in ["response", "service", "lag", "switch_only"] {
        assert_eq!(keys(&summary["latency_us"][measure]), ["count", "max", "p50", "p90", "p99", "p999"]);
    }
    let counts = ["scheduled", "sent", "shed", "approved", "declined", "not_done", "unknown", "errors"];
    let more = ["in_flight_at_end", "reversed", "duplicates", "messages"];
    for counted in [&summary["accounting"], &summary["scenarios"]["pay"], &summary["scenarios"]["reserve"]] {
        has(counted, &counts);
        has(counted, &more);
    }
    assert_eq!(keys(&summary["journal"]), ["batch_mean", "bytes_per_s", "syncs_per_s"]);
    assert_eq!(keys(&summary["generator"]), ["cpu_share", "max_hiccup_us", "udp_drops"]);
}

#[test]
fn figures_are_those_of_the_run() {
    let summary = json(&report(closing(), measured()));
    assert_eq!(summary["schema_version"], 1);
    assert_eq!(summary["seed"], 7);
    assert_eq!(summary["verdict"]["measurement"], "valid");
    assert_eq!(summary["verdict"]["books"], "closed");
    assert_eq!(summary["verdict"]["audit"], "not_run");
    assert_eq!(summary["verdict"]["durable"], true);
    assert_eq!(summary["rate"]["achieved_per_s"], 980.0);
    assert_eq!(summary["rate"]["goodput_per_s"], 950.0);
    assert_eq!(summary["latency_us"]["response"]["p99"], 1_980);
    assert_eq!(summary["latency_us"]["lag"]["count"], 0);
    assert_eq!(summary["journal"]["syncs_per_s"], 100.0);
    assert_eq!(summary["journal"]["batch_mean"], 10.0);
    assert_eq!(summary["generator"]["cpu_share"], 0.25);
    assert_eq!(summary["accounting"]["sent"], 2_000);
    assert_eq!(summary["accounting"]["declined_by_reason"]["InsufficientFunds"], 60);
}

#[test]
fn a_run_without_syncs_is_never_called_durable() {
    let still = JournalCounters { syncs: 100.0, ..JournalCounters::default() };
    let report = report(
        closing(),
        Measured { journal: Some(JournalSpan { start: still, end: still, seconds: 2.0 }), ..measured() },
    );
    assert!(!report.summary.verdict.durable);
    assert!(table::text(&report).contains("durable NO"));
    let unread = Report::new(
        &plan(""),
        &played_stage(3, 3),
        closing(),
        Measured { journal: None, ..measured() },
        None,
        false,
    );
    assert!(!unread.summary.verdict.durable);
}

#[test]
fn the_exit_code_says_what_is_worst() {
    assert_eq!(report(closing(), measured()).exit_code(), 0);
    let mut faulty = closing();
    let counts = faulty.accounting.of_mut(Scenario::Pay);
    counts.scheduled += 1;
    counts.sent += 1;
    counts.end(Ending::Error(Fault::AnswersDisagree));
    assert_eq!(report(faulty.clone(), measured()).exit_code(), 1);
    faulty.open.push(Open::Position { participant: "a".into(), what: "held", by_switch: 1, expected: 0 });
    assert_eq!(report(faulty, measured()).exit_code(), 5);
    let none = Measured { intervals: vec![], ..measured() };
    assert_eq!(report(closing(), none).exit_code(), 4);
    let cut = Report::new(&plan(""), &played_stage(3, 3), closing(), measured(), None, true);
    assert_eq!(cut.exit_code(), 130);
    let broken =
        Report::new(&plan(""), &played_stage(3, 3), closing(), measured(), Some("link".into()), false);
    assert_eq!(broken.exit_code(), 1);
}

#[test]
fn counts_that_do_not_add_up_and_operations_in_flight_open_the_books() {
    let mut lost = closing();
    lost.accounting.of_mut(Scenario::Pay).sent += 1;
    lost.accounting.of_mut(Scenario::Pay).scheduled += 1;
    assert_eq!(report(lost, measured()).summary.verdict.books, Books::Open);
    let mut in_flight = closing();
    let counts = in_flight.accounting.of_mut(Scenario::Pay);
    counts.sent += 1;
    counts.scheduled += 1;
    counts.in_flight_at_end += 1;
    assert_eq!(report(in_flight, measured()).summary.verdict.books, Books::Open);
    let unread = Closing { unread: Some("no answer".into()), ..closing() };
    assert_eq!(report(unread, measured()).summary.verdict.books, Books::Open);
}

#[test]
fn the_table_names_what_matters() {
    let text = table::text(&report(closing(), measured()));
    for words in [
        "seed 7",
        "980/s",
        "response",
        "1.98",
        "books closed",
        "durable yes",
        "InsufficientFunds 60",
        "share",
        "response: to the answer from the intended time of sending",
        "shed: never sent",
        "goodput",
    ] {
        assert!(text.contains(words), "{words:?} is missing in\n{text}");
    }
}

#[test]
fn the_files_can_be_read_back() {
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
    let directory = tempfile::tempdir().unwrap();
    files::write(&report(closing(), measured()), directory.path()).unwrap();
    let read = |name: &str| std::fs::read(directory.path().join(name)).unwrap();
    let summary: Value = serde_json::from_slice(&read("summary.json")).unwrap();
    assert_eq!(summary["seed"], 7);
    let log = read("latency.hlog");
    let tags: Vec<_> = IntervalLogIterator::new(&log)
        .filter_map(|entry| match entry.unwrap() {
            LogEntry::Interval(interval) => Some(interval.tag().unwrap().as_str().to_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(tags, ["response", "service"]);
    let distribution = String::from_utf8(read("latency.hgrm")).unwrap();
    assert!(distribution.contains("Total count    =         2000"), "{distribution}");
}
