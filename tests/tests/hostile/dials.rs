//! Too many dials, and dials that come to nothing.

use holdfast_protocol::Reason;
use holdfast_tests::dialler::{Gets, dial_unfinished};
use holdfast_tests::fixture::Fixture;
use holdfast_tests::peer::{Peer, dial, pays, wait_for, wait_until};
use quinn::ConnectionError;
use tokio::task::JoinSet;

const DIALS: usize = 1_000;
/// Half of the places are for handshakes.
const SMALL: &str = "[sessions]\nlinks_for_participant_max = 4\nlinks_max = 64\necho_timeout_ms = 60000\n";

/// Each dial comes from an address of its own, so those of several threads of links get their share.
const THREADS: [u16; 2] = [1, 4];

/// A handshake that is not finished has ten minutes.
fn unfinished_take_long(io_threads: u16) -> Fixture {
    Fixture::start(&format!("{SMALL}sign_on_timeout_ms = 600000\n[transport]\nio_threads = {io_threads}\n"))
}

/// An operator and an acquirer that have been there before.
async fn parties(fixture: &Fixture) -> (Peer, Peer) {
    (Peer::operator(fixture, "operator-2").await, Peer::destination(fixture, "acquirer-1").await)
}

#[tokio::test]
async fn a_thousand_dials_of_one_participant_leave_room_for_the_others() {
    let fixture = Fixture::start(SMALL);
    let (mut operator, mut acquirer) = parties(&fixture).await;
    let mut links = Vec::new();
    for n in 0..4 {
        links.push(Peer::instance(&fixture, "operator-1", n).await);
    }
    for _ in 0..100 {
        let (connection, _endpoint) = dial(fixture.address(), &fixture.certs(), "operator-1").await.unwrap();
        let closed = wait_for("the refusal", connection.closed()).await;
        let number = u32::from(Reason::TooManyLinks.number());
        // Where the switch has forgotten the link already, its endpoint resets it.
        let refused = matches!(&closed, ConnectionError::ApplicationClosed(c) if c.error_code == number.into())
            || closed == ConnectionError::Reset;
        assert!(refused, "{closed:?}");
    }
    fixture.shows_refused_link("operator-1", Reason::TooManyLinks, 100).await;
    let said = fixture.log().lines_with(&["link refused"]);
    assert!(said < 100, "a log line for each of them would be an attack of its own: {said}");
    // All at once, and each link is kept where it can be.
    let (_, endpoint) = dial(fixture.address(), &fixture.certs(), "operator-1").await.unwrap();
    let mut dials = JoinSet::new();
    for _ in 0..DIALS {
        let connecting = endpoint.quinn.connect(fixture.address(), "localhost").unwrap();
        dials.spawn(async move {
            match connecting.await {
                Ok(connection) => connection.closed().await,
                Err(error) => error,
            }
        });
    }
    pays(&mut operator, &mut acquirer, "shop@acq-1").await;
    for _ in 0..DIALS {
        wait_for("the end of every dial", dials.join_next()).await.unwrap().unwrap();
    }
    pays(&mut operator, &mut acquirer, "shop@acq-1").await;
    // The four that stand still work, too.
    pays(&mut links[0], &mut acquirer, "shop@acq-1").await;
    let endings = [
        "holdfast_links_closed_total{participant=\"operator-1\",reason=\"TooManyLinks\"",
        "holdfast_dials_refused_total",
        "holdfast_handshakes_displaced_total",
        "holdfast_handshakes_failed_total",
    ];
    wait_until("every dial to be counted", async || {
        endings.iter().map(|ending| fixture.metric(ending)).sum::<f64>() >= (100 + DIALS) as f64
    })
    .await;
}

#[tokio::test]
async fn dials_from_addresses_that_may_be_lies_keep_nobody_out() {
    for io_threads in THREADS {
        let fixture = unfinished_take_long(io_threads);
        let (mut operator, mut acquirer) = parties(&fixture).await;
        let _unfinished = dial_unfinished(&fixture, "operator-1", DIALS, Gets::FirstPacket).await;
        // Of a thousand, thirty have a place; the others were only asked to show their addresses.
        let crowded = "crowded: addresses are asked to show that they are real";
        fixture.shows(&[crowded], "holdfast_addresses_asked_total", 900).await;
        pays(&mut operator, &mut acquirer, "shop@acq-1").await;
        let mut later = Peer::operator(&fixture, "operator-1").await;
        pays(&mut later, &mut acquirer, "shop@acq-1").await;
    }
}

#[tokio::test]
async fn handshakes_that_never_finish_keep_nobody_out() {
    for io_threads in THREADS {
        let fixture = unfinished_take_long(io_threads);
        let (mut operator, mut acquirer) = parties(&fixture).await;
        let _unfinished = dial_unfinished(&fixture, "operator-1", 200, Gets::AddressShown).await;
        let displaced = "handshakes that are not finished give way";
        fixture.shows(&[displaced], "holdfast_handshakes_displaced_total", 100).await;
        pays(&mut operator, &mut acquirer, "shop@acq-1").await;
        let mut later = Peer::operator(&fixture, "operator-1").await;
        pays(&mut later, &mut acquirer, "shop@acq-1").await;
    }
}

#[tokio::test]
async fn a_handshake_that_is_not_finished_in_time_is_let_go() {
    let fixture = Fixture::start("[sessions]\nsign_on_timeout_ms = 1000\n");
    let _unfinished = dial_unfinished(&fixture, "operator-1", 1, Gets::FirstPacket).await;
    fixture.shows_failed_handshake("not finished in time").await;
    let (mut operator, mut acquirer) = parties(&fixture).await;
    pays(&mut operator, &mut acquirer, "shop@acq-1").await;
}

#[tokio::test]
async fn dials_beyond_the_last_place_are_refused_and_links_that_stand_go_on() {
    let fixture = Fixture::start("[sessions]\nlinks_max = 2\necho_timeout_ms = 60000\n");
    let (mut operator, mut acquirer) = parties(&fixture).await;
    let refused = dial(fixture.address(), &fixture.certs(), "operator-1").await;
    assert!(matches!(refused, Err(ConnectionError::ConnectionClosed(_))), "{refused:?}");
    fixture.shows(&["dial refused"], "holdfast_dials_refused_total", 1).await;
    pays(&mut operator, &mut acquirer, "shop@acq-1").await;
}
