//! Memory that forgets at a power cut what was not synced: the proof of durability that a kill cannot give.
//!
//! At a cut every write since the last sync of its segment is kept, dropped or torn at sectors, and every segment whose
//! name was not synced is kept or gone, as the seed says. It can be told to lie (a sync that does nothing), so that a test
//! proves that the durability tests would notice; to fail an operation; to cut the power after some operations; and to
//! be full.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::forgetful_snapshots::Snapshots;
use super::{Position, Segment, SegmentNumber, Storage};

/// What a power cut leaves whole.
const SECTOR_BYTES: usize = 512;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This operation, counted from one over writes, syncs, allocations, removals and directory syncs, fails.
    FailAt(u64),
    /// After this many operations the power is off: everything fails until [`ForgetfulStorage::crash`].
    CutAfter(u64),
}

/// Storage in memory; clones share it, as two processes share a disk.
#[derive(Clone, Debug, Default)]
pub struct ForgetfulStorage {
    disk: Arc<Mutex<Disk>>,
}

#[derive(Debug, Default)]
pub(super) struct Disk {
    pub(super) snapshots: Snapshots,
    pub(super) indexes: Snapshots,
    files: BTreeMap<SegmentNumber, FileState>,
    /// Removed, but the directory was not synced since.
    removed: BTreeMap<SegmentNumber, FileState>,
    fault: Option<Fault>,
    power_off: bool,
    pub(super) lies: bool,
    pub(super) room: Option<u64>,
    refused_for_room: u64,
    operations: u64,
}

#[derive(Debug)]
struct FileState {
    durable: Vec<u8>,
    seen: Vec<u8>,
    unsynced: Vec<(usize, Vec<u8>)>,
    named: bool,
}

impl ForgetfulStorage {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cuts the power and brings it back: what was not synced is kept, dropped or torn as the seed says; faults and
    /// lies end.
    pub fn crash(&self, seed: u64) {
        let mut disk = self.disk();
        let mut random = Random(seed);
        let removed = std::mem::take(&mut disk.removed);
        for (number, file) in removed {
            if random.below(2) == 0 {
                disk.files.insert(number, file);
            }
        }
        disk.files.retain(|_, file| file.named || random.below(2) == 0);
        for file in disk.files.values_mut() {
            let unsynced = std::mem::take(&mut file.unsynced);
            for (offset, bytes) in unsynced {
                land(&mut file.durable, offset, &bytes, &mut random);
            }
            file.seen.clone_from(&file.durable);
            file.named = true;
        }
        disk.snapshots.crash(&mut random);
        disk.indexes.crash(&mut random);
        disk.fault = None;
        disk.power_off = false;
        disk.lies = false;
        disk.operations = 0;
    }

    /// From now on a sync returns without doing anything.
    pub fn lie(&self) {
        self.disk().lies = true;
    }

    /// Sets what goes wrong; operations count from zero again.
    pub fn set_fault(&self, fault: Fault) {
        let mut disk = self.disk();
        disk.fault = Some(fault);
        disk.operations = 0;
    }

    /// How much room the disk has in all, for segments not yet made as for those that exist.
    pub fn set_room(&self, bytes: u64) {
        self.disk().room = Some(bytes);
    }

    /// How many segments were refused for want of room.
    pub fn refused_for_room(&self) -> u64 {
        self.disk().refused_for_room
    }

    /// How many operations were made since the last crash or [`Self::set_fault`].
    pub fn operations(&self) -> u64 {
        self.disk().operations
    }

    /// Flips one bit on the disk, as age does.
    pub fn flip(&self, at: Position, bit: u8) {
        let mut disk = self.disk();
        let (Some(file), Ok(offset)) = (disk.files.get_mut(&at.segment), usize::try_from(at.offset)) else {
            return;
        };
        for bytes in [&mut file.durable, &mut file.seen] {
            if let Some(byte) = bytes.get_mut(offset) {
                *byte ^= 1_u8.rotate_left(u32::from(bit));
            }
        }
    }

