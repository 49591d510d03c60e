//! Bits that flip: in the journal, which must be refused or lose no more than what nobody was told of, and in snapshots,
//! in whose place the one before is used, or the journal from its first fact, and never a wrong ledger.

use holdfast_journal::{
    OpenError, Position, SegmentNumber, SnapshotFile, SnapshotStorage, Storage, read_facts, read_storage,
};
use holdfast_protocol::UnixMillis;

use super::disk::Wrong;
use super::faults::Fault;
use super::planted::Planted;
use super::switch::{Switch, chain};
use super::violation::{Verdict, Violation, ensure};
use super::world::World;

/// Frames begin at multiples of this.
const BLOCK: u64 = holdfast_journal::BLOCK_BYTES as u64;

/// A snapshot in which a bit has flipped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rotten {
    at: SegmentNumber,
    offset: usize,
    bit: u8,
    /// Of the whole file since: one that was written anew is another.
    checksum: u32,
}

fn failed(error: &std::io::Error) -> Violation {
    Violation::new("recovery", error.to_string())
}

impl World {
    /// A bit of a segment flips. The journal must be refused, or lose no more than what nobody was told of; then the bit
    /// flips back.
    pub(super) fn rot(&mut self) -> Verdict {
        if !self.random.percent(self.plan().rates.rot)
            || self.here.around.planted.and_then(Planted::disk).is_some()
        {
            return Ok(());
        }
        let storage = self.here.around.disk.storage.clone();
        let segments = storage.list().map_err(|error| failed(&error))?;
        let Some(segment) = self.random.pick(&segments).copied() else { return Ok(()) };
        let (mut bodies, mut bodies_after) = (0, 0);
        let before = read_storage(&storage, &mut |facts| {
            bodies = crc32c::crc32c_append(bodies, facts.body);
            Ok(())
        });
        let Ok(Some(before)) = before else { return Ok(()) };
        let used = if segment.number == before.report.end.segment {
            before.report.end.offset
        } else {
            segment.bytes
        };
        // Frames begin at blocks and most are short: mostly where something is.
        let offset = self.random.below(used);
        let filled = offset - offset % BLOCK + self.random.below(700);
        let offset = if self.random.percent(80) { filled } else { offset };
        let at = Position { segment: segment.number, offset };
        let bit = self.random.below(8) as u8;
        storage.flip(at, bit);
        let after = read_storage(&storage, &mut |facts| {
            bodies_after = crc32c::crc32c_append(bodies_after, facts.body);
            read_facts(&facts, &mut |_, _| Ok(()))
        });
        storage.flip(at, bit);
        let fault = match after {
            Err(OpenError::Corrupt { .. } | OpenError::Facts { .. }) => Fault::BitRotRefused,
            Err(error) => {
                let what = format!("a flipped bit at {at} is met with {}", chain(&error));
                return Err(Violation::new("recovery", what));
            }
            Ok(None) => {
                let what = format!("with a flipped bit at {at} there is no journal");
                return Err(Violation::new("recovery", what));
            }
            // Each frame says that the one before it is durable, so only the last can be taken for torn.
            Ok(Some(after)) if after.report.frames + 1 == before.report.frames => Fault::BitRotTorn,
            Ok(Some(after)) => {
                let same = after.report.frames == before.report.frames && bodies == bodies_after;
                ensure!("recovery", same, "with a flipped bit at {at}: {after:?}, without {before:?}");
                Fault::BitRotHarmless
            }
        };
        self.faults.add(fault);
        Ok(())
    }

    fn snapshots(&self) -> Verdict<Vec<SnapshotFile>> {
        let mut files = self.here.around.disk.storage.list_snapshots().map_err(|error| failed(&error))?;
        files.retain(|file| file.finished);
        Ok(files)
    }

    /// The journal still goes on after each snapshot that is kept.
    pub(super) fn can_start_from_each_snapshot(&self) -> Verdict {
        let segments = self.here.around.disk.storage.list().map_err(|error| failed(&error))?;
        let numbers: Vec<SegmentNumber> = segments.iter().map(|segment| segment.number).collect();
        let follow = numbers.windows(2).all(|pair| pair[1] == pair[0].next());
        for SnapshotFile { at, .. } in self.snapshots()? {
            let needed = numbers.contains(&at) && follow;
            ensure!("snapshots", needed, "of {numbers:?} a start from the snapshot at {at} lacks some");
        }
        Ok(())
    }

