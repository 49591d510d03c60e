//! The `holdfast` program as a process: under load, stopped, started again, asked and doubled.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use holdfast_protocol::{Answer, Authorize, Message, Outcome, Reason, RequestId};
use holdfast_tests::peer::{Peer, sign_on, wait_until};
use holdfast_tests::processes::{Process, SwitchHome, http_get, run, run_well, text};
use holdfast_tests::requests::{approval, date_in, pay};
use holdfast_tests::wait;
use tempfile::TempDir;

const ENDS_WITHIN: Duration = Duration::from_secs(60);

fn home() -> (TempDir, SwitchHome) {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = SwitchHome::new(directory.path(), 1, 1);
    let mut toml = fs::read_to_string(home.config()).unwrap();
    toml.push_str("\n[sessions]\necho_timeout_ms = 600000\n");
    fs::write(home.config(), toml).unwrap();
    (directory, home)
}

async fn parties(home: &SwitchHome) -> (Peer, Peer) {
    let mut operator = Peer::dial_at(home.listen, &home.certs(), "operator-1").await;
    operator.sign_on(sign_on(true, false)).await;
    let mut acquirer = Peer::dial_at(home.listen, &home.certs(), "acquirer-1").await;
    acquirer.sign_on(sign_on(false, true)).await;
    (operator, acquirer)
}

fn messages(requests: &[Authorize]) -> Vec<Message> {
    requests.iter().cloned().map(Message::from).collect()
}

/// Every answer on the lane until the link ends.
async fn answers_to_the_end(operator: &mut Peer) -> HashMap<RequestId, Answer> {
    let mut answers = HashMap::new();
    while let Some(message) = operator.next().await {
        if let Message::Answer(answer) = message {
            assert_eq!(answers.insert(answer.id, answer), None, "rule 13: one outcome");
        }
    }
    answers
}

#[tokio::test]
async fn a_switch_told_to_end_finishes_what_is_in_flight_and_remembers_what_it_told() {
    let (_directory, home) = home();
    let mut process = home.start();
    let (mut operator, mut acquirer) = parties(&home).await;
    let requests: Vec<Authorize> = (0..200).map(|_| pay("shop@acq-1", 1)).collect();
    operator.send(&messages(&requests)).await;
    let mut forwards = Vec::new();
    for _ in &requests {
        forwards.push(acquirer.next_forward().await);
    }
    let approvals: Vec<Message> = forwards.iter().map(|f| approval(f, None).into()).collect();
    let (early, late) = approvals.split_at(100);
    acquirer.send(early).await;
    process.terminate();
    wait_until("the switch to say that it is not ready", async || {
        http_get(home.admin, "/readyz").is_none_or(|(status, _)| status == 503)
    })
    .await;
    let fresh = pay("shop@acq-1", 1);
    operator.send(&[fresh.clone().into()]).await;
    acquirer.send(late).await;
    let told = answers_to_the_end(&mut operator).await;
    assert_eq!(operator.closed().await, Reason::SwitchStopping);
    let status = process.wait(ENDS_WITHIN);
    assert!(status.success(), "{status}\n{}", process.log_tail());
    run_well("holdfast", &["journal", "verify", text(&home.journal())]);
    if let Some(refused) = told.get(&fresh.id) {
        assert_eq!((refused.outcome, refused.reason), (Outcome::Refused, Reason::ShuttingDown));
    }

    let process = home.start();
    let (mut operator, acquirer) = parties(&home).await;
    operator.send(&messages(&requests)).await;
    for _ in &requests {
        let again = operator.next_answer().await;
        assert_eq!(again.outcome, Outcome::Approved, "it was in flight and was finished");
        if let Some(first) = told.get(&again.id) {
            assert_eq!(&again, first);
        }
    }
    let untold = requests.iter().filter(|request| !told.contains_key(&request.id)).count();
    assert_eq!(untold, 0, "what was decided is told before the link goes");
    let status = home.status();
    assert!(status.contains("\"debits\":\"200\""), "{status}");
    drop((operator, acquirer));
    home.stop(process);
}

