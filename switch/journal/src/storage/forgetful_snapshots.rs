//! Snapshots in memory that forgets: bytes that were not synced are kept, dropped or torn at a power cut, and so is a
//! name that was given or taken away since the directory was synced.

use std::collections::BTreeMap;
use std::io;

use super::forgetful::{ForgetfulStorage, Random, land, missing};
use super::{SegmentNumber, SnapshotFile, SnapshotStorage};

/// Which file: its segment, and whether it has its name.
type Name = (SegmentNumber, bool);

/// All snapshots of a disk, as programs see them and as the disk has them.
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

impl ForgetfulStorage {
    /// Flips one bit of a finished snapshot, as age does. Nothing where it has no such byte.
    pub fn flip_snapshot(&self, at: SegmentNumber, offset: usize, bit: u8) {
        if let Ok(file) = self.disk().snapshots.file_mut((at, true)) {
            for bytes in [&mut file.durable, &mut file.seen] {
                if let Some(byte) = bytes.get_mut(offset) {
                    *byte ^= 1_u8.rotate_left(u32::from(bit));
                }
            }
        }
    }
}

impl SnapshotStorage for ForgetfulStorage {
    fn list_snapshots(&self) -> io::Result<Vec<SnapshotFile>> {
        let disk = self.disk();
        let names = disk.snapshots.seen.keys();
        names
            .map(|(at, finished)| {
                let bytes = disk.snapshots.file((*at, *finished))?.seen.len();
                let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
                Ok(SnapshotFile { at: *at, bytes, finished: *finished })
            })
            .collect()
    }

    fn begin_snapshot(&self, at: SegmentNumber) -> io::Result<()> {
        let mut disk = self.operate()?;
        let snapshots = &mut disk.snapshots;
        snapshots.files.push(File::default());
        snapshots.seen.insert((at, false), snapshots.files.len().saturating_sub(1));
        Ok(())
    }

    fn append_snapshot(&self, at: SegmentNumber, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.operate()?;
        if disk.room.is_some_and(|room| {
            disk.used().saturating_add(bytes.len()) > usize::try_from(room).unwrap_or(usize::MAX)
        }) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        let file = disk.snapshots.file_mut((at, false))?;
        file.unsynced.push((file.seen.len(), bytes.to_vec()));
        file.seen.extend_from_slice(bytes);
        Ok(())
    }

    fn sync_snapshot(&self, at: SegmentNumber) -> io::Result<()> {
        let mut disk = self.operate()?;
        if !disk.lies {
            let file = disk.snapshots.file_mut((at, false))?;
            file.unsynced.clear();
            file.durable.clone_from(&file.seen);
        }
        Ok(())
    }

    fn name_snapshot(&self, at: SegmentNumber) -> io::Result<()> {
        let mut disk = self.operate()?;
        let file = disk.snapshots.seen.remove(&(at, false)).ok_or_else(missing)?;
        disk.snapshots.seen.insert((at, true), file);
        Ok(())
    }

    fn read_snapshot(&self, at: SegmentNumber, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let disk = self.disk();
        let seen = &disk.snapshots.file((at, true))?.seen;
        let rest = usize::try_from(offset).ok().and_then(|offset| seen.get(offset..)).unwrap_or_default();
        let read = rest.len().min(bytes.len());
        if let (Some(to), Some(from)) = (bytes.get_mut(..read), rest.get(..read)) {
            to.copy_from_slice(from);
        }
        Ok(read)
    }

    fn remove_snapshot(&self, file: SnapshotFile) -> io::Result<()> {
        let mut disk = self.operate()?;
        disk.snapshots.seen.remove(&(file.at, file.finished)).map(|_| ()).ok_or_else(missing)
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
