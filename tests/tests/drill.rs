//! The switch, operators and destinations are killed, frozen and asked to end under load, in an order that follows from a
//! seed, and the auditor finds nothing (I1, I2, I5, I6; SW-6).
//!
//! And the other way round: caps, limits and routes are changed under load by a file and SIGHUP, and what was decided since
//! follows the file (SW-10, SW-12, I9).
//!
//! Each is a process of its own. `HOLDFAST_DRILL_KILLS` and `HOLDFAST_DRILL_SEED` ask for another drill.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use holdfast_core::registry::Debtor;
use holdfast_core::{Core, Fact, Settings};
use holdfast_journal::{read_directory, read_facts};
use holdfast_protocol::{Currency, ParticipantNumber, Sequence};
use holdfast_tests::processes::{Process, SwitchHome, run, run_well, text};
use holdfast_tests::wait::wait_until;
use serde_json::Value;

/// `scripts/drill.sh` does fifty.
const KILLS: u64 = 10;
const SEED: u64 = 20_261_122;
/// Requests of each operator in a second; a build without optimizations carries less.
const RATE: &str = if cfg!(debug_assertions) { "100" } else { "500" };
/// Facts between two kills.
const FACTS: std::ops::Range<u64> = if cfg!(debug_assertions) { 20..200 } else { 100..1_500 };
/// How long somebody is frozen; the longest is longer than an echo may stay unanswered.
const FROZEN_MS: [u64; 6] = [50, 100, 200, 400, 1_000, 3_500];
const PROGRESS_WITHIN: Duration = Duration::from_secs(60);
const ENDS_WITHIN: Duration = Duration::from_secs(60);
const SETTLES_WITHIN: Duration = Duration::from_secs(120);

/// Who is killed, with its number; the switch has none.
const VICTIMS: [(&str, u16); 5] =
    [("switch", 0), ("operator-1", 1), ("operator-2", 2), ("acquirer-1", 11), ("acquirer-2", 12)];
const METHODS: [&str; 3] = ["SIGKILL", "SIGSTOP and SIGCONT", "SIGTERM"];

/// A generator that gives the same numbers for the same seed, for ever (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}

/// Everybody who runs.
struct Stage<'a> {
    directory: &'a Path,
    home: SwitchHome,
    switch: Process,
    parties: BTreeMap<&'static str, (Process, u32)>,
}

impl<'a> Stage<'a> {
    /// Everybody runs.
    fn set(directory: &'a Path) -> Self {
        let home = SwitchHome::new(directory, 2, 2);
        let switch = home.start();
        let mut stage = Self { directory, home, switch, parties: BTreeMap::new() };
        for (name, number) in VICTIMS.into_iter().rev().filter(|(_, number)| *number > 0) {
            stage.start_party(name, number);
        }
        stage
    }

    /// The file is changed and taken over.
    fn reload(&mut self, configuration: &str, reloads: usize) {
        fs::write(self.home.config(), configuration).unwrap();
        self.switch.signal("HUP");
        let log = self.directory.join("switch.log");
        wait_until(&format!("the switch has reloaded {reloads} times"), PROGRESS_WITHIN, || {
            let said = fs::read_to_string(&log).unwrap();
            assert!(!said.contains("not reloaded"), "{said}");
            (said.matches("reloaded: certificates").count() >= reloads).then_some(())
        });
    }

    /// The operators end, everything settles, everybody else ends, and the auditor finds nothing. Its report.
    fn audited(mut self) -> String {
        self.end("operator");
        wait_until("nothing is open any more", SETTLES_WITHIN, || {
            (number(&self.home, "open") == 0 && number(&self.home, "pending") == 0).then_some(())
        });
        fs::write(self.directory.join("status.json"), self.home.status()).unwrap();
        self.end("acquirer");
        let Stage { home, switch, directory, .. } = self;
        home.stop(switch);
        let audit = audit(&home, directory);
        let report =
            format!("{}{}", String::from_utf8_lossy(&audit.stdout), String::from_utf8_lossy(&audit.stderr));
        assert!(audit.status.success(), "the auditor ended with {}\n{report}", audit.status);
        report
    }

