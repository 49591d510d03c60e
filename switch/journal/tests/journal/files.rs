//! The journal over real files: threads, lock, rollover, seal.

use std::path::Path;
use std::time::Duration;

use holdfast_journal::{
    Access, Appended, Batch, FileStorage, Handle, IndexStorage, Log, OpenError, Recovered, SegmentNumber,
    Settings, SnapshotStorage, open,
};
use holdfast_protocol::{Epoch, Sequence, UnixMillis};

use crate::wait_until;

const NOW: UnixMillis = UnixMillis::from_48_bits(1_795_305_600_000);

/// Opens the journal and returns it with every fact in it; the tests' facts are eight bytes, their own sequence.
fn open_at(directory: &Path, settings: Settings) -> Result<(Recovered<FileStorage>, Vec<u64>), OpenError> {
    let mut facts = Vec::new();
    let recovered = open(directory, settings, NOW, &mut |frame| {
        assert_eq!(frame.body.len(), frame.count as usize * 8);
        facts.extend(frame.body.chunks(8).map(|fact| u64::from_le_bytes(fact.try_into().unwrap())));
        Ok(())
    })?;
    Ok((recovered, facts))
}

fn start(recovered: Recovered<FileStorage>) -> Handle {
    Handle::start(recovered, Box::new(|| {}), Box::new(|failure| panic!("{failure}"))).unwrap()
}

/// Hands in facts `from..=to`, some a batch.
fn submit(handle: &Handle, from: u64, to: u64, a_batch: u64) {
    let mut first = from;
    while first <= to {
        let last = to.min(first + a_batch - 1);
        let mut bytes = handle.take_buffer();
        (first..=last).for_each(|fact| bytes.extend_from_slice(&fact.to_le_bytes()));
        let count = u32::try_from(last - first + 1).unwrap();
        let mut batch = Batch { bytes, first: Sequence(first), count, time: NOW };
        while let Err(back) = handle.try_submit(batch) {
            assert!(handle.failure().is_none());
            std::thread::yield_now();
            batch = back;
        }
        first = last + 1;
    }
}

#[test]
fn what_was_stopped_is_read_back_in_order_under_the_next_epoch() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..3_u64 {
        let (recovered, facts) = open_at(directory.path(), Settings::small()).unwrap();
        assert_eq!(facts, (1..=round * 1_000).collect::<Vec<_>>());
        assert_eq!(recovered.epoch(), Epoch(u32::try_from(round).unwrap() + 1));
        assert_eq!(recovered.last_sequence(), Sequence(round * 1_000));
        let handle = start(recovered);
        submit(&handle, round * 1_000 + 1, (round + 1) * 1_000, 7);
        handle.stop().unwrap();
    }
}

#[test]
fn segments_roll_over_without_loss() {
    let directory = tempfile::tempdir().unwrap();
    let (recovered, _) = open_at(directory.path(), Settings::small()).unwrap();
    let handle = start(recovered);
    submit(&handle, 1, 100_000, 900);
    wait_until("all facts are durable", || handle.appended(Sequence(100_000)) == Appended::Committed);
    assert_eq!(handle.unsynced_bytes(), 0);
    handle.stop().unwrap();
    let (recovered, facts) = open_at(directory.path(), Settings::small()).unwrap();
    assert_eq!(facts, (1..=100_000).collect::<Vec<_>>());
    assert!(recovered.report().unwrap().segments > 10);
}

#[test]
fn an_idle_journal_seals_its_last_frame() {
    let directory = tempfile::tempdir().unwrap();
    let (recovered, _) = open_at(directory.path(), Settings::small()).unwrap();
    let handle = start(recovered);
    let statistics = handle.statistics();
    wait_until("the epoch frame is sealed", || statistics.counts().seals == 1);
    submit(&handle, 1, 10, 10);
    wait_until("the frame with facts is sealed", || statistics.counts().seals == 2);
    assert_eq!(handle.durable(), Sequence(10));
    handle.stop().unwrap();
}

#[test]
fn a_second_open_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (recovered, _) = open_at(directory.path(), Settings::small()).unwrap();
    let second = open_at(directory.path(), Settings::small()).map(|_| ());
    assert!(matches!(second, Err(OpenError::Locked { .. })), "{second:?}");
    assert!(matches!(FileStorage::open(directory.path(), Access::Read), Err(OpenError::Locked { .. })));
    drop(recovered);
    open_at(directory.path(), Settings::small()).unwrap();
}

#[test]
fn the_notifier_hears_of_durable_facts() {
    let directory = tempfile::tempdir().unwrap();
    let (recovered, _) = open_at(directory.path(), Settings::small()).unwrap();
    let (sender, heard) = std::sync::mpsc::sync_channel(64);
    let notify = Box::new(move || sender.try_send(()).unwrap_or_default());
    let handle = Handle::start(recovered, notify, Box::new(|failure| panic!("{failure}"))).unwrap();
    submit(&handle, 1, 3, 3);
    heard.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!(handle.durable(), Sequence(3));
    handle.stop().unwrap();
}

/// Whole blocks go past the page cache where they lie on a boundary and begin at one of the file; all else does not.
#[test]
fn a_snapshot_and_an_index_are_read_as_they_were_written_however_their_pieces_lie() {
    let directory = tempfile::tempdir().unwrap();
    let storage = FileStorage::open(directory.path(), Access::Write).unwrap();
    let somewhere: Vec<u8> = (0..(1_u32 << 20) + 3 * 4_096).map(|n| (n % 251) as u8).collect();
    let bytes = &somewhere[somewhere.as_ptr().align_offset(4_096)..];
    // Whole blocks on a boundary, a part of one, then whole blocks at an end that is no boundary, and what is left.
    let cuts = [0, 1_048_576, 1_048_576 + 32, 1_048_576 + 32 + 4_096, bytes.len()];
    let of = SegmentNumber(7);
    storage.begin_snapshot(of).unwrap();
    storage.begin_index(of).unwrap();
    for cut in cuts.windows(2) {
        storage.append_snapshot(of, &bytes[cut[0]..cut[1]]).unwrap();
        storage.append_index(of, &bytes[cut[0]..cut[1]]).unwrap();
    }
    storage.name_snapshot(of).unwrap();
    storage.name_index(of).unwrap();
    let (mut snapshot, mut index) = (vec![0; bytes.len() + 1], vec![0; bytes.len() + 1]);
    assert_eq!(storage.read_snapshot(of, 0, &mut snapshot).unwrap(), bytes.len());
    assert_eq!(storage.read_index(of, 0, &mut index).unwrap(), bytes.len());
    assert!(snapshot[..bytes.len()] == *bytes && index[..bytes.len()] == *bytes);
}
