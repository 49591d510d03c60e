//! Makes snapshots, a piece of work at a time, and trims what is behind them.
//!
//! A snapshot is made of the segments sealed since the one before it, in a core of its own: the one that the snapshot
//! before was made in, or, every few times, one that is loaded from that snapshot as a start would load it
//! (`docs/decisions/0003-snapshots.md` says why). Nothing here is on the way of a payment: whoever calls
//! [`Snapshotter::step`] brings a thread of its own, or a simulator's turn.
//!
//! The same folding finds what left memory: each segment gets its index for the archive when it is folded.
//!
//! Invariant: a failure here costs a snapshot and nothing else. The journal is trimmed only behind a snapshot that was
//! loaded and found to count, and that has another after it; a snapshot is named only when each segment folded for it has
//! its index.

use std::sync::Arc;
use std::time::Duration;

use holdfast_core::ledger::DIGEST_VERSION;
use holdfast_core::{Core, Settings as CoreSettings, invariant};
use holdfast_protocol::{Sequence, UnixMillis};

use super::format::{From, Header};
use super::{SnapshotError, file, load, trim};
use crate::archive::{self, IndexError, Room, fold_segment, write_index};
use crate::block::BLOCK;
use crate::format::JournalId;
use crate::scan::{Progress, Scanner};
use crate::storage::{IndexStorage, Position, SegmentNumber, SnapshotFile};

/// Without another snapshot, so often it is looked what became old: what stands in the way of a snapshot may be a disk
/// that is full.
const LOOK_AGAIN_MS: u64 = 10_000;

/// When snapshots are made and what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotSettings {
    /// So many segments are sealed between two snapshots, at least; zero makes none.
    pub segments_between: u64,
    /// And so many hundredths of the bytes that the last snapshot has, so that snapshots never write more than a part
    /// of what the journal does. The lower, the shorter the next start, and the more work for snapshots.
    pub percent_of_its_size: u64,
    /// So many snapshots are made in one core, which stays in memory between them; then the last is loaded as a start would
    /// load it, and the next made of that. With one or none, the core goes with each snapshot, and each is loaded.
    pub of_one_core: u32,
    /// Segments that no start needs are removed once they are this old; none is ever removed where this is none.
    pub retention: Option<Duration>,
    /// Indexes of the archive are removed once they are this old; none is ever removed where this is none.
    pub archive_retention: Option<Duration>,
}

impl Default for SnapshotSettings {
    fn default() -> Self {
        Self {
            segments_between: 4,
            percent_of_its_size: 100,
            of_one_core: 8,
            retention: None,
            archive_retention: None,
        }
    }
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotStep {
    /// Nothing is due.
    Idle,
    /// Part of the work; the next step goes on.
    More,
    /// A snapshot was made.
    Made {
        /// At the start of which segment.
        at: SegmentNumber,
        /// The last fact in it.
        sequence: Sequence,
        /// Its length.
        bytes: u64,
    },
    /// A segment was folded, and its index is there.
    Indexed(SegmentNumber),
    /// A segment that no start needs was removed, as it is older than the retention.
    Trimmed(SegmentNumber),
    /// The index of a segment was removed, as it is older than the archive's retention.
    IndexTrimmed(SegmentNumber),
}

/// See the module.
#[derive(Debug)]
pub struct Snapshotter<S> {
    storage: Arc<S>,
    journal: JournalId,
    core_settings: CoreSettings,
    settings: SnapshotSettings,
    /// The newest that was found to count: by recovery, or because it was made here.
    newest: Option<SnapshotFile>,
    /// After a failure: not before this segment is sealed.
    not_before: SegmentNumber,
    /// What a crash or a failure left unfinished may still take room.
    unswept: bool,
    /// The newest that was loaded and found to count: by recovery, or to make another of it.
    tested: Option<SnapshotFile>,
    /// Where the newest stands that was tested and has another after it: what is before it may go once it is old.
    behind: Option<SegmentNumber>,
    /// A core that lasts, while no snapshot is due.
    kept: Option<Making>,
    /// When it is looked next for what became old without another snapshot.
    look_again: UnixMillis,
    work: Work,
}

/// A core that segments are folded into.
#[derive(Debug)]
struct Making {
    core: Box<Core>,
    /// How far they are.
    from: From,
    /// How far they are to be: at the start of this segment.
    until: SegmentNumber,
    /// A snapshot is made then.
    due: bool,
    /// The snapshot before.
    base: Option<SnapshotFile>,
    /// Snapshots made of this core.
    made: u32,
    room: Room,
}

#[derive(Debug)]
enum Work {
    Idle,
    /// Segments are folded.
    Fold(Making),
    Write(Making),
    /// What is older than the retention and before `needed` is removed.
    Trim {
        needed: SegmentNumber,
    },
    /// Indexes that are older than theirs are removed.
    TrimIndexes,
}

impl<S: IndexStorage> Snapshotter<S> {
    /// For the journal of a storage. `newest` is the snapshot that recovery went on from.
    pub fn new(
        storage: Arc<S>,
        journal: JournalId,
        core_settings: CoreSettings,
        settings: SnapshotSettings,
        newest: Option<SnapshotFile>,
    ) -> Self {
        Self {
            storage,
            journal,
            core_settings,
            settings,
            newest,
            not_before: SegmentNumber(0),
            unswept: true,
            tested: newest,
            behind: None,
            kept: None,
            look_again: UnixMillis::default(),
            work: Work::Idle,
        }
    }

