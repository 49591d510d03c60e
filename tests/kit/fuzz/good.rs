//! A good journal of payments, some of which left memory, with its snapshot and its indexes: what targets damage.

use std::sync::Arc;
use std::time::Duration;

use holdfast_core::registry::{Debtor, Limits, MerchantPattern, ParticipantRecord, Route};
use holdfast_core::{Core, Fact, Settings};
use holdfast_journal::{
    Batch, ForgetfulStorage, JournalId, Log, RecordWriter, Recovering, SegmentNumber, SnapshotSettings,
    Snapshotter, SteppedJournal, recover_core,
};
use holdfast_protocol::{
    Amount, ApprovalCode, BusinessDate, Currency, Extensions, Instance, MpsId, ParticipantNumber, RequestId,
    SecurityLevel, Sequence, Total, TransactionKey, UnixMillis,
};

use crate::requests;

pub(super) const NOW: UnixMillis = UnixMillis::from_48_bits(1_795_305_600_000);
pub(super) const JOURNAL: JournalId = JournalId([7; 16]);
/// Payments of each of two seconds. The first leaves memory but for its last ones, which stay pending.
pub(super) const PAYMENTS: u64 = 40;
/// When the second one is.
const LATER_MS: u64 = 10_000;
/// When all of it is journaled.
const LATEST: UnixMillis = UnixMillis::from_48_bits(1_795_305_630_000);

pub(super) fn settings() -> Settings {
    Settings { expected_rate_per_s: 0, ..Settings::default() }
}

pub(super) fn number(n: u16) -> ParticipantNumber {
    ParticipantNumber::new(n).expect("numbered from one")
}

/// A journal of some payments with a snapshot and indexes, and the ledger that they come to.
pub(super) fn good() -> (ForgetfulStorage, Core) {
    let storage = ForgetfulStorage::new();
    let small = holdfast_journal::Settings::small();
    let mut core = Core::new(settings());
    let recovering = Recovering {
        new_core: &mut || Core::new(settings()),
        apply: &mut |core, fact| core.apply_recovered(fact),
        news: &mut |_| (),
    };
    let shared = Arc::new(storage.clone());
    let (_, recovered) = recover_core(Arc::clone(&shared), small, JOURNAL, NOW, recovering)
        .expect("an empty storage becomes a new journal");
    let often =
        SnapshotSettings { segments_between: 1, percent_of_its_size: 0, ..SnapshotSettings::default() };
    let mut snapshotter = Snapshotter::new(shared, recovered.journal(), settings(), often, None);
    core.set_epoch(recovered.epoch());
    let journal = SteppedJournal::start(recovered);
    let mut writer = RecordWriter::default();
    for (step, fact) in (1..).zip(facts()) {
        let first = core.sequence().next();
        core.apply_recovered(&fact);
        let mut bytes = Vec::new();
        writer.write(&fact, &mut bytes);
        let batch = Batch { bytes, first, count: 1, time: LATEST };
        journal.append(journal.epoch(), Sequence(first.0 - 1), batch).expect("batches in order are taken");
        journal.step(Duration::from_millis(step * 50)).expect("the storage works");
        snapshotter.step(journal.sealed(), NOW).expect("a snapshot is made");
    }
    assert!(journal.sealed() >= SegmentNumber::FIRST, "there is something to make a snapshot of");
    journal.stop().expect("the storage works");
    (storage, core)
}

/// The fact by which the first second left memory.
pub(super) const FORGOTTEN: Sequence = Sequence(4 + 2 * PAYMENTS - 5 + 1);

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
    payments(0, date, &mut facts);
    facts.push(Fact::Forgotten(NOW.get() / 1_000));
    payments(LATER_MS, date, &mut facts);
    facts
}

fn payments(after_ms: u64, date: BusinessDate, facts: &mut Vec<Fact>) {
    for n in 0..PAYMENTS {
        let mut request = requests::pay("shop@acq", 100 + n);
        request.id = RequestId::new(NOW.plus(after_ms + n), n.into());
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
}
