//! What one partition counts, each part on its own thread.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use holdfast_journal::{ArchiveCounts, Counts, Statistics};

use super::DriverTally;
use super::snapshots::SnapshotTally;

/// See the module.
#[derive(Debug, Default)]
pub struct PartitionTelemetry {
    /// Written by the driver's thread.
    pub driver: Arc<DriverTally>,
    /// Written by the thread that makes snapshots.
    pub snapshots: SnapshotTally,
    /// The journal counts for itself, on its own thread.
    journal: OnceLock<Arc<Statistics>>,
    /// Written by the thread of the archive; nothing before it is opened.
    archive: Mutex<Option<ArchiveCounts>>,
}

impl PartitionTelemetry {
    /// How much is archived, and what became of look-ups. Only the archive's thread may call it.
    pub fn set_archive(&self, counts: ArchiveCounts) {
        *self.archive.lock().unwrap_or_else(PoisonError::into_inner) = Some(counts);
    }

    /// What the archive has counted; nothing before it is opened.
    pub fn archive(&self) -> Option<ArchiveCounts> {
        *self.archive.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says where the journal counts; once, when it has been opened.
    pub fn watch_journal(&self, statistics: Arc<Statistics>) {
        if self.journal.set(statistics).is_err() {
            tracing::warn!("a second journal is not watched");
        }
    }

    /// What the journal has counted; nothing before it is watched.
    pub fn journal_counts(&self) -> Counts {
        self.journal.get().map(|statistics| statistics.counts()).unwrap_or_default()
    }
}
