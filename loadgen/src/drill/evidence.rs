//! What the auditor needs besides the histories: the switch's report about itself, and its journal.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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

/// Writes the dump of the journal beside the histories. A switch that was started here must have ended; of another, which goes
/// on, a copy of the journal is read, unless --dump knows better.
///
/// # Errors
/// Where nobody says where the journal is, or it cannot be dumped.
pub(super) fn keep_journal(a: &DrillArguments, told: Option<PathBuf>, output: &Path) -> Result<(), RunError> {
    let into = output.join(check::JOURNAL);
    match (&a.dump, a.journal.clone().or(told)) {
        (Some(command), _) => Ok(dump(shell(command), &into)?),
        (None, Some(directory)) if a.start.is_some() => Ok(dump(dump_of(&directory), &into)?),
        (None, Some(directory)) => dump_of_copy(&directory, output, &into),
        (None, None) => Err(RunError::Drill("where is the journal? --journal or --dump says it".to_owned())),
    }
}

fn dump_of(directory: &Path) -> Command {
    let mut dump = Command::new(holdfast());
    dump.args(["journal", "dump"]).arg(directory).stdin(Stdio::null());
    dump
}

fn dump_of_copy(directory: &Path, output: &Path, into: &Path) -> Result<(), RunError> {
    for attempt in 1..=COPIES_MAX {
        let copy = tempfile::tempdir_in(output).map_err(RunError::io(output.display().to_string()))?;
        copy_files(directory, copy.path()).map_err(RunError::io(directory.display().to_string()))?;
        match dump(dump_of(copy.path()), into) {
            // The switch began a segment or removed one meanwhile.
            Err(Undumped::Refused(Some(CORRUPT), _)) if attempt < COPIES_MAX => {}
            end => return Ok(end?),
        }
    }
    Ok(())
}

/// A journal is a directory of files.
fn copy_files(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        match fs::copy(entry.path(), to.join(entry.file_name())) {
            Ok(_) => {}
            // Removed since, because no start needs it any more.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn dump(mut dump: Command, into: &Path) -> Result<(), Undumped> {
    let io = |what: String| |source| Undumped::Broken(RunError::io(what)(source));
    let file = File::create(into).map_err(io(into.display().to_string()))?;
    let ended =
        dump.stdout(file).stderr(Stdio::piped()).spawn().and_then(std::process::Child::wait_with_output);
    let shown = format!("{dump:?}");
    let ended = ended.map_err(io(shown.clone()))?;
    if ended.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ended.stderr);
    let text = format!("the journal cannot be dumped: {shown} ended with {}: {said}", ended.status);
    Err(Undumped::Refused(ended.status.code(), text))
}

/// The switch's program beside this one, or the one that the system finds.
fn holdfast() -> PathBuf {
    let beside = std::env::current_exe().ok().map(|own| own.with_file_name("holdfast"));
    beside.filter(|program| program.exists()).unwrap_or_else(|| PathBuf::from("holdfast"))
}
