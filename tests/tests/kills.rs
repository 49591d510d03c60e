//! The switch is killed under load, again and again, and nobody loses a payment (I1, I2, I6; SW-6, LG-5).
//!
//! Real processes on loopback. A kill leaves what was written to the operating system; that what was synced suffices is
//! shown over the storage that forgets. When to kill follows from a seed and from how far the switch has come, not from
//! the time.

use std::fs;
use std::path::Path;
use std::time::Duration;

use holdfast_tests::processes::{Process, SwitchHome, run, run_well, text};
use holdfast_tests::wait::wait_until;

const KILLS: u32 = 10;
const SEED: u64 = 20_261_122;
/// A build without optimizations carries less.
const RATE: &str = if cfg!(debug_assertions) { "150" } else { "2000" };
/// Facts between two kills: at most a second or two of load.
const FACTS: std::ops::Range<u64> = if cfg!(debug_assertions) { 50..400 } else { 500..6_000 };
/// Longer than ten kills take; that load is on at each of them is asserted.
const SENDING: &str = "40s";
const PROGRESS_WITHIN: Duration = Duration::from_secs(60);
const LOAD_ENDS_WITHIN: Duration = Duration::from_secs(300);
/// The measurement is spoiled by the kills, which is no fault of the books.
const MEASUREMENT_INVALID: i32 = 4;

/// A generator that gives the same numbers for the same seed, for ever (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, range: &std::ops::Range<u64>) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        range.start + (z ^ (z >> 31)) % (range.end - range.start)
    }
}

#[test]
fn ten_kills_under_load_lose_nothing_and_apply_nothing_twice() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = SwitchHome::new(directory.path(), 3, 3);
    let mut switch = home.start();
    let out = directory.path().join("out");
    let mut load = start_load(&home, &out, directory.path());
    let mut random = Random(SEED);
    for kill in 1..=KILLS {
        let more = random.below(&FACTS);
        let from = facts(&home);
        wait_until(
            &format!("the switch has decided {more} more facts before kill {kill}"),
            PROGRESS_WITHIN,
            || {
                assert_eq!(load.ended(), None, "the load ended before kill {kill}\n{}", load.log_tail());
                (facts(&home) >= from + more).then_some(())
            },
        );
        switch.kill();
        if random.below(&(0..3)) == 0 {
            kill_in_recovery(&home);
        }
        switch = home.start();
    }
    let ended = load.wait(LOAD_ENDS_WITHIN);
    let well = matches!(ended.code(), Some(0 | MEASUREMENT_INVALID));
    assert!(well, "seed {SEED}: the load generator ended with {ended}\n{}", load.log_tail());
    fs::write(directory.path().join("status.json"), home.status()).unwrap();
    home.stop(switch);
    judge(&home, directory.path(), &out);
}

fn start_load(home: &SwitchHome, out: &Path, directory: &Path) -> Process {
    let (switch, admin, seed) = (home.listen.to_string(), home.admin.to_string(), SEED.to_string());
    let certs = home.certs();
    let mut arguments = vec!["run", "--switch", &switch, "--admin", &admin, "--certs", text(&certs)];
    arguments.extend(["--rate", RATE, "--duration", SENDING, "--warmup", "0s", "--tolerate-restarts"]);
    arguments.extend(["--decline-rate", "0.05", "--silent-rate", "0.02", "--late-rate", "0.02"]);
    arguments.extend(["--seed", &seed, "--quiet", "--output", text(out)]);
    Process::start("loadgen", &arguments, &directory.join("loadgen.log"))
}

/// How many facts are decided.
fn facts(home: &SwitchHome) -> u64 {
    let status: serde_json::Value = serde_json::from_str(&home.status()).unwrap();
    status["sequence"].as_u64().expect("a status has a sequence")
}

/// A start that gets as far as its first words.
fn kill_in_recovery(home: &SwitchHome) {
    let before = home.log_bytes();
    let mut process = home.start_unready();
    wait_until("the switch has begun to start", PROGRESS_WITHIN, || {
        (home.log_bytes() > before).then_some(())
    });
    process.kill();
}

/// The journal is whole, and the histories agree with it.
fn judge(home: &SwitchHome, directory: &Path, out: &Path) {
    let journal = home.journal();
    run_well("holdfast", &["journal", "verify", text(&journal)]);
    let dump = directory.join("journal.jsonl");
    fs::write(&dump, run_well("holdfast", &["journal", "dump", text(&journal)]).stdout).unwrap();
    let status = directory.join("status.json");
    let audit = run("audit", &[text(out), "--journal-dump", text(&dump), "--status", text(&status)]);
    let report = String::from_utf8_lossy(&audit.stdout);
    let errors = String::from_utf8_lossy(&audit.stderr);
    assert!(
        audit.status.success(),
        "seed {SEED}: the auditor ended with {}\n{report}\n{errors}",
        audit.status
    );
    assert!(report.contains("drained"), "the load generator drained\n{report}");
}
