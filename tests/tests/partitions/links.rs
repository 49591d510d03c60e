//! Links of a switch with several partitions.

use holdfast_protocol::{Message, Reason, SignOn, Window};
use holdfast_tests::peer::{Peer, pays, sign_on};
use holdfast_tests::requests::{approval, pay};

use crate::{PARTITIONS, start};

#[tokio::test]
async fn a_welcome_names_the_home_of_each_participant() {
    let fixture = start("");
    for (name, home) in [("operator-1", 1), ("operator-2", 2), ("acquirer-1", 2), ("acquirer-2", 0)] {
        let mut peer = Peer::dial(&fixture, name).await;
        let welcome = peer.sign_on(sign_on(name.starts_with('o'), name.starts_with('a'))).await;
        assert_eq!((welcome.partition.0, welcome.epoch.0), (home, 1), "{name}");
    }
}

#[tokio::test]
async fn a_destination_hears_of_its_answers_in_the_order_of_its_lane() {
    const EACH: u64 = 300;
    let fixture = start("");
    let mut acquirer = Peer::destination(&fixture, "acquirer-1").await;
    let mut operators =
        [Peer::operator(&fixture, "operator-1").await, Peer::operator(&fixture, "operator-2").await];
    for operator in &mut operators {
        let requests: Vec<Message> = (0..EACH).map(|_| pay("shop@acq-1", 100).into()).collect();
        operator.send(&requests).await;
    }
    let (mut answered, mut told) = (0, 0);
    while told < 2 * EACH {
        match acquirer.next().await {
            Some(Message::Authorize(forward)) => {
                acquirer.send(&[approval(&forward, None).into()]).await;
                answered += 1;
            }
            Some(Message::DecidedThrough(decided)) => {
                assert!(decided.count > told && decided.count <= answered, "{decided:?}, {told}, {answered}");
                told = decided.count;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_link_that_takes_fewer_forwards_than_there_are_partitions_is_ended() {
    let fixture = start("");
    let few = |window| SignOn { window, ..sign_on(false, true) };
    let mut peer = Peer::dial(&fixture, "acquirer-1").await;
    peer.send_control(&few(u32::from(PARTITIONS) - 1).into()).await;
    assert_eq!(peer.closed().await, Reason::WindowTooSmall);
    fixture.shows_end("acquirer-1", Reason::WindowTooSmall).await;
    let mut enough = Peer::dial(&fixture, "acquirer-1").await;
    enough.sign_on(few(PARTITIONS.into())).await;
    for operator in ["operator-1", "operator-2"] {
        let mut operator = Peer::operator(&fixture, operator).await;
        pays(&mut operator, &mut enough, "shop@acq-1").await;
    }
    enough.send_control(&Window { window: 1 }.into()).await;
    assert_eq!(enough.closed().await, Reason::WindowTooSmall);
}

#[tokio::test]
async fn of_many_sign_ons_of_one_instance_one_stays_in_every_partition() {
    let fixture = start("");
    let mut acquirer = Peer::destination(&fixture, "acquirer-1").await;
    for _ in 0..20 {
        // At once: they come to the drivers in whatever order.
        let (mut one, mut other) =
            tokio::join!(Peer::operator(&fixture, "operator-1"), Peer::operator(&fixture, "operator-1"));
        let ended = tokio::select! {
            reason = one.closed() => { std::mem::swap(&mut one, &mut other); reason }
            reason = other.closed() => reason,
        };
        assert_eq!(ended, Reason::Replaced);
        pays(&mut one, &mut acquirer, "shop@acq-1").await;
    }
}
