//! A snapshot as a file: written from its start to its end, and read block by block.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use bytes::BytesMut;
use holdfast_core::Core;
use holdfast_core::snapshot::Entry;

use super::format::{
    BLOCK_BYTES_ENOUGH, BLOCK_BYTES_MAX, BLOCK_HEADER_BYTES, BlockHeader, HASH_BYTES, HEADER_BYTES, Header,
};
use super::{SnapshotError, entry, entry_read};
use crate::block::Pieces;
use crate::storage::{SegmentNumber, SnapshotFile, SnapshotStorage};

/// Bytes asked for at once.
const READ_BYTES: usize = 2 << 20;

/// Writes a whole snapshot, syncs it, and gives it its name. Returns its length.
///
/// # Errors
/// [`SnapshotError::Io`]; what was written is then of no use.
pub(super) fn write<S: SnapshotStorage>(
    storage: &S,
    header: &Header,
    core: &Core,
) -> Result<u64, SnapshotError> {
    let at = header.from.segment;
    storage.begin_snapshot(at)?;
    let mut file = Sink { storage, at, hasher: blake3::Hasher::new(), bytes: 0, pieces: Pieces::default() };
    file.append(&header.encode())?;
    let mut block = Block::default();
    core.entries(&mut |entry| {
        block.push(&entry);
        if block.is_full() { file.block(&mut block) } else { Ok(()) }
    })?;
    if block.count > 0 {
        file.block(&mut block)?;
    }
    // The last one, without entries.
    file.block(&mut block)?;
    let hash = *file.hasher.finalize().as_bytes();
    file.append(&hash)?;
    file.finish()?;
    storage.sync_snapshot(at)?;
    storage.name_snapshot(at)?;
    storage.sync_directory()?;
    Ok(file.bytes)
}

/// Entries that go to the file together.
#[derive(Default)]
struct Block {
    /// Room for the header, then the entries.
    bytes: Vec<u8>,
    count: u32,
    frame: BytesMut,
}

impl Block {
    fn push(&mut self, entry: &Entry) {
        if self.bytes.is_empty() {
            self.bytes.extend_from_slice(&[0; BLOCK_HEADER_BYTES]);
        }
        entry::write(entry, &mut self.frame, &mut self.bytes);
        self.count = self.count.saturating_add(1);
    }

    const fn is_full(&self) -> bool {
        self.bytes.len() >= BLOCK_BYTES_ENOUGH
    }
}

struct Sink<'s, S> {
    storage: &'s S,
    at: SegmentNumber,
    hasher: blake3::Hasher,
    bytes: u64,
    pieces: Pieces,
}

impl<S: SnapshotStorage> Sink<'_, S> {
    fn append(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.hasher.update(bytes);
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        let Self { storage, at, pieces, .. } = self;
        Ok(pieces.push(bytes, &mut |piece| storage.append_snapshot(*at, piece))?)
    }

    fn finish(&mut self) -> Result<(), SnapshotError> {
        let Self { storage, at, pieces, .. } = self;
        Ok(pieces.finish(&mut |piece| storage.append_snapshot(*at, piece))?)
    }

    fn block(&mut self, block: &mut Block) -> Result<(), SnapshotError> {
        block.bytes.resize(block.bytes.len().max(BLOCK_HEADER_BYTES), 0);
        if let Some((head, entries)) = block.bytes.split_first_chunk_mut::<BLOCK_HEADER_BYTES>() {
            *head = BlockHeader::of(entries, block.count).encode();
        }
        self.append(&block.bytes)?;
        (block.count, block.bytes) = (0, std::mem::take(&mut block.bytes));
        block.bytes.clear();
        Ok(())
    }
}

/// Reads a snapshot block by block, checking each, and at the end the hash over all.
pub(super) struct Source<'s, S> {
    storage: &'s S,
    file: SnapshotFile,
    /// Read and not yet taken.
    buffer: Vec<u8>,
    taken: usize,
    /// Of the file, where the buffer ends.
    end: u64,
    hasher: blake3::Hasher,
}

