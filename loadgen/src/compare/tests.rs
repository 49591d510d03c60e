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
            "build": { "commit": "same", "profile": "release" },
            "switch_build": { "version": "0.1.0", "commit": commit },
            "host": { "cpu": "x", "cores": 2 },
            "verdict": { "measurement": "valid" },
            "rate": { "goodput_per_s": 1_000.0, "error_share": 0.0 },
            "latency_us": { "response": { "observed": percentiles }, "service": { "observed": percentiles } },
        });
        let of_run = directory.join(seed.to_string());
        std::fs::create_dir_all(&of_run).unwrap();
        std::fs::write(of_run.join("summary.json"), run.to_string()).unwrap();
    }
}

fn compared(level_b: f64, commit_b: &str, count: u64) -> (Exit, serde_json::Value) {
    compared_with(level_b, commit_b, count, |_, _| {})
}

/// The same, with B's runs changed by their number.
fn compared_with(
    level_b: f64,
    commit_b: &str,
    count: u64,
    change: impl Fn(u64, &mut serde_json::Value),
) -> (Exit, serde_json::Value) {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    write_runs(&path("a"), 1_000.0, "one", count);
    write_runs(&path("b"), level_b, commit_b, count);
    for number in 0..count {
        let file = path("b").join(number.to_string()).join("summary.json");
        let mut run = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        change(number, &mut run);
        std::fs::write(file, run.to_string()).unwrap();
    }
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
    assert_eq!(
        verdicts,
        ["regressed", "regressed", "regressed", "regressed", "same", "same"],
        "p99.9 is not known"
    );
    let warning = json["warnings"][0].as_str().unwrap();
    assert_eq!(warning, "build of the switch: A \"one\", B \"two\"");
    assert_eq!(json["warnings"].as_array().unwrap().len(), 1);
}

#[test]
fn another_build_of_either_program_is_named_and_so_is_one_that_is_not_known() {
    let (_, json) = compared_with(1_000.0, "two", 8, |_, run| {
        run["build"]["commit"] = json!("other");
        run["switch_build"] = json!(null);
    });
    let words = [
        "version of the switch: A \"0.1.0\", B nothing",
        "build of the switch: A \"one\", B nothing",
        "build of loadgen: A \"same\", B \"other\"",
    ];
    assert_eq!(json["warnings"], json!(words));
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
    assert_eq!(json["not_known"].as_array().unwrap().len(), 7);
    assert!(json["warnings"][0].as_str().unwrap().contains("too few"), "{json}");
}

fn verdict<'a>(json: &'a serde_json::Value, metric: &str) -> &'a serde_json::Value {
    &json["metrics"].as_array().unwrap().iter().find(|m| m["metric"] == metric).unwrap()["verdict"]
}

#[test]
fn a_switch_that_approves_nothing_is_no_faster_one() {
    let (exit, json) = compared_with(500.0, "one", 8, |_, run| {
        run["rate"] = json!({ "goodput_per_s": 0.0, "error_share": 1.0 });
    });
    assert_eq!(verdict(&json, "response p99"), "improved");
    assert_eq!(
        (verdict(&json, "goodput"), verdict(&json, "error share")),
        (&json!("regressed"), &json!("regressed"))
    );
    assert_eq!(exit, Exit::Missed, "declining everything fast is no improvement");
}

#[test]
fn invalid_runs_are_named_and_have_no_value() {
    let invalid = |from: u64| {
        move |number: u64, run: &mut serde_json::Value| {
            if number >= from {
                run["verdict"]["measurement"] = json!("invalid");
                run["latency_us"]["response"]["observed"]["p99"] = json!(1e9);
            }
        }
    };
    let (exit, json) = compared_with(1_000.0, "one", 12, invalid(11));
    assert_eq!((exit, verdict(&json, "response p99")), (Exit::Pass, &json!("same")));
    assert_eq!((&json["runs"], json["left_out"].as_array().unwrap().len()), (&json!([12, 11]), 1));
    assert!(json["left_out"][0].as_str().unwrap().ends_with("b/11"), "{json}");
    let (exit, json) = compared_with(1_000.0, "one", 8, invalid(2));
    assert_eq!((exit, json["metrics"].as_array().unwrap().len()), (Exit::Invalid, 0), "two are left");
}

#[test]
fn what_is_not_there_is_named_with_what_to_give() {
    let there = tempfile::tempdir().unwrap();
    let arguments = compare_arguments(&format!("{} /nowhere/at/all", there.path().display()));
    let said = run(&arguments, Table::new()).unwrap_err().to_string();
    assert!(said.contains("B is /nowhere/at/all") && said.contains("loadgen run -o DIR"), "{said}");
}

