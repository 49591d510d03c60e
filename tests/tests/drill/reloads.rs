//! Caps, limits and routes are changed under load by a file and SIGHUP, and what was decided since follows the file
//! (SW-10, SW-12, I9).

use std::fs;
use std::path::Path;

use holdfast_core::registry::Debtor;
use holdfast_core::{Core, Fact, Settings};
use holdfast_journal::{read_directory, read_facts};
use holdfast_protocol::{Currency, ParticipantNumber, Sequence};
use serde_json::Value;

use crate::stage::{FACTS, Stage};

/// What a reload changes, in the words of the file, and a fact that shows that it holds.
type Reload<'a> = (&'a str, &'a str, fn(&Value) -> bool);

/// In the order in which they are made; the last undoes all.
const RELOADS: [Reload<'_>; 3] = [
    (
        "number = 1\nroles = [\"originates\", \"receives\"]\ncaps = { EUR = \"1000000000000.00\" }",
        "number = 1\nroles = [\"originates\", \"receives\"]\ncaps = { EUR = \"1.00\" }",
        |fact| fact["originator"] == 1 && fact["reason_name"] == "NetDebitCapExceeded",
    ),
    (
        "number = 2\nroles = [\"originates\", \"receives\"]\ncaps = { EUR = \"1000000000000.00\" }\n\
         limits = { level_1 = {}, level_2 = {},",
        "number = 2\nroles = [\"originates\", \"receives\"]\ncaps = { EUR = \"1000000000000.00\" }\n\
         limits = { level_1 = {}, level_2 = { EUR = { daily_count = 1 } },",
        |fact| fact["originator"] == 2 && fact["reason_name"] == "DailyCountLimitExceeded",
    ),
    (
        "mps = \"acq-1\"\ndestination = \"acquirer-1\"",
        "mps = \"acq-1\"\ndestination = \"acquirer-2\"",
        |fact| fact["kind"] == "reserved" && fact["payment_id"] == "shop@acq-1" && fact["destination"] == 12,
    ),
];

#[test]
fn caps_limits_and_routes_follow_the_file_under_load() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut stage = Stage::set(directory.path());
    let first = fs::read_to_string(stage.home.config()).unwrap();
    stage.decide_more(FACTS.end);
    for (at, (before, after, _)) in RELOADS.iter().enumerate() {
        assert!(first.contains(before), "{first}");
        stage.reload(&first.replace(before, after), at + 1);
        stage.decide_more(FACTS.end);
    }
    stage.reload(&first, RELOADS.len() + 1);
    stage.decide_more(FACTS.end);
    let stage_journal = stage.home.journal();
    let report = stage.audited();
    let dump = fs::read_to_string(directory.path().join("journal.jsonl")).unwrap();
    let facts: Vec<Value> = dump.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let configures = |fact: &&Value| {
        let kind = fact["kind"].as_str().unwrap_or_default();
        matches!(kind, "participant_configured" | "routes_configured")
    };
    let configured: Vec<u64> =
        facts.iter().filter(configures).map(|fact| fact["sequence"].as_u64().unwrap()).collect();
    // At the start everybody and the routes, then what each reload changed: at last a participant and the routes.
    let [.., cap, _, limit, _, routes, last] = configured[..] else { panic!("{configured:?}") };
    let shown = |from: u64, until: u64, holds: fn(&Value) -> bool| {
        let between = |fact: &&Value| (from..until).contains(&fact["sequence"].as_u64().unwrap());
        facts.iter().filter(between).filter(|fact| holds(fact)).count()
    };
    for ((_, after, holds), (from, until)) in
        RELOADS.iter().zip([(cap, limit), (limit, routes), (routes, last)])
    {
        assert!(shown(from, until, *holds) > 5, "{after}: {configured:?}\n{report}");
        assert_eq!(shown(0, from, *holds), 0, "before {after}");
        assert_eq!(shown(last, u64::MAX, *holds), 0, "after {after} was undone");
    }
    // None but what the file says now is let through. What others owe operator-1 and refunds may bring it below its cap
    // again, so that is reckoned hold by hold.
    holds_keep_their_caps(&stage_journal, (cap, limit));
    let of_two = |fact: &Value| fact["kind"] == "reserved" && fact["originator"] == 2;
    assert_eq!(shown(limit, routes, of_two), 0, "operator-2 has had its one payment of the day already");
    let elsewhere = |fact: &Value| {
        fact["kind"] == "reserved" && fact["payment_id"] == "shop@acq-1" && fact["destination"] == 11
    };
    assert_eq!(shown(routes, last, elsewhere), 0, "acq-1 leads to acquirer-2");
    assert!(shown(last, u64::MAX, elsewhere) > 0 && shown(last, u64::MAX, of_two) > 0, "{report}");
}

/// I9, by folding the journal once more: no hold left its debtor above the cap it had then. Between these two facts the cap
/// of operator-1 was one euro, and holds that it could not bear were wanted again and again.
fn holds_keep_their_caps(journal: &Path, (from, until): (u64, u64)) {
    let mut core = Core::new(Settings::default());
    let mut otherwise = 0;
    let mut after = |core: &Core, at: Sequence, debtor: ParticipantNumber, currency: Currency| {
        let (_, _, positions) = core.participants().find(|(record, ..)| record.number == debtor).unwrap();
        let position = positions.iter().find(|position| position.currency == currency).unwrap();
        let cap = position.cap.expect("everybody has a cap");
        assert!(position.exposure() <= cap, "I9: fact {} leaves {position:?}", at.0);
        otherwise += u64::from((from..until).contains(&at.0) && debtor.get() == 1 && cap.minor() != 100);
    };
    let read = read_directory(journal, &mut |facts| {
        core.set_epoch(facts.epoch);
        core.set_time(facts.time);
        read_facts(&facts, &mut |at, fact| {
            core.apply_recovered(&fact);
            if let Fact::Reserved(reserved) = &fact {
                let debtor = match reserved.debtor {
                    Debtor::Originator => reserved.originator,
                    Debtor::Destination => reserved.destination,
                    Debtor::Outside => return Ok(()),
                };
                after(&core, at, debtor, reserved.request.currency);
            }
            Ok(())
        })
    });
    assert!(read.unwrap().is_some(), "there is a journal");
    assert_eq!(otherwise, 0, "the cap of operator-1 is what the file said");
}
