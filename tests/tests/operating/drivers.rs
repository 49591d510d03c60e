//! The driver on a thread of its own says and does the same.

use holdfast_protocol::{Outcome, State};
use holdfast_tests::fixture::Fixture;
use holdfast_tests::parties::Parties;
use holdfast_tests::requests::{capture, pay, reserve};

#[tokio::test]
async fn payments_and_reservations_work_with_either_driver_and_over_the_same_journal() {
    for driver in ["thread", "inline"] {
        let additions = format!("[sessions]\necho_timeout_ms = 600000\n[transport]\ndriver = \"{driver}\"\n");
        let mut fixture = Fixture::start(&additions);
        let mut parties = Parties::of(&fixture).await;
        let (paid, held) = (pay("shop@acq-1", 700), reserve("shop@acq-1", 1_000));
        let answer = parties.approved(&paid).await;
        assert_eq!(answer.state, State::Captured, "{driver}");
        parties.approved(&held).await;
        fixture.restart();
        let mut parties = Parties::of(&fixture).await;
        assert_eq!(parties.operator.answer_to(paid).await, answer, "{driver}");
        assert_eq!(parties.operator.answer_to(capture(&held, 400, true)).await.outcome, Outcome::Approved);
        assert_eq!(parties.acquirer.take_delivery().await.original(), held.id, "{driver}");
        assert_eq!(parties.acquirer.next_complete().await.original, held.id, "{driver}");
        assert_eq!(fixture.position("acquirer-1", "EUR").await, (0, 400, 700), "{driver}");
    }
}
