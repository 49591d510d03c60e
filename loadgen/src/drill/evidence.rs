//! What the auditor needs besides the histories: the switch's report about itself, and its journal. Then the auditor.
//!
//! Dumping and joining take a thread of their own, so that whoever asks for the end is heard meanwhile: what was begun for a
//! dump, processes and copies, is gone before that is said.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::sync::oneshot;

use super::process::shell;
use crate::admin;
use crate::check;
use crate::cli::DrillArguments;
use crate::run::RunError;

/// Writes the switch's report about itself beside the histories; the directory of its journal, where it says one. To be
/// called before the switch ends.
///
/// # Errors
/// Where the switch does not answer or the file cannot be written.
pub(super) async fn keep_status(a: &DrillArguments, output: &Path) -> Result<Option<PathBuf>, RunError> {
    let Some(address) = a.load.place.admin_address() else { return Ok(None) };
    let status = admin::status(address).await?;
    let path = output.join(check::STATUS);
    fs::write(&path, &status).map_err(RunError::io(path.display().to_string()))?;
    Ok(admin::journal_directory(&status).map(PathBuf::from))
}

/// How often a dump is asked whether it has ended, and whether anybody still waits for it.
const LOOK: Duration = Duration::from_millis(10);
/// A journal that changed while it was copied may look corrupt: then it is copied again, at most this often.
const COPIES_MAX: u32 = 3;
/// What `holdfast journal dump` ends with where a journal looks corrupt.
const CORRUPT: i32 = 6;

/// Why there is no dump.
enum Undumped {
    /// It could not be tried.
    Broken(RunError),
    /// The program says so, and ended with this.
    Refused(Option<i32>, String),
}

impl From<Undumped> for RunError {
    fn from(undumped: Undumped) -> Self {
        match undumped {
            Undumped::Broken(error) => error,
            Undumped::Refused(_, text) => Self::Drill(text),
        }
    }
}

/// Does something that blocks on a thread of its own.
fn beside<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, RunError> + Send + 'static,
) -> Result<oneshot::Receiver<Result<T, RunError>>, RunError> {
    let (done, result) = oneshot::channel();
    let act = move || {
        if done.send(act()).is_err() {
            // Nobody waits for it any more.
        }
    };
    thread::Builder::new().name("evidence".to_owned()).spawn(act).map_err(RunError::io("a thread"))?;
    Ok(result)
}

/// Writes the dump of the journal beside the histories. A switch that was started here must have ended; of another, which goes
/// on, a copy of the journal is read, unless --dump knows better.
///
/// # Errors
/// Where nobody says where the journal is, or it cannot be dumped; [`RunError::Interrupted`] where it was given up.
pub(super) async fn keep_journal(
    a: &DrillArguments,
    told: Option<PathBuf>,
    output: &Path,
    given_up: impl Future<Output = ()>,
) -> Result<(), RunError> {
    let is_given_up = Arc::new(AtomicBool::new(false));
    let (a, output, seen) = (a.clone(), output.to_owned(), Arc::clone(&is_given_up));
    let mut kept = beside(move || write_dump(&a, told, &output, &seen))?;
    tokio::select! {
        kept = &mut kept => return said(kept),
        () = given_up => is_given_up.store(true, Ordering::Relaxed),
    }
    // It soon sees that, and clears away what it began.
    match said(kept.await) {
        Ok(()) => Err(RunError::Interrupted),
        Err(error) => Err(error),
    }
}

/// Lets the auditor look at all that was kept.
///
/// # Errors
/// Where an input cannot be read; [`RunError::Interrupted`] where it was given up. The auditor leaves nothing behind, and goes
/// on until the process ends, which it does then.
pub(super) async fn look(
    output: &Path,
    given_up: impl Future<Output = ()>,
) -> Result<holdfast_audit::Report, RunError> {
    let output = output.to_owned();
    let looked = beside(move || Ok(check::look(&output)?))?;
    tokio::select! {
        looked = looked => said(looked),
        () = given_up => Err(RunError::Interrupted),
    }
}

fn said<T>(result: Result<Result<T, RunError>, oneshot::error::RecvError>) -> Result<T, RunError> {
    result.unwrap_or_else(|_| Err(RunError::Drill("the thread for the evidence panicked".to_owned())))
}

fn write_dump(
    a: &DrillArguments,
    told: Option<PathBuf>,
    output: &Path,
    given_up: &AtomicBool,
) -> Result<(), RunError> {
    let into = output.join(check::JOURNAL);
    match (&a.dump, a.journal.clone().or(told)) {
        (Some(command), _) => Ok(dump(shell(command), &into, given_up)?),
        (None, Some(directory)) if a.start.is_some() => Ok(dump(dump_of(&directory), &into, given_up)?),
        (None, Some(directory)) => dump_of_copy(&directory, output, &into, given_up),
        (None, None) => Err(RunError::Drill("where is the journal? --journal or --dump says it".to_owned())),
    }
}

fn dump_of(directory: &Path) -> Command {
    let mut dump = Command::new(holdfast());
    dump.args(["journal", "dump"]).arg(directory).stdin(Stdio::null());
    dump
}

