//! The real switch without threads and sockets: core, driver, records, journal writer and recovery over storage that
//! forgets. Beside it, every batch that was handed to the journal is kept: what was decided, whether it became durable or
//! not.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::{Sender, TrySendError};
use holdfast::driver::Driver;
use holdfast::driver::archive::{Ask, Desk, Served, door};
use holdfast::serve::recover::resume;
use holdfast::session::control::Offer;
use holdfast::telemetry::Telemetry;
use holdfast_core::Core;
use holdfast_core::leaving::Recents;
use holdfast_journal::{
    Archive, JournalFailure, JournalId, Log, News, Recovering, Report, SegmentNumber, SnapshotError,
    SnapshotSettings, SnapshotStep, Snapshotter, SteppedJournal, recover_core,
};
use holdfast_protocol::{Partition, Sequence, UnixMillis};

use super::checks::i7;
use super::configuration::Configuration;
use super::disk::Disk;
use super::door::Ways;
use super::log::{Decided, Tap};
use super::plan::{Plan, START};
use super::planted::{FirstFound, Planted, Recovery};
use super::seam::Observer;
use super::violation::{Verdict, Violation, ensure};
use super::watch::Watched;

/// Often, so that most starts go on from one, and with a short retention, so that the journal is trimmed behind them.
const SNAPSHOTS: SnapshotSettings = SnapshotSettings {
    segments_between: 2,
    percent_of_its_size: 0,
    of_one_core: 3,
    retention: Some(Duration::from_secs(20)),
    archive_retention: Some(Duration::from_secs(40)),
};

/// Few, so that now and then some are lost until they are indexed.
const UNINDEXED_MAX: usize = 2_000;

/// What of one partition outlives the switch's process.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) partition: Partition,
    pub(crate) plan: Rc<Plan>,
    pub(crate) disk: Disk,
    pub(crate) decided: Rc<RefCell<Decided>>,
    pub(crate) watched: Rc<RefCell<Watched>>,
    pub(crate) planted: Option<Planted>,
    /// For what is planted in the archive.
    pub(crate) found: Rc<RefCell<FirstFound>>,
    /// When the run began, for what takes an instant.
    pub(crate) base: Instant,
    /// Of the whole switch.
    pub(crate) configuration: Rc<RefCell<Configuration>>,
}

/// One partition of a switch that runs.
#[derive(Debug)]
pub(crate) struct Switch {
    pub(crate) driver: Driver<Tap, Observer>,
    pub(crate) archive: Archive<Disk>,
    desk: Desk,
    /// For what is made of snapshots and indexes, and what had no room yet.
    asks: Sender<Ask>,
    unasked: Option<Ask>,
    /// Leavings that a planted wrong lets look-ups overtake.
    overtaken: Vec<Ask>,
    overtake: bool,
    snapshotter: Snapshotter<Disk>,
    pub(crate) report: Option<Report>,
    /// The snapshots that did not count, and why.
    pub(crate) unusable: Vec<String>,
    /// The snapshot it went on from.
    pub(crate) snapshot: Option<SegmentNumber>,
    /// The last time in its journal when it was recovered.
    pub(crate) last_time: UnixMillis,
    started: UnixMillis,
    base: Instant,
    pub(crate) offer: Offer,
}

/// A moment as an instant, for what takes one.
pub(crate) fn instant(base: Instant, now: UnixMillis) -> Instant {
    base + Duration::from_millis(now.since(START))
}

