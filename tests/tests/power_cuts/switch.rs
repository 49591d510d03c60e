//! The real switch without threads and sockets: core, driver, records, journal writer and recovery over storage that
//! forgets what was not synced. Beside it, every batch that was handed to the journal is kept: what was decided, whether
//! it became durable or not.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::{Sender, unbounded};
use holdfast::driver::{Driver, DriverSettings, Event};
use holdfast::serve::recover::{fold, resume};
use holdfast::telemetry::Telemetry;
use holdfast_core::registry::{Debtor, Limits, MerchantPattern, ParticipantRecord, Route};
use holdfast_core::view::SessionId;
use holdfast_core::{Core, Input};
use holdfast_journal::{
    Appended, Batch, ForgetfulStorage, JournalId, Log, NotTaken, Report, SteppedJournal, record, recover,
};
use holdfast_protocol::{
    BusinessDate, Currency, Epoch, MpsId, ParticipantNumber, SecurityLevel, Sequence, Total, UnixMillis,
};

use crate::{DESTINATIONS, OPERATORS};

/// What is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Nothing.
    Nothing,
    /// Syncs return without doing anything.
    SyncsLeftOut,
    /// The log calls durable what was only handed in.
    ToldBeforeSync,
}

/// Every batch decided so far that no power cut has undone, with the epoch it was decided under.
pub(crate) type Decided = Rc<RefCell<Vec<(Epoch, Batch)>>>;

/// The journal, and a copy of what it is given.
pub(crate) struct Tap {
    journal: SteppedJournal<ForgetfulStorage>,
    decided: Decided,
    last: Cell<Sequence>,
    hasty: bool,
}

impl Log for Tap {
    fn epoch(&self) -> Epoch {
        self.journal.epoch()
    }

    fn append(&self, epoch: Epoch, expected: Sequence, batch: Batch) -> Result<(), NotTaken> {
        let copy = batch.clone();
        self.journal.append(epoch, expected, batch)?;
        self.last.set(copy.last());
        self.decided.borrow_mut().push((epoch, copy));
        Ok(())
    }

    fn appended(&self, through: Sequence) -> Appended {
        self.journal.appended(through)
    }

    fn durable(&self) -> Sequence {
        if self.hasty { self.last.get() } else { self.journal.durable() }
    }

    fn unsynced_bytes(&self) -> u64 {
        self.journal.unsynced_bytes()
    }

    fn is_full(&self) -> bool {
        self.journal.is_full()
    }

    fn take_buffer(&self) -> Vec<u8> {
        self.journal.take_buffer()
    }
}

/// A switch that runs.
pub(crate) struct Switch {
    pub(crate) driver: Driver<Tap>,
    pub(crate) report: Option<Report>,
    events: Sender<Event>,
    sessions: u64,
    started: UnixMillis,
}

impl Switch {
    /// Recovers as the program does, compares what was recovered with what was decided, and is configured.
    pub(crate) fn start(
        storage: &ForgetfulStorage,
        decided: &Decided,
        broken: Broken,
        now: UnixMillis,
    ) -> Result<Self, String> {
        let mut core = Core::new(core_settings());
        let storage = Arc::new(storage.clone());
        let recovered = recover(storage, journal_settings(), JournalId([7; 16]), now, &mut |facts| {
            fold(&mut core, &facts)
        })
        .map_err(|error| format!("not recovered: {error}"))?;
        resume(&mut core, &recovered, now);
        ensure!(
            core.sequence() == recovered.last_sequence(),
            "{:?} was folded, {:?} recovered",
            core.sequence(),
            recovered.last_sequence()
        );
        is_fold_of_decided(&core, decided)?;
        let report = recovered.report().cloned();
        let last = Cell::new(recovered.last_sequence());
        let journal = SteppedJournal::start(recovered);
        let log = Tap { journal, decided: Rc::clone(decided), last, hasty: broken == Broken::ToldBeforeSync };
        let (events, receiver) = unbounded();
        let mut driver = Driver::new(core, log, driver_settings(), receiver, Telemetry::default());
        let participants = OPERATORS.iter().chain(&DESTINATIONS).map(|n| participant(*n)).collect();
        driver.command(now, &Input::Configure(participants, DESTINATIONS.map(route).into()));
        if driver.core().business_date().is_none() {
            driver.command(now, &Input::CutOver(BusinessDate::from_utc(now)));
        }
        Ok(Self { driver, report, events, sessions: 0, started: now })
    }

