//! Bit rot, missing segments, a full disk, failed writes and syncs.

use std::time::Duration;

use crate::stage::{NOW, Told, fact, hand_in, reopen, work};
use holdfast_journal::{
    Appended, Batch, Fault, ForgetfulStorage, Log, NotTaken, OpenError, Position, SegmentNumber, Settings,
    SteppedJournal, Storage, read_storage,
};
use holdfast_protocol::{Epoch, Sequence};
use proptest::prelude::*;

fn settings() -> Settings {
    Settings {
        segment_bytes: 48 << 10,
        frame_bytes_max: 8 << 10,
        batch_bytes_max: 8 << 10,
        ..Settings::small()
    }
}

/// A journal of three segments and more, cleanly stopped, and its last fact.
fn stopped() -> (ForgetfulStorage, u64) {
    let storage = ForgetfulStorage::new();
    let mut told = Told::default();
    work(&storage, &settings(), 25, &mut told);
    storage.crash(0);
    assert!(storage.list().unwrap().len() > 3);
    (storage, told.durable)
}

#[test]
fn bit_rot_anywhere_is_corruption_or_harmless_but_never_a_loss() {
    let (mut corrupt, mut harmless) = (0, 0);
    let (storage, last) = stopped();
    for segment in storage.list().unwrap() {
        for block in 0..segment.bytes / 4_096 {
            let at = Position { segment: segment.number, offset: block * 4_096 + 21 };
            let (storage, _) = stopped();
            storage.flip(at, 3);
            match reopen(&storage, &settings()) {
                Ok((_, found)) => {
                    assert_eq!(found, last, "a flip at {at} must not lose facts");
                    harmless += 1;
                }
                Err(OpenError::Corrupt { at: named, .. }) => {
                    assert_eq!(named.segment, at.segment);
                    assert!(named.offset <= at.offset, "{named} is not after {at}");
                    corrupt += 1;
                }
                Err(error) => panic!("{at}: {error}"),
            }
        }
    }
    assert!(corrupt > 25 && harmless > 3, "{corrupt} {harmless}");
}

