//! A directory that takes no results costs the files and not the figures: these are said first, and then what could not be written.

use std::fs;
use std::process::Command;

use holdfast_tests::processes::{program, run, run_well, text};

use super::scene::Scene;

const RUN_ERROR: i32 = 1;
const USAGE: i32 = 2;

/// Where a file should go there is a directory: it cannot be written, whoever the test runs as.
#[test]
fn what_was_measured_is_said_before_it_is_written() {
    let scene = Scene::new();
    let small =
        ["--operators", "2", "--acquirers", "2", "--mix", "pay:1", "--seed", "5", "-d", "1s", "-w", "0s"];
    let load = [&small[..], &["-r", "100"]].concat();
    let search = [&small[..], &["--slo", "p50<10s", "--from", "100", "--top", "100"]].concat();
    let sweep = [&small[..], &["--rates", "50,100", "--repeats", "1"]].concat();
    let commands = [
        ("run", "summary.json", load, "operations"),
        ("capacity", "capacity.json", search, "capacity: "),
        ("sweep", "sweep.json", sweep, "rate/s"),
    ];
    for (command, file, more, said) in commands {
        let out = scene.path(command);
        fs::create_dir_all(out.join(file)).unwrap();
        let arguments = scene.arguments(command, &[&more[..], &["--quiet", "-o", text(&out)]].concat());
        let load = run("loadgen", &arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let (printed, complained) =
            (String::from_utf8_lossy(&load.stdout), String::from_utf8_lossy(&load.stderr));
        assert_eq!(load.status.code(), Some(RUN_ERROR), "{printed}{complained}");
        assert!(printed.contains(said), "{command}: {printed}{complained}");
        assert!(complained.contains(file), "{command}: {complained}");
    }
}

/// As where what reads it has seen enough: `| head`.
#[test]
fn standard_output_that_nobody_reads_is_an_error_and_no_panic() {
    let scene = Scene::new();
    let trace = scene.path("some.trace");
    run_well("loadgen", &["gen", "-q", "-r", "100", "-d", "1s", "-w", "0s", "-o", text(&trace)]);
    let dry = scene.arguments("run", &["-r", "100", "-d", "1s", "--dry-run"]);
    let describe = ["gen", "--describe", text(&trace)].map(str::to_owned).to_vec();
    for arguments in [dry, describe] {
        let (nobody, stdout) = std::io::pipe().unwrap();
        drop(nobody);
        let output = Command::new(program("loadgen")).args(&arguments).stdout(stdout).output().unwrap();
        let complained = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(RUN_ERROR), "{arguments:?}: {complained}");
        assert!(complained.starts_with("loadgen: ") && complained.contains("Broken pipe"), "{complained}");
    }
}

/// One rule for every command with `-o`, kept before anything is sent: nobody listens here.
#[test]
fn earlier_results_are_written_over_by_no_command() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (out, trace) = (directory.path().join("out"), directory.path().join("some.trace"));
    fs::create_dir(&out).unwrap();
    fs::write(out.join("summary.json"), "earlier").unwrap();
    fs::write(&trace, "earlier").unwrap();
    let place = ["--switch", "127.0.0.1:1", "--certs", "nowhere"];
    let alone = [&place[..], &["--no-admin"]].concat();
    let watched = [&place[..], &["--admin", "127.0.0.1:1"]].concat();
    let commands = [
        ("run", alone.clone()),
        ("operator", [&alone[..], &["--name", "operator-1"]].concat()),
        ("acquirer", [&alone[..], &["--name", "acquirer-1"]].concat()),
        ("capacity", [&alone[..], &["--slo", "p50<1s"]].concat()),
        ("sweep", [&alone[..], &["--rates", "50,100"]].concat()),
        ("drill", [&watched[..], &["--cut", "operator-1:1s", "--every", "2s"]].concat()),
        ("selftest", vec![]),
    ];
    let refused = |arguments: &[&str], named: &str| {
        let refused = run("loadgen", arguments);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(USAGE), "{arguments:?}: {said}");
        assert!(said.contains(named) && said.contains("--force"), "{arguments:?}: {said}");
    };
    for (command, more) in commands {
        refused(&[&[command], &more[..], &["-o", text(&out)]].concat(), "summary.json");
    }
    let gen_to = ["gen", "-q", "-r", "100", "-d", "1s", "-w", "0s", "-o", text(&trace)];
    refused(&gen_to, "some.trace");
    assert_eq!(fs::read_to_string(out.join("summary.json")).unwrap(), "earlier");
    assert_eq!(fs::read_to_string(&trace).unwrap(), "earlier");
    run_well("loadgen", &[&gen_to[..], &["--force"]].concat());
    assert_ne!(fs::read(&trace).unwrap(), b"earlier");
}