    /// Where a new link tells what happens, and its number.
    pub(crate) fn admit(&mut self) -> (SessionId, Sender<Event>) {
        self.sessions += 1;
        (SessionId((self.sessions << 16) | self.sessions), self.events.clone())
    }

    pub(crate) fn turn(&mut self, now: UnixMillis, at: Instant) {
        self.driver.turn(now, at);
    }

    /// Writes and syncs what was handed in; false where the journal ended because the power is off.
    pub(crate) fn write(&self, now: UnixMillis) -> bool {
        let since = Duration::from_millis(now.since(self.started));
        self.driver.log().journal.step(since).is_ok()
    }
}

/// I7: a restart and the live core with the same facts have the same digest. What the power cut undid was decided by
/// nobody any more.
fn is_fold_of_decided(core: &Core, decided: &Decided) -> Result<(), String> {
    let mut decided = decided.borrow_mut();
    decided.retain(|(_, batch)| batch.last() <= core.sequence());
    let mut again = Core::new(core_settings());
    for (epoch, batch) in decided.iter() {
        ensure!(batch.first == again.sequence().next(), "a gap before {:?}", batch.first);
        again.set_epoch(*epoch);
        let mut rest = &batch.bytes[..];
        for _ in 0..batch.count {
            again.apply_recovered(&record::read(&mut rest).map_err(|e| e.to_string())?);
        }
    }
    let (sequence, decided) = (core.sequence(), again.sequence());
    ensure!(sequence == decided, "{sequence:?} was recovered, of what was decided that is only {decided:?}");
    let (recovered, again) = (core.digest(), again.digest());
    ensure!(recovered == again, "I7: recovered {recovered}, the facts as decided {again}");
    Ok(())
}

fn core_settings() -> holdfast_core::Settings {
    holdfast_core::Settings {
        // Longer than a run, so that an old answer can be asked for again.
        window_max_ms: 600_000,
        delivery_retry_ms: 300,
        delivery_retry_max_ms: 2_000,
        inquiries_per_s: 1_000_000,
        expected_rate_per_s: 200,
        ..holdfast_core::Settings::default()
    }
}

/// Small segments, so that a run crosses many.
fn journal_settings() -> holdfast_journal::Settings {
    holdfast_journal::Settings {
        segment_bytes: 256 << 10,
        batch_bytes_max: 128 << 10,
        frame_bytes_max: 16 << 10,
        ..holdfast_journal::Settings::small()
    }
}

/// Small turns, so that a cut finds work and facts everywhere.
fn driver_settings() -> DriverSettings {
    DriverSettings {
        work_per_turn: 24,
        quota: 8,
        facts_per_turn: 64,
        events_per_turn: 16,
        ..DriverSettings::default()
    }
}

pub(crate) fn number(n: u16) -> ParticipantNumber {
    ParticipantNumber::new(n).unwrap()
}

pub(crate) fn euro() -> Currency {
    Currency::from_code("EUR").unwrap()
}

fn participant(n: u16) -> ParticipantRecord {
    let originates = OPERATORS.contains(&n);
    ParticipantRecord {
        number: number(n),
        name: format!("participant-{n}"),
        originates,
        receives: !originates,
        caps: vec![(euro(), Total::from_minor(1_000_000_000))],
        limits: vec![(SecurityLevel::Two, Limits::default())],
    }
}

fn route(destination: u16) -> Route {
    Route {
        mps: MpsId::from_text(&format!("acq{destination}")).unwrap(),
        merchants: MerchantPattern::Default,
        destination: number(destination),
        pay_debtor: Debtor::Originator,
        reserve_debtor: Debtor::Destination,
    }
}
