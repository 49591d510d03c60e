//! Where segments live: a directory of files, or memory that forgets.
//!
//! Invariant: only what was synced is promised to be there after a power cut; the name of a new segment only after
//! [`Storage::sync_directory`]. Nothing here retries.

mod files;
mod forgetful;
mod forgetful_snapshots;
mod paced;
mod snapshot_files;

use std::fmt;
use std::io;

pub use files::{Access, FileStorage};
pub use forgetful::{Fault, ForgetfulStorage};
pub use paced::Paced;

/// Which segment, counted from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentNumber(pub u64);

impl SegmentNumber {
    /// The first of a journal.
    pub const FIRST: Self = Self(1);

    /// The one after this.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for SegmentNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A place in the journal's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Which segment.
    pub segment: SegmentNumber,
    /// Bytes from its start.
    pub offset: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "segment {} offset {}", self.segment, self.offset)
    }
}

/// A segment that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its number.
    pub number: SegmentNumber,
    /// Its length in bytes.
    pub bytes: u64,
}

/// A directory of segments.
///
/// Offsets, lengths and addresses are multiples of [`crate::BLOCK_BYTES`]. Every method may be called from any thread;
/// a segment has one writer at a time.
pub trait Storage: Send + Sync + 'static {
    /// What is there, in the order of the numbers.
    ///
    /// # Errors
    /// What the system reports.
    fn list(&self) -> io::Result<Vec<Segment>>;

    /// Makes a segment and reserves its room on the disk. What it reads before it was written is zero.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`] where there is no room; the segment may then exist in part.
    fn allocate(&self, segment: SegmentNumber, bytes: u64) -> io::Result<()>;

    /// Writes whole blocks.
    ///
    /// # Errors
    /// What the system reports; how much was written is then unknown.
    fn write_at(&self, at: Position, blocks: &[u8]) -> io::Result<()>;

    /// Reads whole blocks, past the page cache where the filesystem can.
    ///
    /// # Errors
    /// What the system reports; also where the segment ends before the blocks do.
    fn read_at(&self, at: Position, blocks: &mut [u8]) -> io::Result<()>;

    /// Returns when all that was written to the segment is on the disk.
    ///
    /// # Errors
    /// What the system reports; what was written since the sync before is then unknown and never retried.
    fn sync(&self, segment: SegmentNumber) -> io::Result<()>;

    /// Removes a segment that holds nothing, or nothing that is needed.
    ///
    /// # Errors
    /// What the system reports.
    fn remove(&self, segment: SegmentNumber) -> io::Result<()>;

    /// Returns when the names of all segments are on the disk.
    ///
    /// # Errors
    /// What the system reports.
    fn sync_directory(&self) -> io::Result<()>;
}

/// The file of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotFile {
    /// It says how the ledger was at the start of this segment.
    pub at: SegmentNumber,
    /// Its length in bytes.
    pub bytes: u64,
    /// It has its name; one that has not was being written when the power went, and is never used.
    pub finished: bool,
}

/// Snapshots beside the segments. One is written at a time, from its start to its end, under a name that says that it is
/// not finished; then it is synced, and gets its name.
pub trait SnapshotStorage: Storage {
    /// What is there, in the order of the segments.
    ///
    /// # Errors
    /// What the system reports.
    fn list_snapshots(&self) -> io::Result<Vec<SnapshotFile>>;

    /// Begins one, empty; another unfinished one of the same place is gone.
    ///
    /// # Errors
    /// What the system reports.
    fn begin_snapshot(&self, at: SegmentNumber) -> io::Result<()>;

    /// Writes the next bytes of the one that was begun.
    ///
    /// # Errors
    /// What the system reports; the snapshot is then of no use.
    fn append_snapshot(&self, at: SegmentNumber, bytes: &[u8]) -> io::Result<()>;

    /// Returns when all that was written to the unfinished snapshot is on the disk.
    ///
    /// # Errors
    /// What the system reports; the snapshot is then of no use.
    fn sync_snapshot(&self, at: SegmentNumber) -> io::Result<()>;

    /// Gives the unfinished snapshot its name, which is on the disk after the next [`Storage::sync_directory`].
    ///
    /// # Errors
    /// What the system reports.
    fn name_snapshot(&self, at: SegmentNumber) -> io::Result<()>;

    /// Reads from a finished snapshot; returns how many bytes, fewer than asked for only at its end.
    ///
    /// # Errors
    /// What the system reports.
    fn read_snapshot(&self, at: SegmentNumber, offset: u64, bytes: &mut [u8]) -> io::Result<usize>;

    /// Removes one, finished or not.
    ///
    /// # Errors
    /// What the system reports.
    fn remove_snapshot(&self, file: SnapshotFile) -> io::Result<()>;
}

/// The file of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexFile {
    /// It holds what left memory by the facts of this segment.
    pub of: SegmentNumber,
    /// Its length in bytes.
    pub bytes: u64,
    /// It has its name; one that has not was being written when the power went, and is never used.
    pub finished: bool,
}

/// Indexes of the archive beside the segments. One is written at a time, from its start to its end, under a name that says
/// that it is not finished; then it is synced and gets its name.
pub trait IndexStorage: SnapshotStorage {
    /// What is there, in the order of the segments.
    ///
    /// # Errors
    /// What the system reports.
    fn list_indexes(&self) -> io::Result<Vec<IndexFile>>;

    /// Begins one, empty; another unfinished one of the same segment is gone.
    ///
    /// # Errors
    /// What the system reports.
    fn begin_index(&self, of: SegmentNumber) -> io::Result<()>;

    /// Writes the next bytes of the one that was begun.
    ///
    /// # Errors
    /// What the system reports; the index is then of no use.
    fn append_index(&self, of: SegmentNumber, bytes: &[u8]) -> io::Result<()>;

    /// Returns when all that was written to the unfinished index is on the disk.
    ///
    /// # Errors
    /// What the system reports; the index is then of no use.
    fn sync_index(&self, of: SegmentNumber) -> io::Result<()>;

    /// Gives the unfinished index its name, in place of another that has it. It is on the disk after the next
    /// [`Storage::sync_directory`].
    ///
    /// # Errors
    /// What the system reports.
    fn name_index(&self, of: SegmentNumber) -> io::Result<()>;

    /// Reads from a finished index; returns how many bytes, fewer than asked for only at its end.
    ///
    /// # Errors
    /// What the system reports.
    fn read_index(&self, of: SegmentNumber, offset: u64, bytes: &mut [u8]) -> io::Result<usize>;

    /// Removes one, finished or not.
    ///
    /// # Errors
    /// What the system reports.
    fn remove_index(&self, file: IndexFile) -> io::Result<()>;
}
