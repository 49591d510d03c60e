//! The switch is killed under load, again and again, and nobody loses a payment (I1, I2, I6; SW-6, LG-5).
//!
//! Real processes on loopback. A kill leaves what was written to the operating system; that what was synced suffices is
//! shown over the storage that forgets. When to kill follows from a seed and from how far the switch has come, not from
//! the time.

use std::fs;
use std::path::Path;
use std::process::Output;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use holdfast_participant::{Credentials, Link, LinkConfig, LinkError, Roles};
use holdfast_protocol::Instance;
use holdfast_tests::evidence::sum_of;
use holdfast_tests::processes::{Process, SwitchHome, http_get, run, run_well, text};
use holdfast_tests::wait::wait_until;

const KILLS: u32 = 10;
const KILLS_OF_THREADS: u32 = 5;
const SEED: u64 = 20_261_122;
/// A build without optimizations carries less.
const RATE: &str = if cfg!(debug_assertions) { "150" } else { "2000" };
/// Facts between two kills: at most a second or two of load.
const FACTS: std::ops::Range<u64> = if cfg!(debug_assertions) { 50..400 } else { 500..6_000 };
/// Approvals that operators are to hear of before a disk forgets them.
const APPROVALS: u32 = if cfg!(debug_assertions) { 20 } else { 500 };
/// Longer than ten kills take; that load is on at each of them is asserted.
const SENDING: &str = "40s";
const PROGRESS_WITHIN: Duration = Duration::from_secs(60);
const LOAD_ENDS_WITHIN: Duration = Duration::from_secs(300);
/// The measurement is spoiled by the kills, which is no fault of the books.
const MEASUREMENT_INVALID: i32 = 4;
/// What the auditor ends with where it found something.
const FINDINGS: i32 = 5;

/// Each test takes the whole machine.
static ALONE: Mutex<()> = Mutex::new(());

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
    kills_lose_nothing(KILLS, 1, 1);
}

#[test]
fn kills_lose_nothing_with_links_on_several_threads() {
    kills_lose_nothing(KILLS_OF_THREADS, 3, 1);
}

#[test]
fn kills_lose_nothing_of_several_partitions() {
    kills_lose_nothing(KILLS_OF_THREADS, 2, 3);
}

/// Under load, from one seed.
fn kills_lose_nothing(kills: u32, io_threads: u16, partitions: u16) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = SwitchHome::new(directory.path(), 3, 3);
    add(&home, &format!("io_threads = {io_threads}"));
    let text = fs::read_to_string(home.config()).unwrap();
    fs::write(home.config(), text.replace("[journal]\n", &format!("[journal]\npartitions = {partitions}\n")))
        .unwrap();
    let mut switch = home.start();
    let out = directory.path().join("out");
    let mut load = start_load(&home, &out, directory.path(), &["--duration", SENDING]);
    let mut random = Random(SEED);
    let mut threads_with_links = 0;
    for _ in 0..kills {
        decide_more(&home, &mut load, random.below(&FACTS));
        threads_with_links =
            links_of_threads(&home).filter(|links| *links > 0).count().max(threads_with_links);
        switch.kill();
        if random.below(&(0..3)) == 0 {
            kill_in_recovery(&home);
        }
        switch = home.start();
    }
    let ended = load.wait(LOAD_ENDS_WITHIN);
    assert!(threads_with_links > 1 || io_threads == 1, "all links came to one thread, at every start");
    let well = matches!(ended.code(), Some(0 | MEASUREMENT_INVALID));
    assert!(well, "seed {SEED}: the load generator ended with {ended}\n{}", load.log_tail());
    fs::write(directory.path().join("status.json"), home.status()).unwrap();
    home.stop(switch);
    let audit = audit(&home, directory.path(), &out);
    assert!(
        audit.status.success(),
        "seed {SEED}: the auditor ended with {}\n{}",
        audit.status,
        report(&audit)
    );
    assert!(report(&audit).contains("(drained"), "the load generator drained\n{}", report(&audit));
}

/// The other way round: were the test above blind, this one would fail. The journal is put back to where it was a
/// moment before, as a disk does that said "synced" and forgot.
#[test]
fn a_disk_that_forgets_what_it_synced_is_found() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = SwitchHome::new(directory.path(), 3, 3);
    let mut switch = home.start();
    let out = directory.path().join("out");
    // With such a switch the books never close: waiting for it has an end.
    let times = ["--duration", "15s", "--drain", "10s"];
    let mut load = start_load(&home, &out, directory.path(), &times);
    decide_more(&home, &mut load, FACTS.end);
    switch.kill();
    let before = directory.path().join("journal-before");
    copy_directory(&home.journal(), &before);
    switch = home.start();
    // Of load that catches up with a restart the first thousands of facts may all be reservations, of which nobody hears.
    tell_approvals(&home, &mut load);
    decide_more(&home, &mut load, FACTS.end);
    switch.kill();
    fs::remove_dir_all(home.journal()).unwrap();
    copy_directory(&before, &home.journal());
    switch = home.start();
    // What the load generator makes of such a switch is its own affair.
    load.wait(LOAD_ENDS_WITHIN);
    fs::write(directory.path().join("status.json"), home.status()).unwrap();
    home.stop(switch);
    let audit = audit(&home, directory.path(), &out);
    assert_eq!(audit.status.code(), Some(FINDINGS), "{}", report(&audit));
    assert!(report(&audit).contains("\nlost ("), "{}", report(&audit));
}

