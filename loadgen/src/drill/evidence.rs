//! What the auditor needs besides the histories: the switch's report about itself, and its journal.

use std::fs::{self, File};
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

/// Writes the dump of the journal beside the histories. The switch must have ended, unless --dump knows better.
///
/// # Errors
/// Where nobody says where the journal is, or it cannot be dumped.
pub(super) fn keep_journal(a: &DrillArguments, told: Option<PathBuf>, output: &Path) -> Result<(), RunError> {
    let mut dump = match (&a.dump, a.journal.clone().or(told)) {
        (Some(command), _) => shell(command),
        (None, Some(directory)) => {
            let mut dump = Command::new(holdfast());
            dump.args(["journal", "dump"]).arg(directory).stdin(Stdio::null());
            dump
        }
        (None, None) => {
            return Err(RunError::Drill("where is the journal? --journal or --dump says it".to_owned()));
        }
    };
    let path = output.join(check::JOURNAL);
    let file = File::create(&path).map_err(RunError::io(path.display().to_string()))?;
    let ended =
        dump.stdout(file).stderr(Stdio::piped()).spawn().and_then(std::process::Child::wait_with_output);
    let shown = format!("{dump:?}");
    let ended = ended.map_err(RunError::io(shown.clone()))?;
    if ended.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ended.stderr);
    Err(RunError::Drill(format!("the journal cannot be dumped: {shown} ended with {}: {said}", ended.status)))
}

/// The switch's program beside this one, or the one that the system finds.
fn holdfast() -> PathBuf {
    let beside = std::env::current_exe().ok().map(|own| own.with_file_name("holdfast"));
    beside.filter(|program| program.exists()).unwrap_or_else(|| PathBuf::from("holdfast"))
}
