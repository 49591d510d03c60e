//! The journal's threads over storage that fails or has no room.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use holdfast_journal::{
    Appended, Batch, Fault, ForgetfulStorage, Handle, JournalFailure, Log, NotTaken, Settings,
};
use holdfast_protocol::Sequence;

use crate::stage::{NOW, fact, reopen};
use crate::wait_until;

fn settings() -> Settings {
    Settings {
        segment_bytes: 48 << 10,
        frame_bytes_max: 8 << 10,
        batch_bytes_max: 8 << 10,
        ..Settings::small()
    }
}

fn batch(last: u64) -> Batch {
    let bytes = (last + 1..=last + 10).flat_map(fact).collect();
    Batch { bytes, first: Sequence(last + 1), count: 10, time: NOW }
}

#[test]
fn a_failure_is_said_once_and_nothing_is_taken_after_it() {
    let storage = ForgetfulStorage::new();
    let (recovered, _) = reopen(&storage, &settings()).unwrap();
    let said = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&said);
    let on_failure = Box::new(move |failure: &JournalFailure| {
        assert!(matches!(
            failure,
            JournalFailure::Write { .. } | JournalFailure::Sync { .. } | JournalFailure::Prepare { .. }
        ));
        counted.fetch_add(1, Ordering::SeqCst);
    });
    let handle = Handle::start(recovered, Box::new(|| {}), on_failure).unwrap();
    storage.set_fault(Fault::CutAfter(20));
    let mut last = 0;
    while handle.failure().is_none() {
        if handle.try_submit(batch(last)).is_ok() {
            last += 10;
        }
    }
    wait_until("the failure is said", || said.load(Ordering::SeqCst) == 1);
    let refused = handle.append(handle.epoch(), Sequence(last), batch(last));
    assert!(matches!(refused, Err(NotTaken::Ended(_))), "{refused:?}");
    if handle.durable().0 < last {
        assert_eq!(handle.appended(Sequence(last)), Appended::Unknown);
    }
    let durable = handle.durable().0;
    assert!(handle.stop().is_err());
    assert_eq!(said.load(Ordering::SeqCst), 1);
    storage.crash(3);
    let (_, recovered) = reopen(&storage, &settings()).unwrap();
    assert!((durable..=last).contains(&recovered));
}

/// While it is full nothing is handed in: nothing but the journal itself can notice that there is room again.
///
/// There is room for one segment. That there is none for the next is known before the first batch, and each batch is
/// sealed before the next goes in, so that what is left when the journal says that it is full does not depend on which
/// thread runs first.
#[test]
fn room_that_comes_back_is_noticed_while_nothing_is_written() {
    let storage = ForgetfulStorage::new();
    storage.set_room(48 << 10);
    let settings =
        Settings { full_reserve_bytes: 24 << 10, room_retry: Duration::from_millis(5), ..settings() };
    let (recovered, _) = reopen(&storage, &settings).unwrap();
    let handle = Handle::start(recovered, Box::new(|| {}), Box::new(|failure| panic!("{failure}"))).unwrap();
    // The second refusal comes after the first was noted.
    wait_until("no room for the next segment is found twice", || storage.refused_for_room() >= 2);
    let mut last = 0;
    let mut sealed = |handle: &Handle| {
        let seals = handle.statistics().counts().seals;
        assert!(handle.try_submit(batch(last)).is_ok(), "a batch is taken");
        last += 10;
        wait_until("the batch is durable and sealed", || {
            handle.unsynced_bytes() == 0 && handle.statistics().counts().seals > seals
        });
    };
    while !handle.is_full() {
        sealed(&handle);
    }
    // Work in flight still has its place.
    sealed(&handle);
    assert!(handle.is_full());
    storage.set_room(u64::MAX);
    wait_until("it is full no more", || !handle.is_full());
    handle.stop().unwrap();
}

#[test]
fn work_goes_on_when_a_full_disk_has_room_again() {
    let storage = ForgetfulStorage::new();
    storage.set_room(2 * (48 << 10));
    let room_retry = Duration::from_millis(5);
    let settings = Settings { queue_batches_max: 4, full_reserve_bytes: 24 << 10, room_retry, ..settings() };
    let (recovered, _) = reopen(&storage, &settings).unwrap();
    let handle = Handle::start(recovered, Box::new(|| {}), Box::new(|failure| panic!("{failure}"))).unwrap();
    let mut last = 0;
    let mut submit = || {
        let taken = handle.try_submit(batch(last)).is_ok();
        last += if taken { 10 } else { 0 };
        taken
    };
    wait_until("the journal says that it is full", || {
        submit();
        handle.is_full()
    });
    // What is taken from here on is work in flight; when its room is used up too, the queue fills.
    wait_until("no batch is taken for a while", || {
        let before = handle.durable();
        !(0..1_000).any(|_| submit()) && handle.durable() == before && handle.unsynced_bytes() > 0
    });
    storage.set_room(u64::MAX);
    wait_until("it is full no more", || !handle.is_full());
    wait_until("all is durable", || handle.unsynced_bytes() == 0);
    handle.stop().unwrap();
    assert_eq!(reopen(&storage, &settings).unwrap().1, last);
}
