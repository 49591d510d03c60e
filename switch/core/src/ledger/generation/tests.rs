use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use super::*;

const SEED: u64 = 20_261_123;

fn insert(generation: &mut Generation, room: &mut Room, number: usize) {
    generation.insert_transaction(
        FixedState::with_seed(SEED).hash_one(number),
        TransactionRecord::blank(),
        room,
    );
}

fn sizes(generation: &Generation) -> Vec<usize> {
    generation.tables.iter().map(|table| table.slots.len()).collect()
}

#[test]
fn what_was_expected_comes_without_a_table_that_grows() {
    let (mut generation, mut room) = (Generation::new(200_000), Room::default());
    let before = sizes(&generation);
    for number in 0..200_000 {
        insert(&mut generation, &mut room, number);
    }
    assert_eq!(sizes(&generation), before);
}

#[test]
fn beyond_it_tables_grow_one_after_the_other() {
    let (mut generation, mut room) = (Generation::new(20_000), Room::default());
    let (mut most, mut grown) = (0, 0);
    // In batches as large as a turn takes: what one of them may have to wait for.
    for batch in 0..80 {
        let before = sizes(&generation);
        for number in 0..1_024 {
            insert(&mut generation, &mut room, batch * 1_024 + number);
        }
        let now = before.iter().zip(sizes(&generation)).filter(|(before, after)| **before != *after).count();
        most = most.max(now);
        grown += now;
    }
    assert!(grown >= 3 * TABLES, "four times what was expected: each grew, and more than once ({grown})");
    assert!(most <= TABLES / 2, "{most} tables grew in one batch");
}

#[test]
fn every_record_is_found_while_tables_grow_and_a_search_for_another_ends() {
    let hash = |number| FixedState::with_seed(SEED).hash_one(number);
    for expected in (0..1_100).step_by(11).chain([20_000]) {
        let (mut generation, mut room) = (Generation::new(expected), Room::default());
        let ids = expected * 2 + 500;
        for number in 0..ids {
            insert(&mut generation, &mut room, number);
            for table in &generation.tables {
                assert!(table.used == 0 || table.used < table.slots.len(), "{expected}: a slot stays empty");
            }
        }
        for number in 0..ids {
            let mut candidates = generation.table(hash(number)).candidates(hash(number));
            assert!(candidates.any(|found| found as usize == number), "{expected}: {number} is found");
        }
        // Hardly any has the tag of one that is there; that the search ends is what counts.
        let strangers = (ids..ids + 5_000)
            .filter(|number| generation.table(hash(*number)).candidates(hash(*number)).next().is_some());
        assert!(strangers.count() < 50, "{expected}");
    }
}

#[test]
fn an_id_takes_eighty_bytes_at_the_rate_that_was_expected() {
    for expected in [10_000, 50_000, 200_000] {
        let (mut generation, mut room) = (Generation::new(expected), Room::default());
        // As often as a generation is used again in a day, so that tables grown by chance would stay so.
        let rounds = if expected == 10_000 { 1_000 } else { 20 };
        for round in 0..rounds {
            generation.empty();
            for number in 0..expected {
                insert(&mut generation, &mut room, round * expected + number);
            }
        }
        let slots: usize = sizes(&generation).iter().sum();
        let bytes = size_of::<TransactionRecord>() * expected + size_of::<u64>() * slots;
        assert!(bytes <= 80 * expected, "{} bytes for each of {expected}", bytes / expected);
    }
}
