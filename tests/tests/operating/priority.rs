//! The threads that a payment passes through go first, where the configuration asks for it and the system lets them.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};

use holdfast_tests::processes::SwitchHome;
use holdfast_tests::skipped::skipped;
use tempfile::TempDir;

/// `SCHED_RR`, as the kernel numbers it.
const ROUND_ROBIN: &str = "2";
const ASKS: &str = "real_time_priority = 5\n";
const SAYS_NO: &str = "links, driver and journal run at usual priority";

fn home(asks: &str) -> (TempDir, SwitchHome) {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = SwitchHome::new(directory.path(), 1, 1);
    let toml = fs::read_to_string(home.config()).unwrap();
    fs::write(home.config(), toml + "\n[transport]\nio_threads = 2\n" + asks).unwrap();
    (directory, home)
}

/// Policy and real-time priority of each thread, by name.
fn threads(process: u32) -> BTreeMap<String, (String, String)> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    // A thread may end meanwhile.
    tasks
        .filter_map(|task| fs::read_to_string(task.unwrap().path().join("stat")).ok())
        .map(|stat| {
            let (before, after) = stat.rsplit_once(')').unwrap();
            let (_, name) = before.split_once('(').unwrap();
            // The first of these is the third field of the line.
            let fields: Vec<&str> = after.split_whitespace().collect();
            (name.to_owned(), (fields[38].to_owned(), fields[37].to_owned()))
        })
        .collect()
}

/// Whether a command does what it should.
fn works(words: &[&str]) -> bool {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

const RAISES: [&str; 4] = ["chrt", "-r", "5", "true"];

/// The policy and the priority that this process has, and so what it starts.
fn own() -> (String, String) {
    threads(std::process::id()).into_values().next().expect("this thread")
}

fn only_those_of_a_payment_go_first(process: u32) {
    let threads = threads(process);
    let raised = (ROUND_ROBIN.to_owned(), "5".to_owned());
    for name in ["links", "links-2", "driver", "journal", "segments"] {
        assert_eq!(threads.get(name), Some(&raised), "{name} of {threads:?}");
    }
    for name in ["snapshots", "archive", "admin"] {
        assert_eq!(threads.get(name), Some(&own()), "{name} of {threads:?}");
    }
}

#[test]
fn threads_of_a_payment_get_the_priority_asked_for_and_those_beside_them_do_not() {
    if !works(&RAISES) {
        return skipped("this user may not give real-time priority");
    }
    let (_directory, home) = home(ASKS);
    let process = home.start();
    only_those_of_a_payment_go_first(process.id());
    assert_eq!(threads(process.id()).get("holdfast"), Some(&own()), "it starts the others");
    home.stop(process);
}

#[test]
fn threads_beside_payments_give_back_the_priority_that_the_process_was_started_with() {
    if !works(&RAISES) {
        return skipped("this user may not give real-time priority");
    }
    let (_directory, mut home) = home("");
    home.launcher = RAISES[..3].iter().map(|word| (*word).to_owned()).collect();
    let process = home.start();
    only_those_of_a_payment_go_first(process.id());
    home.stop(process);
}

#[test]
fn where_it_may_not_the_switch_says_so_and_serves() {
    // Root may, unless it gives that up.
    let given_up = ["setpriv", "--bounding-set=-sys_nice"];
    let launcher: &[&str] = if works(&RAISES) { &given_up } else { &[] };
    let starts = launcher.is_empty() || works(&[launcher, &["true"]].concat());
    if !works(&["chrt", "--version"]) || !starts || works(&[launcher, &RAISES].concat()) {
        return skipped("nothing here takes the right to real-time priority away");
    }
    let (_directory, mut home) = home(ASKS);
    home.launcher = launcher.iter().map(|word| (*word).to_owned()).collect();
    let process = home.start();
    let threads = threads(process.id());
    assert!(threads.values().all(|thread| *thread == own()), "{threads:?}");
    assert!(process.log_tail().contains(SAYS_NO), "{}", process.log_tail());
    home.stop(process);
}
