//! Bytes that are no messages, and messages where they do not belong.

use holdfast_protocol::{Message, Reason, SignOff, SignOn};
use holdfast_tests::fixture::Fixture;
use holdfast_tests::parties::PATIENT;
use holdfast_tests::peer::{Peer, encoded, pays, sign_on};
use holdfast_tests::requests::pay;

/// Sends bytes on a lane, sees the link closed with a reason, and that others still pay.
async fn closes(bytes: &[u8], reason: Reason) {
    let fixture = Fixture::start(PATIENT);
    let mut hostile = Peer::operator(&fixture, "operator-2").await;
    let (mut operator, mut acquirer) =
        (Peer::operator(&fixture, "operator-1").await, Peer::destination(&fixture, "acquirer-1").await);
    hostile.send_bytes(bytes).await;
    assert_eq!(hostile.closed().await, reason);
    fixture.shows_end("operator-2", reason).await;
    pays(&mut operator, &mut acquirer, "shop@acq-1").await;
}

#[tokio::test]
async fn a_frame_longer_than_any_may_be_ends_the_link() {
    closes(&[0xff, 0xff, 0x10, 0, 0, 0], Reason::FrameMalformed).await;
}

#[tokio::test]
async fn a_frame_shorter_than_its_header_ends_the_link() {
    closes(&[5, 0, 0x10, 0, 0], Reason::FrameMalformed).await;
}

#[tokio::test]
async fn a_fixed_part_longer_than_its_frame_ends_the_link() {
    closes(&[10, 0, 0x10, 0, 0xff, 0, 1, 2, 3, 4], Reason::FrameMalformed).await;
}

#[tokio::test]
async fn an_unknown_message_type_ends_the_link() {
    closes(&[6, 0, 0xee, 0, 0, 0], Reason::FrameMalformed).await;
}

#[tokio::test]
async fn random_bytes_end_the_link() {
    // A fixed sequence that looks like nothing; its first two bytes make a length no frame has.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0] | 0x80
    })
    .take(10_000)
    .collect();
    closes(&bytes, Reason::FrameMalformed).await;
}

#[tokio::test]
async fn a_message_of_the_switch_from_a_participant_ends_the_link() {
    closes(&encoded(&[Message::from(SignOff)]), Reason::ProtocolViolation).await;
}

#[tokio::test]
async fn half_a_frame_harms_nobody_and_the_other_half_completes_it() {
    let fixture = Fixture::start(PATIENT);
    let mut slow = Peer::operator(&fixture, "operator-2").await;
    let (mut operator, mut acquirer) =
        (Peer::operator(&fixture, "operator-1").await, Peer::destination(&fixture, "acquirer-1").await);
    let request = pay("shop@acq-1", 100);
    let bytes = encoded(&[request.clone().into()]);
    let (first, rest) = bytes.split_at(50);
    slow.send_bytes(first).await;
    pays(&mut operator, &mut acquirer, "shop@acq-1").await;
    slow.send_bytes(rest).await;
    assert_eq!(acquirer.next_forward().await.id, request.id);
    assert_eq!(fixture.log().lines_with(&["operator-2", "WARN"]), 0, "{}", fixture.log().text());
}

#[tokio::test]
async fn half_a_frame_and_then_nothing_is_nothing() {
    let fixture = Fixture::start(PATIENT);
    let mut gone = Peer::operator(&fixture, "operator-2").await;
    let bytes = encoded(&[pay("shop@acq-1", 100).into()]);
    gone.send_bytes(bytes.split_at(50).0).await;
    gone.connection.close(0_u32.into(), b"");
    let (mut operator, mut acquirer) =
        (Peer::operator(&fixture, "operator-1").await, Peer::destination(&fixture, "acquirer-1").await);
    pays(&mut operator, &mut acquirer, "shop@acq-1").await;
    assert_eq!(fixture.position("operator-2", "EUR").await, (0, 0, 0));
    fixture.shows_end("operator-2", Reason::SignedOff).await;
}

#[tokio::test]
async fn a_sign_on_of_another_version_or_of_no_version_ends_the_link() {
    let fixture = Fixture::start(PATIENT);
    let mut future = Peer::dial(&fixture, "operator-1").await;
    let sign_on = SignOn { version_min: 2, version_max: 9, ..sign_on(true, false) };
    future.send_control(&sign_on.into()).await;
    assert_eq!(future.closed().await, Reason::VersionUnsupported);
    let mut rude = Peer::dial(&fixture, "operator-1").await;
    rude.send_control(&SignOff.into()).await;
    assert_eq!(rude.closed().await, Reason::ProtocolViolation);
    let mut noisy = Peer::dial(&fixture, "operator-1").await;
    noisy.send_control_bytes(&[0xff; 64]).await;
    assert_eq!(noisy.closed().await, Reason::FrameMalformed);
    for reason in [Reason::VersionUnsupported, Reason::ProtocolViolation, Reason::FrameMalformed] {
        fixture.shows_end("operator-1", reason).await;
    }
    let (mut operator, mut acquirer) =
        (Peer::operator(&fixture, "operator-1").await, Peer::destination(&fixture, "acquirer-1").await);
    pays(&mut operator, &mut acquirer, "shop@acq-1").await;
}

#[tokio::test]
async fn a_dialler_that_never_signs_on_is_let_go() {
    let fixture = Fixture::start("[sessions]\nsign_on_timeout_ms = 300\n");
    let silent = Peer::dial(&fixture, "operator-1").await;
    assert_eq!(silent.closed().await, Reason::SignOnTimedOut);
    fixture.shows_end("operator-1", Reason::SignOnTimedOut).await;
}
