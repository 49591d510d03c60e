//! The fixed set: the same seeds in every run of the tests.

use std::process::Command;
use std::thread::available_parallelism;

use holdfast_tests::sim::hunt::{Hunt, hunt};
use holdfast_tests::sim::{Fault, Telling, play};

/// How many seeds, from one on: below a minute on two processors in the profile of a release, and a few without it.
const SEEDS: u64 = if cfg!(debug_assertions) { 24 } else { 400 };

/// Seeds that found something once, and what.
const FOUND: &[(u64, &str)] = &[
    (32, "a request was recorded after it had expired, while its original was looked up"),
    (5_047, "deliveries that waited overran each link that came, which lost them all again"),
    (30_848, "a refusal of an earlier epoch was held against the time after a restart that set the clock"),
    (60_601, "what was recalled was dropped again while a later request brought it back"),
    (70_195, "the answer of another instance came over a link that had ended since"),
    (70_432, "the books of a participant that was taken out with flat positions"),
    (81_070, "a copy found its original in the archive after another copy had not"),
];

#[test]
fn the_fixed_set_is_clean_and_reaches_everything_reachable() {
    let threads = available_parallelism().map_or(1, usize::from);
    let (summary, failure) = hunt(Hunt { from: 1, seeds: SEEDS, planted: None, threads }, |_| {});
    if let Some(failure) = failure {
        panic!("{failure}");
    }
    println!("{summary}");
    assert!(summary.operations >= 1_000 * SEEDS, "a seed is at least a thousand requests");
    if cfg!(debug_assertions) {
        return; // Too few to reach everything.
    }
    let missing = summary.coverage.missing();
    assert!(missing.is_empty(), "reachable, and never reached:\n{}", missing.join("\n"));
    let never: Vec<&str> =
        Fault::ALL.iter().filter(|fault| summary.faults.of(**fault) == 0).map(|fault| fault.text()).collect();
    assert!(never.is_empty(), "faults that never happened: {never:?}");
}

#[test]
fn what_was_found_once_stays_mended() {
    for (seed, what) in FOUND {
        if let Err(failure) = play(*seed, None, Telling::Quiet) {
            panic!("{what}\n{failure}");
        }
    }
}

/// The line of a run in a process of its own.
fn digest(seed: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_sim")).args(["--seed", seed]).output().unwrap();
    assert!(output.status.success(), "seed {seed}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_same_seed_in_two_processes_gives_the_same_digest() {
    for seed in ["3", "4", "18446744073709551615"] {
        let (first, second) = (digest(seed), digest(seed));
        assert!(first.contains("digest "), "{first}");
        assert_eq!(first, second, "seed {seed}");
    }
    assert_ne!(digest("3"), digest("4"), "another seed is another run");
}

#[test]
fn a_failure_says_how_to_see_it_again() {
    let output = Command::new(env!("CARGO_BIN_EXE_sim"))
        .args(["--break", "late-approval-delivered", "--seed", "1"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("seed 1, step "), "{text}");
    assert!(text.contains(": I2: "), "the violated invariant: {text}");
    assert!(text.lines().count() > 5, "the last events: {text}");
    assert!(text.trim_end().ends_with("--seed 1 --break late-approval-delivered --trace"), "{text}");
}
