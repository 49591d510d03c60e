//! Everybody who takes part in a drill, each as a process of its own, and the auditor at the end.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use holdfast_tests::processes::{Process, SwitchHome, run, run_well, text};
use holdfast_tests::wait::wait_until;
use serde_json::Value;

/// Requests of each operator in a second; a build without optimizations carries less.
const RATE: &str = if cfg!(debug_assertions) { "100" } else { "500" };
/// Facts between two kills.
pub(crate) const FACTS: Range<u64> = if cfg!(debug_assertions) { 20..200 } else { 100..1_500 };
/// A disk that syncs forty times a second needs most of a minute for a segment, and what is behind it comes later still.
pub(crate) const PROGRESS_WITHIN: Duration = Duration::from_secs(180);
pub(crate) const ENDS_WITHIN: Duration = Duration::from_secs(60);
const SETTLES_WITHIN: Duration = Duration::from_secs(120);

/// The shortest segments there are, and a snapshot behind each.
const JOURNAL: &str =
    "[journal]\nsegment_bytes = 8388608\nfull_reserve_bytes = 1048576\nsnapshot_segments = 1\n";
/// An id is remembered for six seconds, so that what is older has to be found in the archive.
const REQUESTS: &str = "\n[requests]\nwindow_max_ms = 5000\nskew_max_ms = 1000\nbudget_max_ms = 5000\n";

/// Everybody, with its number; the switch has none.
pub(crate) const PARTICIPANTS: [(&str, u16); 5] =
    [("switch", 0), ("operator-1", 1), ("operator-2", 2), ("acquirer-1", 11), ("acquirer-2", 12)];

/// Everybody who runs.
pub(crate) struct Stage<'a> {
    pub(crate) directory: &'a Path,
    pub(crate) home: SwitchHome,
    pub(crate) switch: Process,
    pub(crate) parties: BTreeMap<&'static str, (Process, u32)>,
}

impl<'a> Stage<'a> {
    /// Everybody runs.
    pub(crate) fn set(directory: &'a Path) -> Self {
        let home = SwitchHome::new(directory, 2, 2);
        let toml = fs::read_to_string(home.config()).unwrap().replace("[journal]\n", JOURNAL) + REQUESTS;
        fs::write(home.config(), toml).unwrap();
        let switch = home.start();
        let mut stage = Self { directory, home, switch, parties: BTreeMap::new() };
        for (name, number) in PARTICIPANTS.into_iter().rev().filter(|(_, number)| *number > 0) {
            stage.start_party(name, number);
        }
        stage
    }

    /// The file is changed and taken over.
    pub(crate) fn reload(&mut self, configuration: &str, reloads: usize) {
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
    pub(crate) fn audited(mut self) -> String {
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

    pub(crate) fn start_party(&mut self, name: &'static str, number: u16) {
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
    pub(crate) fn decide_more(&mut self, more: u64) {
        let from = number(&self.home, "sequence");
        self.work_until(&format!("the switch has decided {more} more facts"), |stage| {
            number(&stage.home, "sequence") >= from + more
        });
    }

    /// Lets everybody work until something is so.
    pub(crate) fn work_until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        wait_until(what, PROGRESS_WITHIN, || {
            for (name, (party, _)) in &mut self.parties {
                assert_eq!(party.ended(), None, "{name} has ended\n{}", party.log_tail());
            }
            done(self).then_some(())
        });
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
pub(crate) fn number(home: &SwitchHome, name: &str) -> u64 {
    let status: Value = serde_json::from_str(&home.status()).unwrap();
    let number = status.get(name).or_else(|| status["queues"].get(name));
    number.and_then(Value::as_u64).unwrap_or_else(|| panic!("no {name} in {status}"))
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
