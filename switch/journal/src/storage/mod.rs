//! Where segments live: a directory of files, or memory that forgets.
//!
//! Invariant: only what was synced is promised to be there after a power cut; the name of a new segment only after
//! [`Storage::sync_directory`]. Nothing here retries.

mod files;
mod forgetful;

use std::fmt;
use std::io;

pub use files::{Access, FileStorage};
pub use forgetful::{Fault, ForgetfulStorage};

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

    /// Removes a segment that holds nothing.
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
