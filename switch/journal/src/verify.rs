//! Checks a whole journal and changes nothing: what `holdfast journal verify` runs.
//!
//! Every frame is read past the page cache; both checksums, the chain of hashes, the numbers and the times of each are
//! checked, and every fact is read and applied. Each snapshot is loaded, and held against what the facts before it make.
//! It takes the lock, so that what it reads stands still.

use std::collections::VecDeque;
use std::fmt;
use std::path::Path;

use holdfast_core::{Core, Settings};
use holdfast_protocol::Sequence;

use crate::archive::index;
use crate::facts::{fold, read_facts};
use crate::format::JournalId;
use crate::reading::{Begin, Report, read_all};
use crate::recovery::{OpenError, Visit, VisitError};
use crate::scan::{Facts, read_first_frame};
use crate::snapshot::{Header, load};
use crate::storage::{
    Access, FileStorage, IndexStorage, Position, SegmentNumber, SnapshotFile, SnapshotStorage, Storage,
};
use crate::survey::survey;

/// A journal without fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Which journal.
    pub journal: JournalId,
    /// The first segment that is there; those before were trimmed.
    pub first: SegmentNumber,
    /// What it holds.
    pub report: Report,
    /// The snapshots beside it, where they were looked at.
    pub snapshots: Vec<VerifiedSnapshot>,
    /// The indexes of the archive, where they were looked at.
    pub indexes: Vec<VerifiedIndex>,
}

/// An index that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedIndex {
    /// Of which segment.
    pub of: SegmentNumber,
    /// How many ids are in it; or why it does not count: what it held is unavailable.
    pub counts: Result<u64, String>,
}

/// A snapshot that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedSnapshot {
    /// The start of which segment it tells of.
    pub at: SegmentNumber,
    /// Its length.
    pub bytes: u64,
    /// The last fact in it, which it agrees with the journal about; or why it does not count, which costs a start time and
    /// nothing else.
    pub counts: Result<Sequence, String>,
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = &self.report;
        writeln!(f, "journal      {}", self.journal)?;
        writeln!(f, "segments     {}", report.segments)?;
        if self.first != SegmentNumber::FIRST {
            writeln!(f, "trimmed      segments before {} are gone", self.first)?;
        }
        writeln!(f, "frames       {} ({} without facts)", report.frames, report.empty_frames)?;
        writeln!(f, "facts        {}", report.facts)?;
        writeln!(f, "fact bytes   {}", report.fact_bytes)?;
        if let Some((first, last)) = report.times {
            writeln!(f, "time         {} to {}", first.to_utc(), last.to_utc())?;
        }
        writeln!(f, "epoch        {}", report.epoch.0)?;
        writeln!(f, "end          {}", report.end)?;
        writeln!(f, "torn tail    {} bytes, nobody was told of them", report.torn_bytes)?;
        for VerifiedSnapshot { at, bytes, counts } in &self.snapshots {
            match counts {
                Ok(last) => writeln!(
                    f,
                    "snapshot     at segment {at}, {bytes} bytes: agrees with the {} facts before",
                    last.0
                )?,
                Err(why) => writeln!(f, "snapshot     at segment {at}: is not used, {why}")?,
            }
        }
        self.write_indexes(f)?;
        write!(f, "chain        whole")
    }
}

impl Verified {
    fn write_indexes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let good = self.indexes.iter().filter_map(|index| index.counts.as_ref().ok());
        let (count, ids) = (good.clone().count(), good.sum::<u64>());
        if !self.indexes.is_empty() {
            writeln!(f, "indexes      {count} of the archive, with {ids} ids")?;
        }
        for VerifiedIndex { of, counts } in &self.indexes {
            if let Err(why) = counts {
                writeln!(f, "index        of segment {of}: is not used, {why}")?;
            }
        }
        Ok(())
    }
}

/// Checks the whole journal of a directory, every record included, its snapshots and its indexes. `None` where there is no journal.
///
/// # Errors
/// See [`OpenError`].
pub fn verify(directory: &Path) -> Result<Option<Verified>, OpenError> {
    verify_storage(&FileStorage::open(directory, Access::Read)?)
}

/// Checks the whole journal of any storage, its snapshots and its indexes.
///
/// # Errors
/// See [`OpenError`].
pub fn verify_storage<S: IndexStorage>(storage: &S) -> Result<Option<Verified>, OpenError> {
    let survey = survey(storage)?;
    let (Some(journal), first) = (survey.journal, survey.first()) else { return Ok(None) };
    let mut check = Check::new(storage, journal, first)?;
    let mut disagrees = None;
    let reading = read_all(storage, &Begin::There, &mut |facts| {
        if let Err(found) = check.compare_through(facts.at.segment) {
            disagrees = Some(found);
            return Err("a snapshot does not agree".into());
        }
        check.apply(&facts)
    });
    if let Some(disagrees) = disagrees {
        return Err(disagrees.into_error());
    }
    let Some(reading) = reading? else { return Ok(None) };
    check.compare_through(SegmentNumber(u64::MAX)).map_err(Disagrees::into_error)?;
    let snapshots = check.snapshots;
    let indexes = check_indexes(storage, journal)?;
    Ok(Some(Verified { journal, first, report: reading.report, snapshots, indexes }))
}

fn check_indexes<S: IndexStorage>(storage: &S, journal: JournalId) -> Result<Vec<VerifiedIndex>, OpenError> {
    let files = storage.list_indexes()?.into_iter().filter(|file| file.finished);
    let counts = |file| match index::check(storage, file, journal) {
        Ok(header) => Ok(header.count),
        Err(error) => Err(error.to_string()),
    };
    Ok(files.map(|file| VerifiedIndex { of: file.of, counts: counts(file) }).collect())
}