    fn checksum(&self, file: SnapshotFile) -> Verdict<u32> {
        let mut bytes = vec![0; file.bytes as usize];
        let read = self.here.around.disk.storage.read_snapshot(file.at, 0, &mut bytes);
        read.map_err(|error| failed(&error)).map(|read| crc32c::crc32c(&bytes[..read]))
    }

    /// Those that were not written anew or removed since.
    fn still_rotten(&self) -> Verdict<Vec<Rotten>> {
        let mut still = Vec::new();
        for file in self.snapshots()? {
            let checksum = self.checksum(file)?;
            still.extend(self.here.rotten.iter().filter(|r| r.at == file.at && r.checksum == checksum));
        }
        Ok(still)
    }

    /// A bit of a snapshot flips, most often of the newest, and now and then one of each.
    pub(super) fn rot_snapshots(&mut self) -> Verdict {
        self.here.rotten = self.still_rotten()?;
        let damaged = self.here.around.planted.and_then(Planted::disk);
        if !self.random.percent(self.plan().rates.rot / 2) || damaged.is_some_and(Wrong::of_syncs) {
            return Ok(());
        }
        let all = self.random.percent(20);
        let older = self.random.percent(20);
        let storage = self.here.around.disk.storage.clone();
        for (back, file) in self.snapshots()?.into_iter().rev().enumerate() {
            let struck = all || back == usize::from(older);
            if !struck || file.bytes == 0 || self.here.rotten.iter().any(|rotten| rotten.at == file.at) {
                continue;
            }
            let (offset, bit) = (self.random.below(file.bytes) as usize, self.random.below(8) as u8);
            storage.flip_snapshot(file.at, offset, bit);
            let checksum = self.checksum(file)?;
            self.here.rotten.push(Rotten { at: file.at, offset, bit, checksum });
            self.faults.add(Fault::SnapshotRotten);
            self.trace
                .note(self.now, || format!("bit {bit} at {offset} of the snapshot at {} flips", file.at));
        }
        Ok(())
    }

    /// What has flipped flips back.
    pub(super) fn heal_snapshots(&mut self) -> Verdict {
        for Rotten { at, offset, bit, .. } in self.still_rotten()? {
            self.here.around.disk.storage.flip_snapshot(at, offset, bit);
        }
        self.here.rotten.clear();
        Ok(())
    }

    /// Starts with whatever has rotted. The newest snapshot that is sound is the one to go on from; without one it is the
    /// journal's first fact, and where that was trimmed, the start is refused.
    pub(super) fn start_rotten(&mut self, wall: UnixMillis) -> Verdict<Switch> {
        let sound = |file: &&SnapshotFile| !self.here.rotten.iter().any(|rotten| rotten.at == file.at);
        let files = self.snapshots()?;
        let newest = files.iter().rev().find(sound).map(|file| file.at);
        let segments = self.here.around.disk.storage.list().map_err(|error| failed(&error))?;
        let whole = segments.first().is_none_or(|first| first.number == SegmentNumber::FIRST);
        if newest.is_none() && !whole {
            let refused = self.start(wall).is_err();
            ensure!("snapshots", refused, "a start without snapshot and first fact: {:?}", self.here.rotten);
            self.faults.add(Fault::SnapshotsRefused);
            self.heal_snapshots()?;
            return self.start(wall);
        }
        let switch = self.start(wall)?;
        let (used, rotten) = (switch.snapshot, &self.here.rotten);
        let why = &switch.unusable;
        ensure!("snapshots", used == newest, "{used:?} is used of {files:?}, rotten are {rotten:?}: {why:?}");
        let passed_over = files.last().is_some_and(|last| Some(last.at) != newest);
        self.faults.add_many(Fault::SnapshotPassedOver, u64::from(passed_over));
        self.faults.add_many(Fault::SnapshotLoaded, u64::from(used.is_some()));
        Ok(switch)
    }
}
