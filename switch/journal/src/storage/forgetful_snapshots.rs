//! Snapshots and indexes in memory that forgets: bytes that were not synced are kept, dropped or torn at a power cut, and so is a
//! name that was given or taken away since the directory was synced.

use std::collections::BTreeMap;
use std::io;

use super::forgetful::Disk;
use super::forgetful::{ForgetfulStorage, Random, land, missing};
use super::{IndexFile, IndexStorage, SegmentNumber, SnapshotFile, SnapshotStorage};

/// Which file: its segment, and whether it has its name.
type Name = (SegmentNumber, bool);

/// All snapshots of a disk, or all its indexes, as programs see them and as the disk has them.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    files: Vec<File>,
    /// What programs find under which name.
    seen: BTreeMap<Name, usize>,
    /// The same at the last sync of the directory.
    durable: BTreeMap<Name, usize>,
}

#[derive(Debug, Default)]
struct File {
    seen: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<(usize, Vec<u8>)>,
}

impl Snapshots {
    pub(super) fn bytes(&self) -> usize {
        self.seen.values().filter_map(|file| self.files.get(*file)).map(|file| file.seen.len()).sum()
    }

    pub(super) fn sync_names(&mut self) {
        self.durable.clone_from(&self.seen);
        // What has no name any more takes no room.
        for (number, file) in self.files.iter_mut().enumerate() {
            if !self.seen.values().any(|named| *named == number) {
                *file = File::default();
            }
        }
    }

    /// Each file has its old names or its new ones, and what was not synced of it lands or not.
    pub(super) fn crash(&mut self, random: &mut Random) {
        let mut names = BTreeMap::new();
        for file in 0..self.files.len() {
            let of =
                |names: &BTreeMap<Name, usize>| names.iter().find(|(_, of)| **of == file).map(|(n, _)| *n);
            let (before, after) = (of(&self.durable), of(&self.seen));
            let name = if random.below(2) == 0 { before } else { after };
            if let Some(name) = name {
                names.entry(name).or_insert(file);
            }
        }
        for file in &mut self.files {
            for (offset, bytes) in std::mem::take(&mut file.unsynced) {
                let end = offset.saturating_add(bytes.len());
                // The length may be on the disk before the bytes are.
                if random.below(2) == 0 && file.durable.len() < end {
                    file.durable.resize(end, 0);
                }
                land(&mut file.durable, offset, &bytes, random);
            }
            file.seen.clone_from(&file.durable);
        }
        self.durable.clone_from(&names);
        self.seen = names;
    }

    fn file(&self, name: Name) -> io::Result<&File> {
        self.seen.get(&name).and_then(|file| self.files.get(*file)).ok_or_else(missing)
    }

    fn file_mut(&mut self, name: Name) -> io::Result<&mut File> {
        let file = *self.seen.get(&name).ok_or_else(missing)?;
        self.files.get_mut(file).ok_or_else(missing)
    }
}

/// Which of a disk's two kinds of files beside the segments.
type Which = fn(&mut Disk) -> &mut Snapshots;

const SNAPSHOTS: Which = |disk| &mut disk.snapshots;
const INDEXES: Which = |disk| &mut disk.indexes;

impl ForgetfulStorage {
    /// Flips one bit of a finished snapshot, as age does. Nothing where it has no such byte.
    pub fn flip_snapshot(&self, at: SegmentNumber, offset: usize, bit: u8) {
        self.flip_beside(SNAPSHOTS, at, offset, bit);
    }

    /// Flips one bit of a finished index. Nothing where it has no such byte.
    pub fn flip_index(&self, of: SegmentNumber, offset: usize, bit: u8) {
        self.flip_beside(INDEXES, of, offset, bit);
    }

    fn flip_beside(&self, which: Which, at: SegmentNumber, offset: usize, bit: u8) {
        if let Ok(file) = which(&mut self.disk()).file_mut((at, true)) {
            for bytes in [&mut file.durable, &mut file.seen] {
                if let Some(byte) = bytes.get_mut(offset) {
                    *byte ^= 1_u8.rotate_left(u32::from(bit));
                }
            }
        }
    }

    fn list_beside(&self, which: Which) -> io::Result<Vec<(SegmentNumber, bool, u64)>> {
        let mut disk = self.disk();
        let files = which(&mut disk);
        let names = files.seen.keys();
        names
            .map(|(at, finished)| {
                let bytes = files.file((*at, *finished))?.seen.len();
                Ok((*at, *finished, u64::try_from(bytes).unwrap_or(u64::MAX)))
            })
            .collect()
    }

    fn begin_beside(&self, which: Which, at: SegmentNumber) -> io::Result<()> {
        let mut disk = self.operate()?;
        let files = which(&mut disk);
        files.files.push(File::default());
        files.seen.insert((at, false), files.files.len().saturating_sub(1));
        Ok(())
    }

    fn append_beside(&self, which: Which, at: SegmentNumber, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.operate()?;
        if disk.room.is_some_and(|room| {
            disk.used().saturating_add(bytes.len()) > usize::try_from(room).unwrap_or(usize::MAX)
        }) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        let file = which(&mut disk).file_mut((at, false))?;
        file.unsynced.push((file.seen.len(), bytes.to_vec()));
        file.seen.extend_from_slice(bytes);
        Ok(())
    }

