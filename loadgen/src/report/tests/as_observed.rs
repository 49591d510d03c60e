//! Percentiles for which a run has too few independent samples: what it had is shown, and marked.

use super::*;

/// Ten seconds; what is slow comes together, in two slices of a hundred, so that two hundred slow ones are worth a few.
fn in_bursts() -> Slices {
    let slice = |index: u64| {
        let (mut batch, mut recorded) = (Batch::default(), Recorded::default());
        let slow = |n| if n < 50 { 7_210 } else { 9_000 };
        (0..100)
            .map(|n| if index % 50 == 49 { slow(n) } else { 1_000 })
            .for_each(|micros: u64| batch.push(Scenario::Pay, Measure::Response, micros * 1_000));
        batch.fold(&mut recorded);
        let operators = vec![recorded.take(Scenario::Pay)];
        Slice { begun_ns: index * 100_000_000, length_ns: 100_000_000, operators, ..Slice::default() }
    };
    Slices { all: (0..100).map(slice).collect(), warm_ns: 0, end_ns: 10_000_000_000 }
}

fn bursts(offered: u64) -> Report {
    let mut closing = closing();
    closing.sums.offered_in_time = offered;
    report(closing, Measured { slices: in_bursts(), ..measured() })
}

/// The line of a table that begins so.
fn line_of(report: &Report, begins: &str) -> String {
    let text = table::text(report);
    text.lines().find(|line| line.trim_start().starts_with(begins)).unwrap_or(&text).to_owned()
}

#[test]
fn what_a_run_had_is_printed_and_marked_where_too_few_samples_were_independent() {
    let report = bursts(10_000);
    let response = &json(&report)["latency_us"]["response"];
    assert_eq!(
        (&response["p99"], &response["observed"]["p99"]),
        (&Value::Null, &7_211.into()),
        "programs are told both: {response}"
    );
    let line = line_of(&report, "response   ");
    assert!(line.contains("~7.21") && line.trim_end().ends_with('-'), "{line}");
    assert!(line_of(&report, "response p99 including").ends_with("including 0 unanswered: ~7.21 ms"));
    assert!(line_of(&report, "~ as observed in this run").contains("without an interval"));
}

#[test]
fn only_what_ten_samples_do_not_lie_beyond_is_not_available() {
    let line = line_of(&report(closing(), measured()), "response   ");
    assert!(line.contains("1.98") && line.contains("n/a") && !line.contains('~'), "{line}");
    let lossy = bursts(10_200);
    let line = line_of(&lossy, "response   ");
    assert!(line.contains("endless") && !line.contains("n/a"), "{line}");
    assert!(line_of(&lossy, "response p99 including").ends_with("including 200 unanswered: endless"));
}

#[test]
fn a_trial_knows_an_endless_p99_from_one_that_is_not_available() {
    let endless = |report| crate::capacity::trial::judge(&report, 1_000.0).unwrap().is_p99_endless;
    assert!(endless(bursts(10_200)) && !endless(bursts(10_000)));
}
