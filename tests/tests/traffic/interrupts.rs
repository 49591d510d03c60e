//! Who asks for the end gets what was measured until then, whatever the command: exit code 130, results written, nothing judged.

use std::fs;
use std::path::Path;
use std::time::Duration;

use holdfast_tests::processes::{Process, run_well, text};
use holdfast_tests::wait::wait_until;
use serde_json::Value;

use super::scene::{Scene, summary};

const SAID_WITHIN: Duration = Duration::from_secs(60);
const ENDS_WITHIN: Duration = Duration::from_secs(90);
const INTERRUPTED: i32 = 130;
const SMALL: [&str; 8] = ["--operators", "2", "--acquirers", "2", "--mix", "pay:1", "--seed", "5"];
const SHORT: [&str; 4] = ["-d", "300ms", "-w", "100ms"];

/// Starts `loadgen`, interrupts it once it has said these words, and waits for its end.
fn interrupted(scene: &Scene, arguments: &[String], words: &str) {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let log = scene.path(&format!("{}.log", arguments[0]));
    let mut load = Process::start("loadgen", &arguments, &log);
    wait_until(&format!("{} says {words:?}", arguments[0]), SAID_WITHIN, || {
        assert_eq!(load.ended(), None, "{}", load.log_tail());
        fs::read_to_string(&log).unwrap().contains(words).then_some(())
    });
    load.signal("INT");
    assert_eq!(load.wait(ENDS_WITHIN).code(), Some(INTERRUPTED), "{}", load.log_tail());
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn count(list: &Value) -> usize {
    list.as_array().unwrap().len()
}

#[test]
fn runs_and_replays_keep_what_was_measured() {
    let scene = Scene::new();
    let (trace, ran, replayed) = (scene.path("a.trace"), scene.path("ran"), scene.path("replayed"));
    let rate = ["-r", "100", "-w", "0s"];
    let long = [&SMALL[..], &rate, &["-d", "10m"]].concat();
    run_well("loadgen", &[&["gen", "--quiet", "-o", text(&trace)], &long[..]].concat());
    let judged = ["--slo", "p50<1us"];
    let run = scene.arguments("run", &[&long[..], &judged, &["-o", text(&ran)]].concat());
    let mut replay = scene.arguments("replay", &[&judged[..], &["-o", text(&replayed)]].concat());
    replay.insert(1, text(&trace).to_owned());
    for (arguments, out) in [(run, &ran), (replay, &replayed)] {
        interrupted(&scene, &arguments, "measuring");
        let summary = summary(out);
        assert_eq!(summary["broken_off"], "interrupted");
        assert_eq!(count(&summary["objectives"]), 0, "nothing is judged");
        assert_eq!(summary["verdict"]["books"], "closed");
        assert!(summary["accounting"]["approved"].as_u64().unwrap() > 0, "{}", summary["accounting"]);
        assert!(out.join("report.html").exists());
    }
}

#[test]
fn searches_and_sweeps_keep_their_trials() {
    let scene = Scene::new();
    let (searched, swept) = (scene.path("searched"), scene.path("swept"));
    let judged = ["--slo", "p50<10s"];
    let from = ["--from", "400", "--planned", "100000", "-o", text(&searched)];
    let search = scene.arguments("capacity", &[&SMALL[..], &SHORT, &judged, &from].concat());
    interrupted(&scene, &search, "trial   2");
    let found = json(&searched.join("capacity.json"));
    assert_eq!((&found["found"], &found["broken_off"]), (&"broken_off".into(), &"interrupted".into()));
    assert!(count(&found["trials"]) >= 2 && found["headroom"].is_null(), "{found}");
    let counted = |trial: &Value| trial["standing"] != "discarded";
    let passes = found["so_far"]["passes_per_s"].as_f64();
    assert!(passes >= Some(400.0) || !found["trials"].as_array().unwrap().iter().any(counted), "{found}");
    assert!(searched.join("report.html").exists());

    let rates = ["--rates", "20,40,60", "--repeats", "100", "-o", text(&swept)];
    let sweep = scene.arguments("sweep", &[&SMALL[..], &SHORT, &rates].concat());
    interrupted(&scene, &sweep, "run   2");
    let found = json(&swept.join("sweep.json"));
    assert_eq!((&found["planned"], &found["broken_off"]), (&300.into(), &"interrupted".into()));
    assert!(count(&found["points"]) >= 2, "{found}");
    assert!(swept.join("report.html").exists());
}

#[test]
fn comparisons_and_selftests_keep_their_runs() {
    let scene = Scene::new();
    let (config, compared, tested) = (scene.path("run.toml"), scene.path("compared"), scene.path("tested"));
    let place = scene.arguments("run", &[&SMALL[..], &SHORT, &["-r", "200", "--dry-run"]].concat());
    let place: Vec<&str> = place.iter().map(String::as_str).collect();
    fs::write(&config, run_well("loadgen", &place).stdout).unwrap();
    let both = [text(&config); 2];
    let repeats = ["--repeats", "100", "--seed", "5", "-o", text(&compared)];
    let words = [&["compare"], &both[..], &repeats].concat().into_iter().map(str::to_owned);
    interrupted(&scene, &words.collect::<Vec<_>>(), "pair   4");
    let found = json(&compared.join("compare.json"));
    assert_eq!(found["broken_off"], "interrupted");
    let runs: u64 = found["runs"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).sum();
    assert!(runs as usize + count(&found["left_out"]) >= 7, "{found}");
    let metrics = found["metrics"].as_array().unwrap();
    assert!(metrics.iter().all(|metric| metric["verdict"] == "not_judged"), "{found}");
    assert!(compared.join("report.html").exists());

    let words = ["selftest", "-o", text(&tested)].into_iter().chain(SHORT).map(str::to_owned);
    interrupted(&scene, &words.collect::<Vec<_>>(), "closed loop");
    let found = json(&tested.join("selftest.json"));
    assert_eq!((found["closed_loop_per_s"].is_f64(), &found["broken_off"]), (true, &"interrupted".into()));
    assert!(found["open_loop_kept_up_per_s"].is_null(), "{found}");
}
