//! More than was agreed: refused early, with a time to come again, and nothing held (rule 24).

use holdfast_protocol::{Authorize, Message, Outcome, Reason};
use holdfast_tests::fixture::Fixture;
use holdfast_tests::parties::{PATIENT, Parties};
use holdfast_tests::peer::{Peer, pays};
use holdfast_tests::requests::{approval, pay, reverse};

/// Sends payments of one cent and sorts what comes of them: forwards, and the ids of those refused as busy.
async fn flood(parties: &mut Parties, count: usize, taken: usize) -> (Vec<Authorize>, Vec<Authorize>) {
    let requests: Vec<Authorize> = (0..count).map(|_| pay("shop@acq-1", 1)).collect();
    let messages: Vec<Message> = requests.iter().cloned().map(Message::from).collect();
    parties.operator.send(&messages).await;
    let mut refused = Vec::new();
    for _ in taken..count {
        let answer = parties.operator.next_answer().await;
        assert_eq!((answer.outcome, answer.reason), (Outcome::Refused, Reason::Busy));
        assert_eq!(answer.retry_after_ms, 40, "rule 24");
        refused.push(requests.iter().find(|r| r.id == answer.id).unwrap().clone());
    }
    let mut forwards = Vec::new();
    for _ in 0..taken {
        forwards.push(parties.acquirer.next_forward().await);
    }
    (forwards, refused)
}

#[tokio::test]
async fn a_destination_gets_no_more_at_once_than_agreed_and_others_are_served() {
    let fixture = Fixture::start(&format!(
        "{PATIENT}\n[requests]\npending_for_destination_max = 3\nretry_after_ms = 40\n"
    ));
    let mut parties = Parties::of(&fixture).await;
    let mut other = Peer::destination(&fixture, "acquirer-2").await;
    let (forwards, refused) = flood(&mut parties, 10, 3).await;
    assert_eq!(fixture.position("operator-1", "EUR").await, (3, 0, 0), "nothing else is held");
    pays(&mut parties.operator, &mut other, "shop@acq-2").await;
    let approvals: Vec<Message> = forwards.iter().map(|f| approval(f, None).into()).collect();
    parties.acquirer.send(&approvals).await;
    for _ in 0..3 {
        assert_eq!(
            parties.operator.next_answer().await.outcome,
            Outcome::Approved,
            "what was accepted counts"
        );
    }
    // Rule 5: a refusal is not recorded, so the same id may be taken later.
    parties.approved(&refused[0]).await;
    assert_eq!(fixture.position("acquirer-1", "EUR").await, (0, 0, 4));
}

#[tokio::test]
async fn the_switch_takes_no_more_at_once_than_agreed_and_still_undoes() {
    let fixture = Fixture::start(&format!("{PATIENT}\n[requests]\npending_max = 3\nretry_after_ms = 40\n"));
    let mut parties = Parties::of(&fixture).await;
    let mut other = Peer::operator(&fixture, "operator-2").await;
    let (forwards, _) = flood(&mut parties, 5, 3).await;
    assert_eq!(other.ask(pay("shop@acq-2", 1)).await, (Outcome::Refused, Reason::Busy));
    let undoing = reverse(&forwards[0]);
    parties.operator.send(&[undoing.clone().into()]).await;
    let ids = [parties.operator.next_answer().await.id, parties.operator.next_answer().await.id];
    assert!(ids.contains(&undoing.id) && ids.contains(&forwards[0].id));
    assert_eq!(fixture.position("operator-1", "EUR").await, (2, 0, 0));
    assert_eq!(parties.acquirer.take_delivery().await.original(), forwards[0].id);
    // Its place is free again.
    pays(&mut other, &mut parties.acquirer, "shop@acq-1").await;
}

#[tokio::test]
async fn a_destination_that_acknowledges_nothing_gets_nothing_new() {
    let fixture = Fixture::start(&format!("{PATIENT}\n[deliveries]\nundelivered_for_destination_max = 10\n"));
    let mut parties = Parties::of(&fixture).await;
    let mut undone = 0;
    let refused = loop {
        let request = pay("shop@acq-1", 1);
        parties.operator.send(&[request.clone().into(), reverse(&request).into()]).await;
        let first = parties.operator.next_answer().await;
        let second = parties.operator.next_answer().await;
        if first.outcome == Outcome::Refused || second.outcome == Outcome::Refused {
            break if first.outcome == Outcome::Refused { first } else { second };
        }
        undone += 1;
        assert!(undone <= 10, "the queue has no end");
    };
    assert_eq!(refused.reason, Reason::DeliveryQueueFull);
    assert!(undone >= 7, "80 % of ten: {undone}");
    assert_eq!(fixture.position("operator-1", "EUR").await, (0, 0, 0));
}
