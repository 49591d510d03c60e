//! Payments, holds and the room under a cap over several partitions.

use holdfast_protocol::{Authorize, Message, Outcome, Reason};
use holdfast_tests::peer::Peer;
use holdfast_tests::processes::http_post;
use holdfast_tests::requests::{approval, pay, release, reserve};

use crate::{all_pay, start};

#[tokio::test]
async fn payments_of_every_home_are_decided_and_the_books_close_over_a_restart() {
    let mut fixture = start("");
    all_pay(&fixture, 50).await;
    for _ in 0..2 {
        for acquirer in ["acquirer-1", "acquirer-2"] {
            assert_eq!(fixture.position(acquirer, "EUR").await, (0, 0, 10_000), "{acquirer}");
        }
        for operator in ["operator-1", "operator-2"] {
            assert_eq!(fixture.position(operator, "EUR").await, (0, 10_000, 0), "{operator}");
        }
        let status = fixture.status().await;
        let partitions: Vec<_> = status.partitions.iter().map(|p| p.partition).collect();
        assert_eq!(partitions, [0, 1, 2]);
        // Two facts a payment; partition 0 has no originator.
        let facts: Vec<_> = status.partitions.iter().map(|p| p.sequence).collect();
        assert!(facts[1] > 200 && facts[2] > 200 && facts[0] < 50, "{facts:?}");
        assert!(status.partitions.iter().all(|p| p.durable == p.sequence));
        fixture.restart();
    }
    all_pay(&fixture, 1).await;
    assert_eq!(fixture.position("acquirer-1", "EUR").await, (0, 0, 10_200));
    assert_eq!(fixture.metric("holdfast_facts_total"), 8.0, "of all partitions, since the start");
}

#[tokio::test]
async fn a_repeat_after_a_restart_gets_the_outcome_with_its_place() {
    let mut fixture = start("");
    let request = pay("shop@acq-2", 700);
    let mut first = {
        let mut acquirer = Peer::destination(&fixture, "acquirer-2").await;
        let mut operator = Peer::operator(&fixture, "operator-2").await;
        operator.send(&[request.clone().into()]).await;
        let forward = acquirer.next_forward().await;
        acquirer.send(&[approval(&forward, None).into()]).await;
        operator.next_answer().await
    };
    assert_eq!(first.outcome, Outcome::Approved);
    fixture.restart();
    let mut operator = Peer::operator(&fixture, "operator-2").await;
    operator.send(&[request.into()]).await;
    let again = operator.next_answer().await;
    first.state = again.state;
    assert_eq!(again, first);
}

#[tokio::test]
async fn orders_reach_every_partition_and_stay() {
    let mut fixture = start("");
    for (order, outcome) in [
        ("suspend", (Outcome::Refused, Reason::Suspended)),
        ("resume", (Outcome::Declined, Reason::DestinationNotConnected)),
    ] {
        for operator in ["operator-1", "operator-2"] {
            let path = format!("/participant/{operator}/{order}");
            assert_eq!(http_post(fixture.switch().admin, &path).unwrap().0, 200);
        }
        fixture.restart();
        for operator in ["operator-1", "operator-2"] {
            let mut operator = Peer::operator(&fixture, operator).await;
            let mut got = operator.ask(pay("shop@acq-1", 100)).await;
            while got.1 == Reason::Busy {
                // Its destination may be on its way back.
                got = operator.ask(pay("shop@acq-1", 100)).await;
            }
            assert_eq!(got, outcome);
        }
    }
}

/// Past whatever else it is sent.
async fn next_forward(acquirer: &mut Peer) -> Authorize {
    loop {
        if let Message::Authorize(forward) = acquirer.next().await.expect("the link stands") {
            return forward;
        }
    }
}

#[tokio::test]
async fn a_cap_holds_over_all_partitions_and_all_of_it_can_be_used_in_any() {
    const CAP: &str = "caps = { EUR = \"1000000.00\" }\n\n[[participants]]\nname = \"acquirer-2\"";
    let mut fixture = start("");
    fixture.stop();
    fixture.start_with(CAP, &CAP.replace("1000000", "100")).unwrap();
    let mut acquirer = Peer::destination(&fixture, "acquirer-1").await;
    let mut operators =
        [Peer::operator(&fixture, "operator-1").await, Peer::operator(&fixture, "operator-2").await];
    // For a reservation the acquirer owes: its cap begins in partition 2, with operator 2.
    for who in [0, 1, 0] {
        let mut held = Vec::new();
        while held.len() < 5 {
            let request = reserve("shop@acq-1", 2_500);
            operators[who].send(&[request.clone().into()]).await;
            tokio::select! {
                answer = operators[who].next_answer() => match (answer.outcome, answer.reason) {
                    (Outcome::Refused, Reason::Busy) => {}
                    (Outcome::Declined, Reason::NetDebitCapExceeded) if held.len() == 4 => break,
                    // For a second it counts that nobody had room.
                    (Outcome::Declined, Reason::NetDebitCapExceeded) => tokio::task::yield_now().await,
                    other => panic!("{other:?}"),
                },
                forward = next_forward(&mut acquirer) => {
                    acquirer.send(&[approval(&forward, None).into()]).await;
                    assert_eq!(operators[who].next_answer().await.outcome, Outcome::Approved);
                    held.push(request);
                }
            }
        }
        assert_eq!(held.len(), 4, "operator {}", who + 1);
        assert_eq!(fixture.position("acquirer-1", "EUR").await.0, 10_000);
        for request in held {
            operators[who].send(&[release(&request).into()]).await;
            assert_eq!(operators[who].next_answer().await.outcome, Outcome::Approved);
        }
        assert_eq!(fixture.position("acquirer-1", "EUR").await.0, 0);
    }
}
