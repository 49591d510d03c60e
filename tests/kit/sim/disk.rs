//! The disk: storage that forgets what was not synced, with a known wrong in front of it where one was planted.

use std::io;

use holdfast_journal::{
    BLOCK_BYTES, ForgetfulStorage, IndexFile, IndexStorage, Position, Segment, SegmentNumber, SnapshotFile,
    SnapshotStorage, Storage,
};

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// A sync returns without doing anything.
    SyncsLeftOut,
    /// A frame whose body does not fit its checksum gets one that fits when it is read.
    TornTailAccepted,
    /// A write or sync that fails says that it was done.
    FailuresTaken,
    /// When the oldest segment is trimmed, the one after it goes, too.
    TrimsTooFar,
}

impl Wrong {
    /// What was synced need not be there.
    pub(crate) const fn of_syncs(self) -> bool {
        matches!(self, Self::SyncsLeftOut | Self::FailuresTaken)
    }
}

/// Clones share it, as two processes share a disk.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    pub(crate) storage: ForgetfulStorage,
    wrong: Option<Wrong>,
}

impl Disk {
    pub(crate) fn new(wrong: Option<Wrong>) -> Self {
        Self { storage: ForgetfulStorage::new(), wrong }
    }

    fn is(&self, wrong: Wrong) -> bool {
        self.wrong == Some(wrong)
    }

    /// A power that is off cannot be taken for anything.
    fn taken(&self, result: io::Result<()>) -> io::Result<()> {
        let injected = result.as_ref().is_err_and(|error| error.to_string().contains("injected"));
        if self.is(Wrong::FailuresTaken) && injected { Ok(()) } else { result }
    }
}

impl Storage for Disk {
    fn list(&self) -> io::Result<Vec<Segment>> {
        self.storage.list()
    }

    fn allocate(&self, segment: SegmentNumber, bytes: u64) -> io::Result<()> {
        self.storage.allocate(segment, bytes)
    }

    fn write_at(&self, at: Position, blocks: &[u8]) -> io::Result<()> {
        self.taken(self.storage.write_at(at, blocks))
    }

    fn read_at(&self, at: Position, blocks: &mut [u8]) -> io::Result<()> {
        self.storage.read_at(at, blocks)?;
        if self.is(Wrong::TornTailAccepted) {
            accept_torn(blocks);
        }
        Ok(())
    }

    fn sync(&self, segment: SegmentNumber) -> io::Result<()> {
        if self.is(Wrong::SyncsLeftOut) { Ok(()) } else { self.taken(self.storage.sync(segment)) }
    }

    fn remove(&self, segment: SegmentNumber) -> io::Result<()> {
        let segments = self.list()?;
        self.storage.remove(segment)?;
        match segments[..] {
            [first, second, _, ..] if first.number == segment && self.is(Wrong::TrimsTooFar) => {
                self.storage.remove(second.number)
            }
            _ => Ok(()),
        }
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.storage.sync_directory()
    }
}

impl SnapshotStorage for Disk {
    fn list_snapshots(&self) -> io::Result<Vec<SnapshotFile>> {
        self.storage.list_snapshots()
    }

    fn begin_snapshot(&self, at: SegmentNumber) -> io::Result<()> {
        self.storage.begin_snapshot(at)
    }

    fn append_snapshot(&self, at: SegmentNumber, bytes: &[u8]) -> io::Result<()> {
        self.taken(self.storage.append_snapshot(at, bytes))
    }

    fn sync_snapshot(&self, at: SegmentNumber) -> io::Result<()> {
        if self.is(Wrong::SyncsLeftOut) { Ok(()) } else { self.taken(self.storage.sync_snapshot(at)) }
    }

    fn name_snapshot(&self, at: SegmentNumber) -> io::Result<()> {
        self.storage.name_snapshot(at)
    }

    fn read_snapshot(&self, at: SegmentNumber, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.storage.read_snapshot(at, offset, bytes)
    }

    fn remove_snapshot(&self, file: SnapshotFile) -> io::Result<()> {
        self.storage.remove_snapshot(file)
    }
}

impl IndexStorage for Disk {
    fn list_indexes(&self) -> io::Result<Vec<IndexFile>> {
        self.storage.list_indexes()
    }

    fn begin_index(&self, of: SegmentNumber) -> io::Result<()> {
        self.storage.begin_index(of)
    }

    fn append_index(&self, of: SegmentNumber, bytes: &[u8]) -> io::Result<()> {
        self.taken(self.storage.append_index(of, bytes))
    }

    fn sync_index(&self, of: SegmentNumber) -> io::Result<()> {
        if self.is(Wrong::SyncsLeftOut) { Ok(()) } else { self.taken(self.storage.sync_index(of)) }
    }

    fn name_index(&self, of: SegmentNumber) -> io::Result<()> {
        self.storage.name_index(of)
    }

    fn read_index(&self, of: SegmentNumber, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.storage.read_index(of, offset, bytes)
    }

    fn remove_index(&self, file: IndexFile) -> io::Result<()> {
        self.storage.remove_index(file)
    }
}

/// Bytes of a frame header, and where the length, the checksum of the body and its own stand.
const HEADER: usize = 128;
const BODY_BYTES: usize = 60;
const BODY_CHECKSUM: usize = 104;
const HEADER_CHECKSUM: usize = 124;

/// Every frame header gets the checksum of what follows it, whatever that is.
fn accept_torn(blocks: &mut [u8]) {
    for start in (0..blocks.len()).step_by(BLOCK_BYTES) {
        let frame = &mut blocks[start..];
        if frame.len() < HEADER || !frame.starts_with(b"HFJFRM") {
            continue;
        }
        let number = |at: usize| {
            let bytes: [u8; 4] = frame[at..at + 4].try_into().expect("four bytes");
            u32::from_le_bytes(bytes)
        };
        let length = number(BODY_BYTES) as usize;
        let Some(body) = frame.get(HEADER..HEADER + length) else { continue };
        let checksum = crc32c::crc32c(body);
        if checksum == number(BODY_CHECKSUM) {
            continue;
        }
        frame[BODY_CHECKSUM..BODY_CHECKSUM + 4].copy_from_slice(&checksum.to_le_bytes());
        let header = crc32c::crc32c(&frame[..HEADER_CHECKSUM]);
        frame[HEADER_CHECKSUM..HEADER].copy_from_slice(&header.to_le_bytes());
    }
}