/// Whoever was linked to a killed switch hears so from the next one as soon as it is back, and need not wait until the silence
/// is long enough: here that would take ten minutes.
#[test]
fn the_next_switch_ends_the_links_to_a_killed_one() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for io_threads in [1, 3] {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let home = SwitchHome::new(directory.path(), 1, 1);
        add(&home, &format!("idle_timeout_ms = 600000\nio_threads = {io_threads}"));
        let mut switch = home.start();
        let credentials = Credentials::from_directory(&home.certs(), "operator-1").unwrap();
        let mut config = LinkConfig::new(credentials, Roles::Both);
        config.echo_timeout = Duration::from_secs(600);
        config.quic.idle_timeout_ms = 600_000;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut links = Vec::new();
        // Each of them an instance of its own, until every thread has one.
        while links.is_empty() || links_of_threads(&home).any(|links| links == 0) {
            config.instance = Instance(u16::try_from(links.len()).unwrap());
            links.push(runtime.block_on(Link::dial(&config, home.listen)).unwrap());
        }
        switch.kill();
        let switch = home.start();
        for link in &mut links {
            let ended = runtime.block_on(end_of(link));
            assert!(matches!(ended, LinkError::Lost(quinn::ConnectionError::Reset)), "{ended}");
        }
        home.stop(switch);
    }
}

async fn end_of(link: &mut Link) -> LinkError {
    let mut received = Vec::new();
    let ended = async {
        loop {
            if let Err(ended) = link.take(&mut received).await {
                return ended;
            }
        }
    };
    tokio::time::timeout(PROGRESS_WITHIN, ended).await.expect("the link ends")
}

/// Adds keys to the section of the transport.
fn add(home: &SwitchHome, keys: &str) {
    let configured = fs::read_to_string(home.config()).unwrap();
    fs::write(home.config(), format!("{configured}\n[transport]\n{keys}\n")).unwrap();
}

/// How many links each thread of links has.
fn links_of_threads(home: &SwitchHome) -> impl Iterator<Item = u64> {
    let status: serde_json::Value = serde_json::from_str(&home.status()).unwrap();
    let threads = status["queues"]["links_of_threads"].as_array().expect("a status says it").clone();
    threads.into_iter().map(|links| links.as_u64().expect("a number"))
}

/// Lets the switch decide so many facts more, under load.
fn decide_more(home: &SwitchHome, load: &mut Process, more: u64) {
    let from = facts(home);
    wait_until(&format!("the switch has decided {more} more facts"), PROGRESS_WITHIN, || {
        assert_eq!(load.ended(), None, "the load ended before the next kill\n{}", load.log_tail());
        (facts(home) >= from + more).then_some(())
    });
}

/// Lets a switch that has just started tell of approvals, under load.
fn tell_approvals(home: &SwitchHome, load: &mut Process) {
    wait_until(&format!("the switch has told of {APPROVALS} approvals"), PROGRESS_WITHIN, || {
        assert_eq!(load.ended(), None, "the load ended before the switch was killed\n{}", load.log_tail());
        let (_, metrics) = http_get(home.admin, "/metrics").expect("the switch answers on its admin address");
        let outcomes = metrics.lines().filter(|line| line.contains("outcome=\"approved\""));
        let told: f64 = outcomes.map(|line| sum_of(line, "holdfast_outcomes")).sum();
        (told >= f64::from(APPROVALS)).then_some(())
    });
}

fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn start_load(home: &SwitchHome, out: &Path, directory: &Path, times: &[&str]) -> Process {
    let (switch, admin, seed) = (home.listen.to_string(), home.admin.to_string(), SEED.to_string());
    let certs = home.certs();
    let mut arguments = vec!["run", "--switch", &switch, "--admin", &admin, "--certs", text(&certs)];
    arguments.extend(["--rate", RATE, "--warmup", "0s", "--tolerate-restarts"]);
    arguments.extend(["--decline-rate", "0.05", "--silent-rate", "0.02", "--late-rate", "0.02"]);
    arguments.extend(["--seed", &seed, "--quiet", "--output", text(out)]);
    arguments.extend(times);
    Process::start("loadgen", &arguments, &directory.join("loadgen.log"))
}

/// How many facts are decided.
fn facts(home: &SwitchHome) -> u64 {
    let status: serde_json::Value = serde_json::from_str(&home.status()).unwrap();
    let of = |one: &serde_json::Value| one["sequence"].as_u64().expect("a status has a sequence");
    status["partitions"].as_array().map_or_else(|| of(&status), |partitions| partitions.iter().map(of).sum())
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

/// The journal is whole; what the auditor says to the histories.
fn audit(home: &SwitchHome, directory: &Path, out: &Path) -> Output {
    let journal = home.journal();
    run_well("holdfast", &["journal", "verify", text(&journal)]);
    let dump = directory.join("journal.jsonl");
    fs::write(&dump, run_well("holdfast", &["journal", "dump", text(&journal)]).stdout).unwrap();
    let status = directory.join("status.json");
    run("audit", &[text(out), "--journal-dump", text(&dump), "--status", text(&status)])
}

fn report(audit: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&audit.stdout), String::from_utf8_lossy(&audit.stderr))
}
