//! What a switch wrote down, sent again to another: the same is decided once more (LG-2).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use holdfast_tests::processes::{run, run_well, text};
use serde_json::Value;

use super::scene::{Scene, summary};

/// How often each fact about money stands in the dump that lies in a directory.
fn facts(directory: &Path) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for line in fs::read_to_string(directory.join("journal.jsonl")).unwrap().lines() {
        let fact: Value = serde_json::from_str(line).unwrap();
        if fact.get("original").is_some() && fact["kind"] != "acknowledged" {
            *counts.entry(fact["kind"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    counts
}

/// Replays a dump over a switch of its own; gives what that switch wrote down.
fn replayed(dump: &Path, speed: &str, budget: &str) -> (BTreeMap<String, u64>, Value) {
    let scene = Scene::new();
    let (trace, out) = (scene.path("dump.trace"), scene.path("out"));
    run_well("loadgen", &["gen", "--from-dump", text(dump), "-o", text(&trace), "-q"]);
    let more = ["--speed", speed, "--budget", budget, "-q", "-o", text(&out)];
    scene.load("replay", &[&[text(&trace)], &more[..]].concat());
    let summary = summary(&out);
    assert_eq!(summary["verdict"]["books"], "closed", "{summary:#}");
    assert_eq!(summary["accounting"]["errors"], 0, "{summary:#}");
    let directory = scene.audit(&out);
    let facts = facts(&out);
    directory.close().unwrap();
    (facts, summary)
}

#[test]
fn what_a_switch_wrote_down_is_decided_once_more() {
    let scene = Scene::new();
    let out = scene.path("out");
    let mut more = vec!["--operators", "2", "--acquirers", "2", "-r", "100", "-d", "3s", "-w", "0s", "-q"];
    more.extend(["--mix", "pay:3,intersystem:2,reserve:3,partial:2,release:1,verify:1,reverse:1,refund:3"]);
    more.extend(["--decline-rate", "0.1", "--budget", "20s", "--seed", "5", "-o", text(&out)]);
    scene.load("run", &more);
    let _directory = scene.audit(&out);
    let before = facts(&out);
    for kind in ["reserved", "approved", "declined", "captured", "released", "reversed", "refund_reserved"] {
        assert!(before.contains_key(kind), "{kind} is missing: {before:?}");
    }
    let (after, summary) = replayed(&out.join("journal.jsonl"), "2", "20s");
    assert_eq!(after, before);
    assert_eq!(summary["config"]["replay"]["made_from"]["from-dump"], "journal.jsonl");
}

/// Lines of a dump, one transaction after the other.
struct Lines {
    text: String,
    made_ms: u64,
    number: u64,
}

const BEGUN_MS: u64 = 1_795_305_600_000;

impl Lines {
    /// An id that is made so many milliseconds after the transaction began.
    fn id(&mut self, after_ms: u64) -> String {
        self.number += 1;
        let made_ms = BEGUN_MS + self.made_ms + after_ms;
        let digits = format!("{:032x}", (u128::from(made_ms) << 80) | u128::from(self.number));
        let cuts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|cut| digits[cut].to_owned());
        cuts.join("-")
    }

    /// A transaction of 10.00 that was approved, and what followed: the kind of fact, when, and its fields.
    fn approved(&mut self, kind: &str, approved: u64, hold_ms: u64, follow_ups: &[(&str, u64, &str)]) {
        self.made_ms += 20;
        let original = self.id(0);
        let hold_until = BEGUN_MS + self.made_ms + hold_ms;
        let begun = format!(
            r#""payment_kind":"{kind}","payment_id":"shop-1@acq-1","instrument":"****1234","amount":1000,"currency":"EUR","hold_until":{hold_until},"captures_many":true,"destination":11"#
        );
        let approval = format!(r#""amount":{approved}"#);
        let first = [("reserved", 0, begun.as_str()), ("approved", 0, approval.as_str())];
        for (fact, after_ms, fields) in first.iter().chain(follow_ups) {
            let id = if *after_ms == 0 { original.clone() } else { self.id(*after_ms) };
            let time = BEGUN_MS + self.made_ms + after_ms;
            let fields = if fields.is_empty() { String::new() } else { format!(",{fields}") };
            self.text.push_str(&format!(
                "{{\"sequence\":1,\"epoch\":1,\"time\":{time},\"kind\":\"{fact}\",\"originator\":1,\"original\":\"{original}\",\"id\":\"{id}\"{fields}}}\n"
            ));
        }
    }
}

#[test]
fn every_end_that_a_hold_can_have_is_played_again() {
    let mut lines = Lines { text: String::new(), made_ms: 0, number: 0 };
    let capture = |amount: u64, last: bool| format!(r#""amount":{amount},"last":{last}"#);
    let (part, rest) = (capture(300, false), capture(700, true));
    for _ in 0..5 {
        lines.approved("reserve", 1_000, 60_000, &[("captured", 200, &part), ("captured", 400, &rest)]);
        lines.approved("reserve", 1_000, 60_000, &[("reversed", 300, "")]);
        lines.approved("reserve", 1_000, 60_000, &[("captured", 100, &part), ("reversed", 300, "")]);
        lines.approved("reserve", 1_000, 60_000, &[("captured", 100, &part), ("released", 300, "")]);
        lines.approved("reserve", 600, 4_000, &[("captured", 100, &part), ("expired", 4_000, "")]);
        lines.approved("reserve", 1_000, 4_000, &[("expired", 4_000, "")]);
        lines.approved("verify", 1_000, 60_000, &[("reversed", 100, "")]);
        lines.approved("pay", 1_000, 0, &[("reversed", 500, "")]);
        // Nothing says how it ended: it is released when the dump ends.
        lines.approved("reserve", 1_000, 60_000, &[]);
    }
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let dump = directory.path().join("made-up.jsonl");
    fs::write(&dump, &lines.text).unwrap();
    let (facts, _) = replayed(&dump, "1", "3s");
    let expected = [
        ("approved", 45),
        ("captured", 25),
        ("expired", 10),
        ("released", 10),
        ("reserved", 45),
        ("reversed", 20),
    ];
    assert_eq!(facts, expected.map(|(kind, count)| (kind.to_owned(), count)).into());
    fs::write(&dump, "{\"kind\":\"reserved\"}\n").unwrap();
    let trace = directory.path().join("none.trace");
    let refused = run("loadgen", &["gen", "--from-dump", text(&dump), "-o", text(&trace)]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("line 1") && !trace.exists(), "{said}");
}
