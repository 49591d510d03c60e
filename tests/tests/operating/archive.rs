//! What left the memory of a running switch: found by late reversals and inquiries, over restarts; and what a damaged
//! index means to those who ask.

use std::path::{Path, PathBuf};

use holdfast_protocol::{Answer, Authorize, Outcome, Reason, State};
use holdfast_tests::fixture::Fixture;
use holdfast_tests::parties::{PATIENT, Parties};
use holdfast_tests::peer::{Peer, sign_on, wait_until};
use holdfast_tests::processes::{SwitchHome, http_get, run_well, text};
use holdfast_tests::requests::{pay, reverse};

/// An id is remembered for a second and a half, and each segment gets its index.
const SHORT: &str = "[requests]\nwindow_max_ms = 1000\nskew_max_ms = 500\nbudget_max_ms = 1000\n";

fn short_memory() -> Fixture {
    let mut fixture = Fixture::start(&format!("{PATIENT}\n{SHORT}"));
    let file = fixture.path().join("holdfast.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let changed = text.replace("segment_bytes = 8388608", "segment_bytes = 8388608, snapshot_segments = 1");
    assert_ne!(text, changed);
    std::fs::write(&file, changed).unwrap();
    fixture.restart();
    fixture
}

/// A payment whose id is a second old at most.
fn short(payee: &str, minor: u64) -> Authorize {
    let mut request = pay(payee, minor);
    request.expires = request.id.created().plus(900);
    request.budget_ms = 500;
    request
}

fn short_reversal(of: &Authorize) -> holdfast_protocol::Reverse {
    let mut request = reverse(of);
    request.expires = request.id.created().plus(900);
    request
}

/// Payments until the first is no longer in memory.
async fn forgotten(fixture: &Fixture, parties: &mut Parties) {
    let before = fixture.status().await.queues;
    wait_until("the payment to leave memory", async || {
        let _answer = parties.operator.answer_to(short("shop@nowhere", 1)).await;
        let now = fixture.status().await.queues;
        now.archived + now.unindexed > before.archived + before.unindexed + 20
    })
    .await;
}

fn indexes(directory: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(directory.join("journal")).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "index")).collect();
    files.sort();
    files
}

/// Each refused payment is a frame of its own, so a segment fills without anybody waiting.
async fn work_until_indexed(fixture: &Fixture, parties: &mut Parties, count: usize) {
    for _ in 0..60_000 {
        // One without entries has a header alone.
        let has_entries = |index: &&PathBuf| std::fs::metadata(index).is_ok_and(|file| file.len() > 4_096);
        if indexes(fixture.path()).iter().filter(has_entries).count() >= count {
            return;
        }
        parties.operator.answer_to(short("shop@nowhere", 1)).await;
    }
    panic!("no index was made: {}", fixture.log().text());
}

async fn undone(parties: &mut Parties, paid: &Authorize) -> Answer {
    let undoing = short_reversal(paid);
    let answer = parties.operator.answer_to(undoing).await;
    if answer.outcome == Outcome::Approved && answer.amount == paid.amount {
        let delivery = parties.acquirer.next_delivery().await;
        assert_eq!(delivery.original(), paid.id);
        parties.acquirer.send(&[delivery.acknowledgement()]).await;
        assert_eq!(parties.acquirer.next_complete().await.original, paid.id);
    }
    answer
}

#[tokio::test]
async fn a_payment_that_left_memory_is_found_and_reversed_once() {
    let fixture = short_memory();
    let mut parties = Parties::of(&fixture).await;
    let paid = short("shop@acq-1", 700);
    let told = parties.approved(&paid).await;
    forgotten(&fixture, &mut parties).await;
    let status = parties.operator.inquire(paid.id, None).await;
    assert_eq!((status.reason, status.state, status.captured), (Reason::None, State::Captured, paid.amount));
    assert_eq!(status.sequence, told.sequence, "the outcome as decided");
    let answer = undone(&mut parties, &paid).await;
    assert_eq!(
        (answer.outcome, answer.state, answer.amount),
        (Outcome::Approved, State::Reversed, paid.amount)
    );
    assert_eq!(fixture.position("operator-1", "EUR").await, (0, 700, 700));
    // What never was is unknown, and not unavailable.
    let never = short("shop@acq-1", 1);
    forgotten(&fixture, &mut parties).await;
    let status = parties.operator.inquire(never.id, None).await;
    assert_eq!(status.reason, Reason::OriginalUnknown);
    // It has left again, as it is now.
    let again = undone(&mut parties, &paid).await;
    assert_eq!((again.outcome, again.state, again.amount.minor()), (Outcome::Approved, State::Reversed, 0));
    assert_eq!(fixture.position("operator-1", "EUR").await, (0, 700, 700), "it was reversed once");
}

#[tokio::test]
async fn over_a_restart_what_is_indexed_and_what_is_not_yet_are_found() {
    let mut fixture = short_memory();
    let mut parties = Parties::of(&fixture).await;
    let indexed = short("shop@acq-1", 700);
    parties.approved(&indexed).await;
    work_until_indexed(&fixture, &mut parties, 2).await;
    let recent = short("shop@acq-1", 50);
    parties.approved(&recent).await;
    forgotten(&fixture, &mut parties).await;
    fixture.restart();
    let mut parties = Parties::of(&fixture).await;
    for paid in [&indexed, &recent] {
        let status = parties.operator.inquire(paid.id, None).await;
        assert_eq!((status.reason, status.captured), (Reason::None, paid.amount), "{}", fixture.log().text());
        assert_eq!(undone(&mut parties, paid).await.amount, paid.amount);
    }
    assert_eq!(fixture.position("operator-1", "EUR").await, (0, 750, 750));
    let metrics = crate::page(&fixture, "/metrics");
    for line in ["{result=\"found\"} 4", "{result=\"unavailable\"} 0"] {
        assert!(metrics.contains(&format!("holdfast_archive_lookups_total{line}")), "{metrics}");
    }
    fixture.stop();
    let verified = holdfast_journal::verify(&fixture.path().join("journal")).unwrap().unwrap();
    assert!(!verified.indexes.is_empty() && verified.indexes.iter().all(|i| i.counts.is_ok()), "{verified}");
}

