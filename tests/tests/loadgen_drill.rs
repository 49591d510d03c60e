//! `loadgen drill` with the real programs: kills, freezes, restarts and cuts under load lose nothing, and the drill says so;
//! damage to its records is found; a drill with nothing in flight is called vacuous (LG-5; I1, I2, I6).
//!
//! Real processes on loopback. When to strike follows from the seed.

use std::fs;
use std::path::Path;
use std::process::Output;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use holdfast_tests::processes::{Process, SwitchHome, http_get, program, run, text};
use holdfast_tests::wait::wait_until;
use serde_json::Value;

/// A build without optimizations carries less.
const RATE: &str = if cfg!(debug_assertions) { "150" } else { "2000" };
const VACUOUS: i32 = 4;
const CANNOT_TELL: i32 = 4;
const FAULTY: i32 = 5;
const INTERRUPTED: i32 = 130;
const STARTS_WITHIN: Duration = Duration::from_secs(60);
const ENDS_WITHIN: Duration = Duration::from_secs(120);

/// Where a fifth of the destinations' answers never comes, something is in flight at each fault, on a fast machine, too.
const IN_FLIGHT: [&str; 2] = ["--silent-rate", "0.2"];

/// Each test takes the whole machine.
static ALONE: Mutex<()> = Mutex::new(());

/// What every drill here has in common, and what is its own.
fn words(home: &SwitchHome, more: &[&str]) -> Vec<String> {
    let config = home.config();
    let start = format!("{} serve --config {}", text(&program("holdfast")), text(&config));
    let (listen, admin, certs) = (home.listen.to_string(), home.admin.to_string(), home.certs());
    let all = ["drill", "--start", &start, "--switch", &listen, "--admin", &admin, "--certs", text(&certs)];
    let small = ["--operators", "2", "--acquirers", "2", "--quiet"];
    all.iter().chain(&small).chain(more).map(|word| (*word).to_owned()).collect()
}

fn drill(home: &SwitchHome, more: &[&str]) -> Output {
    let words = words(home, more);
    run("loadgen", &words.iter().map(String::as_str).collect::<Vec<_>>())
}

fn shown(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn drill_of(out: &Path) -> Value {
    let summary: Value =
        serde_json::from_str(&fs::read_to_string(out.join("summary.json")).unwrap()).unwrap();
    summary["drill"].clone()
}

fn seconds(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn faults_of_every_kind_under_load_are_survived_and_damage_to_the_records_is_found() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = SwitchHome::new(directory.path(), 2, 2);
    let out = directory.path().join("out");
    let faults =
        ["--kill", "switch", "--freeze", "switch:1s", "--restart", "switch", "--cut", "operator-1:1500ms"];
    let times = ["--every", "4s", "--kills", "5", "--resolve", "60s", "--warmup", "0s", "--seed", "20261122"];
    let load = ["--rate", RATE, "--decline-rate", "0.05", "--silent-rate", "0.02", "--late-rate", "0.02"];
    let more: Vec<&str> = faults.into_iter().chain(times).chain(load).chain(["-o", text(&out)]).collect();
    let output = drill(&home, &more);
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    assert_eq!(http_get(home.admin, "/readyz"), None, "the switch was ended");
    let drill = drill_of(&out);
    assert_eq!(drill["verdict"], "clean", "{drill}");
    assert_eq!((drill["unresolved"].as_u64(), drill["audit"]["findings_total"].as_u64()), (Some(0), Some(0)));
    let summary: Value =
        serde_json::from_str(&fs::read_to_string(out.join("summary.json")).unwrap()).unwrap();
    assert_eq!(summary["verdict"]["durable"], true, "the syncs of every process count");
    let faults = drill["faults"].as_array().unwrap();
    assert_eq!(faults.len(), 5, "{drill}");
    assert!(faults.iter().any(|fault| fault["in_flight"].as_u64() > Some(0)), "{drill}");
    for fault in faults {
        judge(fault);
    }
    for damage in ["lose", "dup", "flip"] {
        let check = run("loadgen", &["check", text(&out), "--mutate", damage]);
        assert_eq!(check.status.code(), Some(FAULTY), "{damage}: {}", shown(&check));
        assert!(shown(&check).contains("found: "), "{damage}: {}", shown(&check));
    }
    assert_eq!(run("loadgen", &["check", text(&out)]).status.code(), Some(0));
}

/// What was injected is the least that it took; whom it did not touch was served meanwhile.
fn judge(fault: &Value) {
    let what = fault["fault"].as_str().unwrap();
    let (one, two) = (&fault["unavailable_s"]["operator-1"], &fault["unavailable_s"]["operator-2"]);
    for (operator, unavailable) in [("operator-1", one), ("operator-2", two)] {
        let approved = &fault["approved_after_s"][operator];
        assert!(seconds(approved) >= seconds(unavailable), "{fault}");
    }
    match what {
        "kill switch" | "restart switch" => {
            assert!(seconds(&fault["ready_after_s"]) > 0.0, "{fault}");
            assert!(seconds(one) > 0.0 && seconds(two) > 0.0, "{fault}");
        }
        "freeze switch:1s" => assert!(seconds(one) >= 1.0 && seconds(two) >= 1.0, "{fault}"),
        "cut operator-1:1.5s" => assert!(seconds(one) >= 1.5 && seconds(two) < seconds(one), "{fault}"),
        other => panic!("{other} was not asked for"),
    }
}

#[test]
fn a_drill_with_nothing_in_flight_says_that_it_shows_nothing() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = SwitchHome::new(directory.path(), 2, 2);
    // One payment in ten seconds: with this seed none comes near the only kill.
    let load = ["--rate", "0.1", "--mix", "pay:1", "--seed", "1", "--warmup", "0s"];
    let times = ["--kill", "switch", "--kills", "1", "--every", "1s", "--format", "json"];
    let output = drill(&home, &load.into_iter().chain(times).collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(VACUOUS), "{}", shown(&output));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["drill"]["verdict"], "vacuous", "{summary}");
    assert_eq!(summary["drill"]["faults"][0]["in_flight"], 0);
}

