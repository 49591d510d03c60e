//! The switch, operators and destinations are killed, frozen and asked to end under load, in an order that follows from a
//! seed, and the auditor finds nothing (I1, I2, I5, I6; SW-6).
//!
//! Each is a process of its own. `HOLDFAST_DRILL_KILLS` and `HOLDFAST_DRILL_SEED` ask for another drill.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use holdfast_tests::processes::{Process, SwitchHome, run, run_well, text};
use holdfast_tests::wait::wait_until;

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

impl Stage<'_> {
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
    let status: serde_json::Value = serde_json::from_str(&home.status()).unwrap();
    let number = status.get(name).or_else(|| status["queues"].get(name));
    number.and_then(serde_json::Value::as_u64).unwrap_or_else(|| panic!("no {name} in {status}"))
}

fn asked_for(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect("a number"))
}

#[test]
fn kills_of_everybody_under_load_lose_nothing_and_apply_nothing_twice() {
    let kills = asked_for("HOLDFAST_DRILL_KILLS", KILLS);
    let seed = asked_for("HOLDFAST_DRILL_SEED", SEED);
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = SwitchHome::new(directory.path(), 2, 2);
    let switch = home.start();
    let mut stage = Stage { directory: directory.path(), home, switch, parties: BTreeMap::new() };
    for (name, number) in VICTIMS.into_iter().rev().filter(|(_, number)| *number > 0) {
        stage.start_party(name, number);
    }
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
    stage.end("operator");
    wait_until("nothing is open any more", SETTLES_WITHIN, || {
        (number(&stage.home, "open") == 0 && number(&stage.home, "pending") == 0).then_some(())
    });
    fs::write(directory.path().join("status.json"), stage.home.status()).unwrap();
    stage.end("acquirer");
    let Stage { home, switch, .. } = stage;
    home.stop(switch);
    let audit = audit(&home, directory.path());
    let report =
        format!("{}{}", String::from_utf8_lossy(&audit.stdout), String::from_utf8_lossy(&audit.stderr));
    assert!(
        audit.status.success(),
        "seed {seed}, {done:?}: the auditor ended with {}\n{report}",
        audit.status
    );
    println!("seed {seed}: {done:?}\n{report}");
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
