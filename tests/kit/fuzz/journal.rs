//! A journal some of whose blocks were overwritten.

use std::sync::Arc;
use std::time::Duration;

use holdfast_journal::{
    Batch, ForgetfulStorage, JournalId, Log, Position, SegmentNumber, Settings, SteppedJournal, Storage,
    read_storage, recover,
};
use holdfast_protocol::{Sequence, UnixMillis};

const NOW: UnixMillis = UnixMillis::from_48_bits(1_795_305_600_000);
/// A block, the smallest write.
const BLOCK: usize = 4_096;
/// Of the journal that is damaged.
const FRAMES: u64 = 12;
/// Blocks from which damage may begin, and how many there may be: header, frames, seal and some zeros.
const BLOCKS: u8 = 16;

/// Writes the input over blocks of a good journal, the first byte says from which block on, and reads it. Promised: it is
/// refused, or what is read is a beginning of what was written: damage never invents or changes a fact.
pub(super) fn journal(input: &[u8]) {
    let Some((block, rest)) = input.split_first() else { return };
    let storage = written();
    for (number, bytes) in rest.chunks(BLOCK).take(BLOCKS.into()).enumerate() {
        let offset = (u64::from(*block % BLOCKS) + number as u64) * BLOCK as u64;
        let at = Position { segment: SegmentNumber::FIRST, offset };
        let mut damaged = [0; BLOCK];
        storage.read_at(at, &mut damaged).expect("the storage works");
        damaged[..bytes.len()].copy_from_slice(bytes);
        storage.write_at(at, &damaged).expect("the storage works");
    }
    let mut expected = 1;
    let read = read_storage(&storage, &mut |facts| {
        assert_eq!(facts.first.0, expected, "facts come in order and without a gap");
        assert_eq!(facts.body, body(facts.first.0), "a fact is read as it was written");
        expected += u64::from(facts.count);
        Ok(())
    });
    if let Ok(Some(verified)) = read {
        assert_eq!(verified.report.facts + 1, expected, "the report counts what was read");
    }
}

fn body(sequence: u64) -> Vec<u8> {
    sequence.to_le_bytes().repeat(usize::try_from(sequence).expect("few") * 8)
}

/// A good journal of one fact a frame.
fn written() -> ForgetfulStorage {
    let storage = ForgetfulStorage::new();
    let recovered =
        recover(Arc::new(storage.clone()), Settings::small(), JournalId([7; 16]), NOW, &mut |_| Ok(()))
            .expect("an empty storage becomes a new journal");
    let journal = SteppedJournal::start(recovered);
    for sequence in 1..=FRAMES {
        let batch = Batch { bytes: body(sequence), first: Sequence(sequence), count: 1, time: NOW };
        journal.append(journal.epoch(), Sequence(sequence - 1), batch).expect("batches in order are taken");
        journal.step(Duration::from_millis(sequence * 50)).expect("the storage works");
    }
    journal.stop().expect("the storage works");
    storage
}
