//! Too much of something.

use holdfast_protocol::{Instance, Message, Outcome, Reason};
use holdfast_tests::fixture::Fixture;
use holdfast_tests::peer::{Peer, dial, pays, sign_on, wait_for};
use holdfast_tests::requests::pay;

#[tokio::test]
async fn requests_beyond_the_window_are_refused_and_the_rest_is_served() {
    let fixture = Fixture::start("[sessions]\nwindow = 10\n");
    let (mut flood, mut operator) =
        (Peer::operator(&fixture, "operator-1").await, Peer::operator(&fixture, "operator-2").await);
    let (mut silent, mut acquirer) =
        (Peer::destination(&fixture, "acquirer-2").await, Peer::destination(&fixture, "acquirer-1").await);
    let requests: Vec<Message> = (0..200).map(|_| pay("shop@acq-2", 1).into()).collect();
    flood.send(&requests).await;
    for _ in 0..190 {
        let answer = flood.next_answer().await;
        assert_eq!((answer.outcome, answer.reason), (Outcome::Refused, Reason::WindowExceeded));
        assert!(answer.retry_after_ms > 0, "rule 24");
    }
    for _ in 0..10 {
        silent.next_forward().await;
    }
    pays(&mut operator, &mut acquirer, "shop@acq-1").await;
}

#[tokio::test]
async fn a_flood_ends_the_link_and_nobody_elses() {
    let fixture = Fixture::start("[sessions]\nwindow = 10\n");
    let mut flood = Peer::operator(&fixture, "operator-1").await;
    let _silent = Peer::destination(&fixture, "acquirer-2").await;
    let (mut operator, mut acquirer) =
        (Peer::operator(&fixture, "operator-2").await, Peer::destination(&fixture, "acquirer-1").await);
    let batch: Vec<Message> = (0..1_000).map(|_| pay("shop@acq-2", 1).into()).collect();
    for _ in 0..12 {
        flood.send(&batch).await;
    }
    assert_eq!(flood.closed().await, Reason::Flooding);
    pays(&mut operator, &mut acquirer, "shop@acq-1").await;
}

#[tokio::test]
async fn a_participant_that_never_reads_loses_its_link_and_nobody_else() {
    let fixture = Fixture::start(
        "[sessions]\noutbound_bytes_max = 65536\necho_timeout_ms = 60000\n[transport]\nstream_window_bytes = 65536\n",
    );
    let (mut feeder, mut operator) =
        (Peer::operator(&fixture, "operator-1").await, Peer::operator(&fixture, "operator-2").await);
    let mut acquirer = Peer::destination(&fixture, "acquirer-1").await;
    let mut deaf = Peer::dial(&fixture, "acquirer-2").await;
    // It takes what QUIC takes for it, and reads nothing of its lane.
    deaf.sign_on(holdfast_protocol::SignOn { window: 1_000_000, ..sign_on(false, true) }).await;
    // More than its QUIC stream, the switch's send buffer and the queue take together, and within the feeder's window.
    for _ in 0..24 {
        let batch: Vec<Message> = (0..500).map(|_| pay("shop@acq-2", 1).into()).collect();
        feeder.send(&batch).await;
    }
    assert_eq!(deaf.closed().await, Reason::NotReading);
    pays(&mut operator, &mut acquirer, "shop@acq-1").await;
}

#[tokio::test]
async fn a_thousand_dials_of_one_participant_leave_room_for_the_others() {
    let fixture = Fixture::start(
        "[sessions]\nlinks_for_participant_max = 4\nlinks_max = 64\necho_timeout_ms = 60000\n",
    );
    let (mut operator, mut acquirer) =
        (Peer::operator(&fixture, "operator-2").await, Peer::destination(&fixture, "acquirer-1").await);
    let mut links = Vec::new();
    for n in 0..4 {
        let mut peer = Peer::dial(&fixture, "operator-1").await;
        peer.sign_on(holdfast_protocol::SignOn { instance: Instance(n), ..sign_on(true, false) }).await;
        links.push(peer);
    }
    for _ in 0..1_000 {
        let (connection, _endpoint) = dial(fixture.address(), &fixture.certs(), "operator-1").await.unwrap();
        let closed = wait_for("the refusal", connection.closed()).await;
        let number = u32::from(Reason::TooManyLinks.number());
        // Where the switch has forgotten the link already, its endpoint resets it.
        let refused = matches!(&closed, quinn::ConnectionError::ApplicationClosed(c) if c.error_code == number.into())
            || closed == quinn::ConnectionError::Reset;
        assert!(refused, "{closed:?}");
    }
    pays(&mut operator, &mut acquirer, "shop@acq-1").await;
    // The four that stand still work, too.
    pays(&mut links[0], &mut acquirer, "shop@acq-1").await;
}

#[tokio::test]
async fn a_newer_sign_on_of_the_same_instance_replaces_the_older() {
    let fixture = Fixture::start("");
    let older = Peer::operator(&fixture, "operator-1").await;
    let mut newer = Peer::operator(&fixture, "operator-1").await;
    let mut acquirer = Peer::destination(&fixture, "acquirer-1").await;
    assert_eq!(older.closed().await, Reason::Replaced);
    pays(&mut newer, &mut acquirer, "shop@acq-1").await;
}
