//! The power goes at every write and sync, and what was not synced is kept, dropped or torn: what anybody could have been
//! told is there, and nothing is half there (I1). Without the syncs the same check must fail.

use crate::stage::{Told, reopen, work};
use holdfast_journal::{Fault, ForgetfulStorage, Settings};

/// Small segments, so that a run crosses several.
fn settings() -> Settings {
    Settings {
        segment_bytes: 48 << 10,
        frame_bytes_max: 8 << 10,
        batch_bytes_max: 8 << 10,
        ..Settings::small()
    }
}

const TURNS: u64 = 14;
const SEEDS: u64 = 4;

/// How many operations two runs take where nothing goes wrong.
fn operations_of_two_runs() -> u64 {
    let storage = ForgetfulStorage::new();
    let mut told = Told::default();
    work(&storage, &settings(), TURNS, &mut told);
    work(&storage, &settings(), TURNS, &mut told);
    assert!(storage.operations() > 60, "the runs write and sync");
    assert!(told.handed_in > 200);
    storage.operations()
}

/// Two runs with the power cut after some operations, then the crash.
fn cut(after: u64, seed: u64, lies: bool) -> (ForgetfulStorage, Told) {
    let storage = ForgetfulStorage::new();
    storage.set_fault(Fault::CutAfter(after));
    if lies {
        storage.lie();
    }
    let mut told = Told::default();
    work(&storage, &settings(), TURNS, &mut told);
    if storage.operations() < after {
        work(&storage, &settings(), TURNS, &mut told);
    }
    storage.crash(seed);
    (storage, told)
}

/// What is wrong with a journal after a power cut, if anything is.
fn fault_after(storage: &ForgetfulStorage, told: &mut Told) -> Result<(), String> {
    let (recovered, last) = reopen(storage, &settings()).map_err(|error| error.to_string())?;
    if last < told.durable {
        return Err(format!("{} was durable, {last} was recovered", told.durable));
    }
    if last > told.handed_in {
        return Err(format!("{last} was recovered, only {} was handed in", told.handed_in));
    }
    if recovered.epoch() <= told.epoch {
        return Err(format!("epoch {:?} is used twice", told.epoch));
    }
    Ok(())
}

#[test]
fn a_power_cut_at_any_operation_loses_nothing_that_was_durable() {
    let operations = operations_of_two_runs();
    for after in 0..=operations {
        for seed in 0..SEEDS {
            let (storage, mut told) = cut(after, seed, false);
            let found = fault_after(&storage, &mut told);
            assert_eq!(found, Ok(()), "cut after {after} of {operations}, seed {seed}");
            // It goes on from there as if nothing had been.
            let (_, last) = reopen(&storage, &settings()).unwrap();
            told.durable = last;
            work(&storage, &settings(), 3, &mut told);
            assert!(told.durable > last, "cut after {after}, seed {seed}");
            storage.crash(seed);
            assert_eq!(reopen(&storage, &settings()).unwrap().1, told.durable);
        }
    }
}

#[test]
fn a_second_power_cut_during_recovery_loses_nothing() {
    let operations = operations_of_two_runs();
    for after in (0..=operations).step_by(3) {
        for second in 0..14 {
            let (storage, mut told) = cut(after, after + second, false);
            storage.set_fault(Fault::CutAfter(second));
            if let Ok((recovered, last)) = reopen(&storage, &settings()) {
                told.durable = told.durable.max(last);
                told.epoch = recovered.epoch();
            }
            storage.crash(after * 31 + second);
            let found = fault_after(&storage, &mut told);
            assert_eq!(found, Ok(()), "cut after {after}, then after {second}");
        }
    }
}

#[test]
fn without_syncs_the_same_check_finds_losses() {
    let operations = operations_of_two_runs();
    let mut found = 0;
    for after in 30..=operations {
        for seed in 0..SEEDS {
            let (storage, mut told) = cut(after, seed, true);
            found += u64::from(fault_after(&storage, &mut told).is_err());
        }
    }
    assert!(found > operations, "a storage that does not sync is found out: {found} times");
}

#[test]
fn a_torn_tail_is_cut_and_its_place_is_zero_again() {
    let operations = operations_of_two_runs();
    let mut torn = 0;
    for after in 10..operations {
        let (storage, _) = cut(after, after, false);
        let (first, last) = reopen(&storage, &settings()).unwrap();
        torn += u64::from(first.report().is_some_and(|report| report.torn_bytes > 0));
        drop(first);
        let (second, same) = reopen(&storage, &settings()).unwrap();
        assert_eq!(second.report().unwrap().torn_bytes, 0, "cut after {after}: what was cut is zero");
        assert_eq!(same, last);
    }
    assert!(torn > 5, "some cuts tear a frame: {torn}");
}
