//! A changed file is taken over while payments go on.

use std::path::PathBuf;

use holdfast::config::Config;
use holdfast_protocol::{Outcome, Reason};
use holdfast_tests::fixture::Fixture;
use holdfast_tests::parties::{PATIENT, Parties, lose};
use holdfast_tests::peer::{Peer, dial, pays, wait_for};
use holdfast_tests::requests::{pay, reserve};
use tempfile::TempDir;

use crate::{order, refused_order};

fn file(fixture: &Fixture) -> PathBuf {
    fixture.path().join("holdfast.toml")
}

/// The certificates as they are now.
pub(crate) fn copy_of_certificates(fixture: &Fixture) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(fixture.certs()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

/// Makes a new authority and new certificates for everybody in the file.
pub(crate) fn reissue(fixture: &Fixture) {
    holdfast::certs::issue(&fixture.certs(), &Config::load(&file(fixture)).unwrap(), true).unwrap();
}

/// Takes a participant and the routes to it out of the file.
fn remove(fixture: &Fixture, name: &str) {
    let text = std::fs::read_to_string(file(fixture)).unwrap();
    let quoted = format!("\"{name}\"");
    let kept: Vec<&str> = text.split("\n\n").filter(|block| !block.contains(&quoted)).collect();
    assert!(kept.len() < text.split("\n\n").count());
    std::fs::write(file(fixture), kept.join("\n\n")).unwrap();
}

#[tokio::test]
async fn a_participant_that_was_added_signs_on_and_is_paid_and_standing_links_stay() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    assert_eq!(parties.operator.ask(pay("shop@acq-3", 1)).await, (Outcome::Declined, Reason::MpsUnknown));
    let mut text = std::fs::read_to_string(file(&fixture)).unwrap();
    text.push_str(
        "\n\n[[participants]]\nname = \"acquirer-3\"\nnumber = 13\nroles = [\"receives\"]\ncaps = { EUR = \"10.00\" }\n\
         \n[[routes]]\nmps = \"acq-3\"\ndestination = \"acquirer-3\"\n",
    );
    std::fs::write(file(&fixture), text).unwrap();
    reissue(&fixture);
    let changes = order(&fixture, "/reload");
    assert!(changes.contains(r#""key":"participants.acquirer-3","after":"#), "{changes}");
    assert!(changes.contains(r#""key":"routes.*@acq-3","after":"acquirer-3 "#), "{changes}");
    let mut added = Peer::destination(&fixture, "acquirer-3").await;
    pays(&mut parties.operator, &mut added, "shop@acq-3").await;
    pays(&mut parties.operator, &mut parties.acquirer, "shop@acq-1").await;
}

#[tokio::test]
async fn a_participant_that_was_removed_loses_its_link_and_cannot_come_back() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let gone = Peer::destination(&fixture, "acquirer-2").await;
    remove(&fixture, "acquirer-2");
    let changes = order(&fixture, "/reload");
    assert!(changes.contains(r#""key":"participants.acquirer-2","before":"#), "{changes}");
    assert_eq!(gone.closed().await, Reason::Removed);
    if let Ok((connection, _endpoint)) = dial(fixture.address(), &fixture.certs(), "acquirer-2").await {
        // The client's side of the handshake may be over before the switch has seen the certificate.
        wait_for("the end of the link", connection.closed()).await;
    }
    assert_eq!(parties.operator.ask(pay("shop@acq-2", 1)).await, (Outcome::Declined, Reason::MpsUnknown));
    pays(&mut parties.operator, &mut parties.acquirer, "shop@acq-1").await;
}

#[tokio::test]
async fn a_participant_with_open_work_cannot_be_removed() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    parties.approved(&reserve("shop@acq-1", 1_000)).await;
    remove(&fixture, "acquirer-1");
    let why = refused_order(&fixture, "/reload", 409);
    assert!(
        why.contains("acquirer-1 (number 11)") && why.contains("open work (1 of its transactions)"),
        "{why}"
    );
    // All or nothing: everything runs as before.
    assert_eq!(parties.acquirer.connection.close_reason(), None);
    pays(&mut parties.operator, &mut parties.acquirer, "shop@acq-1").await;
}

#[tokio::test]
async fn a_file_with_a_fault_changes_nothing() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let text = std::fs::read_to_string(file(&fixture)).unwrap();
    std::fs::write(file(&fixture), text.replace("number = 11", "number = 12")).unwrap();
    let why = refused_order(&fixture, "/reload", 409);
    assert!(why.contains("12"), "{why}");
    pays(&mut parties.operator, &mut parties.acquirer, "shop@acq-1").await;
}

#[tokio::test]
async fn certificates_issued_anew_are_used_for_new_links() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let old = copy_of_certificates(&fixture);
    reissue(&fixture);
    let address = fixture.address();
    assert!(
        dial(address, &fixture.certs(), "operator-2").await.is_err(),
        "before the reload the old ones hold"
    );
    order(&fixture, "/reload");
    assert!(dial(address, old.path(), "operator-2").await.is_err(), "after it the new ones do");
    let mut other = Peer::operator(&fixture, "operator-2").await;
    pays(&mut other, &mut parties.acquirer, "shop@acq-1").await;
    pays(&mut parties.operator, &mut parties.acquirer, "shop@acq-1").await;
}

#[tokio::test]
async fn links_from_before_a_reload_give_their_places_back_after_it() {
    let fixture = Fixture::start("[sessions]\nlinks_for_participant_max = 1\necho_timeout_ms = 600000\n");
    for _ in 0..3 {
        let mut parties = Parties::of(&fixture).await;
        order(&fixture, "/reload");
        pays(&mut parties.operator, &mut parties.acquirer, "shop@acq-1").await;
        lose(&fixture, parties.operator).await;
        lose(&fixture, parties.acquirer).await;
    }
}