    fn sync_beside(&self, which: Which, at: SegmentNumber) -> io::Result<()> {
        let mut disk = self.operate()?;
        if !disk.lies {
            let file = which(&mut disk).file_mut((at, false))?;
            file.unsynced.clear();
            file.durable.clone_from(&file.seen);
        }
        Ok(())
    }

    fn name_beside(&self, which: Which, at: SegmentNumber) -> io::Result<()> {
        let mut disk = self.operate()?;
        let files = which(&mut disk);
        let file = files.seen.remove(&(at, false)).ok_or_else(missing)?;
        files.seen.insert((at, true), file);
        Ok(())
    }

    fn read_beside(
        &self,
        which: Which,
        at: SegmentNumber,
        offset: u64,
        bytes: &mut [u8],
    ) -> io::Result<usize> {
        let mut disk = self.disk();
        let seen = &which(&mut disk).file((at, true))?.seen;
        let rest = usize::try_from(offset).ok().and_then(|offset| seen.get(offset..)).unwrap_or_default();
        let read = rest.len().min(bytes.len());
        if let (Some(to), Some(from)) = (bytes.get_mut(..read), rest.get(..read)) {
            to.copy_from_slice(from);
        }
        Ok(read)
    }

    fn remove_beside(&self, which: Which, name: Name) -> io::Result<()> {
        let mut disk = self.operate()?;
        which(&mut disk).seen.remove(&name).map(|_| ()).ok_or_else(missing)
    }
}

impl SnapshotStorage for ForgetfulStorage {
    fn list_snapshots(&self) -> io::Result<Vec<SnapshotFile>> {
        let files = self.list_beside(SNAPSHOTS)?;
        Ok(files.into_iter().map(|(at, finished, bytes)| SnapshotFile { at, bytes, finished }).collect())
    }

    fn begin_snapshot(&self, at: SegmentNumber) -> io::Result<()> {
        self.begin_beside(SNAPSHOTS, at)
    }

    fn append_snapshot(&self, at: SegmentNumber, bytes: &[u8]) -> io::Result<()> {
        self.append_beside(SNAPSHOTS, at, bytes)
    }

    fn sync_snapshot(&self, at: SegmentNumber) -> io::Result<()> {
        self.sync_beside(SNAPSHOTS, at)
    }

    fn name_snapshot(&self, at: SegmentNumber) -> io::Result<()> {
        self.name_beside(SNAPSHOTS, at)
    }

    fn read_snapshot(&self, at: SegmentNumber, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.read_beside(SNAPSHOTS, at, offset, bytes)
    }

    fn remove_snapshot(&self, file: SnapshotFile) -> io::Result<()> {
        self.remove_beside(SNAPSHOTS, (file.at, file.finished))
    }
}

impl IndexStorage for ForgetfulStorage {
    fn list_indexes(&self) -> io::Result<Vec<IndexFile>> {
        let files = self.list_beside(INDEXES)?;
        Ok(files.into_iter().map(|(of, finished, bytes)| IndexFile { of, bytes, finished }).collect())
    }

    fn begin_index(&self, of: SegmentNumber) -> io::Result<()> {
        self.begin_beside(INDEXES, of)
    }

    fn append_index(&self, of: SegmentNumber, bytes: &[u8]) -> io::Result<()> {
        self.append_beside(INDEXES, of, bytes)
    }

    fn sync_index(&self, of: SegmentNumber) -> io::Result<()> {
        self.sync_beside(INDEXES, of)
    }

    fn name_index(&self, of: SegmentNumber) -> io::Result<()> {
        self.name_beside(INDEXES, of)
    }

    fn read_index(&self, of: SegmentNumber, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.read_beside(INDEXES, of, offset, bytes)
    }

    fn remove_index(&self, file: IndexFile) -> io::Result<()> {
        self.remove_beside(INDEXES, (file.of, file.finished))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Storage;

    const AT: SegmentNumber = SegmentNumber(3);

    fn written(synced: bool, named: bool) -> ForgetfulStorage {
        let storage = ForgetfulStorage::new();
        storage.begin_snapshot(AT).unwrap();
        storage.append_snapshot(AT, &[7; 2_000]).unwrap();
        if synced {
            storage.sync_snapshot(AT).unwrap();
        }
        storage.name_snapshot(AT).unwrap();
        if named {
            storage.sync_directory().unwrap();
        }
        storage
    }

    fn read(storage: &ForgetfulStorage) -> Option<Vec<u8>> {
        let mut bytes = vec![0; 3_000];
        let read = storage.read_snapshot(AT, 0, &mut bytes).ok()?;
        bytes.truncate(read);
        Some(bytes)
    }

    #[test]
    fn a_synced_snapshot_with_a_synced_name_survives_every_seed() {
        for seed in 0..50 {
            let storage = written(true, true);
            storage.crash(seed);
            assert_eq!(read(&storage), Some(vec![7; 2_000]));
        }
    }

    #[test]
    fn a_name_that_was_not_synced_may_be_gone_and_bytes_that_were_not_may_be_torn() {
        let named = (0..50).filter(|seed| {
            let storage = written(true, false);
            storage.crash(*seed);
            read(&storage).is_some()
        });
        assert!((5..45).contains(&named.count()));
        let whole = (0..50).filter(|seed| {
            let storage = written(false, true);
            storage.crash(*seed);
            read(&storage) == Some(vec![7; 2_000])
        });
        assert!((1..40).contains(&whole.count()));
    }
}