    pub(super) fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The disk for one more operation that changes something, unless it is to fail.
    pub(super) fn operate(&self) -> io::Result<MutexGuard<'_, Disk>> {
        let mut disk = self.disk();
        disk.operations = disk.operations.saturating_add(1);
        match disk.fault {
            Some(Fault::FailAt(at)) if at == disk.operations => {
                return Err(io::Error::other("injected fault"));
            }
            Some(Fault::CutAfter(after)) if disk.operations > after => disk.power_off = true,
            Some(Fault::FailAt(_) | Fault::CutAfter(_)) | None => {}
        }
        if disk.power_off { Err(io::Error::other("power is off")) } else { Ok(disk) }
    }
}

impl Disk {
    /// Bytes of all files.
    pub(super) fn used(&self) -> usize {
        let segments: usize = self.files.values().map(|file| file.seen.len()).sum();
        segments.saturating_add(self.snapshots.bytes()).saturating_add(self.indexes.bytes())
    }
}

/// One unsynced write at a power cut: whole, not at all, or each sector by chance.
pub(super) fn land(durable: &mut [u8], offset: usize, bytes: &[u8], random: &mut Random) {
    let fate = random.below(3);
    for (index, sector) in bytes.chunks(SECTOR_BYTES).enumerate() {
        let kept = match fate {
            0 => true,
            1 => false,
            _ => random.below(2) == 0,
        };
        let start = offset.saturating_add(index.saturating_mul(SECTOR_BYTES));
        let end = start.saturating_add(sector.len());
        if let Some(place) = durable.get_mut(start..end).filter(|_| kept) {
            place.copy_from_slice(sector);
        }
    }
}

pub(super) fn missing() -> io::Error {
    io::Error::from(io::ErrorKind::NotFound)
}

fn beyond() -> io::Error {
    io::Error::from(io::ErrorKind::UnexpectedEof)
}

fn range(at: Position, len: usize) -> io::Result<std::ops::Range<usize>> {
    let start = usize::try_from(at.offset).map_err(|_| beyond())?;
    Ok(start..start.checked_add(len).ok_or_else(beyond)?)
}

impl Storage for ForgetfulStorage {
    fn list(&self) -> io::Result<Vec<Segment>> {
        let disk = self.disk();
        let files = disk.files.iter();
        Ok(files
            .map(|(number, file)| Segment {
                number: *number,
                bytes: u64::try_from(file.seen.len()).unwrap_or(u64::MAX),
            })
            .collect())
    }