/// Cuts, which is all that may be done to a switch that the drill did not start: it goes on with its journal, of which a copy is
/// read, and what it did before is nobody's fault.
#[test]
fn cuts_alone_leave_a_switch_of_somebody_else_as_it_was() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = SwitchHome::new(directory.path(), 2, 2);
    let mut switch = home.start();
    let cuts = ["--cut", "operator-1:1500ms", "--cut", "acquirer-2:1s", "--every", "3s", "--kills", "2"];
    for number in ["1", "2"] {
        let out = directory.path().join(number);
        let seed = ["--seed", number, "-o", text(&out)];
        let load = ["--rate", "60", "--warmup", "0s"].into_iter().chain(IN_FLIGHT).chain(seed);
        let words = words(&home, &cuts.into_iter().chain(load).collect::<Vec<_>>());
        let start = words.iter().position(|word| word == "--start").unwrap();
        let without: Vec<&str> = words
            .iter()
            .enumerate()
            .filter(|(place, _)| !(start..start + 2).contains(place))
            .map(|(_, word)| word.as_str())
            .collect();
        let output = run("loadgen", &without);
        assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
        let drill = drill_of(&out);
        assert_eq!(drill["verdict"], "clean", "{drill}");
        let of_other_times = u64::from(number == "2");
        let warned = shown(&output).contains("the journal is not empty");
        assert_eq!(warned, number == "2", "{}", shown(&output));
        let checked = |more: &[&str]| run("loadgen", &[&["check", text(&out)], more].concat()).status.code();
        assert_eq!(checked(&["--other-times"]), Some(0));
        assert!(shown(&output).contains("records: 0 findings"), "{}", shown(&output));
        let excused = shown(&run("loadgen", &["check", text(&out), "--other-times"]));
        assert!(excused.contains("audit: clean") && !excused.contains("faulty"), "{excused}");
        assert_eq!(checked(&[]), Some(if number == "2" { FAULTY } else { 0 }));
        assert_eq!(checked(&["--other-times", "--mutate", "lose"]), Some(FAULTY));
        assert_eq!(drill["audit"]["findings_total"], of_other_times, "{drill}");
        for fault in drill["faults"].as_array().unwrap() {
            let (one, two) = (&fault["unavailable_s"]["operator-1"], &fault["unavailable_s"]["operator-2"]);
            assert_eq!(fault["ready_after_s"], Value::Null, "{fault}");
            let is_operator = fault["fault"] == "cut operator-1:1.5s";
            assert!(!is_operator || (seconds(one) >= 1.5 && seconds(two) < seconds(one)), "{fault}");
        }
        let left = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path());
        assert_eq!(
            left.filter(|path| path.is_dir() && !path.ends_with("history")).count(),
            0,
            "no copy is left"
        );
        assert_eq!(switch.ended(), None, "{}", switch.log_tail());
    }
    home.stop(switch);
}

/// What was measured is not thrown away because nobody says where the journal is.
#[test]
fn a_drill_that_cannot_be_judged_says_what_it_measured() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = SwitchHome::new(directory.path(), 2, 2);
    let out = directory.path().join("out");
    let faults = ["--restart", "switch", "--every", "2s", "--kills", "1", "--rate", "40", "--warmup", "0s"];
    let more = ["--dump", "sh -c 'echo no such journal >&2; exit 1'", "--seed", "3", "-o", text(&out)];
    let output = drill(&home, &faults.into_iter().chain(more).collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    assert!(shown(&output).contains("no such journal"), "{}", shown(&output));
    let drill = drill_of(&out);
    assert_eq!(drill["verdict"], "unfinished", "{drill}");
    assert_eq!(drill["faults"].as_array().unwrap().len(), 1, "{drill}");
    assert!(out.join("report.html").exists());
}

