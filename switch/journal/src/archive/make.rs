//! Makes indexes: of each segment that is folded for a snapshot, and, when told, of all that are there.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::path::Path;

use holdfast_core::{Core, Fact, Settings};

use super::build::Builder;
use super::{Header, IndexError, index};
use crate::facts::fold_in;
use crate::format::JournalId;
use crate::recovery::OpenError;
use crate::scan::{Progress, Scanner, Window};
use crate::snapshot::{From, SnapshotError, load};
use crate::storage::{Access, FileStorage, IndexFile, IndexStorage, SegmentNumber};
use crate::survey::survey;

/// Memory that folding a segment needs, and the next one again: the first touch of a page costs more than what is written
/// to it.
#[derive(Debug, Default)]
pub(crate) struct Room {
    window: Window,
    decoded: Vec<Fact>,
    /// What left memory by the facts of the segment.
    pub(crate) builder: Builder,
}

/// Folds the segment that begins at `from` into a core, and gathers what leaves its memory meanwhile: `room` has that and
/// nothing else afterwards.
///
/// # Errors
/// [`SnapshotError::Segments`] where no frame goes on there.
pub(crate) fn fold_segment<S: IndexStorage>(
    storage: &S,
    journal: JournalId,
    core: &mut Core,
    from: &From,
    room: &mut Room,
) -> Result<From, SnapshotError> {
    let segments = storage.list()?;
    let segments: Vec<_> = segments.into_iter().filter(|s| s.number == from.segment).collect();
    let window = std::mem::take(&mut room.window);
    let mut scanner = Scanner::resume(storage, &segments, journal, from.progress()).reading_into(window);
    let mut frames = 0_u64;
    room.builder.clear();
    room.decoded.clear();
    core.keep_leaving();
    while let Some(frame) = scanner.next()? {
        frames = frames.saturating_add(1);
        if let Some(facts) = frame.facts() {
            fold_in(core, &facts, &mut room.decoded)?;
            for leaving in core.take_leaving() {
                room.builder.add(&leaving);
                leaving.empty().into_iter().for_each(|emptied| core.take_back(emptied));
            }
        }
    }
    if frames == 0 {
        return Err(SnapshotError::Segments(from.segment));
    }
    let to = From::of(from.segment.next(), &scanner.progress);
    room.window = scanner.into_window();
    Ok(to)
}

/// Writes the index of a segment that was folded, unless one that counts and says the same of it is there: one from
/// elsewhere, put back with a copy of the journal, may be whole and yet of other facts.
///
/// # Errors
/// What the system reports.
pub(crate) fn write_index<S: IndexStorage>(
    storage: &S,
    journal: JournalId,
    (from, to): (&From, &From),
    builder: &mut Builder,
) -> Result<bool, IndexError> {
    let files = storage.list_indexes()?;
    let there = files.into_iter().find(|file| file.of == from.segment && file.finished);
    let is_it = |header: Header| {
        (header.first, header.next) == (from.sequence, to.sequence)
            && (header.begins, header.ends) == (from.time, to.time)
    };
    if there.is_some_and(|file| index::check(storage, file, journal).is_ok_and(is_it)) {
        return Ok(false);
    }
    builder.write(storage, (journal, from, to))?;
    Ok(true)
}

/// What a making anew came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reindexed {
    /// Segments whose index was made.
    pub made: Vec<SegmentNumber>,
    /// Segments whose index was there and counts.
    pub kept: u64,
    /// The first segment that could be folded: what left memory before it is in no index but those that are there.
    pub first: Option<SegmentNumber>,
}

/// Makes the indexes that are missing or damaged, as far back as the journal reaches: from its first fact, or from the
/// oldest snapshot that counts. Nothing else is changed. `None` where there is no journal.
///
/// # Errors
/// See [`OpenError`], [`SnapshotError`] and [`IndexError`].
pub fn reindex(
    directory: &Path,
    settings: &Settings,
) -> Result<Option<Reindexed>, Box<dyn std::error::Error + Send + Sync>> {
    let storage = FileStorage::open(directory, Access::Write)?;
    reindex_storage(&storage, settings)
}

