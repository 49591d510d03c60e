//! A journal over storage that forgets, with facts that tell their own sequence.

use std::sync::Arc;
use std::time::Duration;

use holdfast_journal::{
    Batch, ForgetfulStorage, JournalId, Log, OpenError, Recovered, Settings, SteppedJournal, recover,
};
use holdfast_protocol::{Epoch, Sequence, UnixMillis};

pub(crate) const NOW: UnixMillis = UnixMillis::from_48_bits(1_795_305_600_000);

/// A fact is its sequence and filling that follows from it, so that a mixed-up byte is noticed.
pub(crate) fn fact(sequence: u64) -> Vec<u8> {
    let length = 16 + usize::try_from(sequence * 7 % 400).unwrap();
    let mut fact = Vec::with_capacity(length);
    fact.extend_from_slice(&u32::try_from(length).unwrap().to_le_bytes());
    fact.extend_from_slice(&sequence.to_le_bytes());
    let filling = sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
    fact.extend((12..length).map(|i| filling[i % 8]));
    fact
}

/// The facts of a frame, each checked byte for byte; their sequences.
pub(crate) fn read_facts(first: Sequence, count: u32, mut body: &[u8]) -> u64 {
    for sequence in first.0..first.0 + u64::from(count) {
        let expected = fact(sequence);
        assert_eq!(&body[..expected.len()], expected, "fact {sequence} reads back as written");
        body = &body[expected.len()..];
    }
    assert!(body.is_empty(), "nothing follows the last fact of a frame");
    first.0 + u64::from(count) - 1
}

/// Recovers; the last fact read (all before it were read in order, whole).
pub(crate) fn reopen(
    storage: &ForgetfulStorage,
    settings: &Settings,
) -> Result<(Recovered<ForgetfulStorage>, u64), OpenError> {
    let mut last = 0;
    let recovered =
        recover(Arc::new(storage.clone()), settings.clone(), JournalId([7; 16]), NOW, &mut |facts| {
            assert_eq!(facts.first.0, last + 1, "facts are read without a gap");
            last = read_facts(facts.first, facts.count, facts.body);
            Ok(())
        })?;
    assert_eq!(recovered.last_sequence(), Sequence(last));
    Ok((recovered, last))
}

/// What somebody may have been told before the power went.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Told {
    pub(crate) durable: u64,
    pub(crate) handed_in: u64,
    pub(crate) epoch: Epoch,
}

/// Hands in `count` facts as one batch after `told`.
pub(crate) fn hand_in(journal: &SteppedJournal<ForgetfulStorage>, last: u64, count: u64) -> u64 {
    let mut bytes = journal.take_buffer();
    (last + 1..=last + count).for_each(|sequence| bytes.extend_from_slice(&fact(sequence)));
    let count_u32 = u32::try_from(count).unwrap();
    let batch = Batch { bytes, first: Sequence(last + 1), count: count_u32, time: NOW };
    journal.append(journal.epoch(), Sequence(last), batch).unwrap();
    last + count
}

/// Runs the journal of a storage through turns of many sizes, idle moments, and a clean stop; ends early where the
/// storage fails. `told` is kept up at each moment at which somebody could have been told.
pub(crate) fn work(storage: &ForgetfulStorage, settings: &Settings, turns: u64, told: &mut Told) {
    let Ok((recovered, last)) = reopen(storage, settings) else { return };
    assert!(recovered.epoch() > told.epoch, "no epoch is used twice");
    told.epoch = recovered.epoch();
    told.durable = told.durable.max(last);
    told.handed_in = last;
    let journal = SteppedJournal::start(recovered);
    let mut now = Duration::ZERO;
    for turn in 1..=turns {
        let batches = turn % 3 + 1;
        for batch in 1..=batches {
            told.handed_in = hand_in(&journal, told.handed_in, turn * batch % 11 + 1);
        }
        now += Duration::from_millis(if turn % 4 == 0 { 50 } else { 1 });
        // An idle moment after some turns: the seal is due.
        let stepped = journal.step(now).and_then(|()| {
            if turn % 4 == 1 { journal.step(now + Duration::from_millis(20)) } else { Ok(()) }
        });
        assert!(journal.durable().0 <= told.handed_in);
        told.durable = told.durable.max(journal.durable().0);
        if stepped.is_err() {
            return;
        }
    }
    assert_eq!(told.durable, told.handed_in, "all that was handed in became durable");
    // Where this fails, nobody was told more than before.
    assert!(journal.stop().is_ok() || storage.operations() > 0);
}
