//! Checks a whole journal and changes nothing: what `holdfast journal verify` runs.
//!
//! Every frame is read past the page cache; both checksums, the chain of hashes, the numbers and the times of each are
//! checked, and every fact is read. It takes the lock, so that what it reads stands still.

use std::fmt;
use std::path::Path;

use crate::facts::read_facts;
use crate::format::JournalId;
use crate::recovery::{Begin, OpenError, Report, Visit, read_all};
use crate::storage::{Access, FileStorage, Storage};

/// A journal without fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Which journal.
    pub journal: JournalId,
    /// What it holds.
    pub report: Report,
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = &self.report;
        writeln!(f, "journal      {}", self.journal)?;
        writeln!(f, "segments     {}", report.segments)?;
        writeln!(f, "frames       {} ({} without facts)", report.frames, report.empty_frames)?;
        writeln!(f, "facts        {}", report.facts)?;
        writeln!(f, "fact bytes   {}", report.fact_bytes)?;
        let (first, last) = report.times.map_or((0, 0), |(a, b)| (a.get(), b.get()));
        writeln!(f, "time         {first} to {last} (Unix milliseconds)")?;
        writeln!(f, "epoch        {}", report.epoch.0)?;
        writeln!(f, "end          {}", report.end)?;
        writeln!(f, "torn tail    {} bytes, nobody was told of them", report.torn_bytes)?;
        write!(f, "chain        whole")
    }
}

/// Checks the whole journal of a directory, every record included. `None` where there is no journal.
///
/// # Errors
/// See [`OpenError`].
pub fn verify(directory: &Path) -> Result<Option<Verified>, OpenError> {
    read_directory(directory, &mut |facts| read_facts(&facts, &mut |_, _| Ok(())))
}

/// Reads the whole journal of a directory. `visit` gets all facts in order. `None` where there is no journal.
///
/// # Errors
/// See [`OpenError`].
pub fn read_directory(directory: &Path, visit: Visit<'_>) -> Result<Option<Verified>, OpenError> {
    read_storage(&FileStorage::open(directory, Access::Read)?, visit)
}

/// Reads the whole journal of any storage.
///
/// # Errors
/// See [`OpenError`].
pub fn read_storage(storage: &impl Storage, visit: Visit<'_>) -> Result<Option<Verified>, OpenError> {
    let reading = read_all(storage, &Begin::There, visit)?;
    Ok(reading.and_then(|reading| {
        reading.survey.journal.map(|journal| Verified { journal, report: reading.report })
    }))
}