fn dump_of_copy(directory: &Path, output: &Path, into: &Path, given_up: &AtomicBool) -> Result<(), RunError> {
    for attempt in 1..=COPIES_MAX {
        let files = files_of(directory).map_err(RunError::io(directory.display().to_string()))?;
        require_room(output, files.iter().map(|(_, bytes)| *bytes).sum())?;
        let copy = tempfile::tempdir_in(output).map_err(RunError::io(output.display().to_string()))?;
        for (file, _) in &files {
            if given_up.load(Ordering::Relaxed) {
                return Err(RunError::Interrupted);
            }
            copy_file(file, directory, copy.path()).map_err(RunError::io(file.display().to_string()))?;
        }
        match dump(dump_of(copy.path()), into, given_up) {
            // The switch began a segment or removed one meanwhile.
            Err(Undumped::Refused(Some(CORRUPT), _)) if attempt < COPIES_MAX => {}
            end => return Ok(end?),
        }
    }
    Ok(())
}

/// What a dump reads of a journal's files, with their lengths: indexes are made from the segments, and what has no name yet counts
/// for nothing.
fn files_of(journal: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(journal)? {
        let path = entry?.path();
        if path.is_dir()
            && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("partition-"))
        {
            files.extend(files_of(&path)?);
            continue;
        }
        if path.extension().is_some_and(|end| end == "index" || end == "unfinished") {
            continue;
        }
        match fs::metadata(&path) {
            Ok(file) if file.is_file() => files.push((path, file.len())),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(files)
}

/// A full disk may be the one that the switch writes its journal to: that is not to be risked for a copy.
fn require_room(output: &Path, bytes: u64) -> Result<(), RunError> {
    let said = || RunError::io(output.display().to_string());
    let disk = rustix::fs::statvfs(output).map_err(|errno| said()(errno.into()))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    // Once for the copy, and about once for the dump.
    let need = bytes.saturating_mul(2);
    if free > need {
        return Ok(());
    }
    let (need, free) = (need.div_ceil(1 << 20), free >> 20);
    Err(RunError::Drill(format!(
        "a copy of the switch's journal and its dump need {need} MiB under {}, where {free} MiB are free",
        output.display()
    )))
}

fn copy_file(file: &Path, from: &Path, to: &Path) -> io::Result<()> {
    let to = to.join(file.strip_prefix(from).unwrap_or(file));
    if let Some(partition) = to.parent() {
        fs::create_dir_all(partition)?;
    }
    match fs::copy(file, to) {
        // Removed since, because no start needs it any more.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        copied => copied.map(|_| ()),
    }
}

fn dump(mut dump: Command, into: &Path, given_up: &AtomicBool) -> Result<(), Undumped> {
    let io = |what: String| |source| Undumped::Broken(RunError::io(what)(source));
    let file = File::create(into).map_err(io(into.display().to_string()))?;
    let shown = format!("{dump:?}");
    let mut complaints = tempfile::tempfile().map_err(io("a temporary file".to_owned()))?;
    let own = complaints.try_clone().map_err(io("a temporary file".to_owned()))?;
    let ended =
        dump.stdout(file).stderr(own).process_group(0).spawn().and_then(|child| wait(child, given_up));
    let Some(status) = ended.map_err(io(shown.clone()))? else {
        return Err(Undumped::Broken(RunError::Interrupted));
    };
    if status.success() {
        return Ok(());
    }
    let mut said = Vec::new();
    complaints.rewind().and_then(|()| complaints.read_to_end(&mut said)).map_err(io(shown.clone()))?;
    let said = String::from_utf8_lossy(&said);
    let text = format!("the journal cannot be dumped: {shown} ended with {status}: {said}");
    Err(Undumped::Refused(status.code(), text))
}

/// How a process ended; `None` where it was given up, and is no more.
fn wait(mut child: Child, given_up: &AtomicBool) -> io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if given_up.load(Ordering::Relaxed) {
            // With everything that a command of the user's has begun. Nobody has waited for it, so the id is still its own.
            let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            kill_process_group(group.expect("an id of a process is above zero"), Signal::KILL)?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(LOOK);
    }
}

/// The switch's program beside this one, or the one that the system finds.
fn holdfast() -> PathBuf {
    let beside = std::env::current_exe().ok().map(|own| own.with_file_name("holdfast"));
    beside.filter(|program| program.exists()).unwrap_or_else(|| PathBuf::from("holdfast"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_does_not_fit_is_refused_with_what_it_needs() {
        let directory = tempfile::tempdir().unwrap();
        require_room(directory.path(), 1).unwrap();
        let refused = require_room(directory.path(), 1 << 60).unwrap_err().to_string();
        assert!(refused.contains("need 2199023255552 MiB") && refused.contains("are free"), "{refused}");
    }

    #[test]
    fn only_what_a_dump_reads_is_copied() {
        let journal = tempfile::tempdir().unwrap();
        for name in ["000000000001.segment", "000000000001.index", "000000000002.snapshot.unfinished", "lock"]
        {
            fs::write(journal.path().join(name), "four").unwrap();
        }
        let mut files = files_of(journal.path()).unwrap();
        files.sort();
        let expected = ["000000000001.segment", "lock"].map(|name| (journal.path().join(name), 4));
        assert_eq!(files, expected);
    }

    #[test]
    fn every_partition_is_copied_and_keeps_its_place() {
        let (journal, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for partition in ["partition-0", "partition-1"] {
            fs::create_dir(journal.path().join(partition)).unwrap();
            fs::write(journal.path().join(partition).join("000000000001.segment"), partition).unwrap();
        }
        for (file, _) in files_of(journal.path()).unwrap() {
            copy_file(&file, journal.path(), copy.path()).unwrap();
        }
        for partition in ["partition-0", "partition-1"] {
            let copied = fs::read_to_string(copy.path().join(partition).join("000000000001.segment"));
            assert_eq!(copied.unwrap(), partition);
        }
    }
}