impl Switch {
    /// Recovers as the program does, and compares what was recovered with what was decided. `wall` is what the wall clock says.
    pub(crate) fn start(
        around: &Surroundings,
        ways: &Ways,
        now: UnixMillis,
        wall: UnixMillis,
    ) -> Verdict<Self> {
        let plan = &around.plan;
        let settings = match around.planted {
            Some(planted) => planted.settings(plan.core.clone()),
            None => plan.core.clone(),
        };
        let storage = Arc::new(around.disk.clone());
        let recovery = RefCell::new(Recovery::new(around.planted));
        let (mut recents, mut since) = (Recents::new(UNINDEXED_MAX), Sequence(0));
        let recovered = recover_core(
            storage,
            plan.journal.clone(),
            JournalId([7; 16]),
            wall,
            Recovering {
                new_core: &mut || {
                    let mut core = Core::new(settings.clone());
                    core.keep_leaving();
                    core
                },
                apply: &mut |core, fact| {
                    recovery.borrow().apply(core, fact);
                    recents.take(core);
                },
                news: &mut |news| {
                    if let News::SnapshotLoaded(_, sequence) = news {
                        since = sequence;
                    }
                    recovery.borrow_mut().news(&news);
                },
            },
        );
        let (core, recovered) = recovered.map_err(|error| Violation::new("recovery", chain(&error)))?;
        let recovery = recovery.into_inner();
        let mut core = recovery.recovered(core);
        resume(&mut core, &recovered, wall);
        let (folded, read) = (core.sequence(), recovered.last_sequence());
        ensure!("recovery", folded == read, "{folded:?} was folded, {read:?} recovered");
        let mut decided = around.decided.borrow_mut();
        i7::is_fold_of_decided(&core, &mut decided, around.planted)?;
        around.watched.borrow_mut().restarted(&core, decided.journaled.reckoning.clone());
        drop(decided);
        let (report, snapshot) = (recovered.report().cloned(), recovered.snapshot().map(|file| file.at));
        let last_time = recovered.last_time();
        let epoch = recovered.epoch();
        let snapshotter = Snapshotter::new(
            recovered.storage(),
            recovered.journal(),
            plan.core.clone(),
            SNAPSHOTS,
            recovered.snapshot(),
        );
        let archive = Archive::open(recovered.storage(), recovered.journal(), recents, since);
        let archive = archive.map_err(|error| Violation::new("archive", chain(&error)))?;
        let (door, desk) = door(plan.archive.asks_max, plan.archive.waiting_max);
        let asks = door.asks();
        let log = Tap::new(SteppedJournal::start(recovered), around);
        let seam = Observer::new(around, epoch);
        let telemetry = Telemetry::default();
        let (taken, peers) = ways.of(around.partition);
        let counted = telemetry.partition(Partition(0));
        let driver = Driver::with_seam(core, log, seam, plan.driver, taken, telemetry);
        let driver = driver.with_archive(door).with_peers(peers, counted);
        let offer = Offer {
            partition: around.partition,
            epoch,
            window: plan.request_window,
            window_max_ms: small(plan.core.window_max_ms),
            skew_max_ms: small(plan.core.skew_max_ms),
            budget_max_ms: small(plan.core.budget_max_ms),
            hold_max_ms: plan.core.hold_max_ms,
        };
        Ok(Self {
            driver,
            archive,
            desk,
            asks,
            unasked: None,
            overtaken: Vec::new(),
            overtake: around.planted == Some(Planted::LeavingOvertaken),
            snapshotter,
            report,
            unusable: recovery.unusable,
            snapshot,
            last_time,
            started: now,
            base: around.base,
            offer,
        })
    }

    /// A turn of the driver and then one of the archive, which serves so many asks at most. What it answers is the next
    /// turn's.
    pub(crate) fn turn(&mut self, now: UnixMillis, time: UnixMillis, asks_served: u64) {
        self.driver.turn(time, instant(self.base, now));
        let mut answered = false;
        for _ in 0..asks_served {
            let Some(ask) = self.desk.take() else { break };
            answered |= self.serve(ask);
        }
        if answered {
            self.driver.turn(time, instant(self.base, now));
        }
    }

    fn serve(&mut self, ask: Ask) -> bool {
        if self.overtake && matches!(ask, Ask::Left(..)) {
            self.overtaken.push(ask);
            return false;
        }
        let answered = self.desk.serve(&mut self.archive, ask) == Served::Answered;
        for left in std::mem::take(&mut self.overtaken) {
            self.desk.serve(&mut self.archive, left);
        }
        answered
    }

    /// Writes and syncs what was handed in.
    ///
    /// # Errors
    /// Why the journal ended: the process stops then.
    pub(crate) fn write(&self, now: UnixMillis) -> Result<(), Arc<JournalFailure>> {
        let since = Duration::from_millis(now.since(self.started));
        self.driver.log().journal.step(since)
    }

    /// Makes a piece of a snapshot, where one is due.
    ///
    /// # Errors
    /// Why none was made.
    pub(crate) fn snapshot(&mut self, now: UnixMillis) -> Result<SnapshotStep, SnapshotError> {
        // As the thread that makes them, it goes on when the archive has room for what it tells.
        if !self.tell_the_archive() {
            return Ok(SnapshotStep::Idle);
        }
        let stepped = self.snapshotter.step(self.driver.log().journal.sealed(), now);
        match &stepped {
            Ok(SnapshotStep::Indexed(of)) => self.unasked = Some(Ask::Made(*of)),
            Ok(SnapshotStep::IndexTrimmed(of)) => self.unasked = Some(Ask::Gone(*of)),
            Ok(
                SnapshotStep::Idle
                | SnapshotStep::More
                | SnapshotStep::Made { .. }
                | SnapshotStep::Trimmed(_),
            )
            | Err(_) => {}
        }
        self.tell_the_archive();
        stepped
    }

    /// False where it has no room.
    fn tell_the_archive(&mut self) -> bool {
        let Some(ask) = self.unasked.take() else { return true };
        self.unasked = self.asks.try_send(ask).map_err(TrySendError::into_inner).err();
        self.unasked.is_none()
    }

    /// The newest fact that is really durable.
    pub(crate) fn durable(&self) -> holdfast_protocol::Sequence {
        self.driver.log().journal.durable()
    }
}

/// An error with all that is behind it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

fn small(millis: u64) -> u32 {
    u32::try_from(millis).expect("windows of the plan are short")
}
