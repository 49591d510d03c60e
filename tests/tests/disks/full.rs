//! A disk without room: new work is refused before anything of it is accepted, what is open is finished out of room that
//! was taken before, and work is taken again when there is room.

use std::fs;
use std::process::Command;

use holdfast_protocol::{Authorize, Outcome, Reason};
use holdfast_tests::peer::wait_until;
use holdfast_tests::processes::{http_get, program, text};
use holdfast_tests::requests::{approval, capture, pay, reserve, reverse};
use holdfast_tests::small_disk::SmallDisk;

use crate::{approved, home, metric, outcome, parties, patient};

/// Two segments and nothing more.
const DISK_BYTES: u64 = 24 << 20;
const BALLAST_BYTES: usize = 7 << 20;
/// More than two segments take, each of two frames.
const PAYMENTS_MAX: u32 = 4_000;

#[tokio::test]
async fn a_full_disk_refuses_new_work_finishes_what_is_open_and_works_again_when_there_is_room() {
    let (_directory, mut home) = home();
    let Some(disk) = SmallDisk::mount(&home.journal(), DISK_BYTES) else { return };
    home.launcher = disk.enter();
    let ballast = disk.inside(&home.journal().join("ballast"));
    fs::write(&ballast, vec![1; BALLAST_BYTES]).unwrap();
    let process = home.start();
    let (mut operator, mut acquirer) = parties(&home).await;
    // Open when the room ends: payments without an answer, and a reservation.
    let held = reserve("shop@acq-1", 500);
    approved(&mut operator, &mut acquirer, &held).await;
    let in_flight: Vec<Authorize> = (0..5).map(|_| patient(pay("shop@acq-1", 700))).collect();
    let mut forwards = Vec::new();
    for request in &in_flight {
        operator.send(&[request.clone().into()]).await;
        forwards.push(acquirer.next_forward().await);
    }
    let mut paid = Vec::new();
    let refused = loop {
        let request = pay("shop@acq-1", 1);
        let answer = outcome(&mut operator, &mut acquirer, &request).await;
        if answer.outcome != Outcome::Approved {
            assert_eq!((answer.outcome, answer.reason), (Outcome::Refused, Reason::JournalFull));
            break request;
        }
        paid.push(request);
        assert!(paid.len() < PAYMENTS_MAX as usize, "the disk is never full");
    };
    assert!(paid.len() > 100, "it was full after {}", paid.len());
    assert_eq!(metric(&home, "holdfast_journal_full"), 1.0);
    assert!(metric(&home, "holdfast_alarms") >= 1.0);
    wait_until("the alarm to stand in the log", async || {
        process.log_tail().contains("alarm: the journal has no room")
    })
    .await;
    let (ready, why) = http_get(home.admin, "/readyz").expect("the switch answers");
    assert_eq!(
        (ready, why.as_str()),
        (503, "not ready: the journal has no room: only open work is finished\n")
    );

    let (to_undo, forwards) = forwards.split_last().expect("five of them");
    for forward in forwards {
        acquirer.send(&[approval(forward, None).into()]).await;
        assert_eq!(operator.next_answer().await.outcome, Outcome::Approved, "it was accepted before");
    }
    assert_eq!(
        operator.ask(capture(&held, 500, true)).await.0,
        Outcome::Approved,
        "it finishes what is open"
    );
    acquirer.take_delivery().await;
    operator.send(&[reverse(to_undo).into()]).await;
    let told = [operator.next_answer().await.outcome, operator.next_answer().await.outcome];
    assert!(told.contains(&Outcome::Declined) && told.contains(&Outcome::Approved), "{told:?}");
    acquirer.take_delivery().await;

    fs::remove_file(&ballast).unwrap();
    wait_until("the journal to notice", async || metric(&home, "holdfast_journal_full") == 0.0).await;
    approved(&mut operator, &mut acquirer, &refused).await;
    drop((operator, acquirer));
    home.stop(process);
    let mut verify = Command::new(&home.launcher[0]);
    verify.args(&home.launcher[1..]).arg(program("holdfast")).args([
        "journal",
        "verify",
        text(&home.journal()),
    ]);
    assert!(verify.output().unwrap().status.success());
    let process = home.start();
    let (mut operator, mut acquirer) = parties(&home).await;
    approved(&mut operator, &mut acquirer, &paid[paid.len() - 1]).await;
    approved(&mut operator, &mut acquirer, &pay("shop@acq-1", 1)).await;
    drop((operator, acquirer));
    home.stop(process);
}
