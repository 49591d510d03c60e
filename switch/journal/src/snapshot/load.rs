//! From the file of a snapshot to a core. A thread reads, checks and decodes ahead of the one that puts together.

use crossbeam::channel::{Sender, bounded};
use holdfast_core::Core;
use holdfast_core::snapshot::{Entry, Restoring};

use super::SnapshotError;
use super::file::Source;
use super::format::Header;
use crate::format::JournalId;
use crate::storage::{SnapshotFile, SnapshotStorage};

/// Blocks read ahead.
const BLOCKS_AHEAD: usize = 4;

/// Makes a core of a snapshot, if all of it counts. `core` is an empty one, prepared where that is wanted.
///
/// # Errors
/// Why the snapshot does not count.
pub(crate) fn load<S: SnapshotStorage>(
    storage: &S,
    file: SnapshotFile,
    journal: JournalId,
    core: Core,
) -> Result<(Core, Header), SnapshotError> {
    let mut restoring = Restoring::new(core);
    let (sender, blocks) = bounded(BLOCKS_AHEAD);
    let (read, added) = std::thread::scope(|scope| {
        let reader = scope.spawn(move || read_all(storage, file, journal, &sender));
        let added = blocks.iter().flatten().try_for_each(|entry| restoring.add(entry));
        // A reader that still has blocks to give away sees that nobody takes them.
        drop(blocks);
        (reader.join(), added)
    });
    let read = read.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    added?;
    let header = read?;
    let core = restoring.finish()?;
    let found = core.digest();
    if header.has_digest_of_this_version() && found != header.digest {
        return Err(SnapshotError::Digest { noted: header.digest, found });
    }
    if core.sequence().next() != header.from.sequence {
        return Err(SnapshotError::Misplaced);
    }
    Ok((core, header))
}

fn belongs(header: &Header, file: SnapshotFile, journal: JournalId) -> Result<(), SnapshotError> {
    let ours = header.journal == journal && header.from.segment == file.at;
    if ours { Ok(()) } else { Err(SnapshotError::Misplaced) }
}

fn read_all<S: SnapshotStorage>(
    storage: &S,
    file: SnapshotFile,
    journal: JournalId,
    blocks: &Sender<Vec<Entry>>,
) -> Result<Header, SnapshotError> {
    let mut source = Source::new(storage, file);
    let header = source.header()?;
    belongs(&header, file, journal)?;
    while let Some(entries) = source.block()? {
        if blocks.send(entries).is_err() {
            // An entry was refused, which says more.
            break;
        }
    }
    Ok(header)
}
