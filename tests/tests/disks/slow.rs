//! A disk that is slow while the switch starts: it lives and is not ready, says how far it is, and serves when it is done.

use std::fs;
use std::process::Command;
use std::time::Duration;

use holdfast_protocol::{Outcome, Reason};
use holdfast_tests::processes::{Process, http_get, text};
use holdfast_tests::requests::pay;
use holdfast_tests::skipped::skipped;
use holdfast_tests::wait::wait_until;

use crate::{approved, home, metric, outcome, parties, patient};

/// Each is a frame of a block: more than one read of recovery takes.
const PAYMENTS: u64 = 1_100;
const WITHIN: Duration = Duration::from_secs(120);
/// Each read of the first segment takes longer than the pause between two lines of progress.
const SLOW_READS: &str = "--inject=pread64:delay_enter=1200000";
/// And its first sync, with which a recovery ends, longer than the test waits for anything.
const ENDLESS_SYNC: &str = "--inject=fdatasync:delay_enter=600000000:when=1";

/// Who traces a process: its disk is slow until that one ends.
fn tracer(process: &Process) -> String {
    wait_until("the switch is traced", WITHIN, || {
        let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
        let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:")).unwrap().trim();
        (tracer != "0").then(|| tracer.to_owned())
    })
}

#[tokio::test]
async fn a_switch_that_recovers_long_lives_is_not_ready_and_says_how_far_it_is() {
    if Command::new("strace").arg("--version").output().is_err() {
        return skipped("without strace no read of another process can be made slow");
    }
    let (_directory, mut home) = home();
    let mut process = home.start();
    let (mut operator, mut acquirer) = parties(&home).await;
    let paid = patient(pay("shop@acq-1", 700));
    approved(&mut operator, &mut acquirer, &paid).await;
    for _ in 0..PAYMENTS {
        let answer = outcome(&mut operator, &mut acquirer, &pay("shop@nowhere", 1)).await;
        assert_eq!((answer.outcome, answer.reason), (Outcome::Declined, Reason::MpsUnknown));
    }
    // What nobody sealed is written and synced again.
    process.kill();
    drop((operator, acquirer));

    let segment = home.journal().join("000000000001.segment");
    // The switch is the child, and who traces it is not.
    let strace =
        ["strace", "--daemonize", "--follow-forks", "--output=/dev/null", "--trace=pread64,fdatasync"];
    let words = strace.into_iter().chain([SLOW_READS, ENDLESS_SYNC, "--trace-path", text(&segment)]);
    home.launcher = words.map(str::to_owned).collect();
    let from = usize::try_from(home.log_bytes()).unwrap();
    let mut process = home.start_unready();
    let tracer = tracer(&process);
    let log = home.config().with_file_name("switch.log");
    let progress = wait_until("the switch says twice how far it is", WITHIN, || {
        assert_eq!(process.ended(), None, "{}", process.log_tail());
        let said = fs::read_to_string(&log).unwrap()[from..].to_owned();
        let lines: Vec<String> =
            said.lines().filter(|line| line.contains(" recovering ")).map(str::to_owned).collect();
        (lines.len() >= 2).then_some(lines)
    });
    assert!(
        progress.iter().all(|line| line.contains("facts=") && line.contains("segment=1")),
        "{progress:?}"
    );
    assert_ne!(progress[0], progress[1]);
    assert_eq!(http_get(home.admin, "/healthz"), Some((200, "ok\n".to_owned())), "it lives");
    assert_eq!(
        http_get(home.admin, "/readyz"),
        Some((503, "not ready: recovering or stopping\n".to_owned()))
    );
    assert_eq!(metric(&home, "holdfast_ready"), 0.0);

    // Killed, it lets go of the switch even in the middle of a pause; asked to end, it would wait for that.
    assert!(Command::new("kill").args(["-KILL", &tracer]).status().unwrap().success());
    wait_until("the switch is ready", WITHIN, || {
        assert_eq!(process.ended(), None, "{}", process.log_tail());
        (http_get(home.admin, "/readyz") == Some((200, "ready\n".to_owned()))).then_some(())
    });
    let log = process.log_tail();
    assert!(log.contains("journal recovered"), "{log}");
    let (mut operator, mut acquirer) = parties(&home).await;
    approved(&mut operator, &mut acquirer, &paid).await;
    assert!(home.status().contains("\"debits\":\"700\""), "I2: once: {}", home.status());
    drop((operator, acquirer));
    home.stop(process);
}
