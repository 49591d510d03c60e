//! Links on several threads: whatever thread a link is on, the switch says and does the same.

use std::fs;
use std::time::Duration;

use holdfast_protocol::{Message, Outcome, Reason};
use holdfast_tests::fixture::Fixture;
use holdfast_tests::parties::Parties;
use holdfast_tests::peer::{Peer, dial, pays, wait_for, wait_until};
use holdfast_tests::processes::SwitchHome;
use holdfast_tests::requests::{approval, pay};
use quinn::ConnectionError;

use crate::order;
use crate::reloads::{copy_of_certificates, reissue};

/// Enough for each thread to get one, whatever the system thinks of the ports.
const LINKS_MAX: u16 = 400;
const ENDS_WITHIN: Duration = Duration::from_secs(60);

fn start(threads: u16, sessions: &str) -> Fixture {
    let sessions = format!(
        "[sessions]\necho_interval_ms = 600000\necho_timeout_ms = 600000\nlinks_for_participant_max = {LINKS_MAX}\n{sessions}"
    );
    Fixture::start(&format!("{sessions}\n[transport]\nio_threads = {threads}\n"))
}

/// How many links each thread has.
async fn links(fixture: &Fixture) -> Vec<u64> {
    fixture.status().await.queues.links_of_threads
}

/// Links of an operator, more and more of them until each thread has one.
async fn on_every_thread(fixture: &Fixture, name: &str) -> Vec<Peer> {
    let (before, mut peers) = (links(fixture).await, Vec::new());
    for instance in 0..LINKS_MAX {
        peers.push(Peer::instance(fixture, name, instance).await);
        if links(fixture).await.iter().zip(&before).all(|(now, before)| now > before) {
            return peers;
        }
    }
    panic!("{} links and not one on each thread: {:?}", peers.len(), links(fixture).await);
}

#[tokio::test]
async fn links_of_any_number_of_threads_pay_and_the_books_close() {
    for threads in [1_u16, 2, 4] {
        let mut fixture = start(threads, "");
        let mut acquirers = [
            Peer::destination(&fixture, "acquirer-1").await,
            Peer::destination(&fixture, "acquirer-2").await,
        ];
        let mut operators = on_every_thread(&fixture, "operator-1").await;
        operators.extend(on_every_thread(&fixture, "operator-2").await);
        let each = links(&fixture).await;
        assert_eq!(each.len(), usize::from(threads));
        assert_eq!(each.iter().sum::<u64>(), 2 + operators.len() as u64, "{each:?}");
        for (thread, links) in each.iter().enumerate() {
            let sample = format!("holdfast_links_of_thread{{thread=\"{}\"}}", thread + 1);
            assert_eq!(fixture.metric(&sample), *links as f64, "{sample}");
        }
        // All at once, so that what one thread brings meets what the others bring.
        for operator in &mut operators {
            let requests = [pay("shop@acq-1", 100), pay("shop@acq-2", 100)];
            operator.send(&requests.map(Message::from)).await;
        }
        for acquirer in &mut acquirers {
            for _ in 0..operators.len() {
                let forward = acquirer.next_forward().await;
                acquirer.send(&[approval(&forward, None).into()]).await;
            }
        }
        for operator in &mut operators {
            for _ in 0..2 {
                assert_eq!(operator.next_answer().await.outcome, Outcome::Approved, "{threads} threads");
            }
        }
        let booked = operators.len() as i128 * 100;
        for acquirer in ["acquirer-1", "acquirer-2"] {
            assert_eq!(
                fixture.position(acquirer, "EUR").await,
                (0, 0, booked),
                "{acquirer}, {threads} threads"
            );
        }
        assert_eq!(fixture.metric("holdfast_sign_ons_total"), 2.0 + operators.len() as f64);
        // The same journal with another number of threads.
        let text = fs::read_to_string(fixture.path().join("holdfast.toml")).unwrap();
        let other =
            text.replace(&format!("io_threads = {threads}"), &format!("io_threads = {}", 5 - threads));
        fs::write(fixture.path().join("holdfast.toml"), other).unwrap();
        fixture.restart();
        assert_eq!(fixture.position("acquirer-1", "EUR").await, (0, 0, booked), "after a restart");
        let mut parties = Parties::of(&fixture).await;
        pays(&mut parties.operator, &mut parties.acquirer, "shop@acq-1").await;
    }
}

#[tokio::test]
async fn a_newer_sign_on_replaces_the_older_link_on_another_thread() {
    let fixture = start(4, "");
    let mut acquirer = Peer::destination(&fixture, "acquirer-1").await;
    let mut standing = Peer::operator(&fixture, "operator-1").await;
    let mut threads = Vec::new();
    while threads.len() < 2 {
        let mut newer = Peer::operator(&fixture, "operator-1").await;
        assert_eq!(standing.closed().await, Reason::Replaced);
        pays(&mut newer, &mut acquirer, "shop@acq-1").await;
        standing = newer;
        wait_until("the older link to be gone", async || links(&fixture).await.iter().sum::<u64>() == 2)
            .await;
        let now = links(&fixture).await;
        if !threads.contains(&now) {
            threads.push(now);
        }
    }
}