#[tokio::test]
async fn a_second_switch_on_the_same_journal_is_refused_and_the_first_goes_on() {
    let (directory, home) = home();
    let process = home.start();
    let toml = fs::read_to_string(home.config()).unwrap();
    let second = directory.path().join("second.toml");
    let elsewhere =
        toml.replace(&home.listen.to_string(), "127.0.0.1:0").replace(&home.admin.to_string(), "127.0.0.1:0");
    fs::write(&second, elsewhere).unwrap();
    let refused = run("holdfast", &["serve", "--config", text(&second)]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let why = String::from_utf8(refused.stderr).unwrap();
    assert!(why.contains("lock") || why.contains("in use") || why.contains("another"), "{why}");
    let (mut operator, mut acquirer) = parties(&home).await;
    holdfast_tests::peer::pays(&mut operator, &mut acquirer, "shop@acq-1").await;
    home.stop(process);
}

#[tokio::test]
async fn every_question_has_a_command_and_every_end_an_exit_code() {
    let (_directory, home) = home();
    let process = home.start();
    let (mut operator, mut acquirer) = parties(&home).await;
    let request = pay("shop@acq-1", 700);
    operator.send(&[request.clone().into()]).await;
    let forward = acquirer.next_forward().await;
    acquirer.send(&[approval(&forward, None).into()]).await;
    assert_eq!(operator.next_answer().await.outcome, Outcome::Approved);

    let admin = home.admin.to_string();
    let asked = |code: i32, arguments: &[&str]| {
        let output = run("holdfast", &[arguments, &["--admin", &admin]].concat());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let name = format!("operator-1/{}", request.id);
    assert!(asked(0, &["transaction", &name]).to_lowercase().contains("captured"));
    asked(5, &["transaction", &format!("operator-1/{}", pay("shop@acq-1", 1).id)]);
    assert!(asked(0, &["route", "explain", "shop@acq-1"]).contains("acquirer-1"));
    asked(0, &["route", "explain", "shop@nobody"]);
    asked(0, &["participant", "suspend", "acquirer-1"]);
    let declined = operator.ask(pay("shop@acq-1", 1)).await;
    assert_eq!(declined, (Outcome::Declined, Reason::DestinationNotAccepting));
    asked(0, &["participant", "resume", "acquirer-1"]);
    asked(5, &["participant", "drain", "nobody"]);
    let (date, before) = (date_in(7).to_string(), date_in(6).to_string());
    asked(0, &["cutover", &date]);
    asked(5, &["cutover", &before]);
    asked(5, &["cutover", "2099-12-31"]);
    asked(2, &["cutover", "tomorrow"]);
    let status = asked(0, &["status", "--json"]);
    let status: holdfast::admin::report::StatusReport = serde_json::from_str(&status).unwrap();
    assert_eq!(status.business_date, date);
    assert!(asked(0, &["status"]).contains(&date));
    home.stop(process);
    asked(4, &["status"]);

    let journal = home.journal();
    let life = run_well("holdfast", &["transaction", &name, "--journal", text(&journal)]);
    assert!(String::from_utf8(life.stdout).unwrap().lines().count() >= 2, "reserved and approved");
    run_well("holdfast", &["journal", "verify", text(&journal)]);
}

#[test]
fn a_load_generator_that_is_replaced_says_so() {
    let (directory, home) = home();
    let process = home.start();
    let (listen, admin, certs) = (home.listen.to_string(), home.admin.to_string(), home.certs());
    // By name, as a person would write it.
    let switch = listen.replace("127.0.0.1", "localhost");
    let arguments = [
        "run",
        "--switch",
        &switch,
        "--certs",
        text(&certs),
        "--admin",
        &admin,
        "-r",
        "50",
        "-d",
        "120s",
        "-w",
        "0s",
        "--operators",
        "1",
        "--acquirers",
        "1",
        "--mix",
        "pay:1",
        "--no-history",
        "-q",
        "--currency",
        "EUR",
    ];
    let mut first = Process::start("loadgen", &arguments, &directory.path().join("first.log"));
    wait::wait_until("the first generator is signed on", ENDS_WITHIN, || {
        (home.status().matches("\"session\":").count() == 2).then_some(())
    });
    let second = Process::start("loadgen", &arguments, &directory.path().join("second.log"));
    let status = first.wait(ENDS_WITHIN);
    let said = first.log_tail();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("404 Replaced"), "{said}");
    drop(second);
    home.stop(process);
}