#[test]
fn corruption_is_named_by_segment_and_offset_and_changes_nothing() {
    let (storage, _) = stopped();
    let at = Position { segment: SegmentNumber(2), offset: 4_096 };
    storage.flip(Position { offset: at.offset + 200, ..at }, 0);
    storage.set_fault(Fault::CutAfter(u64::MAX));
    for _ in 0..2 {
        match reopen(&storage, &settings()) {
            Err(error @ OpenError::Corrupt { at: named, .. }) => {
                assert_eq!(named, at);
                assert!(error.to_string().contains("segment 2 offset 4096"), "{error}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(storage.operations(), 0, "nothing is written to a corrupt journal");
    }
}

#[test]
fn verifying_finds_what_recovery_finds_and_writes_nothing() {
    let (storage, last) = stopped();
    storage.set_fault(Fault::CutAfter(u64::MAX));
    let mut facts = 0;
    let verified = read_storage(&storage, &mut |frame| {
        facts += u64::from(frame.count);
        Ok(())
    });
    let verified = verified.unwrap().unwrap();
    assert_eq!((facts, verified.report.facts), (last, last));
    assert_eq!(verified.report.torn_bytes, 0);
    assert!(verified.to_string().contains(&format!("facts        {last}")), "{verified}");
    storage.flip(Position { segment: SegmentNumber(2), offset: 4_096 + 40 }, 0);
    let corrupt = read_storage(&storage, &mut |_| Ok(())).map(|_| ());
    assert!(matches!(corrupt, Err(OpenError::Corrupt { .. })), "{corrupt:?}");
    let objecting = read_storage(&storage, &mut |_| Err("no such record".into())).map(|_| ());
    assert!(matches!(objecting, Err(OpenError::Facts { .. })), "{objecting:?}");
    assert_eq!(storage.operations(), 0);
    assert_eq!(read_storage(&ForgetfulStorage::new(), &mut |_| Ok(())).unwrap(), None);
}

#[test]
fn a_missing_segment_is_corruption() {
    for missing in 1..=3 {
        let (storage, _) = stopped();
        storage.remove(SegmentNumber(missing)).unwrap();
        let opened = reopen(&storage, &settings()).map(|_| ());
        assert!(matches!(opened, Err(OpenError::Corrupt { .. })), "{missing}: {opened:?}");
    }
}

#[test]
fn a_full_disk_is_said_early_and_nothing_accepted_is_lost() {
    let storage = ForgetfulStorage::new();
    storage.set_room(2 * (48 << 10));
    let settings = Settings { queue_batches_max: 4, full_reserve_bytes: 40 << 10, ..settings() };
    let (recovered, _) = reopen(&storage, &settings).unwrap();
    let journal = SteppedJournal::start(recovered);
    let (mut last, mut said_at, mut now) = (0, None, Duration::ZERO);
    loop {
        now += Duration::from_millis(1);
        let bytes = (last + 1..=last + 10).flat_map(fact).collect();
        let batch = Batch { bytes, first: Sequence(last + 1), count: 10, time: NOW };
        match journal.append(journal.epoch(), Sequence(last), batch) {
            Ok(()) => last += 10,
            Err(NotTaken::Full(_)) => break,
            Err(other) => panic!("{other:?}"),
        }
        journal.step(now).unwrap();
        if journal.is_full() && said_at.is_none() {
            said_at = Some(last);
            assert_eq!(journal.durable().0, last, "said while there was room for what was accepted");
        }
    }
    assert!(said_at.unwrap() + 50 < last, "work in flight had room to finish");
    assert!(journal.durable().0 < last && journal.unsynced_bytes() > 0);
    assert_eq!(journal.appended(Sequence(last)), Appended::Waiting);
    storage.set_room(u64::MAX);
    journal.step(now + Duration::from_secs(1)).unwrap();
    assert!(!journal.is_full());
    assert_eq!((journal.durable().0, journal.unsynced_bytes()), (last, 0));
    journal.stop().unwrap();
    storage.crash(1);
    assert_eq!(reopen(&storage, &settings).unwrap().1, last);
}

#[test]
fn a_failed_operation_ends_the_journal_and_is_never_retried() {
    let mut ended = 0;
    for at in 1..40 {
        let storage = ForgetfulStorage::new();
        let Ok((recovered, _)) = ({
            storage.set_fault(Fault::FailAt(at));
            reopen(&storage, &settings())
        }) else {
            continue;
        };
        let journal = SteppedJournal::start(recovered);
        let mut last = 0;
        let mut now = Duration::ZERO;
        let failure = loop {
            last = hand_in(&journal, last, 20);
            now += Duration::from_millis(1);
            if let Err(failure) = journal.step(now) {
                break failure;
            }
        };
        let operations = storage.operations();
        assert!(journal.step(now + Duration::from_secs(1)).is_err());
        assert_eq!(storage.operations(), operations, "operation {at}: {failure} is not retried");
        let durable = journal.durable().0;
        if durable < last {
            assert_eq!(journal.appended(Sequence(last)), Appended::Unknown);
        }
        let batch = Batch { bytes: fact(last + 1), first: Sequence(last + 1), count: 1, time: NOW };
        let refused = journal.append(journal.epoch(), Sequence(last), batch);
        assert!(matches!(refused, Err(NotTaken::Ended(_))), "{refused:?}");
        storage.crash(at);
        assert!(reopen(&storage, &settings()).unwrap().1 >= durable);
        ended += 1;
    }
    assert!(ended > 20, "{ended}");
}

#[test]
fn an_append_under_another_epoch_or_after_another_fact_is_refused() {
    let storage = ForgetfulStorage::new();
    let journal = SteppedJournal::start(reopen(&storage, &settings()).unwrap().0);
    let last = hand_in(&journal, 0, 3);
    let batch = |first| Batch { bytes: fact(first), first: Sequence(first), count: 1, time: NOW };
    for (epoch, expected, first) in [
        (Epoch(journal.epoch().0 + 1), last, last + 1),
        (journal.epoch(), last + 1, last + 2),
        (journal.epoch(), last - 1, last),
        (journal.epoch(), last, last + 2),
    ] {
        let refused = journal.append(epoch, Sequence(expected), batch(first));
        assert_eq!(refused, Err(NotTaken::Refused(batch(first))));
    }
    assert_eq!(journal.appended(Sequence(last + 1)), Appended::Refused);
    assert_eq!(journal.appended(Sequence(last)), Appended::Waiting);
    journal.step(Duration::ZERO).unwrap();
    assert_eq!(journal.appended(Sequence(last)), Appended::Committed);
}

#[test]
fn batches_that_wait_share_a_frame_and_a_busy_journal_gathers() {
    let gather = Duration::from_micros(300);
    let settings = Settings { gather, ..settings() };
    let storage = ForgetfulStorage::new();
    let journal = SteppedJournal::start(reopen(&storage, &settings).unwrap().0);
    let mut now = Duration::from_secs(1);
    let mut last = (0..3).fold(0, |last, _| hand_in(&journal, last, 2));
    journal.step(now).unwrap();
    let statistics = journal.statistics();
    assert_eq!((statistics.counts().frames, statistics.counts().batches), (1, 3), "idle: at once, together");
    now += Duration::from_micros(100);
    last = hand_in(&journal, last, 2);
    journal.step(now).unwrap();
    assert_eq!(journal.durable().0, last - 2, "busy: it waits for others");
    last = hand_in(&journal, last, 2);
    now += gather;
    journal.step(now).unwrap();
    assert_eq!((statistics.counts().frames, statistics.counts().batches), (2, 5));
    assert_eq!(journal.durable().0, last);
}

#[test]
fn a_seal_covers_the_last_facts_once_the_journal_is_idle() {
    let storage = ForgetfulStorage::new();
    let journal = SteppedJournal::start(reopen(&storage, &settings()).unwrap().0);
    let statistics = journal.statistics();
    hand_in(&journal, 0, 5);
    journal.step(Duration::from_millis(1)).unwrap();
    assert_eq!(statistics.counts().seals, 0);
    journal.step(Duration::from_millis(10)).unwrap();
    assert_eq!(statistics.counts().seals, 1, "within ten milliseconds");
    journal.step(Duration::from_millis(100)).unwrap();
    assert_eq!(statistics.counts().seals, 1, "once");
    drop(journal);
    // The frame with the facts is rotten: without the seal it would pass for a torn tail.
    storage.flip(Position { segment: SegmentNumber::FIRST, offset: 2 * 4_096 + 300 }, 1);
    let opened = reopen(&storage, &settings()).map(|_| ());
    assert!(matches!(opened, Err(OpenError::Corrupt { .. })), "{opened:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_on_the_disk_panic_or_read_as_other_facts(
        rot in proptest::collection::vec((1_u64..4, 0_u64..(48 << 10), 0_u8..8), 1..20),
    ) {
        let (storage, last) = stopped();
        for (segment, offset, bit) in rot {
            storage.flip(Position { segment: SegmentNumber(segment), offset }, bit);
        }
        // Facts are checked byte for byte while they are read.
        if let Ok((_, found)) = reopen(&storage, &settings()) {
            prop_assert!(found <= last);
        }
    }
}
