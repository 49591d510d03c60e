//! Indexes of the archive some of whose bytes were overwritten.

use std::sync::Arc;

use holdfast_core::input::Recalled;
use holdfast_core::leaving::Recents;
use holdfast_journal::{Archive, ForgetfulStorage, IndexStorage};
use holdfast_protocol::{RequestId, TransactionKey};

use super::good::{FORGOTTEN, JOURNAL, NOW, PAYMENTS, good, number};

/// Of the input: which index, and from where on it is overwritten.
const HEAD: usize = 3;

/// Writes the input over an index, or cuts it off where there is nothing to write, and looks up all that left memory and
/// some that never was. Promised: nothing panics; what is found is what left, what never was is never found, and neither is
/// anything that left said to be absent: at worst it is unavailable.
pub(super) fn indexes(input: &[u8]) {
    let Some((head, bytes)) = input.split_first_chunk::<HEAD>() else { return };
    let storage = good().0;
    let before = looked_up(&storage);
    let found = |recalled: &&Recalled| matches!(recalled, Recalled::Found(_));
    assert!(before.iter().filter(found).count() as u64 >= PAYMENTS - 5, "{before:?}");
    damage(&storage, usize::from(head[0]), usize::from(u16::from_le_bytes([head[1], head[2]])), bytes);
    for (before, after) in before.iter().zip(looked_up(&storage)) {
        let same = *before == after || after == Recalled::Unavailable;
        assert!(same, "it was {before:?}, with a damaged index it is {after:?}");
    }
}

fn damage(storage: &ForgetfulStorage, which: usize, offset: usize, bytes: &[u8]) {
    let files = storage.list_indexes().expect("the storage works");
    let file = files[which % files.len()];
    let mut whole = vec![0; usize::try_from(file.bytes).expect("it is small")];
    storage.read_index(file.of, 0, &mut whole).expect("the storage works");
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
    storage.begin_index(file.of).expect("the storage works");
    storage.append_index(file.of, &whole).expect("the storage works");
    storage.sync_index(file.of).expect("the storage works");
    storage.name_index(file.of).expect("the storage works");
}

/// All that left memory, what is pending still, and as many that never were.
fn looked_up(storage: &ForgetfulStorage) -> Vec<Recalled> {
    let recents = Recents::new(usize::MAX);
    let archive = Archive::open(Arc::new(storage.clone()), JOURNAL, recents, FORGOTTEN);
    let mut archive = archive.expect("the directory can be read");
    let key = |n| TransactionKey { originator: number(1), id: RequestId::new(NOW.plus(n), n.into()) };
    (0..2 * PAYMENTS).map(|n| archive.look_up(key(n))).collect()
}
