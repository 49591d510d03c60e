//! The switch as a process of ours: started, killed, frozen, asked to end, by its id and never by its name.
//!
//! Promise: whatever way the drill ends, the process does not outlive it, and is not left frozen.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// Of a log, as much as explains a failure.
const LOG_TAIL_BYTES: usize = 2_048;

/// See the module.
#[derive(Debug)]
pub struct SwitchProcess {
    command: String,
    log: PathBuf,
    child: Child,
}

/// The command of a shell that becomes the program.
pub(super) fn shell(command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec {command}")]).stdin(Stdio::null());
    shell
}

impl SwitchProcess {
    /// Starts it; what it prints goes behind what is in the log.
    ///
    /// # Errors
    /// Where there is no shell or no log.
    pub fn start(command: &str, log: &Path) -> io::Result<Self> {
        Ok(Self { command: command.to_owned(), log: log.to_owned(), child: spawn(command, log)? })
    }

    /// Starts it again. It must have ended.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_again(&mut self) -> io::Result<()> {
        debug_assert!(matches!(self.child.try_wait(), Ok(Some(_))), "it has ended");
        self.child = spawn(&self.command, &self.log)?;
        Ok(())
    }

    /// How it has ended; `None` while it runs.
    ///
    /// # Errors
    /// Where the machine does not say.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Sends it a signal; nothing where it has ended.
    ///
    /// # Errors
    /// Where the machine does not let us.
    pub fn signal(&mut self, signal: Signal) -> io::Result<()> {
        if self.ended()?.is_some() {
            return Ok(());
        }
        // It has not been waited for, so the id is still its own.
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        Ok(kill_process(id.expect("an id of a process is above zero"), signal)?)
    }

    /// The end of what it printed.
    pub fn log_tail(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let from = log.len().saturating_sub(LOG_TAIL_BYTES);
        String::from_utf8_lossy(&log[from..]).into_owned()
    }
}

fn spawn(command: &str, log: &Path) -> io::Result<Child> {
    let output = File::options().create(true).append(true).open(log)?;
    // A group of its own: Ctrl-C is for us, and it must outlive that until everything has ended.
    shell(command).stdout(output.try_clone()?).stderr(output).process_group(0).spawn()
}

impl Drop for SwitchProcess {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait()
            && let Err(error) = self.child.kill().and_then(|()| self.child.wait())
        {
            eprintln!("loadgen: process {} was left behind: {error}", self.child.id());
        }
    }
}
