//! Makes snapshots, a piece of work at a time, and trims what is behind them.
//!
//! A snapshot is made of the one before it and the segments sealed since, in a core of its own that lives only while it
//! is made (`docs/decisions/0003-snapshots.md` says why). Nothing here is on the way of a payment: whoever calls
//! [`Snapshotter::step`] brings a thread of low priority, or a simulator's turn.
//!
//! Invariant: a failure here costs a snapshot and nothing else. The journal is trimmed only behind the older of two
//! snapshots that were found to count.

use std::sync::Arc;
use std::time::Duration;

use holdfast_core::ledger::DIGEST_VERSION;
use holdfast_core::{Core, Settings as CoreSettings, invariant};
use holdfast_protocol::{Sequence, UnixMillis};

use super::format::{From, Header};
use super::{SnapshotError, file, load, trim};
use crate::block::BLOCK;
use crate::facts::fold;
use crate::format::JournalId;
use crate::scan::{Progress, Scanner};
use crate::storage::{Position, SegmentNumber, SnapshotFile, SnapshotStorage};

/// When snapshots are made and what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotSettings {
    /// So many segments are sealed between two snapshots, at least; zero makes none.
    pub segments_between: u64,
    /// And so many times as many bytes of them as the last snapshot has, so that snapshots never write more than a part
    /// of what the journal does.
    pub times_its_size: u64,
    /// Segments that no start needs are removed once they are this old; none is ever removed where this is none.
    pub retention: Option<Duration>,
}

impl Default for SnapshotSettings {
    fn default() -> Self {
        Self { segments_between: 4, times_its_size: 4, retention: None }
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
    /// A segment that no start needs was removed, as it is older than the retention.
    Trimmed(SegmentNumber),
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
    work: Work,
}

#[derive(Debug)]
enum Work {
    Idle,
    /// Segments are folded into the core, up to the one at whose start the snapshot is to stand.
    Fold {
        core: Box<Core>,
        from: From,
        until: SegmentNumber,
        base: Option<SnapshotFile>,
    },
    Write {
        core: Box<Core>,
        from: From,
        base: Option<SnapshotFile>,
    },
    /// What is older than the retention and before `needed` is removed.
    Trim {
        needed: SegmentNumber,
    },
}

impl<S: SnapshotStorage> Snapshotter<S> {
    /// For the journal of a storage. `newest` is the snapshot that recovery went on from.
    pub fn new(
        storage: Arc<S>,
        journal: JournalId,
        core_settings: CoreSettings,
        settings: SnapshotSettings,
        newest: Option<SnapshotFile>,
    ) -> Self {
        let not_before = SegmentNumber(0);
        Self { storage, journal, core_settings, settings, newest, not_before, work: Work::Idle }
    }

    /// Does a piece of work where there is some: loads a snapshot, folds one segment, writes a snapshot, or removes one
    /// segment. `sealed` is the last segment that no frame will be written to any more; `now` says how old segments are.
    ///
    /// # Errors
    /// Why no snapshot was made. The work is given up, and begun anew when another segment is sealed.
    pub fn step(&mut self, sealed: SegmentNumber, now: UnixMillis) -> Result<SnapshotStep, SnapshotError> {
        let stepped = match std::mem::replace(&mut self.work, Work::Idle) {
            Work::Idle => self.begin(sealed),
            Work::Fold { core, from, until, base } => self.fold(core, from, until, base),
            Work::Write { core, from, base } => self.write(*core, from, base),
            Work::Trim { needed } => self.trim(needed, now),
        };
        if stepped.is_err() {
            self.not_before = sealed.next();
        }
        stepped
    }

    fn is_due(&self, sealed: SegmentNumber) -> Result<bool, SnapshotError> {
        let Some(between) = Some(self.settings.segments_between).filter(|between| *between > 0) else {
            return Ok(false);
        };
        let since = self.newest.map_or(SegmentNumber::FIRST, |file| file.at);
        let count = sealed.next().0.saturating_sub(since.0);
        if sealed < self.not_before || count < between {
            return Ok(false);
        }
        let Some(newest) = self.newest else { return Ok(true) };
        let segments = self.storage.list()?;
        let new = segments.iter().filter(|segment| segment.number >= since && segment.number <= sealed);
        let bytes = new.map(|segment| segment.bytes).sum::<u64>();
        Ok(bytes >= newest.bytes.saturating_mul(self.settings.times_its_size))
    }

