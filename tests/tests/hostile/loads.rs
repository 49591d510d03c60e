//! Too much of something.

use holdfast_protocol::{Echo, Message, Outcome, Reason};
use holdfast_tests::fixture::Fixture;
use holdfast_tests::parties::PATIENT;
use holdfast_tests::peer::{Peer, encoded, pays, sign_on};
use holdfast_tests::requests::{now, pay};

#[tokio::test]
async fn requests_beyond_the_window_are_refused_and_the_rest_is_served() {
    let fixture = Fixture::start(&format!("{PATIENT}window = 10\n"));
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
    fixture.shows_refused_frames("operator-1", Reason::WindowExceeded, 190).await;
}

#[tokio::test]
async fn a_flood_ends_the_link_and_nobody_elses() {
    let fixture = Fixture::start(&format!("{PATIENT}window = 10\n"));
    let mut flood = Peer::operator(&fixture, "operator-1").await;
    let _silent = Peer::destination(&fixture, "acquirer-2").await;
    let (mut operator, mut acquirer) =
        (Peer::operator(&fixture, "operator-2").await, Peer::destination(&fixture, "acquirer-1").await);
    let batch: Vec<Message> = (0..1_000).map(|_| pay("shop@acq-2", 1).into()).collect();
    for _ in 0..12 {
        flood.send(&batch).await;
    }
    assert_eq!(flood.closed().await, Reason::Flooding);
    fixture.shows_end("operator-1", Reason::Flooding).await;
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
    fixture.shows_end("acquirer-2", Reason::NotReading).await;
    pays(&mut operator, &mut acquirer, "shop@acq-1").await;
}

#[tokio::test]
async fn a_newer_sign_on_of_the_same_instance_replaces_the_older() {
    let fixture = Fixture::start(PATIENT);
    let older = Peer::operator(&fixture, "operator-1").await;
    let mut newer = Peer::operator(&fixture, "operator-1").await;
    let mut acquirer = Peer::destination(&fixture, "acquirer-1").await;
    assert_eq!(older.closed().await, Reason::Replaced);
    fixture.shows_end("operator-1", Reason::Replaced).await;
    pays(&mut newer, &mut acquirer, "shop@acq-1").await;
}

#[tokio::test]
async fn a_participant_that_never_reads_its_control_stream_loses_its_link_and_nobody_else() {
    let fixture = Fixture::start(
        "[sessions]\noutbound_bytes_max = 65536\necho_timeout_ms = 60000\n[transport]\nstream_window_bytes = 65536\n",
    );
    let (mut operator, mut acquirer) =
        (Peer::operator(&fixture, "operator-1").await, Peer::destination(&fixture, "acquirer-1").await);
    let mut deaf = Peer::operator(&fixture, "operator-2").await;
    // Each asks for a reply; the replies are more than its QUIC stream, the switch's send buffer and the queue take.
    let ask = Message::from(Echo { correlation: 1, time: now(), reply: false });
    let batch = encoded(&vec![ask; 1_000]);
    for _ in 0..200 {
        if deaf.try_send_control_bytes(&batch).await.is_err() {
            break;
        }
    }
    assert_eq!(deaf.closed().await, Reason::NotReading);
    fixture.shows_end("operator-2", Reason::NotReading).await;
    pays(&mut operator, &mut acquirer, "shop@acq-1").await;
}

#[tokio::test]
async fn a_participant_that_leaves_echoes_unanswered_loses_its_link_and_what_it_owed_goes_on() {
    let fixture = Fixture::start("[sessions]\necho_interval_ms = 100\necho_timeout_ms = 1000\n");
    let mut deaf = Peer::operator(&fixture, "operator-2").await;
    deaf.send(&[pay("shop@acq-2", 1).into()]).await;
    assert_eq!(deaf.closed().await, Reason::EchoUnanswered);
    fixture.shows_end("operator-2", Reason::EchoUnanswered).await;
    let (mut operator, mut acquirer) =
        (Peer::operator(&fixture, "operator-1").await, Peer::destination(&fixture, "acquirer-1").await);
    pays(&mut operator, &mut acquirer, "shop@acq-1").await;
}
