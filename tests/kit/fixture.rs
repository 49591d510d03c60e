//! A switch in this process, on loopback, with its own directory.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use holdfast::admin::command::Command;
use holdfast::admin::report::StatusReport;
use holdfast::config::Config;
use holdfast::serve::Switch;
use tempfile::TempDir;
use tracing::dispatcher;

use crate::evidence::SwitchLog;

/// Operators 1 and 2, acquirers 11 and 12 behind the payment systems `acq-1` and `acq-2`; operator 1 is behind `mps-1`.
const CONFIGURATION: &str = r#"
name = "under-test"
listen = ["127.0.0.1:0"]
admin = "127.0.0.1:0"
journal = { directory = "journal", segment_bytes = 8388608, full_reserve_bytes = 1048576 }

[[participants]]
name = "operator-1"
number = 1
roles = ["originates", "receives"]
caps = { EUR = "1000000.00", JPY = "1000000" }
limits = { level_2 = {} }

[[participants]]
name = "operator-2"
number = 2
roles = ["originates"]
caps = { EUR = "1000000.00" }
limits = { level_2 = { EUR = { amount = "100.00" } } }

[[participants]]
name = "acquirer-1"
number = 11
roles = ["receives"]
caps = { EUR = "1000000.00" }

[[participants]]
name = "acquirer-2"
number = 12
roles = ["receives"]
caps = { EUR = "1000000.00" }

[[routes]]
mps = "acq-1"
destination = "acquirer-1"

[[routes]]
mps = "acq-2"
destination = "acquirer-2"

[[routes]]
mps = "mps-1"
destination = "operator-1"
"#;

/// See the module.
#[derive(Debug)]
pub struct Fixture {
    switch: Option<Switch>,
    directory: TempDir,
    log: SwitchLog,
}

impl Fixture {
    /// A switch with the usual configuration and what a test adds to its end.
    pub fn start(additions: &str) -> Self {
        Self::of_partitions(1, additions)
    }

    /// The same with several partitions.
    pub fn of_partitions(partitions: u16, additions: &str) -> Self {
        // Beside the build: /tmp may be memory, and a journal there is on no disk.
        let directory = tempfile::tempdir_in(scratch()).unwrap();
        let file = directory.path().join("holdfast.toml");
        let tls =
            "[tls]\ncertificate = \"certs/switch.pem\"\nkey = \"certs/switch.key\"\nca = \"certs/ca.pem\"\n";
        let configuration =
            CONFIGURATION.replace("journal = {", &format!("journal = {{ partitions = {partitions},"));
        std::fs::write(&file, format!("{configuration}\n{tls}\n{additions}\n")).unwrap();
        let config = Config::load(&file).unwrap();
        holdfast::certs::issue(&directory.path().join("certs"), &config, false).unwrap();
        let mut fixture = Self { switch: None, directory, log: SwitchLog::default() };
        fixture.restart();
        fixture
    }

    /// Stops the switch where it runs, and starts it again over the same journal.
    pub fn restart(&mut self) {
        self.stop();
        let config = Config::load(&self.directory.path().join("holdfast.toml")).unwrap();
        // Starting and stopping wait, which a test's own runtime does not allow.
        let log = self.log.dispatch();
        let start = move || dispatcher::with_default(&log, || Switch::start(config));
        let started = std::thread::spawn(start).join().expect("starting does not panic");
        self.switch = Some(started.unwrap());
    }

    /// Starts a stopped switch with another text in its configuration; why it did not start, if so.
    pub fn start_with(&mut self, text: &str, other: &str) -> Result<(), String> {
        assert!(self.switch.is_none(), "it is stopped first");
        let file = self.directory.path().join("holdfast.toml");
        let configuration = std::fs::read_to_string(&file).unwrap();
        assert!(configuration.contains(text), "{configuration}");
        std::fs::write(&file, configuration.replace(text, other)).unwrap();
        let config = Config::load(&file).unwrap();
        let log = self.log.dispatch();
        let start = move || dispatcher::with_default(&log, || Switch::start(config));
        let started = std::thread::spawn(start).join().expect("starting does not panic");
        self.switch = Some(started.map_err(|error| error.to_string())?);
        Ok(())
    }

    /// Stops the switch in order.
    pub fn stop(&mut self) {
        if let Some(switch) = self.switch.take() {
            let stopped = std::thread::spawn(|| switch.stop()).join().expect("stopping does not panic");
            stopped.unwrap();
        }
    }

    /// The running switch.
    pub fn switch(&self) -> &Switch {
        self.switch.as_ref().expect("the test has not stopped it")
    }

    /// What it has logged over all its starts.
    pub const fn log(&self) -> &SwitchLog {
        &self.log
    }

    /// Where participants dial.
    pub fn address(&self) -> SocketAddr {
        self.switch().addresses[0]
    }

    /// The certificates.
    pub fn certs(&self) -> PathBuf {
        self.directory.path().join("certs")
    }

    /// Where everything is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// How everything stands.
    pub async fn status(&self) -> StatusReport {
        let (reply, answer) = tokio::sync::oneshot::channel();
        self.switch().commands.send(Command::Status { reply }).unwrap();
        *answer.await.unwrap()
    }

    /// held, debits and credits of a participant in a currency, in minor units.
    pub async fn position(&self, participant: &str, currency: &str) -> (i128, i128, i128) {
        let status = self.status().await;
        let found = status.positions.iter().find(|p| p.participant == participant && p.currency == currency);
        found.map_or((0, 0, 0), |p| {
            (p.held.parse().unwrap(), p.debits.parse().unwrap(), p.credits.parse().unwrap())
        })
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        // Its journal must not be removed under it: that would, rightly, abort the process.
        let stopped = self.switch.take().map(|switch| std::thread::spawn(|| switch.stop()).join());
        assert!(matches!(stopped, None | Some(Ok(Ok(())))) || std::thread::panicking(), "{stopped:?}");
    }
}

/// The directory of the running test program, which is inside the build.
fn scratch() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    program.parent().expect("a program is in a directory").to_path_buf()
}
