//! The switch that decides nothing, played against for real.

use super::*;
use crate::cli::selftest_arguments;
use crate::results::summary::Books;

#[test]
fn payments_go_through_the_switch_that_decides_nothing_and_the_books_close() {
    let arguments =
        selftest_arguments("-d 300ms -w 100ms --operators 2 --acquirers 2 --window 64 --seed 3 -q");
    let directory = tempfile::tempdir().unwrap();
    let (switch, load) = scene(&arguments, directory.path(), None).unwrap();
    let mut trials = Trials::new(&load, &arguments.to, &[], arguments.warmup, arguments.duration);
    let report = trials.run(500.0).unwrap();
    assert_eq!(spoiled(&report), None);
    let summary = &report.summary;
    assert_eq!(summary.verdict.books, Books::Closed, "{:?}", summary.verdict.remarks);
    assert!(summary.accounting.approved > 50 && summary.accounting.approved == summary.accounting.sent);
    let mut late = summary.clone();
    late.generator.offered_of_planned = Some(0.9);
    assert!(falls_behind(&late).unwrap().contains("90.0 % of the plan"));
    assert!(!summary.verdict.durable, "it has no journal");
    drop(switch);
}

#[test]
fn the_response_is_that_at_the_rate_of_the_answer() {
    let trial = |rate, p50| (rate, [Some(p50), Some(p50 * 10)]);
    // The higher rate kept up once, by luck, and was found too much later.
    let kept_up = vec![trial(1_000.0, 7), trial(2_000.0, 99), trial(1_000.0, 5), trial(1_000.0, 6)];
    assert_eq!(response_at(1_000.0, kept_up.clone()), [Some(6), Some(60)]);
    assert_eq!(response_at(1_500.0, kept_up), [None, None]);
}