impl<'s, S: SnapshotStorage> Source<'s, S> {
    pub(super) fn new(storage: &'s S, file: SnapshotFile) -> Self {
        let hasher = blake3::Hasher::new();
        Self { storage, file, buffer: Vec::new(), taken: 0, end: 0, hasher }
    }

    /// The offset of what is taken next.
    pub(super) fn offset(&self) -> u64 {
        let left = self.buffer.len().saturating_sub(self.taken);
        self.end.saturating_sub(u64::try_from(left).unwrap_or(u64::MAX))
    }

    fn wrong(&self, what: &'static str) -> SnapshotError {
        SnapshotError::Bytes { offset: self.offset(), what }
    }

    /// The next bytes, which are not in the hash yet.
    fn take(&mut self, len: usize) -> Result<&[u8], SnapshotError> {
        while self.buffer.len().saturating_sub(self.taken) < len {
            self.buffer.drain(..self.taken);
            self.taken = 0;
            let held = self.buffer.len();
            let wanted = len.saturating_sub(held).max(READ_BYTES);
            self.buffer.resize(held.saturating_add(wanted), 0);
            let room = self.buffer.get_mut(held..).unwrap_or_default();
            let read = self.storage.read_snapshot(self.file.at, self.end, room)?;
            self.buffer.truncate(held.saturating_add(read));
            self.end = self.end.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
            if read == 0 {
                return Err(self.wrong("it ends too early"));
            }
        }
        let start = self.taken;
        self.taken = start.saturating_add(len);
        Ok(self.buffer.get(start..self.taken).unwrap_or_default())
    }

    /// The header, which comes first.
    ///
    /// # Errors
    /// See [`SnapshotError`].
    pub(super) fn header(&mut self) -> Result<Header, SnapshotError> {
        let bytes: [u8; HEADER_BYTES] =
            self.take(HEADER_BYTES)?.try_into().expect("as many bytes as asked for");
        self.hasher.update(&bytes);
        let header = Header::decode(&bytes);
        header.ok_or(SnapshotError::Bytes { offset: 0, what: "its header does not count" })
    }

    /// The entries of the next block; none after the last, when all was found to be whole.
    ///
    /// # Errors
    /// See [`SnapshotError`].
    pub(super) fn block(&mut self) -> Result<Option<Vec<Entry>>, SnapshotError> {
        let offset = self.offset();
        let wrong = |what| SnapshotError::Bytes { offset, what };
        let head: [u8; BLOCK_HEADER_BYTES] =
            self.take(BLOCK_HEADER_BYTES)?.try_into().expect("as many bytes as asked for");
        let header = BlockHeader::decode(head).ok_or(wrong("it has no block there"))?;
        let len = usize::try_from(header.bytes).unwrap_or(usize::MAX);
        if len > BLOCK_BYTES_MAX {
            return Err(wrong("the block is too long"));
        }
        self.hasher.update(&head);
        self.take(len)?;
        let start = self.taken.saturating_sub(len);
        let mut bytes = self.buffer.get(start..self.taken).unwrap_or_default();
        self.hasher.update(bytes);
        if !header.is_of(bytes) {
            return Err(wrong("the block's checksum is wrong"));
        }
        if header.count == 0 {
            return self.finish().map(|()| None);
        }
        let mut entries = Vec::with_capacity(usize::try_from(header.count).unwrap_or(0).min(len));
        while !bytes.is_empty() {
            entries.push(
                entry_read::read(&mut bytes).map_err(|source| SnapshotError::Entry { offset, source })?,
            );
        }
        if u32::try_from(entries.len()) != Ok(header.count) {
            return Err(wrong("the block has another number of entries"));
        }
        Ok(Some(entries))
    }

    fn finish(&mut self) -> Result<(), SnapshotError> {
        let hash = *self.hasher.finalize().as_bytes();
        if self.take(HASH_BYTES)? != hash {
            return Err(self.wrong("the hash over all of it is wrong"));
        }
        if self.offset() != self.file.bytes {
            return Err(self.wrong("something follows its end"));
        }
        Ok(())
    }
}
