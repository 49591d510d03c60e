//! The archive: what left memory stays answerable.
//!
//! When a segment is sealed and folded, what left memory by its facts goes into a sorted, checked index beside it. Until
//! then it is kept in memory ([`Recents`]). Why it is made so: `docs/decisions/0004-archive.md`.
//!
//! Invariant: an id is said to be absent only where what is not indexed yet and every index back to the id's creation were
//! searched; anything else that keeps it from being found is "unavailable". What is found is what left last: nothing
//! newer can stand in what was not searched.
//!
//! A damaged or missing index is no reason to stop: it costs the answers that it holds, until it is made again
//! ([`reindex`]).

mod build;
mod format;
pub(crate) mod index;
mod make;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use holdfast_core::input::Recalled;
use holdfast_core::leaving::{Emptied, Leaving, Recents};
use holdfast_protocol::{Sequence, TransactionKey};

use crate::format::JournalId;
use crate::storage::{IndexFile, IndexStorage, SegmentNumber};
pub(crate) use format::Header;
pub use make::{Reindexed, reindex, reindex_storage};
pub(crate) use make::{Room, fold_segment, remove_oldest, write_index};

/// Why an index, or a part of it, does not count.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// It could not be read or written.
    #[error("reading or writing it")]
    Io(#[from] io::Error),
    /// Its header is not whole.
    #[error("its header does not count")]
    Header,
    /// It is of another journal, or of another segment than its name says.
    #[error("it belongs to another journal or segment")]
    Misplaced,
    /// It is longer or shorter than its header says.
    #[error("it has another length than its header says")]
    Length,
    /// A block is not what was written there.
    #[error("its block {0} is not what was written")]
    Block(u32),
}

/// How much is archived, and what became of look-ups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArchiveCounts {
    /// Indexes that are there and not known to be damaged.
    pub indexes: u64,
    /// Entries in them; an id that left again has several.
    pub indexed: u64,
    /// Ids that left memory and are in no index yet.
    pub unindexed: u64,
    /// Indexes that were found damaged.
    pub damaged: u64,
    /// Look-ups that found something.
    pub found: u64,
    /// Look-ups of ids that there never were.
    pub absent: u64,
    /// Look-ups that could say nothing.
    pub unavailable: u64,
}

impl ArchiveCounts {
    /// With those of another partition.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            indexes: self.indexes + other.indexes,
            indexed: self.indexed + other.indexed,
            unindexed: self.unindexed + other.unindexed,
            damaged: self.damaged + other.damaged,
            found: self.found + other.found,
            absent: self.absent + other.absent,
            unavailable: self.unavailable + other.unavailable,
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Archive<S> {
    storage: Arc<S>,
    journal: JournalId,
    /// Indexes whose headers count.
    indexes: BTreeMap<SegmentNumber, Header>,
    recents: Recents,
    /// What left by facts after this one is in `recents`, unless those lost it.
    from: Sequence,
    counts: ArchiveCounts,
    /// Damage and failures of reading that were found and not told yet.
    damage: Vec<(SegmentNumber, IndexError)>,
}

impl<S: IndexStorage> Archive<S> {
    /// The archive of a recovered journal. `recents` has what left since the fact `from`: since the snapshot that the
    /// start went on from, or since the first.
    ///
    /// # Errors
    /// Where the directory cannot be read.
    pub fn open(
        storage: Arc<S>,
        journal: JournalId,
        recents: Recents,
        from: Sequence,
    ) -> Result<Self, io::Error> {
        let files = storage.list_indexes()?;
        let counts = ArchiveCounts::default();
        let (indexes, damage) = (BTreeMap::new(), Vec::new());
        let mut archive = Self { storage, journal, indexes, recents, from, counts, damage };
        for file in files.into_iter().filter(|file| file.finished) {
            archive.take(file);
        }
        archive.let_go_indexed();
        Ok(archive)
    }

    fn take(&mut self, file: IndexFile) {
        match index::read_header(&*self.storage, file, self.journal) {
            Ok(header) => {
                self.counts.indexes = self.counts.indexes.saturating_add(1);
                self.counts.indexed = self.counts.indexed.saturating_add(header.count);
                self.indexes.insert(file.of, header);
            }
            Err(error) => self.damaged(file.of, error),
        }
    }

