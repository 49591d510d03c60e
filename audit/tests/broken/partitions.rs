//! A journal of several partitions: each has its own order of facts, and everything about an originator stands in its home.

use std::path::PathBuf;

use holdfast_audit::history::record::flag;
use holdfast_audit::history::{Kind, Record, Role};
use holdfast_audit::{Options, Report, Unwatched, run};
use serde_json::{Value, json};

use crate::world::{DESTINATION, Line, OPERATOR, World};

/// Of two partitions, that of [`OPERATOR`].
const HOME: u16 = OPERATOR % 2;
/// Another operator, whose home is the other partition: of it there is no history.
const OTHER: u16 = 2;

/// Everything that can happen, in two partitions: from one operator to the destination, and from another to the first, so that this
/// one has a position in both.
fn several() -> World {
    let mut world = World::everything();
    let mut other = world.journal.clone();
    for line in &mut other {
        set_where_there_is(line, "originator", OTHER);
        set_where_there_is(line, "destination", OPERATOR);
    }
    let as_operator = world.positions[&OPERATOR];
    let as_destination = world.positions[&DESTINATION];
    world.positions.insert(OTHER, as_operator);
    for (sum, more) in world.positions.get_mut(&OPERATOR).unwrap().iter_mut().zip(as_destination) {
        *sum += more;
    }
    let own = std::mem::replace(&mut world.journal, founded(other, 1 - HOME));
    world.journal.extend(founded(own, HOME));
    for record in world.records_mut(Role::Operator).iter_mut().filter(|record| is_of_a_decision(record)) {
        (record.partition, record.sequence) = (HOME, record.sequence + 1);
    }
    world.ends = vec![end_of(&world, 0), end_of(&world, 1)];
    world
}

fn set_where_there_is(line: &mut Line, field: &str, value: u16) {
    if let Some(before) = line.get_mut(field) {
        *before = value.into();
    }
}

/// The lines as a partition of two has them, behind its founding.
fn founded(mut lines: Vec<Line>, partition: u16) -> Vec<Line> {
    for line in &mut lines {
        let sequence = line["sequence"].as_u64().unwrap() + 1;
        line.insert("sequence".to_owned(), sequence.into());
        line.insert("partition".to_owned(), partition.into());
    }
    let first = json!({"partition": partition, "sequence": 1, "epoch": 1, "time": lines[0]["time"],
                       "kind": "founded", "partitions": 2});
    lines.insert(0, first.as_object().unwrap().clone());
    lines
}

fn is_of_a_decision(record: &Record) -> bool {
    matches!(record.kind, Kind::Heard | Kind::Told) && record.sequence > 0
}

fn is_in(line: &Line, partition: u16) -> bool {
    line["partition"] == u64::from(partition)
}

fn end_of(world: &World, partition: u16) -> u64 {
    let last = world.journal.iter().rfind(|line| is_in(line, partition)).unwrap();
    last["sequence"].as_u64().unwrap()
}

/// One more line at the end of a partition, so much later than the one before it.
fn add(world: &mut World, partition: u16, later_ms: u64, fields: Value) {
    let at = world.journal.iter().rposition(|line| is_in(line, partition)).unwrap();
    let before = &world.journal[at];
    let (sequence, time) = (before["sequence"].as_u64().unwrap(), before["time"].as_u64().unwrap());
    let mut line = before.clone();
    line.retain(|field, _| field == "partition" || field == "epoch");
    line.insert("sequence".to_owned(), (sequence + 1).into());
    line.insert("time".to_owned(), (time + later_ms).into());
    line.extend(fields.as_object().unwrap().clone());
    world.journal.insert(at + 1, line);
}

fn given(world: &mut World, giver: u16, total: &str) {
    let fields = json!({"kind": "lease_given", "participant": OPERATOR, "currency": "EUR", "to": 1 - giver, "total": total});
    add(world, giver, 1, fields);
}

fn taken(world: &mut World, taker: u16, total: &str) {
    let fields = json!({"kind": "lease_taken", "participant": OPERATOR, "currency": "EUR", "from": 1 - taker, "total": total});
    add(world, taker, 1, fields);
}

/// Nobody says that nothing was in flight any more.
fn not_drained(world: &mut World) {
    for role in [Role::Operator, Role::Destination] {
        for record in world.records_mut(role).iter_mut().filter(|record| record.kind == Kind::Closed) {
            record.flags &= !flag::DRAINED;
        }
    }
}

/// An audit with a dump for each of these.
fn apart(world: &World, dumps: &[&[u16]]) -> Result<Report, String> {
    let directory = tempfile::tempdir().unwrap();
    let options = world.write(directory.path());
    let write = |(n, partitions): (usize, &&[u16])| {
        let held = world.journal.iter().filter(|line| partitions.iter().any(|one| is_in(line, *one)));
        let lines: String = held.map(|line| format!("{}\n", Value::Object(line.clone()))).collect();
        let path = directory.path().join(format!("dump-{n}.jsonl"));
        std::fs::write(&path, lines).unwrap();
        path
    };
    let journal_dumps: Vec<PathBuf> = dumps.iter().enumerate().map(write).collect();
    let options = Options { journal_dumps, ..options };
    run(&options, &mut Unwatched).map_err(|error| error.to_string())
}

