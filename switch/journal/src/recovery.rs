//! Opening a journal: read all of it, tell a torn tail from corruption, make what was read durable, begin an epoch.
//!
//! Invariant: a frame that anybody was told of is never cut. A frame that does not count is corruption if any later
//! header of this journal, of the same or a higher epoch, has `durable_through` at or beyond it; then nothing is opened.
//! Otherwise it is a torn tail, which nobody heard of (I1), and is cut with all after it.
//!
//! A header alone is evidence, also where its body is torn: it was written when it was true. What was read may have come
//! from a drive's cache, so frames that no later frame calls durable are written again, and all is synced before
//! anything recovered is called durable. Nothing on the disk changes before the journal is known to be whole.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use holdfast_protocol::{Epoch, Sequence, UnixMillis};

use crate::block::{BLOCK, BlockBuffer};
use crate::format::{FrameKind, JournalId};
use crate::reading::{Begin, Reading, Report, count, read_all};
use crate::scan::{Facts, Progress};
use crate::settings::{Settings, SettingsError};
use crate::shared::{JournalFailure, Notify, Shared};
use crate::storage::{Access, FileStorage, Position, Segment, SegmentNumber, SnapshotFile, Storage};
use crate::supply::{Preparer, Supply, make_segment};
use crate::survey::{Survey, survey};
use crate::writer::{Clock, FrameBuffer, Tail, Writer, write_frame};

/// What a reader of facts may object to.
pub type VisitError = Box<dyn std::error::Error + Send + Sync>;

