//! A generator that is held up says so, and its tiredness is never taken for the switch's.
//!
//! What is asserted is only what the test itself does to the generator: it stops the process for longer than a measurement can bear.

use std::fs;
use std::time::Duration;

use holdfast_tests::processes::{Process, text};
use holdfast_tests::wait::wait_until;
use serde_json::Value;

use super::scene::{Scene, summary};

const SAID_WITHIN: Duration = Duration::from_secs(60);
const ENDS_WITHIN: Duration = Duration::from_secs(120);
const INVALID: i32 = 4;
/// A pause of a second makes a measurement invalid.
const STILL: Duration = Duration::from_millis(1_300);
const GOING: Duration = Duration::from_millis(700);
const SMALL: [&str; 8] = ["--operators", "2", "--acquirers", "2", "--mix", "pay:1", "--seed", "5"];

fn start(scene: &Scene, command: &str, more: &[&str]) -> Process {
    let arguments = scene.arguments(command, more);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Process::start("loadgen", &arguments, &scene.path(&format!("{command}.log")))
}

#[test]
fn a_run_whose_generator_stood_still_is_invalid() {
    let scene = Scene::new();
    let out = scene.path("out");
    let more = ["-r", "100", "-d", "6s", "-w", "0s", "--slo", "errors<=100%", "-o", text(&out)];
    let mut load = start(&scene, "run", &[&SMALL[..], &more].concat());
    wait_until("the run measures", SAID_WITHIN, || {
        assert_eq!(load.ended(), None, "{}", load.log_tail());
        fs::read_to_string(scene.path("run.log")).unwrap().contains("measuring").then_some(())
    });
    load.freeze(STILL);
    assert_eq!(load.wait(ENDS_WITHIN).code(), Some(INVALID), "{}", load.log_tail());
    let summary = summary(&out);
    assert_eq!(summary["verdict"]["measurement"], "invalid");
    let remarks = summary["verdict"]["remarks"].to_string();
    assert!(remarks.contains("the machine paused a thread for"), "{remarks}");
    assert_eq!(
        summary["objectives"][0]["standing"], "met",
        "an objective that is kept does not make it believable"
    );
}

/// The objective cannot be kept, so that every trial would fail: but none is held against the switch.
#[test]
fn a_search_whose_generator_stands_still_again_and_again_knows_nothing() {
    let scene = Scene::new();
    let out = scene.path("out");
    let impossible = ["--slo", "goodput>9000000", "--from", "1", "--top", "1"];
    // Whenever a trial of this length begins, it holds a whole pause.
    let length = ["-d", "5s", "-w", "0s", "-o", text(&out)];
    let mut load = start(&scene, "capacity", &[&SMALL[..], &impossible, &length].concat());
    let status = load.stutter(STILL, GOING, ENDS_WITHIN);
    assert_eq!(status.code(), Some(INVALID), "{}", load.log_tail());
    let found: Value = serde_json::from_str(&fs::read_to_string(out.join("capacity.json")).unwrap()).unwrap();
    assert_eq!((&found["found"], &found["fails_per_s"]), (&"unknown".into(), &Value::Null), "{found}");
    let trials = found["trials"].as_array().unwrap();
    assert!(trials.len() >= 3 && trials.iter().all(|trial| trial["standing"] == "discarded"), "{found}");
}
