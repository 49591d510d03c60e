//! The archive's turns and troubles: it is slow, it stands still, and bits of its indexes flip. A damaged index says what it
//! said before, or "unavailable".

use holdfast_core::input::Recalled;
use holdfast_journal::{IndexError, IndexFile, IndexStorage, SegmentNumber};
use holdfast_protocol::{TransactionKey, UnixMillis};

use super::coverage::archive::LookedUp;
use super::faults::Fault;
use super::planted::Planted;
use super::violation::{Verdict, Violation, ensure};
use super::world::World;

/// Ids that are looked up before and after a bit flips.
const LOOKED_UP: usize = 24;

/// What is wrong with the archive.
#[derive(Debug, Default)]
pub(crate) struct Troubles {
    /// It serves nothing until then.
    frozen_until: UnixMillis,
    rotten: Vec<RottenIndex>,
}

/// An index in which a bit has flipped.
#[derive(Clone, Copy, Debug)]
struct RottenIndex {
    of: SegmentNumber,
    offset: usize,
    bit: u8,
    /// Of the whole file since: one that was written anew is another.
    checksum: u32,
}

impl World {
    /// A turn of the switch, its archive's thread included.
    pub(super) fn turn(&mut self, time: UnixMillis) {
        let below = self.plan().archive.served_below;
        let served = if self.calm || below == 0 {
            u64::MAX
        } else if self.here.troubles.frozen_until > self.now {
            0
        } else {
            self.random.below(below)
        };
        self.here.switch.turn(self.now, time, served);
        let damage = self.here.switch.archive.take_damage();
        let found = damage.iter().filter(|(_, error)| !matches!(error, IndexError::Io(_))).count();
        self.faults.add_many(Fault::IndexDamaged, found as u64);
    }

    /// Before the process ends: what its look-ups came to.
    pub(super) fn count_look_ups(&mut self) {
        let counts = self.here.switch.driver.door_counts();
        self.coverage.looked_up(LookedUp::Refused, counts.refused);
        self.coverage.looked_up(LookedUp::Outdated, counts.outdated);
        self.coverage.looked_up(LookedUp::LeavingLost, counts.lost);
    }

    /// The archive stands still, or a bit of one of its indexes flips.
    pub(super) fn strike_the_archive(&mut self) -> Verdict {
        let (freeze, rot) = (self.plan().rates.freeze, self.plan().rates.rot);
        if self.plan().archive.served_below > 0 && self.random.rarely(freeze * 2) {
            self.faults.add(Fault::ArchiveFroze);
            self.here.troubles.frozen_until = self.now.plus(self.random.between(500, 8_000));
        }
        if self.random.rarely(rot) && self.here.around.planted.and_then(Planted::disk).is_none() {
            self.rot_an_index()?;
        }
        Ok(())
    }

    fn rot_an_index(&mut self) -> Verdict {
        self.here.troubles.rotten = self.still_rotten_indexes()?;
        let mut files = self.indexes()?;
        files.retain(|file| !self.here.troubles.rotten.iter().any(|rotten| rotten.of == file.of));
        let Some(file) = self.random.pick(&files).copied() else { return Ok(()) };
        let keys = self.some_keys();
        let archive = &mut self.here.switch.archive;
        let before: Vec<Recalled> = keys.iter().map(|key| archive.look_up(*key)).collect();
        let (offset, bit) = (self.random.below(file.bytes) as usize, self.random.below(8) as u8);
        self.here.around.disk.storage.flip_index(file.of, offset, bit);
        self.faults.add(Fault::IndexRotten);
        self.trace.note(self.now, || format!("bit {bit} at {offset} of the index of {} flips", file.of));
        for (key, before) in keys.into_iter().zip(before) {
            let after = self.here.switch.archive.look_up(key);
            let same = after == before || after == Recalled::Unavailable;
            ensure!("archive", same, "{key} was {before:?}, and with a flipped bit it is {after:?}");
        }
        let checksum = self.index_checksum(file)?;
        self.here.troubles.rotten.push(RottenIndex { of: file.of, offset, bit, checksum });
        Ok(())
    }

    /// Of requests that were recorded, whatever became of them.
    fn some_keys(&mut self) -> Vec<TransactionKey> {
        let decided = self.here.around.decided.borrow();
        let recorded: Vec<TransactionKey> = decided.journaled.recorded.iter().copied().collect();
        (0..LOOKED_UP).filter_map(|_| self.random.pick(&recorded).copied()).collect()
    }

    fn indexes(&self) -> Verdict<Vec<IndexFile>> {
        let files = self.here.around.disk.storage.list_indexes();
        let files = files.map_err(|error| Violation::new("archive", error.to_string()))?;
        Ok(files.into_iter().filter(|file| file.finished && file.bytes > 0).collect())
    }

    fn index_checksum(&self, file: IndexFile) -> Verdict<u32> {
        let mut bytes = vec![0; file.bytes as usize];
        let read = self.here.around.disk.storage.read_index(file.of, 0, &mut bytes);
        let read = read.map_err(|error| Violation::new("archive", error.to_string()))?;
        Ok(crc32c::crc32c(&bytes[..read]))
    }

    /// Those that were not written anew or removed since.
    fn still_rotten_indexes(&self) -> Verdict<Vec<RottenIndex>> {
        let mut still = Vec::new();
        for file in self.indexes()? {
            let checksum = self.index_checksum(file)?;
            let same = |rotten: &&RottenIndex| rotten.of == file.of && rotten.checksum == checksum;
            still.extend(self.here.troubles.rotten.iter().filter(same));
        }
        Ok(still)
    }

    /// What has flipped flips back. The archive that runs finds it at its next start.
    pub(super) fn heal_indexes(&mut self) -> Verdict {
        for RottenIndex { of, offset, bit, .. } in self.still_rotten_indexes()? {
            self.here.around.disk.storage.flip_index(of, offset, bit);
        }
        self.here.troubles.rotten.clear();
        Ok(())
    }
}