/// Called with the facts of each frame, in order.
pub type Visit<'a> = &'a mut dyn FnMut(Facts<'_>) -> Result<(), VisitError>;

/// Why a journal was not opened. Nothing on the disk was changed, unless it says so.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The settings cannot work.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The directory cannot be used.
    #[error("journal directory {}", directory.display())]
    Directory {
        /// Which.
        directory: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process uses it.
    #[error("journal directory {} is in use by another process", directory.display())]
    Locked {
        /// Which.
        directory: PathBuf,
    },
    /// It could not be read, or what had to be written before the start could not be.
    #[error("reading or preparing the journal")]
    Io(#[from] io::Error),
    /// What was durable is not as it was written.
    #[error("the journal is corrupt at {at}: {why}")]
    Corrupt {
        /// Where the first thing that does not count is.
        at: Position,
        /// What was found.
        why: String,
    },
    /// A whole frame holds facts that cannot be read.
    #[error("the facts of the frame at {at} cannot be read")]
    Facts {
        /// Which frame.
        at: Position,
        /// Why.
        source: VisitError,
    },
    /// The frame that begins the epoch could not be written.
    #[error("the epoch could not be begun")]
    Epoch(#[from] JournalFailure),
}

/// A journal that is whole, durable, and in an epoch of its own: ready to be written.
#[derive(Debug)]
pub struct Recovered<S> {
    storage: Arc<S>,
    pub(crate) settings: Settings,
    tail: Tail,
    ready: Vec<Segment>,
    report: Option<Report>,
    pub(crate) snapshot: Option<SnapshotFile>,
}

impl<S: Storage> Recovered<S> {
    /// Which journal.
    pub const fn journal(&self) -> JournalId {
        self.tail.journal
    }

    /// The epoch this start may write under; no other start has it.
    pub const fn epoch(&self) -> Epoch {
        self.tail.epoch
    }

    /// The time of the newest frame; the switch resumes no earlier.
    pub const fn last_time(&self) -> UnixMillis {
        self.tail.time
    }

    /// The newest fact; zero where there is none.
    pub const fn last_sequence(&self) -> Sequence {
        Sequence(self.tail.sequence.0.saturating_sub(1))
    }

    /// What was read; `None` where the journal is new.
    pub const fn report(&self) -> Option<&Report> {
        self.report.as_ref()
    }

    /// Where it is.
    pub fn storage(&self) -> Arc<S> {
        Arc::clone(&self.storage)
    }

    /// The snapshot that was loaded.
    pub const fn snapshot(&self) -> Option<SnapshotFile> {
        self.snapshot
    }

    /// The machines that write it.
    pub(crate) fn into_parts(
        self,
        notify: Notify,
        clock: Clock,
    ) -> (Writer<S>, Preparer<S>, Arc<Shared>, Arc<Supply>) {
        let shared = Arc::new(Shared::new(self.last_sequence(), self.tail.segment.number, notify));
        let supply = Arc::new(Supply::new(self.tail.segment.number, self.ready));
        let preparer = Preparer::new(
            Arc::clone(&self.storage),
            Arc::clone(&supply),
            self.tail.journal,
            self.settings.segment_bytes,
            self.settings.room_retry,
        );
        let writer = Writer::new(
            self.storage,
            Arc::clone(&supply),
            Arc::clone(&shared),
            self.settings,
            self.tail,
            clock,
        );
        (writer, preparer, shared, supply)
    }
}

/// Opens the journal of a directory from its first fact, or makes one. `visit` gets all facts in order; `now` is the wall
/// clock.
///
/// # Errors
/// See [`OpenError`].
pub fn open(
    directory: &Path,
    settings: Settings,
    now: UnixMillis,
    visit: Visit<'_>,
) -> Result<Recovered<FileStorage>, OpenError> {
    settings.check()?;
    let storage = Arc::new(FileStorage::open(directory, Access::Write)?);
    recover(storage, settings, random_id()?, now, visit)
}

pub(crate) fn random_id() -> io::Result<JournalId> {
    let mut id = [0; 16];
    rustix::rand::getrandom(&mut id, rustix::rand::GetRandomFlags::empty())?;
    Ok(JournalId(id))
}

/// Opens the journal of any storage from its first fact; a new one gets the id given.
///
/// # Errors
/// See [`OpenError`].
pub fn recover<S: Storage>(
    storage: Arc<S>,
    settings: Settings,
    new_id: JournalId,
    now: UnixMillis,
    visit: Visit<'_>,
) -> Result<Recovered<S>, OpenError> {
    settings.check()?;
    let reading = read_all(&*storage, &Begin::First, visit)?;
    recover_read(storage, settings, new_id, now, reading)
}

/// Makes durable what was read, and begins an epoch after it.
pub(crate) fn recover_read<S: Storage>(
    storage: Arc<S>,
    settings: Settings,
    new_id: JournalId,
    now: UnixMillis,
    reading: Option<Reading>,
) -> Result<Recovered<S>, OpenError> {
    let (journal, progress, segments, report) = match reading {
        Some(reading) => {
            make_durable(&*storage, &reading)?;
            let journal = reading.survey.journal.unwrap_or(new_id);
            (journal, reading.progress, reading.survey.segments, Some(reading.report))
        }
        None => {
            remove_incomplete(&*storage, &survey(&*storage)?)?;
            let first = Segment { number: SegmentNumber::FIRST, bytes: settings.segment_bytes };
            make_segment(&*storage, new_id, first.number, first.bytes)?;
            (new_id, Progress::start(new_id), vec![first], None)
        }
    };
    let segment = segments.iter().find(|segment| segment.number == progress.at.segment);
    let segment = *segment.expect("the end of the journal is in a segment that was read");
    let ready = segments.into_iter().filter(|ready| ready.number > segment.number).collect();
    let tail = Tail {
        journal,
        epoch: Epoch(progress.epoch.0.checked_add(1).expect("fewer than four billion starts")),
        segment,
        offset: progress.at.offset,
        frame: progress.frame,
        sequence: progress.sequence,
        chain: progress.chain,
        time: progress.time.max(now),
    };
    let mut recovered = Recovered { storage, settings, tail, ready, report, snapshot: None };
    begin_epoch(&mut recovered)?;
    Ok(recovered)
}

/// Writes the frame that begins the epoch: recorded before it is used.
fn begin_epoch<S: Storage>(recovered: &mut Recovered<S>) -> Result<(), OpenError> {
    let storage = &*recovered.storage;
    if recovered.tail.left() < BLOCK {
        let number = recovered.tail.segment.number.next();
        if recovered.ready.is_empty() {
            let bytes = recovered.settings.segment_bytes;
            make_segment(storage, recovered.tail.journal, number, bytes)?;
            recovered.ready.push(Segment { number, bytes });
        }
        recovered.tail.enter(recovered.ready.remove(0));
    }
    let segment = recovered.tail.segment.number;
    write_frame(storage, &mut recovered.tail, &mut FrameBuffer::new(0), FrameKind::Epoch)?;
    storage.sync(segment).map_err(|source| JournalFailure::Sync { segment, source })?;
    Ok(())
}

/// Zeroes what is cut, writes again what no frame calls durable, removes what was not finished, and syncs it all.
fn make_durable(storage: &impl Storage, reading: &Reading) -> io::Result<()> {
    let mut touched = vec![reading.progress.at.segment];
    for (_, at, bytes) in &reading.unsealed {
        let mut frame = BlockBuffer::new(usize::try_from(*bytes).unwrap_or(0));
        storage.read_at(*at, frame.as_mut_slice())?;
        storage.write_at(*at, frame.as_slice())?;
        touched.push(at.segment);
    }
    let zeros = BlockBuffer::new(1 << 20);
    for torn in &reading.torn {
        let mut offset = torn.from;
        while offset < torn.to {
            let left = usize::try_from(torn.to.saturating_sub(offset)).unwrap_or(usize::MAX);
            let chunk = zeros.as_slice().get(..left).unwrap_or(zeros.as_slice());
            storage.write_at(Position { segment: torn.segment, offset }, chunk)?;
            offset = offset.saturating_add(count(chunk.len()));
        }
        touched.push(torn.segment);
    }
    remove_incomplete(storage, &reading.survey)?;
    touched.sort_unstable();
    touched.dedup();
    for segment in touched {
        storage.sync(segment)?;
    }
    storage.sync_directory()
}

fn remove_incomplete(storage: &impl Storage, survey: &Survey) -> io::Result<()> {
    for segment in &survey.incomplete {
        storage.remove(*segment)?;
    }
    storage.sync_directory()
}