#[tokio::test]
async fn limits_of_links_hold_over_all_threads_together() {
    let fixture = start(4, "links_max = 12\nsign_on_timeout_ms = 600000\n");
    let mut peers = Vec::new();
    while peers.len() < 12 {
        // An address is asked to show that it is real from half on, which the dialler does not notice.
        peers.push(Peer::dial(&fixture, "operator-1").await);
        let standing = peers.len() as u64;
        wait_until("the link to stand", async || links(&fixture).await.iter().sum::<u64>() == standing).await;
    }
    for _ in 0..8 {
        let refused = dial(fixture.address(), &fixture.certs(), "operator-2").await;
        assert!(matches!(refused, Err(ConnectionError::ConnectionClosed(_))), "{refused:?}");
    }
    assert_eq!(fixture.metric("holdfast_dials_refused_total"), 8.0);
    assert_eq!(links(&fixture).await.iter().sum::<u64>(), 12);
}

#[tokio::test]
async fn a_participant_has_no_more_links_than_agreed_on_all_threads_together() {
    let fixture = Fixture::start("[sessions]\nlinks_for_participant_max = 3\n[transport]\nio_threads = 4\n");
    let mut standing = Vec::new();
    for instance in 0..3 {
        standing.push(Peer::instance(&fixture, "operator-1", instance).await);
    }
    for _ in 0..8 {
        // The refusal comes after the handshake, for the dialler perhaps at the same time.
        if let Ok((connection, _endpoint)) = dial(fixture.address(), &fixture.certs(), "operator-1").await {
            wait_for("the refusal", connection.closed()).await;
        }
    }
    fixture.shows_refused_link("operator-1", Reason::TooManyLinks, 8).await;
    assert!(standing.iter().all(|peer| peer.connection.close_reason().is_none()));
}

#[tokio::test]
async fn certificates_issued_anew_are_used_on_every_thread() {
    let fixture = start(3, "");
    let mut acquirer = Peer::destination(&fixture, "acquirer-1").await;
    let mut before = on_every_thread(&fixture, "operator-1").await;
    let old = copy_of_certificates(&fixture);
    reissue(&fixture);
    order(&fixture, "/reload");
    for _ in 0..24 {
        assert!(dial(fixture.address(), old.path(), "operator-2").await.is_err());
    }
    // Each of these dials was believed, and they came to every thread.
    let mut after = on_every_thread(&fixture, "operator-2").await;
    for operator in before.iter_mut().chain(&mut after) {
        pays(operator, &mut acquirer, "shop@acq-1").await;
    }
}

#[tokio::test]
async fn a_stop_finishes_what_is_in_flight_and_ends_the_links_of_every_thread() {
    let mut fixture = start(3, "");
    let mut acquirer = Peer::destination(&fixture, "acquirer-1").await;
    let mut operators = on_every_thread(&fixture, "operator-1").await;
    for operator in &mut operators {
        operator.send(&[pay("shop@acq-1", 100).into()]).await;
    }
    let mut forwards = Vec::new();
    for _ in 0..operators.len() {
        forwards.push(acquirer.next_forward().await);
    }
    fixture.switch().stop.ask();
    for peer in operators.iter_mut().chain([&mut acquirer]) {
        let told = [peer.next_control().await, peer.next_control().await];
        assert!(matches!(told, [Some(Message::Notice(_)), Some(Message::Drain(_))]), "{told:?}");
    }
    for forward in &forwards {
        acquirer.send(&[approval(forward, None).into()]).await;
    }
    for operator in &mut operators {
        assert_eq!(operator.next_answer().await.outcome, Outcome::Approved);
    }
    for peer in operators.iter().chain([&acquirer]) {
        assert_eq!(peer.closed().await, Reason::SwitchStopping);
    }
    fixture.stop();
    for thread in ["thread=1", "thread=2", "thread=3"] {
        assert_eq!(fixture.log().lines_with(&["all links have ended", thread]), 1, "{thread}");
    }
}

#[test]
fn a_second_switch_on_the_address_is_refused() {
    let directories = [(); 2].map(|()| tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap());
    let [one, two] = [0, 1].map(|n| SwitchHome::new(directories[n].path(), 1, 1));
    let configured = |home: &SwitchHome| fs::read_to_string(home.config()).unwrap();
    fs::write(one.config(), configured(&one) + "\n[transport]\nio_threads = 3\n").unwrap();
    let (standing, taken) = (one.start(), one.listen.to_string());
    let two_there = configured(&two).replace(&two.listen.to_string(), &taken);
    for threads in [1, 3] {
        fs::write(two.config(), format!("{two_there}\n[transport]\nio_threads = {threads}\n")).unwrap();
        let mut second = two.start_unready();
        let (status, log) = (second.wait(ENDS_WITHIN), second.log_tail());
        assert_eq!(status.code(), Some(1), "{log}");
        assert!(log.contains(&format!("cannot listen on {taken}")), "{log}");
        assert!(!two.journal().exists(), "nothing was begun");
    }
    one.stop(standing);
}