    /// Does a piece of work where there is some: loads a snapshot, folds one segment, writes a snapshot, or removes one
    /// segment. `sealed` is the last segment that no frame will be written to any more; `now` says how old segments are.
    ///
    /// # Errors
    /// Why no snapshot was made. The work is given up, and begun anew when another segment is sealed.
    pub fn step(&mut self, sealed: SegmentNumber, now: UnixMillis) -> Result<SnapshotStep, SnapshotError> {
        let stepped = match std::mem::replace(&mut self.work, Work::Idle) {
            Work::Idle => self.begin(sealed, now),
            Work::Fold(making) => self.fold(making),
            Work::Write(making) => self.write(making),
            Work::Trim { needed } => self.trim(needed, now),
            Work::TrimIndexes => self.trim_indexes(now),
        };
        if stepped.is_err() {
            self.not_before = sealed.next();
            self.unswept = true;
        }
        stepped
    }

    /// Where it reads and writes.
    pub const fn storage(&self) -> &Arc<S> {
        &self.storage
    }

    /// Whether more was sealed since the snapshot in the making began than there is in it, or as much waits to be folded as is
    /// to be sealed between two: who makes it should hurry.
    pub fn is_late(&self, sealed: SegmentNumber) -> bool {
        let since = self.newest.map_or(SegmentNumber::FIRST, |file| file.at);
        let behind = |from: SegmentNumber| sealed.next().0.saturating_sub(from.0);
        match &self.work {
            Work::Fold(making) if !making.due => {
                behind(making.from.segment) >= self.settings.segments_between
            }
            Work::Fold(making) | Work::Write(making) => {
                behind(making.until) >= making.until.0.saturating_sub(since.0)
            }
            Work::Idle | Work::Trim { .. } | Work::TrimIndexes => false,
        }
    }

    /// Whether a snapshot is worth it by the number of segments.
    fn is_enough(&self, sealed: SegmentNumber) -> bool {
        let since = self.newest.map_or(SegmentNumber::FIRST, |file| file.at);
        let count = sealed.next().0.saturating_sub(since.0);
        let between = self.settings.segments_between;
        between > 0 && sealed >= self.not_before && count >= between
    }

    /// Whether it is by their length, too.
    fn is_due(&self, sealed: SegmentNumber) -> Result<bool, SnapshotError> {
        let since = self.newest.map_or(SegmentNumber::FIRST, |file| file.at);
        if !self.is_enough(sealed) {
            return Ok(false);
        }
        let Some(newest) = self.newest else { return Ok(true) };
        let segments = self.storage.list()?;
        let new = segments.iter().filter(|segment| segment.number >= since && segment.number <= sealed);
        let bytes = new.map(|segment| segment.bytes).sum::<u64>();
        Ok(bytes.saturating_mul(100) >= newest.bytes.saturating_mul(self.settings.percent_of_its_size))
    }

    /// Begins what is wanted now: a snapshot, or no more than that a core that lasts keeps up with what is sealed.
    fn begin(&mut self, sealed: SegmentNumber, now: UnixMillis) -> Result<SnapshotStep, SnapshotError> {
        if std::mem::replace(&mut self.unswept, false) {
            trim::remove_unfinished(&*self.storage)?;
        }
        let (due, until) = (self.is_due(sealed)?, sealed.next());
        let behind = match &self.kept {
            Some(kept) => sealed >= self.not_before && kept.from.segment < until,
            None => self.settings.of_one_core > 1 && self.is_enough(sealed),
        };
        if due || behind {
            let making = match self.kept.take() {
                Some(kept) => Making { until, due, base: self.newest, ..kept },
                None => Making { due, ..self.load(until)? },
            };
            let folded = making.from.segment >= until;
            self.work = if folded { Work::Write(making) } else { Work::Fold(making) };
            return Ok(SnapshotStep::More);
        }
        match self.behind {
            Some(needed) if now >= self.look_again => self.trim(needed, now),
            Some(_) | None => Ok(SnapshotStep::Idle),
        }
    }

