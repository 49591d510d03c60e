//! Disks that are full, slow, fail or rot, under the real program.

mod broken;
mod full;
mod rotten;
mod slow;
mod snapshots;

use std::fs;

use holdfast_protocol::{Answer, Authorize, Message, Outcome};
use holdfast_tests::evidence::sum_of;
use holdfast_tests::peer::{Peer, sign_on, wait_until};
use holdfast_tests::processes::{Process, SwitchHome, http_get};
use holdfast_tests::requests::approval;
use tempfile::TempDir;

/// Of the switches here: the first and, while payments pass, the next are written full of zeros.
const SEGMENT_BYTES: u64 = 8 << 20;

/// A switch of one operator and one acquirer with small segments.
fn home() -> (TempDir, SwitchHome) {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = SwitchHome::new(directory.path(), 1, 1);
    let toml = fs::read_to_string(home.config()).unwrap();
    let journal = format!("[journal]\nsegment_bytes = {SEGMENT_BYTES}\nfull_reserve_bytes = 1048576\n");
    let toml = toml.replace("[journal]\n", &journal)
        + "\n[sessions]\necho_timeout_ms = 600000\n[requests]\nwindow_max_ms = 120000\nbudget_max_ms = 100000\n";
    fs::write(home.config(), toml).unwrap();
    (directory, home)
}

async fn parties(home: &SwitchHome) -> (Peer, Peer) {
    let mut operator = Peer::dial_at(home.listen, &home.certs(), "operator-1").await;
    operator.sign_on(sign_on(true, false)).await;
    let mut acquirer = Peer::dial_at(home.listen, &home.certs(), "acquirer-1").await;
    acquirer.sign_on(sign_on(false, true)).await;
    (operator, acquirer)
}

/// What becomes of a request whose forwards the acquirer approves.
async fn outcome(operator: &mut Peer, acquirer: &mut Peer, request: &Authorize) -> Answer {
    operator.send(&[request.clone().into()]).await;
    loop {
        tokio::select! {
            message = operator.next_whenever() => match message {
                Some(Message::Answer(answer)) if answer.id == request.id => return answer,
                Some(_) => {}
                None => panic!("the link ended: {:?}", operator.connection.close_reason()),
            },
            message = acquirer.next_whenever() => match message {
                Some(Message::Authorize(forward)) => acquirer.send(&[approval(&forward, None).into()]).await,
                Some(_) => {}
                None => panic!("the link ended: {:?}", acquirer.connection.close_reason()),
            },
        }
    }
}

/// Pays, and expects that it works.
async fn approved(operator: &mut Peer, acquirer: &mut Peer, request: &Authorize) {
    let answer = outcome(operator, acquirer, request).await;
    assert_eq!((answer.id, answer.outcome), (request.id, Outcome::Approved), "{}", answer.reason);
}

/// A request that outlives a restart on a busy machine.
fn patient(request: Authorize) -> Authorize {
    Authorize { budget_ms: 90_000, expires: request.id.created().plus(100_000), ..request }
}

/// The sum of a metric's samples; zero where there are none.
fn metric(home: &SwitchHome, name: &str) -> f64 {
    http_get(home.admin, "/metrics").map_or(0.0, |(_, page)| sum_of(&page, name))
}

/// Else it may be the making of that which fails.
async fn next_segment_is_ready(process: &Process) {
    wait_until("the next segment to be ready", async || written(process) > 2 * SEGMENT_BYTES).await;
}

/// How many bytes a process has written to files.
fn written(process: &Process) -> u64 {
    let counts = fs::read_to_string(format!("/proc/{}/io", process.id())).unwrap();
    let line = counts.lines().find_map(|line| line.strip_prefix("wchar: ")).unwrap();
    line.parse().unwrap()
}
