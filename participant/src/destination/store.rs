//! Where a destination's records are kept: written before the answer leaves.

use std::io;
use std::path::PathBuf;

use super::record::Record;

/// Keeps a destination's records. What [`Self::commit`] returned for must be there after a crash of everything the
/// implementation claims to survive.
///
/// Calls block; the shell makes them on a thread for blocking work, one at a time.
pub trait DedupStore: Send + 'static {
    /// Everything kept, in the order it was written. Called once, first.
    ///
    /// # Errors
    /// Where the store cannot be read as a whole: a destination must not start on half a memory.
    fn recover(&mut self) -> Result<Vec<Record>, StoreError>;

    /// Keeps a batch: all of it, durably, before it returns (group commit).
    ///
    /// # Errors
    /// Whether the batch was kept is then unknown; the destination stops and recovers.
    fn commit(&mut self, batch: &[Record]) -> Result<(), StoreError>;

    /// Replaces everything kept by `live`, at once or not at all.
    ///
    /// # Errors
    /// As [`Self::commit`].
    fn compact(&mut self, live: &[Record]) -> Result<(), StoreError>;
}

/// Why records could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system failed. Never retried: the page cache may already have dropped the data.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process uses the store.
    #[error("{0}: in use by another process")]
    Locked(PathBuf),
    /// The file is damaged before its end.
    #[error("{path}: damaged at byte {offset}, before records that were kept later")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Where the damage begins.
        offset: u64,
    },
    /// The file is no store of this version.
    #[error("{0}: not a deduplication store of version 1")]
    NotAStore(PathBuf),
    /// An earlier error stopped the store.
    #[error("{0}: stopped by an earlier error")]
    Stopped(PathBuf),
}

/// Keeps nothing over a restart: for tests, and for destinations whose own books deduplicate.
#[derive(Debug, Default)]
pub struct MemoryDedup {
    records: Vec<Record>,
}

impl DedupStore for MemoryDedup {
    fn recover(&mut self) -> Result<Vec<Record>, StoreError> {
        Ok(self.records.clone())
    }

    fn commit(&mut self, _batch: &[Record]) -> Result<(), StoreError> {
        // The book itself is the memory; a second copy would be of no use.
        Ok(())
    }

    fn compact(&mut self, _live: &[Record]) -> Result<(), StoreError> {
        Ok(())
    }
}

impl MemoryDedup {
    /// A store that remembers what another destination handed over.
    pub const fn with_records(records: Vec<Record>) -> Self {
        Self { records }
    }
}
