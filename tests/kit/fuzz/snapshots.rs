//! Snapshots: entries as nobody took them from a ledger, and a good snapshot some of whose bytes were overwritten.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use holdfast_core::registry::{Debtor, Limits, MerchantPattern, ParticipantRecord, Route};
use holdfast_core::snapshot::Restoring;
use holdfast_core::{Core, Fact, Settings};
use holdfast_journal::snapshot::{read_entry, write_entry};
use holdfast_journal::{
    Batch, ForgetfulStorage, JournalId, Log, RecordWriter, Recovering, SegmentNumber, SnapshotSettings,
    SnapshotStorage, Snapshotter, SteppedJournal, recover_core,
};
use holdfast_protocol::{
    Amount, ApprovalCode, BusinessDate, Currency, Extensions, Instance, MpsId, ParticipantNumber,
    SecurityLevel, Sequence, Total, TransactionKey, UnixMillis,
};

use crate::requests;

const NOW: UnixMillis = UnixMillis::from_48_bits(1_795_305_600_000);
/// Payments of the good ledger.
const PAYMENTS: u64 = 40;
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

fn settings() -> Settings {
    Settings { expected_rate_per_s: 0, ..Settings::default() }
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
    let (core, _) = recover_core(Arc::new(storage), small, JournalId([7; 16]), NOW, recovering)
        .expect("the whole journal is there");
    assert_eq!(core.digest(), good.digest(), "a snapshot is used as it was made, or not at all");
}

fn number(n: u16) -> ParticipantNumber {
    ParticipantNumber::new(n).expect("numbered from one")
}

/// A journal of some payments with a snapshot, and the ledger that they come to.
fn good() -> (ForgetfulStorage, Core) {
    let storage = ForgetfulStorage::new();
    let small = holdfast_journal::Settings::small();
    let mut core = Core::new(settings());
    let recovering = Recovering {
        new_core: &mut || Core::new(settings()),
        apply: &mut |core, fact| core.apply_recovered(fact),
        news: &mut |_| (),
    };
    let shared = Arc::new(storage.clone());
    let (_, recovered) = recover_core(Arc::clone(&shared), small, JournalId([7; 16]), NOW, recovering)
        .expect("an empty storage becomes a new journal");
    let often =
        SnapshotSettings { segments_between: 1, times_its_size: 0, retention: None, archive_retention: None };
    let mut snapshotter = Snapshotter::new(shared, recovered.journal(), settings(), often, None);
    core.set_epoch(recovered.epoch());
    let journal = SteppedJournal::start(recovered);
    let mut writer = RecordWriter::default();
    for (step, fact) in (1..).zip(facts()) {
        let first = core.sequence().next();
        core.apply_recovered(&fact);
        let mut bytes = Vec::new();
        writer.write(&fact, &mut bytes);
        let batch = Batch { bytes, first, count: 1, time: NOW };
        journal.append(journal.epoch(), Sequence(first.0 - 1), batch).expect("batches in order are taken");
        journal.step(Duration::from_millis(step * 50)).expect("the storage works");
        snapshotter.step(journal.sealed(), NOW).expect("a snapshot is made");
    }
    assert!(journal.sealed() >= SegmentNumber::FIRST, "there is something to make a snapshot of");
    journal.stop().expect("the storage works");
    (storage, core)
}

fn facts() -> Vec<Fact> {
    let currency = Currency::from_code("EUR").expect("a currency");
    let date = BusinessDate::from_utc(NOW);
    let record = |n, originates| {
        Fact::ParticipantConfigured(ParticipantRecord {
            number: number(n),
            name: format!("participant-{n}"),
            originates,
            receives: !originates,
            caps: vec![(currency, Total::from_minor(1_000_000))],
            limits: vec![(SecurityLevel::Two, Limits::default())],
        })
    };
    let route = Route {
        mps: MpsId::from_text("acq").expect("allowed text"),
        merchants: MerchantPattern::Default,
        destination: number(11),
        pay_debtor: Debtor::Originator,
        reserve_debtor: Debtor::Destination,
    };
    let mut facts = vec![record(1, true), record(11, false), Fact::RoutesConfigured(vec![route])];
    facts.push(Fact::CutOver(date));
    for n in 0..PAYMENTS {
        let mut request = requests::pay("shop@acq", 100 + n);
        request.id = holdfast_protocol::RequestId::new(NOW.plus(n), n.into());
        request.expires = request.id.created().plus(20_000);
        let key = TransactionKey { originator: number(1), id: request.id };
        facts.push(Fact::Reserved(holdfast_core::fact::Reserved {
            originator: number(1),
            destination: number(11),
            instance: Instance(1),
            debtor: Debtor::Originator,
            settlement_date: date,
            deadline: request.expires,
            request,
        }));
        // The last ones are still pending.
        if n < PAYMENTS - 5 {
            let amount = Amount::from_minor(100 + n).expect("at most twelve digits");
            let (approval_code, extensions) = (ApprovalCode::NONE, Extensions::NONE);
            facts.push(Fact::Approved { key, amount, approval_code, extensions });
        }
    }
    facts
}
