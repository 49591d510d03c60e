//! What those who run a switch find out about single transactions: which are stuck, and all that happened to one.

use holdfast_protocol::{Answer, ApprovalCode};
use holdfast_tests::fixture::Fixture;
use holdfast_tests::parties::{PATIENT, Parties};
use holdfast_tests::peer::wait_until;
use holdfast_tests::processes::{run_well, text};
use holdfast_tests::requests::{approval, capture, release, reserve, reverse};
use serde_json::Value;

use crate::page;

/// What a command prints. The peers of a test live on meanwhile.
async fn shown(arguments: &[&str]) -> String {
    let arguments: Vec<_> = arguments.iter().map(|&argument| argument.to_owned()).collect();
    let run = move || {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        String::from_utf8(run_well("holdfast", &arguments).stdout).unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test]
async fn what_waits_longest_is_listed_first_and_says_why() {
    let fixture = Fixture::start(PATIENT);
    let admin = fixture.switch().admin.to_string();
    let mut parties = Parties::of(&fixture).await;
    let (first, second) = (reserve("shop@acq-1", 1_000), reserve("shop@acq-1", 500));
    parties.approved(&first).await;
    parties.approved(&second).await;
    assert_eq!(shown(&["undelivered", "--admin", &admin]).await, "nothing is undelivered\n");
    parties.operator.answer_to(release(&first)).await;
    parties.operator.answer_to(reverse(&second)).await;

    let list: Value =
        serde_json::from_str(&page(&fixture, "/undelivered?destination=acquirer-1&max=10")).unwrap();
    let transactions = list["transactions"].as_array().unwrap();
    let ids: Vec<_> = transactions.iter().map(|t| t["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, [first.id.to_string(), second.id.to_string()]);
    assert_eq!((&transactions[0]["kind"], &transactions[0]["attempts"]), (&"release".into(), &1.into()));
    assert_eq!(transactions[0].get("in_doubt"), None);
    assert_eq!(transactions[1]["kind"], "reverse");
    assert_eq!((&transactions[1]["in_doubt"], &transactions[1]["currency"]), (&"500".into(), &"EUR".into()));
    assert_eq!(list["more"], 0);
    let page_of_one = shown(&["undelivered", "acquirer-1", "--max", "1", "--admin", &admin]).await;
    assert!(page_of_one.contains(&ids[0]) && !page_of_one.contains(&ids[1]), "{page_of_one}");
    assert!(page_of_one.contains("sent and not acknowledged") && page_of_one.contains("and 1 more"));
    assert_eq!(shown(&["undelivered", "acquirer-2", "--admin", &admin]).await, "nothing is undelivered\n");
    assert!(shown(&["status", "--admin", &admin]).await.contains("undelivered to acquirer-1: 2"));

    for _ in 0..2 {
        let delivery = parties.acquirer.next_delivery().await;
        parties.acquirer.send(&[delivery.acknowledgement()]).await;
    }
    wait_until("everything to be acknowledged", async || {
        shown(&["undelivered", "--admin", &admin]).await == "nothing is undelivered\n"
    })
    .await;
    let status = shown(&["status", "--admin", &admin]).await;
    assert!(status.contains("undelivered: 0, every destination has acknowledged everything"), "{status}");
}

#[tokio::test]
async fn the_journal_tells_the_whole_life_of_what_memory_has_closed() {
    let mut fixture = Fixture::start(PATIENT);
    let admin = fixture.switch().admin.to_string();
    let mut parties = Parties::of(&fixture).await;
    let mut held = reserve("shop@acq-1", 8_000);
    held.captures_many = true;
    let forward = parties.forwarded(&held).await;
    let approved =
        Answer { approval_code: ApprovalCode::new(*b"A1B2C3").unwrap(), ..approval(&forward, None) };
    parties.acquirer.send(&[approved.into()]).await;
    parties.operator.next_answer().await;
    let captures = [capture(&held, 3_000, false), capture(&held, 2_000, true)];
    for request in &captures {
        parties.operator.answer_to(request.clone()).await;
        let delivery = parties.acquirer.next_delivery().await;
        parties.acquirer.send(&[delivery.acknowledgement()]).await;
    }
    wait_until("the captures to be acknowledged", async || fixture.status().await.queues.open == 0).await;
    let name = format!("operator-1/{}", held.id);
    let memory = shown(&["transaction", &name, "--admin", &admin]).await;
    assert!(
        memory.contains("approval code    A1B2C3") && memory.contains("not in memory: when each thing"),
        "{memory}"
    );
    assert!(memory.contains(&format!("holdfast transaction {name} --journal COPY")), "{memory}");

    let part = format!("operator-1/{}", captures[0].id);
    let found = shown(&["transaction", &part, "--admin", &admin]).await;
    let named = format!("{} is a capture, release or reversal of this transaction:\n", captures[0].id);
    assert_eq!(found, format!("{named}{memory}"), "by the id of a capture");

    fixture.stop();
    let journal = fixture.path().join("journal");
    let found = shown(&["transaction", &part, "--journal", text(&journal)]).await;
    assert!(found.starts_with(&named) && found.contains("captured 20.00 EUR, the rest"), "{found}");
    let life = shown(&["transaction", &name, "--journal", text(&journal)]).await;
    let mut rest = life.as_str();
    for happened in [
        "reserve of 80.00 EUR to shop@acq-1: forwarded to acquirer-1 instance",
        "approved 80.00 EUR, approval code A1B2C3",
        "captured 30.00 EUR (request ",
        "delivery 1 is due: capture of 30.00 EUR",
        "delivery 1 is acknowledged",
        "captured 20.00 EUR, the rest is released",
        "delivery 2 is due: capture of 20.00 EUR",
        "delivery 2 is acknowledged",
        "at the end of this journal",
        "state            captured",
        "captured         50.00 EUR",
        "released         30.00 EUR",
        "deliveries       all acknowledged",
    ] {
        let at = rest.find(happened);
        rest = &rest[at.unwrap_or_else(|| panic!("no {happened:?} in its place in\n{life}"))..];
    }
    let facts = shown(&["transaction", &name, "--json", "--journal", text(&journal)]).await;
    assert_eq!(facts.lines().filter(|line| line.starts_with('{')).count(), 6, "{facts}");
}
