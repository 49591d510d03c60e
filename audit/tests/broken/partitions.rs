//! A journal of several partitions: each has its own order of facts, and everything about an originator stands in one.

use holdfast_audit::history::{Kind, Record, Role};
use serde_json::{Value, json};

use crate::world::{Line, OPERATOR, World};

const HOME: u16 = 1;

/// Everything that can happen, decided in partition 1; and what partition 0 wrote of it.
fn several() -> World {
    let mut world = World::everything();
    world.partition = HOME;
    for line in &mut world.journal {
        line.insert("partition".to_owned(), HOME.into());
    }
    for record in world.records_mut(Role::Operator) {
        if is_of_a_decision(record) {
            record.partition = HOME;
        }
    }
    let time = world.journal[0]["time"].as_u64().unwrap();
    add(&mut world, 1, 0, time, "founded", json!({"partitions": 2}));
    add(
        &mut world,
        2,
        0,
        time,
        "participant_configured",
        json!({"participant": OPERATOR, "name": "operator-1"}),
    );
    world
}

fn is_of_a_decision(record: &Record) -> bool {
    matches!(record.kind, Kind::Heard | Kind::Told) && record.sequence > 0
}

fn add(world: &mut World, sequence: u64, partition: u16, time: u64, kind: &str, fields: Value) {
    let all = json!({"partition": partition, "sequence": sequence, "epoch": 1, "time": time, "kind": kind});
    let mut line: Line = all.as_object().unwrap().clone();
    line.extend(fields.as_object().unwrap().clone());
    // One partition after the other, as the dump has them.
    let place = world.journal.iter().position(|line| line["partition"] == u64::from(HOME)).unwrap_or(0);
    world.journal.insert(if partition == 0 { place } else { world.journal.len() }, line);
}

fn lease(world: &mut World, sequence: u64, partition: u16, kind: &str, other: (&str, u16), total: &str) {
    let last = world.journal.iter().rfind(|line| line["partition"] == u64::from(partition)).unwrap().clone();
    let mut fields =
        json!({"participant": OPERATOR, "currency": "EUR", "total": total, "epoch": last["epoch"]});
    fields[other.0] = other.1.into();
    add(world, sequence, partition, last["time"].as_u64().unwrap(), kind, fields);
}

fn classes(world: &World) -> Vec<&'static str> {
    world.audit().expect("it can be read").findings_by_class.keys().copied().collect()
}

#[test]
fn what_partitions_wrote_is_clean_each_in_its_own_order() {
    let mut world = several();
    let end = world.journal.last().unwrap()["sequence"].as_u64().unwrap();
    lease(&mut world, 3, 0, "lease_taken", ("from", HOME), "700");
    lease(&mut world, end + 1, HOME, "lease_given", ("to", 0), "1200");
    assert_eq!(classes(&world), Vec::<&str>::new());
}

#[test]
fn an_answer_that_names_another_partition_is_found() {
    for (at, partition) in [(0, 0), (0, 2)] {
        let mut world = several();
        let mut answers =
            world.records_mut(Role::Operator).iter_mut().filter(|record| is_of_a_decision(record));
        answers.nth(at).unwrap().partition = partition;
        assert!(classes(&world).contains(&"wrong-place"), "{:?}", classes(&world));
    }
}

#[test]
fn an_originator_in_two_partitions_is_found() {
    let mut world = several();
    let about = |line: &&mut Line| line.get("originator").is_some();
    let stray = world.journal.iter_mut().filter(about).last().unwrap();
    stray.insert("partition".to_owned(), 0.into());
    assert!(classes(&world).contains(&"wrong-partition"), "{:?}", classes(&world));
}

#[test]
fn room_that_was_taken_and_not_given_is_found() {
    let mut world = several();
    lease(&mut world, 3, 0, "lease_taken", ("from", HOME), "700");
    assert_eq!(classes(&world), ["wrong-partition"], "nobody gave it");
    let mut world = several();
    let end = world.journal.last().unwrap()["sequence"].as_u64().unwrap();
    lease(&mut world, 3, 0, "lease_taken", ("from", HOME), "1201");
    lease(&mut world, end + 1, HOME, "lease_given", ("to", 0), "1200");
    assert_eq!(classes(&world), ["wrong-partition"], "more than was given");
    let mut world = several();
    lease(&mut world, 3, 0, "lease_given", ("to", HOME), "700");
    lease(&mut world, 4, 0, "lease_given", ("to", HOME), "600");
    assert_eq!(classes(&world), ["wrong-partition"], "a total fell");
}
