//! A switch, `loadgen` beside it, and the audit of both.

use std::fs;
use std::path::{Path, PathBuf};

use holdfast_tests::processes::{Process, SwitchHome, run, run_well, text};
use serde_json::Value;

/// A switch that serves two operators and two acquirers.
pub(crate) struct Scene {
    pub(crate) home: SwitchHome,
    pub(crate) switch: Process,
    directory: tempfile::TempDir,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let home = SwitchHome::new(directory.path(), 2, 2);
        let switch = home.start();
        Self { home, switch, directory }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The command line of a command that plays against the switch.
    pub(crate) fn arguments(&self, command: &str, more: &[&str]) -> Vec<String> {
        let (listen, admin) = (self.home.listen.to_string(), self.home.admin.to_string());
        let certs = self.home.certs();
        let common = [command, "--switch", &listen, "--admin", &admin, "--certs", text(&certs)];
        common.iter().chain(more).map(|&word| word.to_owned()).collect()
    }

    /// Runs `loadgen` to its end and expects that nothing went wrong but perhaps the measurement: the machine may be busy.
    pub(crate) fn load(&self, command: &str, more: &[&str]) {
        let arguments = self.arguments(command, more);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let load = run("loadgen", &arguments);
        let said = [load.stdout, load.stderr].concat();
        assert!(matches!(load.status.code(), Some(0 | 4)), "{}", String::from_utf8_lossy(&said));
    }

    /// Stops the switch and lets the auditor join the histories in a directory with the journal, whose lines it leaves
    /// there; the directory goes with what it gives.
    pub(crate) fn audit(self, out: &Path) -> tempfile::TempDir {
        fs::write(out.join("status.json"), self.home.status()).unwrap();
        self.home.stop(self.switch);
        let dump = run_well("holdfast", &["journal", "dump", text(&self.home.journal())]);
        fs::write(out.join("journal.jsonl"), dump.stdout).unwrap();
        run_well("loadgen", &["check", text(out)]);
        self.directory
    }
}

/// What a run wrote about itself.
pub(crate) fn summary(out: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(out.join("summary.json")).unwrap()).unwrap()
}
