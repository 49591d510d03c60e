//! The report of a run that was made up: its schema, its exit codes, its files.

use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::accounting::{Ending, Fault};
use crate::books::Open;
use crate::cli::run_arguments;
use crate::measure::batch::{Batch, Latencies, Recorded};
use crate::measure::kinds::Measure;
use crate::measure::slices::Slice;
use crate::stage::played_stage;
use crate::steering::{ByHand, Order};
use crate::traffic::scenario::Scenario;
use holdfast_protocol::Reason;

mod as_observed;
mod cut_short;
mod warm_up;

fn plan(more: &str) -> Plan {
    let line =
        format!("--switch 127.0.0.1:1 --certs c --admin 127.0.0.1:2 --seed 7 -r 1000 -d 2s -w 0s {more}");
    Plan::new(run_arguments(&line).unwrap()).unwrap()
}

fn closing() -> Closing {
    let operators = vec!["operator-1".to_owned()];
    let mut closing = Closing { all_sent: true, operators, ..Closing::default() };
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

/// Twenty slices, in each the same hundred responses.
fn measured() -> Measured {
    let counters = |n: f64| JournalCounters { syncs: n, bytes: n * 4_096.0, frames: n, facts: n * 10.0 };
    Measured {
        seconds: 2.0,
        cpu_seconds: 0.5,
        thread: ThreadTime { ran: Duration::from_millis(400), waited: Duration::from_millis(20) },
        stolen_share: 0.0,
        udp_drops: 0,
        hiccup_us: 900,
        journal: Some(JournalSpan::between(counters(100.0), &[], counters(300.0), 2.0)),
        slices: Slices { all: slices(), warm_ns: 0, end_ns: 2_000_000_000 },
        switch_build: Some(SwitchBuild {
            version: "9.9.9".to_owned(),
            commit: "5w17c4".to_owned(),
            profile: None,
        }),
        by_hand: ByHand::default(),
    }
}

fn slices() -> Vec<Slice> {
    (0..20)
        .map(|index| {
            let (mut batch, mut recorded) = (Batch::default(), Recorded::default());
            for micros in (20..=2_000).step_by(20) {
                batch.push(Scenario::Pay, Measure::Response, micros * 1_000);
                batch.push(Scenario::Pay, Measure::Service, micros * 900);
            }
            batch.fold(&mut recorded);
            let taken = recorded.take(Scenario::Pay);
            let mut scenarios = vec![Latencies::default(); Scenario::ALL.len()];
            scenarios[Scenario::Pay.index()] = taken.clone();
            Slice {
                begun_ns: index * 100_000_000,
                length_ns: 100_000_000,
                operators: vec![taken],
                scenarios,
                ..Slice::default()
            }
        })
        .collect()
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
    assert_eq!(keys(&summary["rate"]), ["achieved_per_s", "error_share", "goodput_per_s", "offered_per_s"]);
    let figures = ["dependency", "follow_up", "lag", "response", "service", "switch_only"];
    assert_eq!(keys(&summary["latency_us"]), figures);
    for figure in figures {
        has(&summary["latency_us"][figure], &["count", "max", "p50", "p75", "p90", "p95", "p99", "p999"]);
        has(&summary["latency_us"][figure], &["intervals", "independent", "observed"]);
    }
    has(&summary["latency_us"]["response"]["with_unanswered"], &["unanswered", "p99"]);
    has(&summary["latency_us_by_scenario"]["pay"]["response"], &["p99"]);
    has(&summary["latency_us_by_operator"]["operator-1"]["service"], &["p99"]);
    has(&summary["window"], &["from_s", "until_s", "mser_5_s", "steady"]);
    let counts = ["scheduled", "sent", "shed", "approved", "declined", "not_done", "unknown", "errors"];
    let more = ["in_flight_at_end", "reversed", "refunds", "duplicates", "messages"];
    for counted in [&summary["accounting"], &summary["scenarios"]["pay"], &summary["scenarios"]["reserve"]] {
        has(counted, &counts);
        has(counted, &more);
    }
    assert_eq!(keys(&summary["journal"]), ["batch_mean", "bytes_per_s", "syncs_per_s"]);
    has(
        &summary["generator"],
        &["cpu_share", "ran_share", "waited_share", "stolen_share", "offered_of_planned"],
    );
    has(&summary["generator"], &["own_lag_p99_us", "udp_drops", "max_hiccup_us"]);
}

#[test]
fn a_switch_that_was_not_asked_has_no_build() {
    let unread = report(closing(), Measured { switch_build: None, ..measured() });
    assert_eq!(json(&unread).get("switch_build"), None);
    assert!(!table::text(&unread).contains("switch 9.9.9"));
}

#[test]
fn figures_are_those_of_the_run() {
    let summary = json(&report(closing(), measured()));
    let in_flight = report(closing(), measured()).in_flight();
    assert!((in_flight - 980.0 * 0.001_01).abs() < 0.001, "980 a second, each for 1.01 ms: {in_flight}");
    assert_eq!(summary["schema_version"], 2);
    assert_eq!(summary["seed"], 7);
    assert_eq!(summary["verdict"]["measurement"], "valid");
    assert_eq!(summary["verdict"]["books"], "closed");
    assert_eq!(summary["verdict"]["audit"], "not_run");
    assert_eq!(summary["verdict"]["durable"], true);
    assert_eq!(summary["rate"]["achieved_per_s"], 980.0);
    assert_eq!(summary["rate"]["goodput_per_s"], 950.0);
    assert_eq!(summary["latency_us"]["response"]["p99"], 1_980);
    assert_eq!(summary["latency_us"]["response"]["p999"], Value::Null, "two samples are beyond it");
    assert_eq!(summary["verdict"]["label"], "co-located: lower bound");
    assert_eq!(summary["switch_build"], serde_json::json!({ "version": "9.9.9", "commit": "5w17c4" }));
    assert_eq!(summary["rate"]["error_share"], 0.02);
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
        Measured { journal: Some(JournalSpan::between(still, &[], still, 2.0)), ..measured() },
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
fn a_switch_that_ended_meanwhile_has_synced_what_all_its_processes_did() {
    let at = |n: f64| JournalCounters { syncs: n, bytes: n * 4_096.0, frames: n, facts: n * 10.0 };
    let syncs = |start: f64, ended: &[f64], end: f64| {
        let ended: Vec<_> = ended.iter().map(|n| at(*n)).collect();
        JournalSpan::between(at(start), &ended, at(end), 1.0).grown.syncs
    };
    assert_eq!(syncs(100.0, &[], 300.0), 200.0);
    // The last process is read before its first sync.
    assert_eq!(syncs(100.0, &[500.0], 0.0), 400.0);
    assert_eq!(syncs(100.0, &[500.0, 70.0], 900.0), 400.0 + 70.0 + 900.0);
    // It could not be read before it ended.
    assert_eq!(syncs(100.0, &[0.0], 50.0), 50.0);
    assert_eq!(syncs(100.0, &[], 50.0), 50.0, "somebody else restarted it");
}

#[test]
fn the_exit_code_says_what_is_worst() {
    assert_eq!(report(closing(), measured()).exit_code(), Exit::Pass);
    let mut faulty = closing();
    let counts = faulty.accounting.of_mut(Scenario::Pay);
    counts.scheduled += 1;
    counts.sent += 1;
    counts.end(Ending::Error(Fault::AnswersDisagree));
    assert_eq!(report(faulty.clone(), measured()).exit_code(), Exit::RunError);
    faulty.open.push(Open::Position { participant: "a".into(), what: "held", by_switch: 1, expected: 0 });
    assert_eq!(report(faulty, measured()).exit_code(), Exit::BooksOpen);
    let none = Measured { slices: Slices::default(), ..measured() };
    assert_eq!(report(closing(), none).exit_code(), Exit::Invalid);
    let cut = Report::new(&plan(""), &played_stage(3, 3), closing(), measured(), None, true);
    assert_eq!(cut.exit_code(), Exit::Interrupted);
    let broken =
        Report::new(&plan(""), &played_stage(3, 3), closing(), measured(), Some("link".into()), false);
    assert_eq!(broken.exit_code(), Exit::RunError);
}

#[test]
fn objectives_decide_where_nothing_worse_has_happened() {
    let exit = |slo: &str, interrupted| {
        let plan = plan(&slo.split(' ').map(|objective| format!("--slo {objective} ")).collect::<String>());
        Report::new(&plan, &played_stage(3, 3), closing(), measured(), None, interrupted).exit_code()
    };
    assert_eq!(exit("p99<50ms goodput>900", false), Exit::Pass);
    assert_eq!(exit("p99<50ms p50<1us", false), Exit::Missed);
    assert_eq!(exit("errors<0.01%", false), Exit::Missed);
    assert_eq!(exit("p999<50ms", false), Exit::Invalid, "it cannot be known");
    assert_eq!(exit("p50<1us", true), Exit::Interrupted, "nothing is judged");
}

#[test]
fn who_was_never_answered_took_longest() {
    let mut lossy = closing();
    lossy.sums.offered_in_time = 2_030;
    let plan = plan("--slo p99<50ms --slo p50<50ms");
    let report = Report::new(&plan, &played_stage(3, 3), lossy, measured(), None, false);
    let summary = json(&report);
    let with = &summary["latency_us"]["response"]["with_unanswered"];
    assert_eq!((with["unanswered"].as_u64(), with["p99"].as_str()), (Some(30), Some("endless")));
    assert_eq!(summary["latency_us"]["response"]["observed"]["p99"], "endless");
    assert_eq!(report.exit_code(), Exit::Missed);
    assert_eq!(summary["objectives"][1]["standing"], "met");
}

#[test]
fn a_trial_fails_only_where_the_generator_had_no_part_in_it() {
    use crate::capacity::trial::{TrialStanding, judge};
    let trial = |slo: &str, measured: Measured| {
        let report = Report::new(
            &plan(&format!("--slo {slo}")),
            &played_stage(3, 3),
            closing(),
            measured,
            None,
            false,
        );
        judge(&report, 1_000.0).map(|trial| trial.standing)
    };
    let starved = |waited_ms| {
        let thread = ThreadTime { ran: Duration::from_millis(400), waited: Duration::from_millis(waited_ms) };
        Measured { thread, ..measured() }
    };
    assert_eq!(trial("p99<50ms", measured()), Ok(TrialStanding::Passed));
    assert_eq!(trial("p99<1ms", measured()), Ok(TrialStanding::Failed));
    assert_eq!(trial("p99<1ms", starved(1_400)), Ok(TrialStanding::Discarded));
    assert_eq!(
        trial("p99<50ms", starved(1_400)),
        Ok(TrialStanding::Passed),
        "a tired generator only makes it worse"
    );
    assert_eq!(trial("p99<50ms", starved(1_590)), Ok(TrialStanding::Discarded), "it did nothing but wait");
    assert_eq!(trial("p999<50ms", measured()).unwrap_err().exit, Exit::Invalid);
}

#[test]
fn a_clean_drill_passes_whatever_the_measurement_but_a_tired_generator_judges_no_objective() {
    use crate::drill::{DrillVerdict, exit_code};
    let exit = |slo: &str, waited_ms| {
        let thread = ThreadTime { ran: Duration::from_millis(400), waited: Duration::from_millis(waited_ms) };
        let measured = Measured { thread, ..measured() };
        let report = Report::new(&plan(slo), &played_stage(3, 3), closing(), measured, None, false);
        exit_code(&report, DrillVerdict::Clean, true)
    };
    assert_eq!((exit("", 20), exit("", 1_590)), (Exit::Pass, Exit::Pass), "nothing was lost");
    assert_eq!((exit("--slo p99<50ms", 20), exit("--slo p99<1ms", 20)), (Exit::Pass, Exit::Missed));
    assert_eq!((exit("--slo p99<50ms", 1_590), exit("--slo p99<1ms", 1_590)), (Exit::Invalid, Exit::Invalid));
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
        "switch 9.9.9 (5w17c4)",
        "980/s",
        "response",
        "n/a",
        "steady",
        "co-located",
        "including 0 unanswered",
        "books closed",
        "durable yes",
        "InsufficientFunds 60",
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
    let series = String::from_utf8(read("series.csv")).unwrap();
    let columns: Vec<_> = series.lines().map(|line| line.split(',').count()).collect();
    assert_eq!(columns, [11; 21], "a head and twenty slices");
    assert!(series.lines().nth(2).unwrap().starts_with("0.100,0.100,true,"), "{series}");
    let log = read("latency.hlog");
    let tags: Vec<_> = IntervalLogIterator::new(&log)
        .filter_map(|entry| match entry.unwrap() {
            LogEntry::Interval(interval) => Some(interval.tag().unwrap().as_str().to_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(tags, ["response", "service", "response", "service"]);
    let run: Value = serde_json::from_slice(&read("run.json")).unwrap();
    assert_eq!(run["summary"]["seed"], 7);
    assert_eq!(
        (run["points"].as_array().unwrap().len(), run["heat_map"]["counts"].as_array().unwrap().len()),
        (20, 20)
    );
    let in_the_picture: u64 = run["heat_map"]["counts"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|slice| slice.as_array().unwrap())
        .map(|count| count.as_u64().unwrap())
        .sum();
    assert_eq!(in_the_picture, 2_000);
    assert!(run["spectrum"]["response"].as_array().unwrap().len() > 5);
    let distribution = String::from_utf8(read("latency.hgrm")).unwrap();
    assert!(distribution.contains("Total count    =         2000"), "{distribution}");
}

#[test]
fn a_run_that_was_steered_by_hand_says_so_and_is_not_valid() {
    let mut by_hand = ByHand::default();
    assert!(by_hand.follow(500_000_000, Order::Faster, true));
    let steered = report(closing(), Measured { by_hand, ..measured() });
    let summary = json(&steered);
    assert_eq!(summary["changed_by_hand"][0]["at_s"], 0.5);
    assert_ne!(summary["verdict"]["measurement"], "valid");
    assert!(summary["verdict"]["remarks"].to_string().contains("by hand"), "{summary}");
    assert_eq!(summary["window"]["steady"], Value::Null, "nothing is said about steadiness");
    assert!(json(&report(closing(), measured())).get("changed_by_hand").is_none());
}
