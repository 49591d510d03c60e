//! Directories of runs that are made up, compared from end to end.

use std::path::Path;

use serde_json::json;

use super::*;
use crate::cli::compare_arguments;
use crate::random::Random;

fn write_runs(directory: &Path, level: f64, commit: &str, count: u64) {
    let mut random = Random::new(level as u64, 3);
    for seed in 0..count {
        let value = level * (0.98 + 0.04 * random.unit());
        let percentiles = json!({ "p50": value, "p90": value * 2.0, "p99": value * 4.0, "p999": null });
        let run = json!({
            "seed": seed,
            "config": { "mix": "pay:1", "rate": 1000.0, "duration_s": 10.0 },
            "build": { "commit": commit, "profile": "release" },
            "host": { "cpu": "x", "cores": 2 },
            "verdict": { "measurement": "valid" },
            "rate": { "goodput_per_s": 1_000.0 },
            "latency_us": { "response": { "observed": percentiles }, "service": { "observed": percentiles } },
        });
        let of_run = directory.join(seed.to_string());
        std::fs::create_dir_all(&of_run).unwrap();
        std::fs::write(of_run.join("summary.json"), run.to_string()).unwrap();
    }
}

fn compared(level_b: f64, commit_b: &str, count: u64) -> (Exit, serde_json::Value) {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    write_runs(&path("a"), 1_000.0, "one", count);
    write_runs(&path("b"), level_b, commit_b, count);
    let line =
        format!("{} {} -o {} --seed 5", path("a").display(), path("b").display(), path("out").display());
    let exit = run(&compare_arguments(&line), Table::new()).unwrap();
    let text = std::fs::read_to_string(path("out").join("compare.json")).unwrap();
    (exit, serde_json::from_str(&text).unwrap())
}

#[test]
fn what_got_slower_is_a_regression_and_exit_code_three() {
    let (exit, json) = compared(1_300.0, "two", 8);
    assert_eq!(exit, Exit::Missed);
    let verdicts: Vec<_> =
        json["metrics"].as_array().unwrap().iter().map(|m| m["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["regressed", "regressed", "regressed", "regressed", "same"], "p99.9 is not known");
    let warning = json["warnings"][0].as_str().unwrap();
    assert!(warning.contains("build") && warning.contains("one") && warning.contains("two"), "{warning}");
    assert_eq!(json["warnings"].as_array().unwrap().len(), 1);
}

#[test]
fn what_is_faster_or_the_same_passes() {
    assert_eq!(compared(700.0, "one", 8).0, Exit::Pass);
    let (exit, json) = compared(1_001.0, "one", 8);
    assert_eq!((exit, json["metrics"][2]["verdict"].as_str()), (Exit::Pass, Some("same")));
}

#[test]
fn runs_that_could_show_no_difference_do_not_pass_for_no_difference() {
    // Nine times as long in each of five runs, and yet too few for one in a hundred over all metrics.
    let (exit, json) = compared(9_000.0, "one", 5);
    assert_eq!((exit, json["can_tell"].as_bool()), (Exit::Invalid, Some(false)));
    assert!(json["metrics"].as_array().unwrap().iter().any(|m| m["verdict"] == "inconclusive"), "{json}");
    assert_eq!(json["not_known"], json!(["response p99.9"]));
}

#[test]
fn too_few_runs_say_nothing() {
    let (exit, json) = compared(9_000.0, "one", 2);
    assert_eq!(exit, Exit::Invalid);
    assert_eq!(json["not_known"].as_array().unwrap().len(), 6);
    assert!(json["warnings"][0].as_str().unwrap().contains("too few"), "{json}");
}