fn report(world: &World) -> Report {
    world.audit().expect("it can be read")
}

fn classes(world: &World) -> Vec<&'static str> {
    report(world).findings_by_class.keys().copied().collect()
}

#[test]
fn partitions_are_clean_in_one_dump_or_in_one_for_each() {
    let mut world = several();
    given(&mut world, HOME, "1200");
    taken(&mut world, 1 - HOME, "700");
    taken(&mut world, 1 - HOME, "1200");
    // The same total once more moves nothing.
    given(&mut world, HOME, "1200");
    let whole = report(&world);
    assert!(whole.is_clean() && whole.notes.is_empty(), "{whole}");
    for dumps in [[&[0_u16][..], &[1]], [&[1], &[0]]] {
        let apart = apart(&world, &dumps).unwrap();
        assert_eq!(apart.to_string(), whole.to_string());
    }
}

#[test]
fn positions_are_those_of_all_partitions_until_the_status() {
    let mut world = several();
    let both = report(&world);
    let line = both.positions.iter().find(|line| line.participant == OPERATOR).unwrap();
    assert_eq!(line.switch.clone().unwrap(), [line.held.clone(), line.debits.clone(), line.credits.clone()]);
    world.positions.get_mut(&OPERATOR).unwrap()[1] += 1;
    world.positions.get_mut(&OTHER).unwrap()[2] += 1;
    assert_eq!(classes(&world), ["positions-disagree"]);

    // When only one partition had begun.
    let mut world = several();
    world.ends[usize::from(1 - HOME)] = 1;
    assert_eq!(classes(&world), ["positions-disagree"]);
    world.positions = World::everything().positions;
    assert_eq!(classes(&world), Vec::<&str>::new());
}

#[test]
fn an_answer_or_a_status_that_names_another_partition_is_found() {
    let of_decisions = |world: &mut World| {
        let records = world.records_mut(Role::Operator).iter_mut();
        records.filter(|record| is_of_a_decision(record)).count()
    };
    let count = of_decisions(&mut several());
    assert!(count > 10, "{count}");
    for at in 0..count {
        // One that there is, and one that there is not.
        let partition = if at % 2 == 0 { 1 - HOME } else { 2 };
        let mut world = several();
        let mut records =
            world.records_mut(Role::Operator).iter_mut().filter(|record| is_of_a_decision(record));
        records.nth(at).unwrap().partition = partition;
        assert!(classes(&world).contains(&"wrong-place"), "record {at}: {:?}", classes(&world));
    }
}

#[test]
fn a_refusal_names_the_home_or_none_and_no_sequence() {
    for (partition, sequence, is_right) in [(0, 0, true), (HOME, 0, true), (2, 0, false), (HOME, 7, false)] {
        let mut world = several();
        let mut refused = world.records_mut(Role::Operator).iter_mut().filter(|record| record.outcome == 3);
        let refused = refused.next().unwrap();
        (refused.partition, refused.sequence) = (partition, sequence);
        let expected: &[&str] = if is_right { &[] } else { &["wrong-place"] };
        assert_eq!(classes(&world), expected, "partition {partition}, sequence {sequence}");
    }
}

#[test]
fn what_is_decided_outside_its_originators_home_is_found() {
    let mut world = several();
    let about = |line: &&mut Line| line.get("originator").is_some();
    let stray = world.journal.iter_mut().filter(about).last().unwrap();
    stray.insert("partition".to_owned(), (1 - HOME).into());
    assert!(classes(&world).contains(&"wrong-partition"), "{:?}", classes(&world));

    // Also where all of it stands together: of three partitions the home of OTHER is the third.
    let mut world = several();
    world.journal.iter_mut().filter(|line| line["kind"] == "founded").for_each(|line| {
        line.insert("partitions".to_owned(), 3.into());
    });
    let third =
        json!({"partition": 2, "sequence": 1, "epoch": 1, "time": 1, "kind": "founded", "partitions": 3});
    world.journal.push(third.as_object().unwrap().clone());
    world.ends.push(1);
    let report = report(&world);
    assert_eq!(report.findings_by_class.keys().copied().collect::<Vec<_>>(), ["wrong-partition"]);
    let what = "it stands in partition 0, and the home of its originator is partition 2";
    assert_eq!(report.findings[0].what, what);
}

#[test]
fn a_break_says_in_which_partition_it_is() {
    let mut world = several();
    let at = world.journal.iter().rposition(|line| line["kind"] == "acknowledged").unwrap();
    world.journal[at].insert("time".to_owned(), 1.into());
    let printed = report(&world).to_string();
    let place = format!("[journal of partition {HOME} {} line]", world.journal[at]["sequence"]);
    assert!(printed.contains("journal-broken (1)") && printed.contains(&place), "{printed}");
}