#[tokio::test]
async fn a_damaged_index_is_unavailable_until_it_is_made_again() {
    let mut fixture = short_memory();
    let mut parties = Parties::of(&fixture).await;
    let paid = short("shop@acq-1", 700);
    parties.approved(&paid).await;
    work_until_indexed(&fixture, &mut parties, 2).await;
    fixture.stop();
    // The first that has any entries: what left first is in it.
    let (first, mut bytes) = indexes(fixture.path())
        .into_iter()
        .map(|index| (index.clone(), std::fs::read(index).unwrap()))
        .find(|(_, bytes)| bytes.len() > 4_096)
        .expect("an index has entries");
    // In the filter: the header counts, so that the damage is found when it is asked for.
    let at = bytes.len() - 4_096 + 9;
    bytes[4_096 + 9] ^= 1;
    bytes[at] ^= 1;
    std::fs::write(&first, &bytes).unwrap();
    fixture.restart();
    let mut parties = Parties::of(&fixture).await;
    let refused = undone(&mut parties, &paid).await;
    assert_eq!((refused.outcome, refused.reason), (Outcome::Refused, Reason::OriginalUnavailable));
    assert_eq!(parties.operator.inquire(paid.id, None).await.reason, Reason::OriginalUnavailable);
    assert_eq!(
        fixture.log().lines_with(&["an index of the archive is damaged"]),
        1,
        "{}",
        fixture.log().text()
    );
    wait_until("the alarm", async || fixture.status().await.alarms.iter().any(|a| a.contains("archive")))
        .await;
    // Payments go on, and a reversal of what is in memory does, too.
    let young = short("shop@acq-1", 30);
    parties.approved(&young).await;
    assert_eq!(undone(&mut parties, &young).await.amount, young.amount);
    fixture.stop();
    let journal = fixture.path().join("journal");
    let told = run_well("holdfast", &["journal", "reindex", journal.to_str().unwrap()]);
    let segment: u64 = first.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let made = format!("index of segment {segment} made\n1 made, ");
    assert!(String::from_utf8_lossy(&told.stdout).contains(&made), "{told:?}");
    fixture.restart();
    let mut parties = Parties::of(&fixture).await;
    assert_eq!(undone(&mut parties, &paid).await.amount, paid.amount, "it is found again");
    assert_eq!(fixture.position("operator-1", "EUR").await, (0, 730, 730));
}

async fn of_home(home: &SwitchHome) -> Parties {
    let mut operator = Peer::dial_at(home.listen, &home.certs(), "operator-1").await;
    operator.sign_on(sign_on(true, false)).await;
    let mut acquirer = Peer::dial_at(home.listen, &home.certs(), "acquirer-1").await;
    acquirer.sign_on(sign_on(false, true)).await;
    Parties { operator, acquirer }
}

/// The real program, killed: what was indexed and what was not yet are found by the next one.
#[tokio::test]
async fn after_a_kill_late_reversals_find_what_left_memory() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = SwitchHome::new(directory.path(), 1, 1);
    let toml = std::fs::read_to_string(home.config()).unwrap();
    let journal = "[journal]\nsegment_bytes = 8388608\nfull_reserve_bytes = 1048576\nsnapshot_segments = 1\n";
    let toml = toml.replace("[journal]\n", journal) + "\n[sessions]\necho_timeout_ms = 600000\n" + SHORT;
    std::fs::write(home.config(), toml).unwrap();
    let mut process = home.start();
    let mut parties = of_home(&home).await;
    let indexed = short("shop@acq-1", 700);
    parties.approved(&indexed).await;
    let mut paid = 0;
    while indexes(directory.path()).len() < 2 {
        parties.operator.answer_to(short("shop@nowhere", 1)).await;
        paid += 1;
        assert!(paid < 60_000, "no index was made: {}", process.log_tail());
    }
    let recent = short("shop@acq-1", 50);
    parties.approved(&recent).await;
    let found = "holdfast_archive_lookups_total{result=\"found\"} 0";
    wait_until("the payment to leave memory", async || {
        parties.operator.answer_to(short("shop@nowhere", 1)).await;
        let status = parties.operator.inquire(recent.id, None).await;
        assert_eq!((status.reason, status.captured), (Reason::None, recent.amount));
        !http_get(home.admin, "/metrics").expect("the admin interface answers").1.contains(found)
    })
    .await;
    process.kill();
    let process = home.start();
    let mut parties = of_home(&home).await;
    for paid in [&indexed, &recent] {
        let answer = undone(&mut parties, paid).await;
        assert_eq!(
            (answer.outcome, answer.amount),
            (Outcome::Approved, paid.amount),
            "{}",
            process.log_tail()
        );
    }
    home.stop(process);
    let told = run_well("holdfast", &["journal", "verify", text(&home.journal())]);
    assert!(String::from_utf8_lossy(&told.stdout).contains("indexes      "), "{told:?}");
}
