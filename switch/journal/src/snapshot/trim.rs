//! What is kept: two or three snapshots, and of the journal what a start may need and what the retention asks for.

use std::time::Duration;

use holdfast_protocol::UnixMillis;

use super::SnapshotError;
use crate::scan::read_first_frame;
use crate::storage::{IndexStorage, SegmentNumber, SnapshotFile, SnapshotStorage};

/// Removes all snapshots but those to be kept.
pub(super) fn remove_others<S: SnapshotStorage>(
    storage: &S,
    keep: &[Option<SnapshotFile>],
) -> Result<(), SnapshotError> {
    let kept = |file: &SnapshotFile| file.finished && keep.iter().flatten().any(|kept| kept.at == file.at);
    let mut removed = false;
    for file in storage.list_snapshots()?.into_iter().filter(|file| !kept(file)) {
        storage.remove_snapshot(file)?;
        removed = true;
    }
    if removed {
        storage.sync_directory()?;
    }
    Ok(())
}

/// Removes snapshots and indexes that a crash or a failure left unfinished: nobody reads them, and they take room.
pub(super) fn remove_unfinished<S: IndexStorage>(storage: &S) -> Result<(), SnapshotError> {
    for file in storage.list_snapshots()?.into_iter().filter(|file| !file.finished) {
        storage.remove_snapshot(file)?;
    }
    for file in storage.list_indexes()?.into_iter().filter(|file| !file.finished) {
        storage.remove_index(file)?;
    }
    Ok(())
}

/// Removes the oldest segment if it lies before `needed` and all of it is older than the retention. One at a time, and the
/// directory is synced after each, so that a power cut leaves no gap.
pub(super) fn remove_oldest<S: SnapshotStorage>(
    storage: &S,
    needed: SegmentNumber,
    retention: Duration,
    now: UnixMillis,
) -> Result<Option<SegmentNumber>, SnapshotError> {
    let segments = storage.list()?;
    let (Some(oldest), Some(next)) = (segments.first(), segments.get(1)) else { return Ok(None) };
    if oldest.number >= needed {
        return Ok(None);
    }
    // The first frame of the next segment is no older than any of this.
    let Some(until) = read_first_frame(storage, *next)?.map(|header| header.time) else { return Ok(None) };
    let retention_ms = u64::try_from(retention.as_millis()).unwrap_or(u64::MAX);
    if until.get().saturating_add(retention_ms) > now.get() {
        return Ok(None);
    }
    storage.remove(oldest.number)?;
    storage.sync_directory()?;
    Ok(Some(oldest.number))
}
