//! The switch that decides nothing, played against for real.

use rustix::process::{Signal, getpid, kill_process};

use super::*;
use crate::cli::selftest_arguments;
use crate::results::summary::Books;
use crate::run::IN_TURN;

/// The switch, the load, and where its certificates are.
fn played() -> (NullSwitch, Trials, tempfile::TempDir) {
    let arguments =
        selftest_arguments("-d 300ms -w 100ms --operators 2 --acquirers 2 --window 64 --seed 3 -q");
    let directory = tempfile::tempdir().unwrap();
    let (switch, load) = scene(&arguments, directory.path(), None).unwrap();
    (switch, Trials::new(&load, &arguments.to, &[], arguments.warmup, arguments.duration), directory)
}

#[test]
fn payments_go_through_the_switch_that_decides_nothing_and_the_books_close() {
    let _turn = IN_TURN.blocking_lock();
    let (switch, mut trials, _directory) = played();
    let report = trials.run(&mut Theatre::open().unwrap(), 500.0).unwrap();
    assert_eq!(Spoiled::of(&report, "the trial"), None);
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
fn who_asks_for_the_end_between_two_runs_is_heard_by_the_next() {
    let _turn = IN_TURN.blocking_lock();
    let (_switch, mut trials, _directory) = played();
    let mut theatre = Theatre::open().unwrap();
    let report = trials.run(&mut theatre, 200.0).unwrap();
    assert!(!report.is_interrupted());
    kill_process(getpid(), Signal::INT).unwrap();
    let report = trials.run(&mut theatre, 200.0).unwrap();
    assert!(report.is_interrupted());
    assert_eq!(report.summary.broken_off.as_deref(), Some("interrupted"));
    let spoiled = Spoiled { exit: Exit::Interrupted, why: "interrupted".to_owned() };
    assert_eq!(Spoiled::of(&report, "the trial"), Some(spoiled));
}

#[test]
fn the_response_is_that_at_the_rate_of_the_answer() {
    let trial = |rate_per_s, p50: u32, fell_behind: Option<&str>| Kept {
        rate_per_s,
        fell_behind: fell_behind.map(str::to_owned),
        p50_us: Some(p50),
        p99_us: Some(p50 * 10),
    };
    // The higher rate kept up once, by luck, and was found too much later.
    let trials = [
        trial(1_000.0, 7, None),
        trial(2_000.0, 99, None),
        trial(1_000.0, 5, None),
        trial(1_000.0, 900, Some("its thread ran 99 % of the time")),
        trial(1_000.0, 6, None),
    ];
    assert_eq!(response_at(1_000.0, &trials), [Some(6), Some(60)]);
    assert_eq!(response_at(1_500.0, &trials), [None, None]);
}

#[test]
fn a_selftest_that_was_interrupted_says_what_it_has() {
    let spoiled = Spoiled { exit: Exit::Interrupted, why: "interrupted".to_owned() };
    let ceiling = Ceiling {
        head: Head::new(1, true).until(Some(&spoiled)),
        closed_loop_per_s: Some(23_000.0),
        open_loop_kept_up_per_s: None,
        open_loop_too_much_per_s: None,
        p50_us: None,
        p99_us: None,
        trials: vec![],
    };
    let text = text(&ceiling);
    for words in
        ["closed loop: 23,000/s", "keeps up with -", "nothing is judged; the selftest broke off: interrupted"]
    {
        assert!(text.contains(words), "{words}\n{text}");
    }
}