#[test]
fn room_that_was_taken_and_not_given_is_found() {
    let mut world = several();
    taken(&mut world, 1 - HOME, "700");
    let printed = report(&world).to_string();
    assert_eq!(classes(&world), ["wrong-partition"], "nobody gave it");
    let what = "the cap of participant 1 in currency 978, from partition 1 to 0: 700 taken, and 0 given";
    assert!(printed.contains(what), "{printed}");

    let mut world = several();
    taken(&mut world, 1 - HOME, "1201");
    given(&mut world, HOME, "1200");
    assert_eq!(classes(&world), ["wrong-partition"], "more than was given");

    let mut world = several();
    given(&mut world, HOME, "1200");
    taken(&mut world, HOME, "1200");
    assert_eq!(classes(&world), ["wrong-partition"], "given the other way");

    let mut world = several();
    let from_nobody =
        json!({"kind": "lease_taken", "participant": OPERATOR, "currency": "EUR", "from": 2, "total": "5"});
    add(&mut world, 0, 1, from_nobody);
    assert_eq!(classes(&world), ["wrong-partition"], "there is no such partition");
}

#[test]
fn a_total_that_falls_is_found() {
    let mut world = several();
    given(&mut world, HOME, "700");
    given(&mut world, HOME, "600");
    assert_eq!(classes(&world), ["wrong-partition"]);
    let mut world = several();
    given(&mut world, HOME, "700");
    taken(&mut world, 1 - HOME, "700");
    taken(&mut world, 1 - HOME, "600");
    assert_eq!(classes(&world), ["wrong-partition"]);
}

#[test]
fn what_the_givers_dump_cannot_show_is_no_finding() {
    // Of a switch that went on while it was dumped.
    let mut world = several();
    not_drained(&mut world);
    taken(&mut world, 1 - HOME, "700");
    let early = report(&world);
    assert!(early.is_clean(), "{early}");
    assert!(early.notes[0].contains("700 taken, and 0 given when the dump of partition 1 ends"), "{early}");
    add(&mut world, HOME, 2, json!({"kind": "forgotten", "second": 1}));
    assert_eq!(classes(&world), ["wrong-partition"], "it goes on, and the gift is not in it");

    // Of a journal whose first segments are gone.
    let mut world = several();
    let at = world.journal.iter().position(|line| is_in(line, HOME)).unwrap();
    world.journal.drain(at..at + 2);
    taken(&mut world, 1 - HOME, "700");
    let trimmed = report(&world);
    assert!(trimmed.is_clean(), "{trimmed}");
    assert_eq!(trimmed.notes, ["the dump of partition 1 begins with sequence 3"]);
    given(&mut world, HOME, "600");
    assert_eq!(classes(&world), ["wrong-partition"], "a total says all that was given before it, too");
}

#[test]
fn dumps_that_are_not_all_partitions_of_one_journal_are_refused() {
    let refused = |world: &World, dumps: &[&[u16]]| apart(world, dumps).expect_err("it is no journal");
    let said = refused(&several(), &[&[0, 1], &[1]]);
    assert!(
        said.contains("dump-1.jsonl: line 1: ") && said.contains("holds lines of partition 1 already"),
        "{said}"
    );
    let said = refused(&several(), &[&[0]]);
    assert!(said.contains("partition 1 of 2 is missing"), "{said}");
    let said = refused(&several(), &[&[1], &[]]);
    assert!(said.contains("partition 0 of 2 is missing"), "{said}");

    let mut world = several();
    let last = world.journal.iter_mut().rfind(|line| line["kind"] == "founded").unwrap();
    last.insert("partitions".to_owned(), 3.into());
    let said = refused(&world, &[&[0], &[1]]);
    assert!(said.contains("partition 0 is one of 2 and partition 1 one of 3"), "{said}");

    let mut world = several();
    let only = |line: &Line| is_in(line, 0) && line["kind"] == "founded";
    world.journal.retain(|line| !only(line));
    world.journal.iter_mut().filter(|line| is_in(line, 0)).for_each(|line| {
        let sequence = line["sequence"].as_u64().unwrap() - 1;
        line.insert("sequence".to_owned(), sequence.into());
    });
    let said = refused(&world, &[&[0], &[1]]);
    assert!(said.contains("partition 0 is one of 1 and partition 1 one of 2"), "{said}");

    let mut world = several();
    world.ends.clear();
    let said = refused(&world, &[&[0], &[1]]);
    assert!(said.contains("the status is of a switch with 1 partition, and the journal has 2"), "{said}");
}

#[test]
fn where_the_first_facts_are_gone_there_are_as_many_partitions_as_dumps() {
    let mut world = several();
    world.journal.retain(|line| line["kind"] != "founded");
    assert!(report(&world).is_clean(), "{}", report(&world));
    let said = apart(&world, &[&[1]]).expect_err("the other is missing");
    assert!(said.contains("partition 0 of 2 is missing"), "{said}");
}
