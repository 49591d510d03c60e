//! Random inputs: every invariant after every step, everything finished in the end, and the same inputs give the same
//! outputs.

use proptest::prelude::*;

use super::world::{World, settings};
use crate::Settings;

fn operator() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["A", "C"])
}

fn destination() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["B", "B#1", "D", "A", "C"])
}

/// What those who run the switch do, and the disk.
fn change() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "status A draining",
        "status A active",
        "status B suspended",
        "status B active",
        "configure A cap=50.00",
        "configure A daily=300.00 count=9",
        "configure without C",
        "cutover 2026-11-23",
        "cutover 2026-11-24",
        "restart",
        "journal full",
        "journal behind",
        "journal free",
    ])
}

fn link() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "lost A",
        "lost B",
        "lost B#1",
        "lost D",
        "up A",
        "up B",
        "up B#1",
        "up B shared",
        "up D",
        "up C",
    ])
}

/// One line. Few ids, so that they meet; authorizes from 1, refunds from 12, what follows them from 100.
pub(super) fn line() -> impl Strategy<Value = String> {
    let payee = prop::sample::select(vec!["m@B", "out@B", "m@D", "m@C", "m@A", "x@D", "m@X"]);
    let kind = prop::sample::select(vec![
        "",
        "reserve",
        "reserve many",
        "reserve many partial hold=45000",
        "verify",
    ]);
    let options = prop::sample::select(vec!["", "budget=700", "repeat", "partial", "web"]);
    let sum = prop::sample::select(vec!["1.00", "40.00", "300.00"]);
    let answer = prop::sample::select(vec![
        "approved",
        "approved",
        "approved 20.00",
        "approved 500.00",
        "declined DoNotHonour",
        "declined DestinationFailed",
        "refused Malformed",
    ]);
    prop_oneof![
        8 => (operator(), 1..12_u32, payee, sum, kind, options)
            .prop_map(|(who, id, payee, sum, kind, options)| {
                format!("authorize {who} {id} {payee} {sum} {kind} {options}")
            }),
        8 => (destination(), operator(), 1..16_u32, answer)
            .prop_map(|(who, of, id, answer)| format!("answer {who} {of}/{id} {answer}")),
        3 => (operator(), 100..112_u32, 1..12_u32, prop::sample::select(vec!["1.00", "1.00 last", "40.00 last"]))
            .prop_map(|(who, id, of, what)| format!("capture {who} {id} of {of} {what}")),
        2 => (operator(), 100..112_u32, 1..12_u32).prop_map(|(who, id, of)| format!("release {who} {id} of {of}")),
        4 => (operator(), 100..112_u32, prop_oneof![8 => 1..16_u32, 1 => 100..112_u32])
            .prop_flat_map(|(who, id, of)| {
                let payee = prop::sample::select(vec!["m@B", "m@C", "m@D", "m@X"]);
                payee.prop_map(move |payee| format!("reverse {who} {id} of {of} to={payee}"))
            }),
        5 => (operator(), 12..16_u32, 1..12_u32, prop::sample::select(vec!["1.00", "30.00", "40.00"]))
            .prop_map(|(who, id, of, sum)| format!("refund {who} {id} of {of} {sum}")),
        6 => (destination(), operator(), 1..16_u32, 1..4_u16)
            .prop_map(|(who, of, id, delivery)| format!("acknowledge {who} {of}/{id} {delivery}")),
        1 => (destination(), operator(), 1..16_u32).prop_map(|(who, of, id)| format!("inquire {who} {of}/{id}")),
        3 => (operator(), 1..16_u32, prop::sample::select(vec!["found", "found", "absent", "unavailable"]))
            .prop_map(|(who, id, what)| format!("recalled {who}/{id} {what}")),
        3 => prop::sample::select(vec![1_u64, 400, 900, 6_000, 41_000, 70_000])
            .prop_map(|millis| format!("wait {millis}")),
        2 => link().prop_map(|what| format!("link {what}")),
        1 => change().prop_map(str::to_owned),
    ]
}

fn small() -> Settings {
    Settings { undelivered_for_destination_max: 12, delivery_window: 3, pending_max: 10, ..settings() }
}

/// Plays the lines; whether a link can come or go is seen to here.
pub(super) fn play(lines: &[String]) -> (World, Vec<String>) {
    let mut world = World::new(small());
    let mut said = Vec::new();
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let ["link", what, who, ..] = words[..]
            && world.is_up(who) == (what == "up")
        {
            continue;
        }
        said.extend(world.line(line));
    }
    (world, said)
}

/// A quarter of the usual number of cases, for each is long; `PROPTEST_CASES` asks for more.
pub(super) fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases / 4, failure_persistence: None, ..usual }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_invariant_holds_after_every_step(lines in prop::collection::vec(line(), 1..120)) {
        let (mut world, _) = play(&lines);
        world.finish();
        world.nothing_is_lost();
    }

    #[test]
    fn the_same_inputs_give_the_same_outputs(lines in prop::collection::vec(line(), 1..60)) {
        let (first, said) = play(&lines);
        let (second, again) = play(&lines);
        prop_assert_eq!(said, again);
        prop_assert_eq!(&first.journal, &second.journal);
        prop_assert_eq!(first.core.digest(), second.core.digest());
    }
}
