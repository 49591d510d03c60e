//! What the switch declines by itself: recorded, final, and nothing is held.

use holdfast_protocol::{Authorize, DecidedBy, Outcome, Reason, SecurityLevel};
use holdfast_tests::fixture::Fixture;
use holdfast_tests::parties::{PATIENT, Parties};
use holdfast_tests::peer::{Peer, pays};
use holdfast_tests::requests::{pay, release, reserve, reverse};

#[tokio::test]
async fn each_limit_declines_with_its_own_reason_for_ever() {
    let fixture = Fixture::start(PATIENT);
    let mut operator = Peer::operator(&fixture, "operator-2").await;
    let mut acquirer = Peer::destination(&fixture, "acquirer-1").await;
    let cases = [
        (pay("shop@acq-1", 10_001), Reason::AmountLimitExceeded),
        (
            Authorize { security_level: SecurityLevel::Three, ..pay("shop@acq-1", 1) },
            Reason::SecurityLevelNotAgreed,
        ),
        (Authorize { budget_ms: 1, ..pay("shop@acq-1", 1) }, Reason::BudgetTooShort),
        (pay("shop@acq-2", 1), Reason::DestinationNotConnected),
    ];
    for (request, reason) in cases {
        let answer = operator.answer_to(request.clone()).await;
        assert_eq!((answer.outcome, answer.reason), (Outcome::Declined, reason));
        assert_eq!(answer.decided_by, DecidedBy::Switch, "{reason}");
        assert_eq!(operator.answer_to(request).await, answer, "rule 3: {reason}");
    }
    assert_eq!(fixture.position("operator-2", "EUR").await, (0, 0, 0));
    pays(&mut operator, &mut acquirer, "shop@acq-1").await;
}

#[tokio::test]
async fn the_cap_holds_to_the_cent_and_what_is_given_back_is_room_again() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    // Of a reservation the acquirer is the debtor; its cap is a million.
    let almost_all = reserve("shop@acq-1", 99_999_999);
    parties.approved(&almost_all).await;
    let beyond = parties.operator.ask(reserve("shop@acq-1", 2)).await;
    assert_eq!(beyond, (Outcome::Declined, Reason::NetDebitCapExceeded), "I9");
    parties.approved(&reserve("shop@acq-1", 1)).await;
    assert_eq!(fixture.position("acquirer-1", "EUR").await, (100_000_000, 0, 0));
    let full = parties.operator.ask(reserve("shop@acq-1", 1)).await;
    assert_eq!(full, (Outcome::Declined, Reason::NetDebitCapExceeded));
    // Rule 22: credits are room, too, and undoing is never refused for the cap.
    let paid = pay("shop@acq-1", 500);
    parties.approved(&paid).await;
    parties.approved(&reserve("shop@acq-1", 500)).await;
    assert_eq!(parties.operator.answer_to(reverse(&paid)).await.outcome, Outcome::Approved);
    assert_eq!(parties.acquirer.take_delivery().await.original(), paid.id);
    assert_eq!(parties.operator.ask(reserve("shop@acq-1", 1)).await.1, Reason::NetDebitCapExceeded);
    assert_eq!(parties.operator.answer_to(release(&almost_all)).await.outcome, Outcome::Approved);
    assert_eq!(parties.acquirer.take_delivery().await.original(), almost_all.id);
    parties.approved(&reserve("shop@acq-1", 99_999_000)).await;
}
