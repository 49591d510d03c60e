//! A disk without room for a snapshot: payments go on, the failure is an alarm, what it had written is removed, and when
//! there is room again a snapshot is made, from which the next start goes on.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use holdfast_protocol::{Outcome, Reason};
use holdfast_tests::peer::{Peer, wait_until};
use holdfast_tests::processes::{SwitchHome, http_get, program, text};
use holdfast_tests::requests::pay;
use holdfast_tests::small_disk::SmallDisk;
use holdfast_tests::watch::Watch;

use crate::{SEGMENT_BYTES, approved, home, metric, next_segment_is_ready, outcome, parties};

/// Four segments and some snapshots.
const DISK_BYTES: u64 = 40 << 20;
/// Room for the index of a segment of which nothing has left memory, and not for a snapshot of it.
const LEFT_BYTES: u64 = 32 << 10;
const BLOCK_BYTES: u64 = 4_096;

const WITHIN: Duration = Duration::from_secs(10);

const MADE: &str = "holdfast_snapshots_made_total";
const FAILURES: &str = "holdfast_snapshot_failures_total";

fn free_bytes(directory: &Path) -> u64 {
    let disk = rustix::fs::statvfs(directory).unwrap();
    disk.f_bavail * disk.f_frsize
}

/// Names of what stands in the journal's directory with such a word in it.
fn named(directory: &Path, word: &str) -> Vec<String> {
    let files = fs::read_dir(directory).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains(word)).collect()
}

/// Segments that have their whole length.
fn whole_segments(journal: &Path) -> usize {
    let length = |name: &String| fs::metadata(journal.join(name)).map_or(0, |file| file.len());
    named(journal, ".segment").iter().filter(|name| length(name) >= SEGMENT_BYTES).count()
}

/// Payments that nobody waits for, until a segment is full of them: each is a frame of at least a block.
async fn fill_a_segment((operator, acquirer): &mut (Peer, Peer)) {
    for _ in 0..=SEGMENT_BYTES / BLOCK_BYTES {
        let answer = outcome(operator, acquirer, &pay("shop@nowhere", 1)).await;
        assert_eq!((answer.outcome, answer.reason), (Outcome::Declined, Reason::MpsUnknown));
    }
}

async fn wait_for_one(home: &SwitchHome, name: &str) {
    wait_until(&format!("{name} to rise"), async || metric(home, name) >= 1.0).await;
}

#[tokio::test]
async fn a_snapshot_without_room_is_an_alarm_and_is_made_when_there_is_room() {
    let (_directory, mut home) = home();
    let toml = fs::read_to_string(home.config()).unwrap();
    fs::write(home.config(), toml.replace("[journal]\n", "[journal]\nsnapshot_segments = 1\n")).unwrap();
    let Some(disk) = SmallDisk::mount(&home.journal(), DISK_BYTES) else { return };
    home.launcher = disk.enter();
    let journal = disk.inside(&home.journal());
    let process = home.start();
    let mut peers = parties(&home).await;
    let paid = pay("shop@acq-1", 700);
    approved(&mut peers.0, &mut peers.1, &paid).await;
    next_segment_is_ready(&process).await;
    let ballast = journal.join("ballast");
    fs::write(&ballast, vec![1; usize::try_from(free_bytes(&journal) - LEFT_BYTES).unwrap()]).unwrap();

    let watch = Watch::of(&journal);
    fill_a_segment(&mut peers).await;
    wait_for_one(&home, FAILURES).await;
    // The index has room, and the snapshot has not.
    watch.next(".snapshot.unfinished", WITHIN);
    assert!(!named(&journal, ".index").is_empty(), "the segment's index is there");
    let later = pay("shop@acq-1", 50);
    approved(&mut peers.0, &mut peers.1, &later).await;
    assert_eq!(metric(&home, MADE), 0.0);
    assert_eq!(metric(&home, "holdfast_journal_full"), 0.0, "a snapshot takes no payment's room");
    let status = home.status();
    assert!(status.contains("no snapshot is made, starts take longer and longer"), "{status}");
    assert!(status.contains("No space left on device"), "{status}");
    assert!(metric(&home, "holdfast_alarms") >= 1.0);
    let log = process.log_tail();
    assert!(log.contains("no snapshot was made; payments go on"), "{log}");
    wait_until("what was begun to be removed", async || named(&journal, "unfinished").is_empty()).await;
    assert_eq!(http_get(home.admin, "/readyz").expect("the switch answers").0, 200);

    let segments = whole_segments(&journal);
    fs::remove_file(&ballast).unwrap();
    // The next segment had no room either: payments could come to the end of theirs first, and be refused.
    wait_until("the segment that had no room", async || whole_segments(&journal) > segments).await;
    fill_a_segment(&mut peers).await;
    wait_for_one(&home, MADE).await;
    wait_until("the alarm to fall", async || !home.status().contains("no snapshot is made")).await;
    assert_eq!(named(&journal, ".snapshot").len(), 1);
    drop(peers);
    home.stop(process);
    let mut verify = Command::new(&home.launcher[0]);
    verify.args(&home.launcher[1..]).arg(program("holdfast"));
    verify.args(["journal", "verify", text(&home.journal())]);
    assert!(verify.output().unwrap().status.success());

    let process = home.start();
    assert!(process.log_tail().contains("snapshot loaded"), "{}", process.log_tail());
    let (mut operator, mut acquirer) = parties(&home).await;
    for request in [&paid, &later] {
        approved(&mut operator, &mut acquirer, request).await;
    }
    assert!(home.status().contains("\"debits\":\"750\""), "I2: nothing was paid twice: {}", home.status());
    drop((operator, acquirer));
    home.stop(process);
}
