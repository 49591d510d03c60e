//! The threads that a payment passes through go first, where the configuration asks for it and the system lets them.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};

use holdfast_tests::processes::{Process, SwitchHome};
use holdfast_tests::skipped::skipped;
use tempfile::TempDir;

/// `SCHED_RR` and the usual policy, as the kernel numbers them.
const ROUND_ROBIN: &str = "2";
const USUAL: &str = "0";
const SAYS_NO: &str = "links and journal run at usual priority";

fn home() -> (TempDir, SwitchHome) {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = SwitchHome::new(directory.path(), 1, 1);
    let toml = fs::read_to_string(home.config()).unwrap();
    fs::write(home.config(), toml + "\n[transport]\nreal_time_priority = 5\n").unwrap();
    (directory, home)
}

/// Policy and real-time priority of each thread, by name.
fn threads(process: &Process) -> BTreeMap<String, (String, String)> {
    let tasks = fs::read_dir(format!("/proc/{}/task", process.id())).unwrap();
    let stat = |task: fs::DirEntry| fs::read_to_string(task.path().join("stat")).unwrap();
    tasks
        .map(|task| {
            let stat = stat(task.unwrap());
            let (before, after) = stat.rsplit_once(')').unwrap();
            let (_, name) = before.split_once('(').unwrap();
            // The first of these is the third field of the line.
            let fields: Vec<&str> = after.split_whitespace().collect();
            (name.to_owned(), (fields[38].to_owned(), fields[37].to_owned()))
        })
        .collect()
}

/// Whether a command gives what it starts real-time priority.
fn is_allowed(launcher: &[&str]) -> bool {
    let words = [launcher, ["chrt", "-r", "5", "true"].as_slice()].concat();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

#[test]
fn threads_of_a_payment_get_the_priority_asked_for_and_those_beside_them_do_not() {
    if !is_allowed(&[]) {
        return skipped("this user may not give real-time priority");
    }
    let (_directory, home) = home();
    let process = home.start();
    let threads = threads(&process);
    let with = |policy: &str, priority: &str| (policy.to_owned(), priority.to_owned());
    for name in ["links", "journal", "segments"] {
        assert_eq!(threads.get(name), Some(&with(ROUND_ROBIN, "5")), "{name} of {threads:?}");
    }
    for name in ["holdfast", "snapshots", "archive", "admin"] {
        assert_eq!(threads.get(name), Some(&with(USUAL, "0")), "{name} of {threads:?}");
    }
    home.stop(process);
}

#[test]
fn where_it_may_not_the_switch_says_so_and_serves() {
    // Root may, unless it gives that up.
    let given_up = ["setpriv", "--bounding-set=-sys_nice"];
    let launcher: &[&str] = if is_allowed(&[]) { &given_up } else { &[] };
    if is_allowed(launcher) {
        return skipped("nothing here takes the right to real-time priority away");
    }
    let (_directory, mut home) = home();
    home.launcher = launcher.iter().map(|word| (*word).to_owned()).collect();
    let process = home.start();
    let threads = threads(&process);
    assert!(threads.values().all(|(policy, _)| policy == USUAL), "{threads:?}");
    assert!(process.log_tail().contains(SAYS_NO), "{}", process.log_tail());
    home.stop(process);
}