#[test]
fn one_directory_is_not_compared_with_itself() {
    let directory = tempfile::tempdir().unwrap();
    let runs_of = |name: &str| {
        let path = directory.path().join(name);
        write_runs(&path, 1_000.0, "one", 8);
        path
    };
    let (a, within) = (runs_of("a"), runs_of("a/before"));
    std::os::unix::fs::symlink(&a, directory.path().join("link")).unwrap();
    for b in [a.clone(), a.join("../a"), directory.path().join("link"), within, directory.path().to_owned()] {
        let arguments = compare_arguments(&format!("{} {}", a.display(), b.display()));
        let refused = run(&arguments, Table::new()).unwrap_err();
        assert!(matches!(refused, RunError::Usage(_)), "{refused}");
        assert!(refused.to_string().contains("a run compared with itself shows nothing"), "{refused}");
    }
}

#[test]
fn too_few_repeats_are_named_before_the_first_with_how_many_do() {
    let said = |line: &str| too_few_to_come(&compare_arguments(&format!("a.toml b.toml {line}")));
    let words = said("--repeats 3").unwrap();
    assert!(
        words.contains("--repeats 3 cannot show") && words.contains("--repeats 7 of each side"),
        "{words}"
    );
    assert!(said("--repeats 6").is_some() && said("--repeats 7").is_none() && said("").is_none());
    assert!(said("--repeats 3 --alpha 0.05").unwrap().contains("--repeats 6 of each side"));
}

#[test]
fn runs_that_were_cut_short_are_a_line_each_and_nothing_more() {
    let cut = |number: u64, run: &mut serde_json::Value| {
        run["broken_off"] = json!("interrupted");
        run["config"]["rate"] = json!(number);
    };
    let (exit, json) = compared_with(1_000.0, "two", 3, cut);
    assert_eq!(exit, Exit::Invalid);
    let warnings: Vec<_> = json["warnings"].as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect();
    let cut = warnings.iter().filter(|w| w.contains("ended before its time")).count();
    assert_eq!((cut, warnings.len()), (3, 4), "{warnings:?}");
    assert!(
        warnings[3].contains("3 and 0 runs are too few") && warnings[3].contains("7 of each side"),
        "{warnings:?}"
    );
}

#[test]
fn runs_that_ended_before_their_time_have_no_value() {
    let (_, json) = compared_with(1_000.0, "one", 8, |number, run| {
        if number == 3 {
            run["broken_off"] = json!("interrupted");
        }
    });
    assert_eq!(json["runs"], json!([8, 7]));
    assert!(json["left_out"][0].as_str().unwrap().ends_with("b/3"), "{json}");
    assert!(json["warnings"].to_string().contains("ended before its time"), "{json}");
}

#[test]
fn a_comparison_that_broke_off_judges_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    write_runs(&path("a"), 1_000.0, "one", 8);
    write_runs(&path("b"), 9_000.0, "one", 8);
    let arguments = compare_arguments(&format!("{} {}", path("a").display(), path("b").display()));
    let sides = || [runs::read(&path("a")).unwrap(), runs::read(&path("b")).unwrap()];
    let whole = Comparison::of(&arguments, 5, sides(), None);
    assert_eq!(whole.exit_code(), Exit::Missed);
    let spoiled = Spoiled { exit: Exit::Interrupted, why: "interrupted".to_owned() };
    let of_one = Comparison::of(&arguments, 5, [runs::read(&path("a")).unwrap(), vec![]], Some(&spoiled));
    assert_eq!(of_one.warnings, Vec::<String>::new(), "there is nothing that it differs from");
    let cut = Comparison::of(&arguments, 5, sides(), Some(&spoiled));
    assert!(cut.metrics.iter().all(|compared| compared.verdict == Verdict::NotJudged), "{:?}", cut.metrics);
    assert_eq!(cut.metrics[2].ratio, whole.metrics[2].ratio, "what was measured stands there");
    assert!(
        cut.text().contains("nothing is judged; the comparison broke off: interrupted"),
        "{}",
        cut.text()
    );
}

#[test]
fn a_metric_that_few_runs_know_does_not_pass_for_unchanged() {
    let known_to = |count: u64| {
        compared_with(1_000.0, "one", 8, move |number, run| {
            let p99 = if number < count { json!(90_000.0) } else { json!(null) };
            run["latency_us"]["response"]["observed"]["p99"] = p99;
        })
    };
    let (exit, json) = known_to(3);
    assert_eq!(verdict(&json, "response p99"), "inconclusive");
    assert_eq!((exit, json["can_tell"].as_bool()), (Exit::Invalid, Some(false)));
    let warnings = json["warnings"].to_string();
    assert!(warnings.contains("response p99: 8 and 3 runs are too few"), "{warnings}");
    let (exit, json) = known_to(2);
    assert_eq!((exit, &json["one_sided"]), (Exit::Invalid, &json!(["response p99"])));
    let warnings = json["warnings"].to_string();
    assert!(warnings.contains("response p99: known to 8 runs of A and 2 of B"), "{warnings}");
}