/// Whoever interrupts a drill is rid of all that it started.
#[test]
fn an_interrupted_drill_ends_what_it_started() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = SwitchHome::new(directory.path(), 2, 2);
    let (out, log) = (directory.path().join("out"), directory.path().join("loadgen.log"));
    // Frozen for longer than the test waits: it must be thawed to end.
    let more = ["--freeze", "switch:10m", "--every", "1s", "--kills", "1", "--rate", "20", "-o", text(&out)];
    let words = words(&home, &more.into_iter().chain(["--warmup", "0s", "-d", "15m"]).collect::<Vec<_>>());
    let words: Vec<&str> = words.iter().map(String::as_str).filter(|word| *word != "--quiet").collect();
    let mut load = Process::start("loadgen", &words, &log);
    wait_until("the switch is frozen", STARTS_WITHIN, || {
        assert_eq!(load.ended(), None, "{}", load.log_tail());
        fs::read_to_string(&log).ok().filter(|log| log.contains("freeze switch:600s"))
    });
    load.signal("INT");
    let ended = load.wait(ENDS_WITHIN);
    assert_eq!(ended.code(), Some(INTERRUPTED), "{}", load.log_tail());
    assert_eq!(drill_of(&out)["verdict"], "unfinished");
    wait_until("nobody listens on the switch's admin address", STARTS_WITHIN, || {
        std::net::TcpStream::connect(home.admin).is_err().then_some(())
    });
}

/// Faults that last longer than the time between two leave some without a turn: what did not come shows nothing.
#[test]
fn a_drill_with_fewer_faults_than_planned_is_not_clean() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = SwitchHome::new(directory.path(), 2, 2);
    let out = directory.path().join("out");
    let faults = ["--freeze", "switch:6s", "--every", "2s", "--kills", "3", "--rate", "40", "--warmup", "0s"];
    let output = drill(
        &home,
        &faults.into_iter().chain(IN_FLIGHT).chain(["--seed", "5", "-o", text(&out)]).collect::<Vec<_>>(),
    );
    assert_eq!(output.status.code(), Some(CANNOT_TELL), "{}", shown(&output));
    let drill = drill_of(&out);
    assert_eq!((&drill["verdict"], drill["planned"].as_u64()), (&"unfinished".into(), Some(3)), "{drill}");
    assert!(drill["why"].to_string().contains("of 3 faults came"), "{drill}");
    assert_eq!(drill["audit"]["findings_total"], 0, "{drill}");
}

/// Whoever interrupts a drill while its journal is dumped is heard, and the dump is gone.
#[test]
fn a_drill_that_is_interrupted_while_it_looks_says_so() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = SwitchHome::new(directory.path(), 2, 2);
    let (out, log, id) =
        (directory.path().join("out"), directory.path().join("loadgen.log"), directory.path().join("id"));
    let dump = format!("sh -c 'echo $$ > {}; exec sleep 600'", text(&id));
    let faults =
        ["--freeze", "switch:100ms", "--every", "1s", "--kills", "1", "--rate", "20", "--warmup", "0s"];
    let words =
        words(&home, &faults.into_iter().chain(["--dump", &dump, "-o", text(&out)]).collect::<Vec<_>>());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut load = Process::start("loadgen", &words, &log);
    let dumper = wait_until("the journal is dumped", STARTS_WITHIN, || {
        assert_eq!(load.ended(), None, "{}", load.log_tail());
        fs::read_to_string(&id).ok().filter(|id| id.ends_with('\n'))
    });
    load.signal("INT");
    assert_eq!(load.wait(ENDS_WITHIN).code(), Some(INTERRUPTED), "{}", load.log_tail());
    let drill = drill_of(&out);
    assert_eq!((&drill["verdict"], &drill["audit"]), (&"unfinished".into(), &Value::Null), "{drill}");
    assert!(drill["why"].to_string().contains("interrupted"), "{drill}");
    assert!(!Path::new("/proc").join(dumper.trim()).exists(), "the dump was left behind");
}

/// A switch that does not start is no finding, and its log says why.
#[test]
fn a_switch_that_does_not_start_breaks_the_drill_off() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = SwitchHome::new(directory.path(), 1, 1);
    let words = words(&home, &["--kills", "1"]);
    let broken: Vec<&str> = words
        .iter()
        .map(|word| if word.contains(" serve ") { "sh -c 'echo out of luck; exit 3'" } else { word })
        .collect();
    let output = run("loadgen", &broken);
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    assert!(shown(&output).contains("out of luck"), "{}", shown(&output));
}

/// Load is for the switch that the drill starts, and for no other that has its place.
#[test]
fn a_switch_that_is_there_already_is_left_alone() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = SwitchHome::new(directory.path(), 1, 1);
    let switch = home.start();
    let facts = || {
        let status: Value = serde_json::from_str(&home.status()).unwrap();
        status["sequence"].as_u64().expect("a switch counts its facts")
    };
    let before = facts();
    let output = drill(&home, &["--kill", "switch", "--kills", "1"]);
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    assert!(shown(&output).contains("one answers already"), "{}", shown(&output));
    assert_eq!(facts(), before);
    home.stop(switch);
}
