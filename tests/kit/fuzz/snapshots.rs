//! Snapshots: entries as nobody took them from a ledger, and a good snapshot some of whose bytes were overwritten.

use std::sync::Arc;

use bytes::BytesMut;
use holdfast_core::Core;
use holdfast_core::snapshot::Restoring;
use holdfast_journal::snapshot::{read_entry, write_entry};
use holdfast_journal::{Recovering, SnapshotStorage, recover_core};

use super::good::{JOURNAL, NOW, good, settings};

/// Of the input: which of the two, and where a good snapshot is overwritten.
const HEAD: usize = 4;

/// The first byte says which: entries, of which a ledger is made if they go together; or what is written over a snapshot,
/// from an offset on. Promised: nothing panics; what was read is written as it was read; entries that make a ledger are
/// those of that ledger; and no damage makes a start come to another ledger.
pub(super) fn snapshots(input: &[u8]) {
    let Some((head, rest)) = input.split_first_chunk::<HEAD>() else { return };
    if head[0].is_multiple_of(2) {
        entries(rest);
    } else {
        damaged(usize::from(u16::from_le_bytes([head[1], head[2]])), rest);
    }
}

fn entries(mut input: &[u8]) {
    let mut restoring = Restoring::new(Core::new(settings()));
    let (mut frame, mut written) = (BytesMut::new(), Vec::new());
    while !input.is_empty() {
        let Ok(entry) = read_entry(&mut input) else { return };
        written.clear();
        write_entry(&entry, &mut frame, &mut written);
        let mut again = written.as_slice();
        assert_eq!(read_entry(&mut again).as_ref(), Ok(&entry), "an entry reads back as written");
        assert!(again.is_empty(), "nothing is left of an entry that was read");
        if restoring.add(entry).is_err() {
            return;
        }
    }
    let Ok(core) = restoring.finish() else { return };
    let mut restoring = Restoring::new(Core::new(settings()));
    let taken = core.entries(&mut |entry| restoring.add(entry));
    taken.expect("entries of a ledger go together");
    let again = restoring.finish().expect("I3, I4 and I5 hold as before");
    assert_eq!(again.digest(), core.digest(), "I7: the same entries make the same ledger");
}

fn damaged(offset: usize, bytes: &[u8]) {
    let (storage, good) = good();
    let file = storage.list_snapshots().expect("the storage works").pop().expect("a snapshot was made");
    let mut whole = vec![0; usize::try_from(file.bytes).expect("it is small")];
    storage.read_snapshot(file.at, 0, &mut whole).expect("the storage works");
    // Overwritten within it or beyond its end; nothing at all cuts it off there.
    whole.resize(whole.len().max(offset), 0);
    if bytes.is_empty() {
        whole.truncate(offset);
    }
    for (at, byte) in bytes.iter().enumerate() {
        match whole.get_mut(offset + at) {
            Some(old) => *old = *byte,
            None => whole.push(*byte),
        }
    }
    storage.begin_snapshot(file.at).expect("the storage works");
    storage.append_snapshot(file.at, &whole).expect("the storage works");
    storage.sync_snapshot(file.at).expect("the storage works");
    storage.name_snapshot(file.at).expect("the storage works");
    let recovering = Recovering {
        new_core: &mut || Core::new(settings()),
        apply: &mut |core, fact| core.apply_recovered(fact),
        news: &mut |_| (),
    };
    let small = holdfast_journal::Settings::small();
    let (core, _) =
        recover_core(Arc::new(storage), small, JOURNAL, NOW, recovering).expect("the whole journal is there");
    assert_eq!(core.digest(), good.digest(), "a snapshot is used as it was made, or not at all");
}