    fn start_party(&mut self, name: &'static str, number: u16) {
        let start = self.parties.get(name).map_or(1, |(_, start)| start + 1);
        let role = if number < 10 { "operator" } else { "destination" };
        let mut command = Command::new(env!("CARGO_BIN_EXE_party"));
        command.args([role, "--switch", &self.home.listen.to_string(), "--certs", text(&self.home.certs())]);
        command.args(["--name", name, "--number", &number.to_string(), "--start", &start.to_string()]);
        command.args(["--rate", RATE, "--history", text(&self.directory.join("history"))]);
        let process = Process::start_command(name, command, &self.directory.join(format!("{name}.log")));
        self.parties.insert(name, (process, start));
    }

    /// Lets the switch decide so many facts more, under load.
    fn decide_more(&mut self, more: u64) {
        let from = number(&self.home, "sequence");
        wait_until(&format!("the switch has decided {more} more facts"), PROGRESS_WITHIN, || {
            for (name, (party, _)) in &mut self.parties {
                assert_eq!(party.ended(), None, "{name} has ended\n{}", party.log_tail());
            }
            (number(&self.home, "sequence") >= from + more).then_some(())
        });
    }

    fn strike(&mut self, (name, number): (&'static str, u16), method: &str, pause: Duration) {
        let process = match self.parties.get_mut(name) {
            Some((process, _)) => process,
            None => &mut self.switch,
        };
        match method {
            "SIGKILL" => process.kill(),
            "SIGTERM" => {
                process.terminate();
                let status = process.wait(ENDS_WITHIN);
                assert!(status.success(), "{name} ended with {status}\n{}", process.log_tail());
            }
            _ => return process.freeze(pause),
        }
        if name == "switch" {
            self.switch = self.home.start();
        } else {
            self.start_party(name, number);
        }
    }

    /// Those who play a role end in good order.
    fn end(&mut self, role: &str) {
        for (name, (party, _)) in self.parties.iter_mut().filter(|(name, _)| name.starts_with(role)) {
            party.terminate();
            let status = party.wait(ENDS_WITHIN);
            assert!(status.success(), "{name} ended with {status}\n{}", party.log_tail());
        }
    }
}

/// A number at the top of the status, or among its queues.
fn number(home: &SwitchHome, name: &str) -> u64 {
    let status: Value = serde_json::from_str(&home.status()).unwrap();
    let number = status.get(name).or_else(|| status["queues"].get(name));
    number.and_then(Value::as_u64).unwrap_or_else(|| panic!("no {name} in {status}"))
}

fn asked_for(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect("a number"))
}

#[test]
fn kills_of_everybody_under_load_lose_nothing_and_apply_nothing_twice() {
    let kills = asked_for("HOLDFAST_DRILL_KILLS", KILLS);
    let seed = asked_for("HOLDFAST_DRILL_SEED", SEED);
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut stage = Stage::set(directory.path());
    println!("seed {seed}");
    let (mut random, mut done) = (Random(seed), BTreeMap::new());
    for kill in 1..=kills {
        stage.decide_more(FACTS.start + random.below(FACTS.end - FACTS.start));
        let (victim, method) = (random.pick(&VICTIMS), random.pick(&METHODS));
        let pause = Duration::from_millis(random.pick(&FROZEN_MS));
        println!("{kill}: {} by {method}", victim.0);
        stage.strike(victim, method, pause);
        *done.entry((victim.0, method)).or_insert(0) += 1;
    }
    stage.decide_more(FACTS.end);
    let report = stage.audited();
    println!("seed {seed}: {done:?}\n{report}");
}

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

/// The journal is whole; what the auditor says to the histories.
fn audit(home: &SwitchHome, directory: &Path) -> Output {
    let journal = home.journal();
    run_well("holdfast", &["journal", "verify", text(&journal)]);
    let dump = directory.join("journal.jsonl");
    fs::write(&dump, run_well("holdfast", &["journal", "dump", text(&journal)]).stdout).unwrap();
    let status = directory.join("status.json");
    run("audit", &[text(directory), "--journal-dump", text(&dump), "--status", text(&status)])
}