    /// From the newest snapshot that counts, or from the first fact.
    fn load(&mut self, until: SegmentNumber) -> Result<Making, SnapshotError> {
        let mut files = self.storage.list_snapshots()?;
        files.retain(|file| file.finished && file.at < until);
        let making = |core, from, base| {
            let (core, room) = (Box::new(core), Room::default());
            Making { core, from, until, due: true, base, made: 0, room }
        };
        let mut why = None;
        for base in files.into_iter().rev() {
            match load(&*self.storage, base, self.journal, Core::new(self.core_settings.clone())) {
                Ok((core, header)) => {
                    self.tested = Some(base);
                    return Ok(making(core, header.from, Some(base)));
                }
                Err(error) => why = Some(error),
            }
        }
        let first = self.storage.list()?.first().map(|segment| segment.number);
        if first != Some(SegmentNumber::FIRST) {
            return Err(why.unwrap_or(SnapshotError::Segments(SegmentNumber::FIRST)));
        }
        // None of them counts: nothing that a start could need goes until one was loaded.
        (self.tested, self.behind) = (None, None);
        let from = From::of(SegmentNumber::FIRST, &Progress::start(self.journal));
        Ok(making(Core::new(self.core_settings.clone()), from, None))
    }

    /// Folds one segment, and writes its index.
    fn fold(&mut self, mut making: Making) -> Result<SnapshotStep, SnapshotError> {
        let Making { core, from, room, .. } = &mut making;
        let folded = from.segment;
        let to = fold_segment(&*self.storage, self.journal, core, from, room)?;
        write_index(&*self.storage, self.journal, (from, &to), &mut room.builder)
            .map_err(|error| not_indexed(folded, error))?;
        making.from = to;
        if to.segment < making.until {
            self.work = Work::Fold(making);
        } else if making.due {
            self.work = Work::Write(making);
        } else {
            self.kept = Some(making);
        }
        Ok(SnapshotStep::Indexed(folded))
    }

    fn write(&mut self, making: Making) -> Result<SnapshotStep, SnapshotError> {
        let Making { ref core, from, base, .. } = making;
        // All frames before it were read: the first of its segment continues the last of them.
        let segments = self.storage.list()?;
        let segments: Vec<_> = segments.into_iter().filter(|s| s.number == from.segment).collect();
        let at = Position { segment: from.segment, offset: BLOCK };
        let next =
            Scanner::resume(&*self.storage, &segments, self.journal, from.progress()).next()?.map(|f| f.at);
        if next != Some(at) {
            return Err(SnapshotError::Segments(from.segment));
        }
        invariant::recount(core).map_err(|violation| SnapshotError::Invariant(violation.to_string()))?;
        let header =
            Header { journal: self.journal, from, digest_version: DIGEST_VERSION, digest: core.digest() };
        let bytes = file::write(&*self.storage, &header, core)?;
        let made = SnapshotFile { at: from.segment, bytes, finished: true };
        self.newest = Some(made);
        trim::remove_others(&*self.storage, &[Some(made), base, self.tested])?;
        self.behind = self.tested.map(|tested| tested.at);
        self.work = match self.behind {
            Some(needed) if self.settings.retention.is_some() => Work::Trim { needed },
            Some(_) | None => self.then_indexes(),
        };
        let sequence = core.sequence();
        let of_it = making.made.saturating_add(1);
        self.kept = (of_it < self.settings.of_one_core).then_some(Making { made: of_it, ..making });
        Ok(SnapshotStep::Made { at: from.segment, sequence, bytes })
    }

    fn trim(&mut self, needed: SegmentNumber, now: UnixMillis) -> Result<SnapshotStep, SnapshotError> {
        self.look_again = now.plus(LOOK_AGAIN_MS);
        let Some(retention) = self.settings.retention else { return Ok(SnapshotStep::Idle) };
        match trim::remove_oldest(&*self.storage, needed, retention, now)? {
            Some(segment) => {
                self.work = Work::Trim { needed };
                Ok(SnapshotStep::Trimmed(segment))
            }
            None => {
                self.work = self.then_indexes();
                Ok(if matches!(self.work, Work::Idle) { SnapshotStep::Idle } else { SnapshotStep::More })
            }
        }
    }

    fn then_indexes(&self) -> Work {
        if self.settings.archive_retention.is_some() { Work::TrimIndexes } else { Work::Idle }
    }

    fn trim_indexes(&mut self, now: UnixMillis) -> Result<SnapshotStep, SnapshotError> {
        let Some(retention) = self.settings.archive_retention else { return Ok(SnapshotStep::Idle) };
        let retention_ms = u64::try_from(retention.as_millis()).unwrap_or(u64::MAX);
        let removed = archive::remove_oldest(&*self.storage, self.journal, retention_ms, now.get());
        match removed.map_err(|error| not_indexed(SegmentNumber::FIRST, error))? {
            Some(segment) => {
                self.work = Work::TrimIndexes;
                Ok(SnapshotStep::IndexTrimmed(segment))
            }
            None => Ok(SnapshotStep::Idle),
        }
    }
}

fn not_indexed(segment: SegmentNumber, error: IndexError) -> SnapshotError {
    match error {
        IndexError::Io(error) => error.into(),
        IndexError::Header | IndexError::Misplaced | IndexError::Length | IndexError::Block(_) => {
            SnapshotError::Index(segment, error)
        }
    }
}
