//! Those who are not who they say, or nobody.

use std::path::Path;

use holdfast::config::Config;
use holdfast_protocol::{ParticipantNumber, Reason};
use holdfast_tests::fixture::Fixture;
use holdfast_tests::parties::PATIENT;
use holdfast_tests::peer::{Peer, dial, pays, sign_on};
use holdfast_tests::requests::{approval, pay, reverse};
use quinn::{ConnectionError, TransportErrorCode};

/// Certificates of the same names by another authority, and of one name that nobody configured by the right one.
fn other_certificates(fixture: &Fixture, directory: &Path, extra: &str) {
    let file = fixture.path().join("holdfast.toml");
    let text = std::fs::read_to_string(file).unwrap() + extra;
    let config = Config::parse(&text, &directory.join("holdfast.toml")).unwrap();
    holdfast::certs::issue(&directory.join("certs"), &config, false).unwrap();
}

/// TLS alerts (RFC 8446, section 6.2), as docs/PROTOCOL.md promises them.
const UNSUPPORTED_CERTIFICATE: u8 = 43;
const DECRYPT_ERROR: u8 = 51;

/// In TLS 1.3 the client's certificate is checked after its own handshake is done: the refusal comes as a close.
async fn is_refused(fixture: &Fixture, certs: &Path, name: &str, alert: u8) {
    let refusal = match dial(fixture.address(), certs, name).await {
        Ok((connection, _endpoint)) => connection.closed().await,
        Err(error) => error,
    };
    let ConnectionError::ConnectionClosed(close) = refusal else {
        panic!("refused by TLS, not by the application: {refusal:?}")
    };
    assert_eq!(close.error_code, TransportErrorCode::crypto(alert));
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused_at_the_handshake() {
    let fixture = Fixture::start(PATIENT);
    let other = tempfile::tempdir().unwrap();
    other_certificates(&fixture, other.path(), "");
    // It trusts the right switch, but its own certificate is of the other authority.
    let certs = other.path().join("certs");
    std::fs::copy(fixture.certs().join("ca.pem"), certs.join("ca.pem")).unwrap();
    is_refused(&fixture, &certs, "operator-1", DECRYPT_ERROR).await;
    fixture.shows_failed_handshake("handshake failed").await;
    let (mut operator, mut acquirer) =
        (Peer::operator(&fixture, "operator-1").await, Peer::destination(&fixture, "acquirer-1").await);
    pays(&mut operator, &mut acquirer, "shop@acq-1").await;
}

#[tokio::test]
async fn a_participant_does_not_take_a_switch_of_another_authority() {
    let fixture = Fixture::start(PATIENT);
    let other = tempfile::tempdir().unwrap();
    other_certificates(&fixture, other.path(), "");
    assert!(dial(fixture.address(), &other.path().join("certs"), "operator-1").await.is_err());
    fixture.shows_failed_handshake("handshake failed").await;
}

#[tokio::test]
async fn the_switchs_own_certificate_is_nobody_who_may_dial() {
    let fixture = Fixture::start(PATIENT);
    is_refused(&fixture, &fixture.certs(), "switch", UNSUPPORTED_CERTIFICATE).await;
    fixture.shows_failed_handshake("handshake failed").await;
}

#[tokio::test]
async fn roles_that_are_not_configured_are_refused_at_sign_on() {
    let fixture = Fixture::start(PATIENT);
    let mut acquirer = Peer::dial(&fixture, "acquirer-1").await;
    acquirer.send_control(&sign_on(true, true).into()).await;
    assert_eq!(acquirer.closed().await, Reason::RoleNotConfigured);
    fixture.shows_end("acquirer-1", Reason::RoleNotConfigured).await;
}

#[tokio::test]
async fn a_request_in_somebody_elses_name_is_refused() {
    let fixture = Fixture::start(PATIENT);
    let mut operator = Peer::operator(&fixture, "operator-2").await;
    let _acquirer = Peer::destination(&fixture, "acquirer-1").await;
    let mut forged = pay("shop@acq-1", 100);
    forged.originator = ParticipantNumber::new(1);
    assert_eq!(operator.ask(forged).await.1, Reason::Malformed);
    assert_eq!(fixture.position("operator-1", "EUR").await, (0, 0, 0));
    fixture.shows_refused_frames("operator-2", Reason::Malformed, 1).await;
}

#[tokio::test]
async fn a_reversal_of_somebody_elses_transaction_reverses_nothing_of_theirs() {
    let fixture = Fixture::start(PATIENT);
    let (mut owner, mut thief) =
        (Peer::operator(&fixture, "operator-1").await, Peer::operator(&fixture, "operator-2").await);
    let mut acquirer = Peer::destination(&fixture, "acquirer-1").await;
    let request = pay("shop@acq-1", 700);
    owner.send(&[request.clone().into()]).await;
    let forward = acquirer.next_forward().await;
    acquirer.send(&[approval(&forward, None).into()]).await;
    owner.next_answer().await;
    // The key is (participant, id): this names a transaction of the thief's own, which does not exist (rules 2, 11).
    thief.ask(reverse(&request)).await;
    assert_eq!(fixture.position("operator-1", "EUR").await, (0, 700, 0));
    assert_eq!(fixture.position("acquirer-1", "EUR").await, (0, 0, 700));
    assert_eq!(fixture.position("operator-2", "EUR").await, (0, 0, 0));
    let counter = "holdfast_reversals_before_request_total";
    fixture.shows_oddity("operator-2", "reversals of requests that it has not sent", counter, 1).await;
}

#[tokio::test]
async fn an_equal_id_of_another_operator_is_another_transaction() {
    let fixture = Fixture::start(PATIENT);
    let (mut one, mut two) =
        (Peer::operator(&fixture, "operator-1").await, Peer::operator(&fixture, "operator-2").await);
    let mut acquirer = Peer::destination(&fixture, "acquirer-1").await;
    let request = pay("shop@acq-1", 700);
    let mut same_id = pay("shop@acq-1", 900);
    same_id.id = request.id;
    same_id.expires = request.expires;
    for (operator, request) in [(&mut one, &request), (&mut two, &same_id)] {
        operator.send(&[request.clone().into()]).await;
        let forward = acquirer.next_forward().await;
        assert_eq!(forward.amount, request.amount);
        acquirer.send(&[approval(&forward, None).into()]).await;
        assert_eq!(operator.next_answer().await.amount, request.amount);
    }
    assert_eq!(fixture.position("acquirer-1", "EUR").await, (0, 0, 1_600));
    for operator in ["operator-1", "operator-2"] {
        let counter = format!("holdfast_outcomes_total{{participant=\"{operator}\",reason=\"None\"");
        fixture.shows(&["signed on", operator], &counter, 1).await;
        assert_eq!(fixture.log().lines_with(&[operator, "WARN"]), 0, "{}", fixture.log().text());
    }
}