/// The same for any storage.
///
/// # Errors
/// As [`reindex`].
pub fn reindex_storage<S: IndexStorage>(
    storage: &S,
    settings: &Settings,
) -> Result<Option<Reindexed>, Box<dyn std::error::Error + Send + Sync>> {
    let surveyed = survey(storage)?;
    let (Some(journal), first) = (surveyed.journal, surveyed.first()) else { return Ok(None) };
    let (mut core, mut from) = base(storage, journal, first, settings)?;
    let mut done = Reindexed { first: Some(from.segment), ..Reindexed::default() };
    let last = storage.list()?.last().map_or(first, |segment| segment.number);
    let mut room = Room::default();
    // The last one is not full yet, or the next one follows when it is.
    while from.segment < last {
        let to = match fold_segment(storage, journal, &mut core, &from, &mut room) {
            Ok(folded) => folded,
            // Made in advance, and nothing is written to it.
            Err(SnapshotError::Segments(_)) => break,
            Err(error) => return Err(error.into()),
        };
        if !goes_on(storage, journal, &to)? {
            break;
        }
        if write_index(storage, journal, (&from, &to), &mut room.builder)? {
            done.made.push(from.segment);
        } else {
            done.kept = done.kept.saturating_add(1);
        }
        from = to;
    }
    Ok(Some(done))
}

/// Whether a frame follows: what is before it is sealed.
fn goes_on<S: IndexStorage>(storage: &S, journal: JournalId, from: &From) -> Result<bool, SnapshotError> {
    let segments: Vec<_> = storage.list()?.into_iter().filter(|s| s.number == from.segment).collect();
    Ok(Scanner::resume(storage, &segments, journal, from.progress()).next()?.is_some())
}

fn base<S: IndexStorage>(
    storage: &S,
    journal: JournalId,
    first: SegmentNumber,
    settings: &Settings,
) -> Result<(Core, From), Box<dyn std::error::Error + Send + Sync>> {
    let empty = || Core::new(settings.clone());
    if first == SegmentNumber::FIRST {
        return Ok((empty(), From::of(first, &Progress::start(journal))));
    }
    for file in storage.list_snapshots()?.into_iter().filter(|file| file.finished && file.at >= first) {
        if let Ok((core, header)) = load(storage, file, journal, empty()) {
            return Ok((core, header.from));
        }
    }
    let at = crate::storage::Position { segment: first, offset: 0 };
    let why =
        "the segments before it are gone, and no snapshot counts that would stand in for them".to_owned();
    Err(OpenError::Corrupt { at, why }.into())
}

/// Removes the oldest index if all of it is older than the retention. One at a time, and the directory is synced after
/// each, so that a power cut leaves no gap.
///
/// # Errors
/// What the system reports.
pub(crate) fn remove_oldest<S: IndexStorage>(
    storage: &S,
    journal: JournalId,
    retention_ms: u64,
    now_ms: u64,
) -> Result<Option<SegmentNumber>, IndexError> {
    let files: Vec<IndexFile> = storage.list_indexes()?;
    let Some(oldest) = files.into_iter().find(|file| file.finished) else { return Ok(None) };
    let old = match index::read_header(storage, oldest, journal) {
        Ok(header) => header.ends.get().saturating_add(retention_ms) <= now_ms,
        // It may be read another time.
        Err(error @ IndexError::Io(_)) => return Err(error),
        // One that does not count says nothing, and so is of no use.
        Err(IndexError::Header | IndexError::Misplaced | IndexError::Length | IndexError::Block(_)) => true,
    };
    if !old {
        return Ok(None);
    }
    storage.remove_index(oldest)?;
    storage.sync_directory()?;
    Ok(Some(oldest.of))
}
