//! Traces over the real programs: written, sent, made from what a switch wrote down, and refused where they are damaged
//! (LG-2).

use std::fs;
use std::path::Path;

use holdfast_tests::processes::{run, run_well, text};
use serde_json::Value;

use super::scene::{Scene, summary};

const USAGE: i32 = 2;

fn described(trace: &Path) -> Value {
    let output = run_well("loadgen", &["gen", "--describe", text(trace), "--format", "json"]);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The scenarios that were sent, with how often.
fn scheduled(summary: &Value) -> Vec<(String, u64)> {
    let scenarios = summary["scenarios"].as_object().unwrap().iter();
    let counts = scenarios.map(|(name, counts)| (name.clone(), counts["scheduled"].as_u64().unwrap()));
    counts.filter(|(_, count)| *count > 0).collect()
}

#[test]
fn a_trace_is_sent_as_it_was_made_and_its_books_close() {
    let scene = Scene::new();
    let (trace, again, out) = (scene.path("some.trace"), scene.path("again.trace"), scene.path("out"));
    for path in [&trace, &again] {
        let mut arguments = vec!["gen", "--output", text(path), "--operators", "2", "--acquirers", "2"];
        arguments.extend(["--rate", "150", "--duration", "4s", "--warmup", "2s", "--seed", "7"]);
        arguments.extend(["--decline-rate", "0.1", "--quiet", "--shape", "day", "--phase", "0.25"]);
        arguments.extend(["--amounts", "lognormal:250000,3", "--payers", "zipf", "--payees", "zipf:1.2"]);
        run_well("loadgen", &arguments);
    }
    assert_eq!(fs::read(&trace).unwrap(), fs::read(&again).unwrap(), "the same seed gives the same bytes");
    let described = described(&trace);
    scene.load("replay", &[text(&trace), "--speed", "2", "-q", "-o", text(&out)]);
    let summary = summary(&out);
    assert_eq!(summary["verdict"]["books"], "closed", "{summary:#}");
    let by_scenario = described["by_scenario"].as_object().unwrap().iter();
    let expected: Vec<_> = by_scenario.map(|(name, count)| (name.clone(), count.as_u64().unwrap())).collect();
    assert_eq!(scheduled(&summary), expected, "every operation of the trace was sent");
    assert_eq!(summary["accounting"]["errors"], 0, "{summary:#}");
    assert_eq!(summary["config"]["command"], "replay");
    assert_eq!(summary["config"]["replay"]["speed"], 2.0);
    assert_eq!(summary["config"]["replay"]["checksum"].as_str().map(str::len), Some(8), "what was sent");
    assert_eq!(summary["config"]["duration_s"], 2.0, "four seconds at twice the speed");
    assert_eq!(summary["seed"], 7);
    assert!(out.join("report.html").exists() && out.join("config.toml").exists());
    scene.audit(&out);
}

#[test]
fn a_trace_that_is_not_right_is_refused_before_anything_is_sent() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let trace = directory.path().join("some.trace");
    run_well(
        "loadgen",
        &["gen", "-o", text(&trace), "-r", "100", "-d", "1s", "-w", "0s", "--seed", "1", "-q"],
    );
    let bytes = fs::read(&trace).unwrap();
    let mut damaged = bytes.clone();
    let middle = bytes.len() / 2;
    damaged[middle] ^= 1;
    let mut newer = bytes.clone();
    newer[8] = 9;
    let cut = bytes[..bytes.len() - 1].to_vec();
    let others = [
        (damaged, "is damaged at offset"),
        (cut, "is truncated: it ends at offset"),
        (newer, "is a trace of version 9; this program reads version 1"),
        (b"no trace".to_vec(), "is no trace"),
    ];
    for (bytes, words) in others {
        fs::write(&trace, bytes).unwrap();
        // Nobody listens there: it is refused before anybody is dialled.
        let replay = ["replay", text(&trace), "--switch", "127.0.0.1:9", "--certs", ".", "--no-admin"];
        for arguments in [&replay[..], &["gen", "--describe", text(&trace)]] {
            let output = run("loadgen", arguments);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(USAGE), "{said}");
            assert!(said.contains(words) && said.contains(text(&trace)), "{said}");
        }
    }
}
