//! A switch of several partitions over real links: everything about a transaction is decided at the home of its originator, and
//! whoever takes part notices nothing of it.

mod links;
mod payments;
mod starts;

use holdfast_protocol::{Message, Outcome};
use holdfast_tests::fixture::Fixture;
use holdfast_tests::peer::Peer;
use holdfast_tests::requests::{approval, pay};

/// With three, operator 1 is at home in partition 1, operator 2 and acquirer 1 in 2, acquirer 2 in 0.
const PARTITIONS: u16 = 3;

fn start(additions: &str) -> Fixture {
    Fixture::of_partitions(PARTITIONS, additions)
}

/// Both operators pay both acquirers, so many times each; all are approved.
async fn all_pay(fixture: &Fixture, times: usize) {
    let mut acquirers =
        [Peer::destination(fixture, "acquirer-1").await, Peer::destination(fixture, "acquirer-2").await];
    let mut operators =
        [Peer::operator(fixture, "operator-1").await, Peer::operator(fixture, "operator-2").await];
    for operator in &mut operators {
        let requests = (0..times).flat_map(|_| [pay("shop@acq-1", 100), pay("shop@acq-2", 100)]);
        operator.send(&requests.map(Message::from).collect::<Vec<_>>()).await;
    }
    for acquirer in &mut acquirers {
        for _ in 0..2 * times {
            let forward = acquirer.next_forward().await;
            acquirer.send(&[approval(&forward, None).into()]).await;
        }
    }
    for (operator, home) in operators.iter_mut().zip([1, 2]) {
        for _ in 0..2 * times {
            let answer = operator.next_answer().await;
            assert_eq!((answer.outcome, answer.partition.0), (Outcome::Approved, home));
        }
    }
}
