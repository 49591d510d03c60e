//! The real switch without threads and sockets: core, driver, records, journal writer and recovery over storage that
//! forgets. Beside it, every batch that was handed to the journal is kept: what was decided, whether it became durable or
//! not.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::{Sender, TrySendError, unbounded};
use holdfast::clock::Timeline;
use holdfast::driver::archive::{Ask, Desk, Served, door};
use holdfast::driver::{Driver, Event};
use holdfast::serve::recover::resume;
use holdfast::session::Member;
use holdfast::session::control::Offer;
use holdfast::telemetry::Telemetry;
use holdfast_core::leaving::Recents;
use holdfast_core::view::SessionId;
use holdfast_core::{Core, Input};
use holdfast_journal::{
    Archive, JournalFailure, JournalId, Log, News, Recovering, Report, SegmentNumber, SnapshotError,
    SnapshotSettings, SnapshotStep, Snapshotter, SteppedJournal, recover_core,
};
use holdfast_protocol::{BusinessDate, ParticipantNumber, Partition, Reason, Sequence, UnixMillis};

use super::checks::i7;
use super::configuration::Configuration;
use super::disk::Disk;
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

/// What outlives the switch's process.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) plan: Rc<Plan>,
    pub(crate) disk: Disk,
    pub(crate) decided: Rc<RefCell<Decided>>,
    pub(crate) watched: Rc<RefCell<Watched>>,
    pub(crate) planted: Option<Planted>,
    /// For what is planted in the archive.
    pub(crate) found: Rc<RefCell<FirstFound>>,
    /// When the run began, for what takes an instant.
    pub(crate) base: Instant,
    pub(crate) configuration: RefCell<Configuration>,
}

/// A switch that runs.
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
    events: Sender<Event>,
    sessions: u64,
    started: UnixMillis,
    base: Instant,
    timeline: Timeline,
    slewed: UnixMillis,
    offer: Offer,
    members: BTreeMap<ParticipantNumber, Arc<Member>>,
}

/// Where wires come in.
#[derive(Debug)]
pub(crate) struct Door<'a> {
    pub(crate) at: Instant,
    pub(crate) time: UnixMillis,
    pub(crate) offer: &'a Offer,
    members: &'a BTreeMap<ParticipantNumber, Arc<Member>>,
    events: &'a Sender<Event>,
    sessions: &'a mut u64,
}

impl Door<'_> {
    pub(crate) fn tell(&self, event: Event) {
        self.events.send(event).expect("the driver holds the other end");
    }

    /// Who may sign on as this participant; nobody where it takes no part.
    pub(crate) fn member(&self, number: ParticipantNumber) -> Option<Arc<Member>> {
        self.members.get(&number).map(Arc::clone)
    }

    pub(crate) fn admit(&mut self) -> SessionId {
        *self.sessions += 1;
        SessionId((*self.sessions << 16) | (*self.sessions & 0xffff))
    }
}

/// A moment as an instant, for what takes one.
pub(crate) fn instant(base: Instant, now: UnixMillis) -> Instant {
    base + Duration::from_millis(now.since(START))
}

impl Switch {
    /// Recovers as the program does, compares what was recovered with what was decided, and is configured. `wall` is
    /// what the wall clock says.
    pub(crate) fn start(around: &Surroundings, now: UnixMillis, wall: UnixMillis) -> Verdict<Self> {
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
        let timeline = Timeline::start(wall.get() * 1_000, recovered.last_time());
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
        let (events, receiver) = unbounded();
        let seam = Observer::new(around, epoch);
        let telemetry = Telemetry::default();
        let driver = Driver::with_seam(core, log, seam, plan.driver, receiver, telemetry).with_archive(door);
        let offer = Offer {
            partition: Partition(0),
            epoch,
            window: plan.request_window,
            window_max_ms: small(plan.core.window_max_ms),
            skew_max_ms: small(plan.core.skew_max_ms),
            budget_max_ms: small(plan.core.budget_max_ms),
            hold_max_ms: plan.core.hold_max_ms,
        };
        let mut switch = Self {
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
            events,
            sessions: 0,
            started: now,
            base: around.base,
            timeline,
            slewed: now,
            offer,
            members: members(plan, &Configuration::default()),
        };
        let time = switch.time(now, wall);
        let wanted = around.configuration.borrow().participants(plan);
        if switch.driver.core().check_configuration(&wanted).is_err() {
            // The crash undid what had settled somebody who was removed then: there is no start before that one is back.
            around.configuration.borrow_mut().removed.clear();
        }
        switch.configure(around, time);
        if switch.driver.core().business_date().is_none() {
            switch.driver.command(time, &Input::CutOver(BusinessDate::from_utc(time)));
        }
        Ok(switch)
    }

    /// Takes over another configuration, as a reload does: all or nothing. Returns whether it did.
    pub(crate) fn reconfigure(&mut self, around: &Surroundings, to: Configuration, time: UnixMillis) -> bool {
        if self.driver.core().check_configuration(&to.participants(&around.plan)).is_err() {
            return false;
        }
        *around.configuration.borrow_mut() = to;
        self.configure(around, time);
        true
    }

    /// The configuration as it is now.
    fn configure(&mut self, around: &Surroundings, time: UnixMillis) {
        let now = around.configuration.borrow().clone();
        let configuration = Input::Configure(now.participants(&around.plan), now.routes(&around.plan));
        around.watched.borrow_mut().configuration = now.clone();
        self.driver.command(time, &configuration);
        self.members = members(&around.plan, &now);
        self.driver.close_links_of(Reason::Removed, |number| now.removed.contains(&number));
    }

    /// The switch's time: its own clock, slewed once a second towards the wall clock.
    pub(crate) fn time(&mut self, now: UnixMillis, wall: UnixMillis) -> UnixMillis {
        let elapsed_us = now.since(self.started) * 1_000;
        if now.since(self.slewed) >= 1_000 {
            self.slewed = now;
            self.timeline.slew(elapsed_us, wall.get() * 1_000);
        }
        self.timeline.now(elapsed_us)
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

    pub(crate) fn door(&mut self, now: UnixMillis, time: UnixMillis) -> Door<'_> {
        Door {
            at: instant(self.base, now),
            time,
            offer: &self.offer,
            members: &self.members,
            events: &self.events,
            sessions: &mut self.sessions,
        }
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

fn members(plan: &Plan, now: &Configuration) -> BTreeMap<ParticipantNumber, Arc<Member>> {
    let parties = plan.operators.iter().map(|party| (party, true));
    let parties = parties.chain(plan.destinations.iter().map(|party| (party, false)));
    // The core counts inquiries against its own budget, under the simulator's clock.
    let member = |(party, originates): (&super::plan::Party, bool)| {
        let name = format!("participant-{}", party.number);
        let member = Member::new(name, party.number, originates, !originates, u32::MAX);
        (party.number, Arc::new(member))
    };
    parties.filter(|(party, _)| !now.removed.contains(&party.number)).map(member).collect()
}