    /// Starts from the newest snapshot that counts, or from the first fact.
    fn begin(&mut self, sealed: SegmentNumber) -> Result<SnapshotStep, SnapshotError> {
        if !self.is_due(sealed)? {
            return Ok(SnapshotStep::Idle);
        }
        let until = sealed.next();
        let mut files = self.storage.list_snapshots()?;
        files.retain(|file| file.finished && file.at < until);
        let mut why = None;
        for base in files.into_iter().rev() {
            match load(&*self.storage, base, self.journal, Core::new(self.core_settings.clone())) {
                Ok((core, header)) => {
                    let (core, from) = (Box::new(core), header.from);
                    self.work = Work::Fold { core, from, until, base: Some(base) };
                    return Ok(SnapshotStep::More);
                }
                Err(error) => why = Some(error),
            }
        }
        let first = self.storage.list()?.first().map(|segment| segment.number);
        if first != Some(SegmentNumber::FIRST) {
            return Err(why.unwrap_or(SnapshotError::Segments(SegmentNumber::FIRST)));
        }
        let core = Box::new(Core::new(self.core_settings.clone()));
        let from = From::of(SegmentNumber::FIRST, &Progress::start(self.journal));
        self.work = Work::Fold { core, from, until, base: None };
        Ok(SnapshotStep::More)
    }

    /// Folds one segment.
    fn fold(
        &mut self,
        mut core: Box<Core>,
        from: From,
        until: SegmentNumber,
        base: Option<SnapshotFile>,
    ) -> Result<SnapshotStep, SnapshotError> {
        let broken = SnapshotError::Segments(from.segment);
        let segments = self.storage.list()?;
        let segment = segments.into_iter().filter(|segment| segment.number == from.segment);
        let segments: Vec<_> = segment.collect();
        let mut scanner = Scanner::resume(&*self.storage, &segments, self.journal, from.progress());
        let mut frames = 0_u64;
        while let Some(frame) = scanner.next()? {
            frames = frames.saturating_add(1);
            if let Some(facts) = frame.facts() {
                fold(&mut core, &facts)?;
            }
        }
        if frames == 0 {
            return Err(broken);
        }
        let from = From::of(from.segment.next(), &scanner.progress);
        self.work = if from.segment < until {
            Work::Fold { core, from, until, base }
        } else {
            Work::Write { core, from, base }
        };
        Ok(SnapshotStep::More)
    }

    fn write(
        &mut self,
        core: Core,
        from: From,
        base: Option<SnapshotFile>,
    ) -> Result<SnapshotStep, SnapshotError> {
        // All frames before it were read: the first of its segment continues the last of them.
        let segments = self.storage.list()?;
        let segments: Vec<_> = segments.into_iter().filter(|s| s.number == from.segment).collect();
        let at = Position { segment: from.segment, offset: BLOCK };
        let next =
            Scanner::resume(&*self.storage, &segments, self.journal, from.progress()).next()?.map(|f| f.at);
        if next != Some(at) {
            return Err(SnapshotError::Segments(from.segment));
        }
        invariant::recount(&core).map_err(|violation| SnapshotError::Invariant(violation.to_string()))?;
        let header =
            Header { journal: self.journal, from, digest_version: DIGEST_VERSION, digest: core.digest() };
        let bytes = file::write(&*self.storage, &header, &core)?;
        let made = SnapshotFile { at: from.segment, bytes, finished: true };
        self.newest = Some(made);
        trim::remove_others(&*self.storage, made, base)?;
        if let Some(base) = base.filter(|_| self.settings.retention.is_some()) {
            self.work = Work::Trim { needed: base.at };
        }
        Ok(SnapshotStep::Made { at: from.segment, sequence: core.sequence(), bytes })
    }

    fn trim(&mut self, needed: SegmentNumber, now: UnixMillis) -> Result<SnapshotStep, SnapshotError> {
        let Some(retention) = self.settings.retention else { return Ok(SnapshotStep::Idle) };
        match trim::remove_oldest(&*self.storage, needed, retention, now)? {
            Some(segment) => {
                self.work = Work::Trim { needed };
                Ok(SnapshotStep::Trimmed(segment))
            }
            None => Ok(SnapshotStep::Idle),
        }
    }
}
