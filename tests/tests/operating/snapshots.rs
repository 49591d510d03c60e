//! Snapshots of a running switch: made while it works, used by the next start, checked with the journal.

use std::path::Path;

use holdfast_protocol::{Outcome, Reason, State};
use holdfast_tests::fixture::Fixture;
use holdfast_tests::parties::{PATIENT, Parties};
use holdfast_tests::requests::{capture, pay, reserve};

/// Small steps: a snapshot after each segment.
fn with_snapshots() -> Fixture {
    let mut fixture = Fixture::start(PATIENT);
    let file = fixture.path().join("holdfast.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let changed = text.replace("segment_bytes = 8388608", "segment_bytes = 8388608, snapshot_segments = 1");
    assert_ne!(text, changed);
    std::fs::write(&file, changed).unwrap();
    fixture.restart();
    fixture
}

fn snapshots(directory: &Path) -> usize {
    let files = std::fs::read_dir(directory.join("journal")).unwrap();
    files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|e| e == "snapshot")).count()
}

/// Each refused payment is a frame of its own, so a segment fills without anybody waiting.
async fn work_until(fixture: &Fixture, parties: &mut Parties, count: usize) {
    for _ in 0..60_000 {
        if snapshots(fixture.path()) >= count {
            return;
        }
        let answer = parties.operator.answer_to(pay("shop@nowhere", 1)).await;
        assert_eq!((answer.outcome, answer.reason), (Outcome::Declined, Reason::MpsUnknown));
    }
    panic!("no snapshot was made: {}", fixture.log().text());
}

#[tokio::test]
async fn a_start_from_a_snapshot_knows_every_outcome_hold_and_position() {
    let mut fixture = with_snapshots();
    let mut parties = Parties::of(&fixture).await;
    let (paid, held) = (pay("shop@acq-1", 700), reserve("shop@acq-1", 1_000));
    let told = parties.approved(&paid).await;
    let promised = parties.approved(&held).await;
    work_until(&fixture, &mut parties, 1).await;
    let later = pay("shop@acq-1", 50);
    let told_later = parties.approved(&later).await;
    let before = fixture.position("operator-1", "EUR").await;
    fixture.restart();
    assert_eq!(fixture.log().lines_with(&["snapshot loaded"]), 1, "{}", fixture.log().text());
    assert_eq!(fixture.position("operator-1", "EUR").await, before);
    let mut parties = Parties::of(&fixture).await;
    for (request, answer) in [(&paid, told), (&held, promised), (&later, told_later)] {
        assert_eq!(parties.operator.answer_to(request.clone()).await, answer, "I2: the same answer");
    }
    let answer = parties.operator.answer_to(capture(&held, 400, true)).await;
    assert_eq!((answer.outcome, answer.state), (Outcome::Approved, State::Captured));
    fixture.stop();
    let verified = holdfast_journal::verify(&fixture.path().join("journal")).unwrap().unwrap();
    assert!(verified.snapshots.iter().all(|snapshot| snapshot.counts.is_ok()), "{verified}");
}

#[tokio::test]
async fn a_rotten_snapshot_is_said_and_costs_nothing_but_time() {
    let mut fixture = with_snapshots();
    let mut parties = Parties::of(&fixture).await;
    let paid = pay("shop@acq-1", 700);
    let told = parties.approved(&paid).await;
    work_until(&fixture, &mut parties, 1).await;
    fixture.stop();
    for file in std::fs::read_dir(fixture.path().join("journal")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "snapshot") {
            let mut bytes = std::fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            std::fs::write(&path, bytes).unwrap();
        }
    }
    fixture.restart();
    assert!(fixture.log().lines_with(&["a snapshot does not count"]) > 0, "{}", fixture.log().text());
    let mut parties = Parties::of(&fixture).await;
    assert_eq!(parties.operator.answer_to(paid).await, told, "I2: the same answer");
}