/// A snapshot that counts and says other than the journal.
#[derive(Debug, thiserror::Error)]
#[error("the snapshot at segment {at} does not agree with the facts before it: {why}")]
struct Disagrees {
    at: SegmentNumber,
    why: String,
}

impl Disagrees {
    fn into_error(self) -> OpenError {
        OpenError::Corrupt { at: Position { segment: self.at, offset: 0 }, why: self.to_string() }
    }
}

/// The journal folded along with the reading, and the snapshots that are still ahead.
struct Check<'s, S> {
    storage: &'s S,
    /// What the facts so far make; none before the first fact that a trimmed journal can be folded from.
    core: Option<Core>,
    /// Of a trimmed journal: what the oldest snapshot that counts makes.
    base: Option<Core>,
    ahead: VecDeque<Header>,
    snapshots: Vec<VerifiedSnapshot>,
}

impl<'s, S: SnapshotStorage> Check<'s, S> {
    fn new(storage: &'s S, journal: JournalId, first: SegmentNumber) -> Result<Self, OpenError> {
        let empty = || Core::new(Settings { expected_rate_per_s: 0, ..Settings::default() });
        let whole = first == SegmentNumber::FIRST;
        let (mut base, mut ahead, mut snapshots) = (None, VecDeque::new(), Vec::new());
        for file in storage.list_snapshots()?.into_iter().filter(|file| file.finished) {
            let SnapshotFile { at, bytes, .. } = file;
            let counts = match load(storage, file, journal, empty()) {
                Ok((core, header)) => {
                    let sequence = core.sequence();
                    if !whole && base.is_none() && at >= first {
                        base = Some(core);
                    }
                    ahead.push_back(header);
                    Ok(sequence)
                }
                Err(error) => Err(error.to_string()),
            };
            snapshots.push(VerifiedSnapshot { at, bytes, counts });
        }
        if !whole && base.is_none() {
            let why = "the segment is missing, and no snapshot counts that would stand in for it".to_owned();
            return Err(OpenError::Corrupt {
                at: Position { segment: SegmentNumber::FIRST, offset: 0 },
                why,
            });
        }
        Ok(Self { storage, core: whole.then(empty), base, ahead, snapshots })
    }

    /// Compares all snapshots of places up to the start of a segment.
    fn compare_through(&mut self, segment: SegmentNumber) -> Result<(), Disagrees> {
        while self.ahead.front().is_some_and(|header| header.from.segment <= segment) {
            let Some(header) = self.ahead.pop_front() else { break };
            let at = header.from.segment;
            let disagrees = |why: String| Disagrees { at, why };
            self.compare_frame(&header).map_err(disagrees)?;
            let Some(core) = self.core.as_ref().or(self.base.as_ref()) else { continue };
            let (next, digest) = (core.sequence().next(), core.digest());
            if next != header.from.sequence {
                return Err(disagrees(format!(
                    "it ends before fact {}, the journal's next is {}",
                    header.from.sequence.0, next.0
                )));
            }
            if header.has_digest_of_this_version() && digest != header.digest {
                return Err(disagrees(format!(
                    "its digest is {}, that of the facts is {digest}",
                    header.digest
                )));
            }
        }
        Ok(())
    }

    /// The frame after a snapshot continues the one that the snapshot names.
    fn compare_frame(&self, header: &Header) -> Result<(), String> {
        let segments = self.storage.list().map_err(|error| error.to_string())?;
        let segment = segments.into_iter().find(|segment| segment.number == header.from.segment);
        let segment = segment.ok_or("its segment is missing")?;
        let frame = read_first_frame(self.storage, segment).map_err(|error| error.to_string())?;
        let from = &header.from;
        let continues = frame.is_some_and(|frame| {
            frame.number == from.frame && frame.first == from.sequence && frame.previous == from.chain
        });
        if continues { Ok(()) } else { Err("the frame after it continues another one".to_owned()) }
    }

    fn apply(&mut self, facts: &Facts<'_>) -> Result<(), VisitError> {
        self.base = match self.base.take() {
            Some(base) if base.sequence().next() == facts.first => {
                self.core = Some(base);
                None
            }
            other => other,
        };
        match &mut self.core {
            Some(core) => Ok(fold(core, facts)?),
            // Before what the oldest snapshot holds.
            None => read_facts(facts, &mut |_, _| Ok(())),
        }
    }
}

/// Checks every block of the indexes beside a journal.
///
/// # Errors
/// See [`OpenError`]; an index that does not count is none.
pub fn verify_indexes(directory: &Path, journal: JournalId) -> Result<Vec<VerifiedIndex>, OpenError> {
    check_indexes(&FileStorage::open(directory, Access::Read)?, journal)
}

/// Reads the whole journal of a directory. `visit` gets all facts in order. `None` where there is no journal.
///
/// # Errors
/// See [`OpenError`].
pub fn read_directory(directory: &Path, visit: Visit<'_>) -> Result<Option<Verified>, OpenError> {
    read_storage(&FileStorage::open(directory, Access::Read)?, visit)
}

/// Reads the whole journal of any storage, from the first segment that is there; snapshots are not looked at.
///
/// # Errors
/// See [`OpenError`].
pub fn read_storage(storage: &impl Storage, visit: Visit<'_>) -> Result<Option<Verified>, OpenError> {
    let reading = read_all(storage, &Begin::There, visit)?;
    Ok(reading.and_then(|reading| {
        let first = reading.survey.first();
        reading.survey.journal.map(|journal| Verified {
            journal,
            first,
            report: reading.report,
            snapshots: Vec::new(),
            indexes: Vec::new(),
        })
    }))
}
