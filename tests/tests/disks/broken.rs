//! A disk that fails: the process stops with a clear message, nobody hears of what was not synced, and the next start is
//! clean.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use holdfast_protocol::Message;
use holdfast_tests::peer::{Peer, wait_until};
use holdfast_tests::processes::{Process, SwitchHome, run_well, text};
use holdfast_tests::requests::{approval, pay};
use holdfast_tests::skipped::skipped;

use crate::{approved, home, next_segment_is_ready, parties, patient};

/// Behind this no file of the switch may grow: more than its log, less than what its journal has by then.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// Where all that a test here does stands.
const FIRST_SEGMENT: &str = "000000000001.segment";

/// Starts a switch that has done some payments, makes its disk fail with the approval of a payment, and sees that nobody
/// hears of that before the next start.
async fn fails(home: &SwitchHome, words: &[&str], fail: impl AsyncFnOnce(&Process)) {
    let mut process = home.start();
    let (mut operator, mut acquirer) = parties(home).await;
    for _ in 0..30 {
        approved(&mut operator, &mut acquirer, &pay("shop@acq-1", 1)).await;
    }
    let request = patient(pay("shop@acq-1", 700));
    operator.send(&[request.clone().into()]).await;
    let forward = acquirer.next_forward().await;
    fail(&process).await;
    acquirer.send(&[approval(&forward, None).into()]).await;
    // The approval is on its way only while the test's own tasks run.
    wait_until("the switch to end", async || process.ended().is_some()).await;
    let status = process.ended().expect("it has");
    assert!(!status.success(), "{status}");
    let log = process.log_tail();
    let clear = log.lines().any(|line| words.iter().all(|word| line.contains(word)));
    assert!(clear, "no line with {words:?} in {log}");
    for peer in [&mut operator, &mut acquirer] {
        assert_eq!(heard(peer).await, [], "I1: nobody hears of what was not synced");
    }

    run_well("holdfast", &["journal", "verify", text(&home.journal())]);
    let process = home.start();
    let (mut operator, mut acquirer) = parties(home).await;
    approved(&mut operator, &mut acquirer, &request).await;
    approved(&mut operator, &mut acquirer, &pay("shop@acq-1", 1)).await;
    assert!(home.status().contains("\"debits\":\"731\""), "{}", home.status());
    drop((operator, acquirer));
    home.stop(process);
}

/// Everything that still came over a link that is dead.
async fn heard(peer: &mut Peer) -> Vec<Message> {
    peer.connection.close(0_u32.into(), b"");
    let mut messages = Vec::new();
    while let Some(message) = peer.next().await {
        messages.push(message);
    }
    messages
}

#[tokio::test]
async fn a_write_that_fails_stops_the_switch_before_anybody_hears_of_it() {
    let (_directory, mut home) = home();
    // Without the signal, a write beyond the limit is an error as any other.
    home.launcher = ["sh", "-c", r#"trap "" XFSZ; exec "$@""#, "sh"].map(str::to_owned).into();
    fails(
        &home,
        &["the journal has ended", "writing the journal failed", "File too large"],
        async |process| {
            next_segment_is_ready(process).await;
            let (id, limit) = (process.id().to_string(), format!("--fsize={FILE_BYTES_MAX}"));
            assert!(Command::new("prlimit").args(["--pid", &id, &limit]).status().unwrap().success());
        },
    )
    .await;
}

#[tokio::test]
async fn a_sync_that_fails_stops_the_switch_before_anybody_hears_of_it() {
    let (_directory, home) = home();
    if Command::new("strace").arg("--version").output().is_err() {
        return skipped("without strace no sync of another process can be made to fail");
    }
    let mut tracer = None;
    fails(
        &home,
        &["the journal has ended", "syncing the journal failed", "Input/output error"],
        async |process| {
            tracer = Some(fail_syncs(process, &home.journal().join(FIRST_SEGMENT)));
        },
    )
    .await;
    tracer.expect("it was started").wait().unwrap();
}

/// Every sync of a file by a process fails from now on. Those of other files do not: the next segment may be in the making.
fn fail_syncs(process: &Process, file: &Path) -> Child {
    let mut tracer = Command::new("strace")
        .args(["--follow-forks", "--output=/dev/null", "--trace=fdatasync", "--inject=fdatasync:error=EIO"])
        .args(["--trace-path", text(file), "--attach", &process.id().to_string()])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut said = BufReader::new(tracer.stderr.take().expect("it is piped"));
    while !line.contains("attached") {
        line.clear();
        let bytes = said.read_line(&mut line).unwrap();
        assert!(bytes > 0, "strace was not let in");
    }
    tracer
}