    fn allocate(&self, segment: SegmentNumber, bytes: u64) -> io::Result<()> {
        let mut disk = self.operate()?;
        let wanted = u64::try_from(disk.used()).unwrap_or(u64::MAX).saturating_add(bytes);
        if disk.room.is_some_and(|room| wanted > room) {
            disk.refused_for_room += 1;
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        if disk.files.contains_key(&segment) {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        let zeros = vec![0; usize::try_from(bytes).map_err(|_| beyond())?];
        let file = FileState { durable: zeros.clone(), seen: zeros, unsynced: Vec::new(), named: false };
        disk.files.insert(segment, file);
        Ok(())
    }

    fn write_at(&self, at: Position, blocks: &[u8]) -> io::Result<()> {
        let mut disk = self.operate()?;
        let file = disk.files.get_mut(&at.segment).ok_or_else(missing)?;
        let range = range(at, blocks.len())?;
        file.seen.get_mut(range.clone()).ok_or_else(beyond)?.copy_from_slice(blocks);
        file.unsynced.push((range.start, blocks.to_vec()));
        Ok(())
    }

    fn read_at(&self, at: Position, blocks: &mut [u8]) -> io::Result<()> {
        let disk = self.disk();
        let file = disk.files.get(&at.segment).ok_or_else(missing)?;
        blocks.copy_from_slice(file.seen.get(range(at, blocks.len())?).ok_or_else(beyond)?);
        Ok(())
    }

    fn sync(&self, segment: SegmentNumber) -> io::Result<()> {
        let mut disk = self.operate()?;
        if disk.lies {
            return Ok(());
        }
        let file = disk.files.get_mut(&segment).ok_or_else(missing)?;
        for (start, bytes) in std::mem::take(&mut file.unsynced) {
            let place = file.durable.get_mut(start..start.saturating_add(bytes.len()));
            place.ok_or_else(beyond)?.copy_from_slice(&bytes);
        }
        Ok(())
    }

    fn remove(&self, segment: SegmentNumber) -> io::Result<()> {
        let mut disk = self.operate()?;
        let file = disk.files.remove(&segment).ok_or_else(missing)?;
        if file.named {
            disk.removed.insert(segment, file);
        }
        Ok(())
    }

    fn sync_directory(&self) -> io::Result<()> {
        let mut disk = self.operate()?;
        if !disk.lies {
            disk.removed.clear();
            disk.snapshots.sync_names();
            disk.indexes.sync_names();
            disk.files.values_mut().for_each(|file| file.named = true);
        }
        Ok(())
    }
}

/// SplitMix64: enough to spread a seed, and the same on every machine.
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BLOCK_BYTES;

    const AT: Position = Position { segment: SegmentNumber::FIRST, offset: 0 };

    fn with_segment() -> ForgetfulStorage {
        let storage = ForgetfulStorage::new();
        storage.allocate(SegmentNumber::FIRST, 65_536).unwrap();
        storage.sync_directory().unwrap();
        storage
    }

    fn first_block(storage: &ForgetfulStorage) -> Vec<u8> {
        let mut block = vec![0; BLOCK_BYTES];
        storage.read_at(AT, &mut block).unwrap();
        block
    }

    #[test]
    fn what_was_synced_survives_every_seed() {
        for seed in 0..50 {
            let storage = with_segment();
            storage.write_at(AT, &[7; BLOCK_BYTES]).unwrap();
            storage.sync(SegmentNumber::FIRST).unwrap();
            storage.crash(seed);
            assert_eq!(first_block(&storage), [7; BLOCK_BYTES]);
        }
    }

    #[test]
    fn what_was_not_synced_is_kept_dropped_or_torn() {
        let (mut kept, mut dropped, mut torn) = (0, 0, 0);
        for seed in 0..60 {
            let storage = with_segment();
            storage.write_at(AT, &[7; BLOCK_BYTES]).unwrap();
            storage.crash(seed);
            match first_block(&storage).iter().filter(|b| **b == 7).count() {
                0 => dropped += 1,
                BLOCK_BYTES => kept += 1,
                part => {
                    assert_eq!(part % SECTOR_BYTES, 0);
                    torn += 1;
                }
            }
        }
        assert!(kept > 5 && dropped > 5 && torn > 5, "{kept} {dropped} {torn}");
    }

    #[test]
    fn a_name_that_was_not_synced_may_be_gone() {
        let gone = (0..50).filter(|seed| {
            let storage = ForgetfulStorage::new();
            storage.allocate(SegmentNumber::FIRST, 8_192).unwrap();
            storage.crash(*seed);
            storage.list().unwrap().is_empty()
        });
        assert!((5..45).contains(&gone.count()));
    }

    #[test]
    fn a_lying_sync_and_a_cut_lose_writes() {
        let lost = (0..50).filter(|seed| {
            let storage = with_segment();
            storage.lie();
            storage.write_at(AT, &[7; BLOCK_BYTES]).unwrap();
            storage.sync(SegmentNumber::FIRST).unwrap();
            storage.crash(*seed);
            first_block(&storage) != [7; BLOCK_BYTES]
        });
        assert!(lost.count() > 10);
    }
}