    /// Keeps what left memory by facts up to this one. The memory of a second comes back.
    pub fn left(&mut self, leaving: Leaving, by: Sequence) -> Option<Emptied> {
        self.recents.add(leaving, by)
    }

    /// What left by facts up to this one was not handed over.
    pub fn lost(&mut self, through: Sequence) {
        self.recents.lost(through);
    }

    /// The index of a segment was made.
    pub fn made(&mut self, of: SegmentNumber) {
        self.gone(of);
        let found = self.storage.list_indexes();
        match found {
            Ok(files) => {
                files
                    .into_iter()
                    .filter(|file| file.of == of && file.finished)
                    .for_each(|file| self.take(file));
            }
            Err(error) => self.damaged(of, error.into()),
        }
        self.let_go_indexed();
    }

    /// The index of a segment was removed.
    pub fn gone(&mut self, of: SegmentNumber) {
        if let Some(header) = self.indexes.remove(&of) {
            self.counts.indexes = self.counts.indexes.saturating_sub(1);
            self.counts.indexed = self.counts.indexed.saturating_sub(header.count);
        }
    }

    fn damaged(&mut self, of: SegmentNumber, error: IndexError) {
        self.gone(of);
        self.counts.damaged = self.counts.damaged.saturating_add(1);
        self.damage.push((of, error));
    }

    /// Lets go in memory what is in indexes that follow each other.
    fn let_go_indexed(&mut self) {
        while let Some(header) = self.indexes.values().find(|header| {
            header.first.0 <= self.from.0.saturating_add(1) && header.next.0 > self.from.0.saturating_add(1)
        }) {
            self.from = Sequence(header.next.0.saturating_sub(1));
            self.recents.indexed(self.from);
        }
    }

    /// What is known of an id that is not in memory.
    pub fn look_up(&mut self, key: TransactionKey) -> Recalled {
        let recalled = self.search(key);
        let count = match recalled {
            Recalled::Found(_) => &mut self.counts.found,
            Recalled::Absent => &mut self.counts.absent,
            Recalled::Unavailable => &mut self.counts.unavailable,
        };
        *count = count.saturating_add(1);
        recalled
    }

    fn search(&mut self, key: TransactionKey) -> Recalled {
        // What was lost may be newer than whatever is found.
        if self.recents.lost_through() > self.from {
            return Recalled::Unavailable;
        }
        if let Some(archived) = self.recents.find(key) {
            return Recalled::Found(archived);
        }
        // The facts before this one are not searched yet.
        let mut next = Sequence(self.from.0.saturating_add(1));
        let (mut wrong, mut found) = (None, None);
        for header in self.indexes.values().rev() {
            if next == Sequence(1) {
                break;
            }
            if header.first >= next {
                // Of facts that were searched in memory.
                continue;
            }
            if header.next != next {
                return Recalled::Unavailable;
            }
            // It left memory no earlier than it was made.
            if header.ends < key.id.created() {
                return Recalled::Absent;
            }
            match index::look_up(&*self.storage, header, key) {
                Ok(None) => next = header.first,
                Ok(Some(archived)) => {
                    found = Some(archived);
                    break;
                }
                Err(error) => {
                    wrong = Some((header.segment, error));
                    break;
                }
            }
            if header.begins < key.id.created() {
                return Recalled::Absent;
            }
        }
        match wrong {
            None => {}
            // It may be read another time.
            Some((of, error @ IndexError::Io(_))) => {
                self.damage.push((of, error));
                return Recalled::Unavailable;
            }
            Some((of, error)) => {
                self.damaged(of, error);
                return Recalled::Unavailable;
            }
        }
        match found {
            Some(archived) => Recalled::Found(archived),
            None if next == Sequence(1) => Recalled::Absent,
            None => Recalled::Unavailable,
        }
    }

    /// How much there is, and what became of look-ups.
    pub fn counts(&self) -> ArchiveCounts {
        ArchiveCounts { unindexed: u64::try_from(self.recents.len()).unwrap_or(u64::MAX), ..self.counts }
    }

    /// Damage, and failures of reading, found since this was asked last.
    pub fn take_damage(&mut self) -> Vec<(SegmentNumber, IndexError)> {
        std::mem::take(&mut self.damage)
    }
}
