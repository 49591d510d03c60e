//! A switch as a process of its own, with its log.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A switch as a process of its own; killed with the test.
pub(crate) struct Served {
    child: Child,
    log: Receiver<String>,
    seen: Vec<String>,
}

/// The machine may be busy, but not for ever.
const WITHIN: Duration = Duration::from_secs(60);

impl Served {
    pub(crate) fn start(file: &Path) -> Self {
        Self::start_with(&[], file)
    }

    pub(crate) fn start_with(arguments: &[&str], file: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_holdfast"))
            .args(arguments)
            .args(["serve", "--config"])
            .arg(file)
            .stderr(Stdio::piped())
            .env_remove("HOLDFAST_LOG")
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (sender, log) = mpsc::channel();
        // It ends with the process that it reads from.
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, log, seen: Vec::new() }
    }

    /// Reads the log up to the line with this text.
    #[track_caller]
    pub(crate) fn read_to(&mut self, text: &str) {
        loop {
            match self.log.recv_timeout(WITHIN) {
                Ok(line) if line.contains(text) => return,
                Ok(line) => self.seen.push(line),
                Err(error) => panic!("the log does not say {text:?} ({error}):\n{}", self.seen.join("\n")),
            }
        }
    }

    /// Its exit code and the rest of its log.
    #[track_caller]
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let start = Instant::now();
        loop {
            match self.log.recv_timeout(WITHIN.saturating_sub(start.elapsed())) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end:\n{}", self.seen.join("\n")),
            }
        }
        (self.child.wait().unwrap().code(), self.seen.join("\n"))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("the switch that a test left behind: {error}");
        }
    }
}
