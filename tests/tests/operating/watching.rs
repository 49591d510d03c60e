//! What the switch says about itself.

use holdfast_tests::fixture::Fixture;
use holdfast_tests::parties::{PATIENT, Parties};
use holdfast_tests::requests::{pay, release, reserve};

use crate::{page, refused_order};

#[tokio::test]
async fn counters_grow_with_what_happens() {
    let fixture = Fixture::start(PATIENT);
    assert_eq!(page(&fixture, "/readyz"), "ready\n");
    assert_eq!(page(&fixture, "/healthz"), "ok\n");
    let names = [
        "holdfast_sign_ons_total",
        "holdfast_inputs_total",
        "holdfast_facts_total",
        "holdfast_journal_syncs_total",
        "holdfast_turns_total",
        "holdfast_sequence",
    ];
    let before = names.map(|name| fixture.metric(name));
    let mut parties = Parties::of(&fixture).await;
    parties.approved(&pay("shop@acq-1", 700)).await;
    for (name, before) in names.into_iter().zip(before) {
        assert!(fixture.metric(name) > before, "{name} stays at {before}");
    }
    let links = "holdfast_links_up{participant=\"operator-1\"}";
    assert_eq!(fixture.metric(links), 1.0, "{}", fixture.metrics());
    let approved = page(&fixture, "/metrics")
        .lines()
        .filter(|line| line.starts_with("holdfast_outcomes_total{") && line.contains("operator-1"))
        .filter(|line| !line.ends_with(" 0"))
        .count();
    assert_eq!(approved, 1);
}

#[tokio::test]
async fn status_shows_links_positions_and_what_is_undelivered() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let held = reserve("shop@acq-1", 1_000);
    parties.approved(&held).await;
    let in_flight = pay("shop@acq-1", 20);
    parties.forwarded(&in_flight).await;
    let status = fixture.status().await;
    assert_eq!((status.state.as_str(), status.queues.pending, status.queues.open), ("serving", 1, 2));
    let operator = status.participants.iter().find(|p| p.name == "operator-1").unwrap();
    assert_eq!((operator.links.len(), operator.unanswered, operator.status.as_str()), (1, 1, "active"));
    assert!(status.durable <= status.sequence && status.durable > 0);
    parties.operator.answer_to(release(&held)).await;
    let status = fixture.status().await;
    let undelivered = status.deliveries.iter().find(|d| d.destination == "acquirer-1").unwrap();
    assert_eq!((undelivered.undelivered, undelivered.on_their_way), (1, 1));
    assert!(page(&fixture, "/status").contains("\"acquirer-1\""));
}

#[tokio::test]
async fn a_transaction_and_a_route_are_explained() {
    let fixture = Fixture::start(PATIENT);
    let mut parties = Parties::of(&fixture).await;
    let request = pay("shop@acq-1", 700);
    let path = format!("/transaction/operator-1/{}", request.id);
    let (code, _) = holdfast_tests::processes::http_get(fixture.switch().admin, &path).unwrap();
    assert_eq!(code, 404);
    parties.forwarded(&request).await;
    let pending = page(&fixture, &path);
    for word in ["\"pending\"", "\"acquirer-1\"", "\"700\"", "shop@acq-1"] {
        assert!(pending.to_lowercase().contains(word), "no {word} in {pending}");
    }
    let route = page(&fixture, "/route/shop@acq-1");
    assert!(route.contains("\"destination\":\"acquirer-1\""), "{route}");
    // Orders are not taken from a page in a browser, which cannot send the header: a plain GET is no order.
    let (code, _) = holdfast_tests::processes::http_get(fixture.switch().admin, "/reload").unwrap();
    assert_eq!(code, 405);
    refused_order(&fixture, "/nowhere", 404);
}
