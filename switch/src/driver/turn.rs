//! One turn: take, decide, commit, let go.

mod links;
mod release;
mod remarks;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::Receiver;
use holdfast_core::input::Recalled;
use holdfast_core::{Core, Effect, From, Input, Output, View};
use holdfast_journal::record::RecordWriter;
use holdfast_journal::{Batch, Log};
use holdfast_protocol::{Partition, Reason, TransactionKey, UnixMillis};

use super::archive::{Door, DoorCounts};
use super::event::Event;
use super::outbox::{Decided, Outbox};
use super::peers::Peers;
use super::seam::{Seam, Shipped};
use super::sessions::Sessions;
use super::settings::{DriverSettings, Progress, Queues};
use super::shed;
use super::work::Work;
use crate::telemetry::{Oddity, PartitionTelemetry, Remarks, RequestKind, Telemetry, TurnStats};

/// The owner of core and outbox.
#[derive(Debug)]
pub struct Driver<L, S = Shipped> {
    core: Core,
    log: L,
    seam: S,
    settings: DriverSettings,
    events: Receiver<Event>,
    sessions: Sessions,
    view: View,
    work: Work,
    outbox: Outbox,
    output: Output,
    /// Emptied, so that the effects of a turn find room where others were.
    spare_effects: Vec<Vec<Effect>>,
    decided: Vec<Decided>,
    /// Facts the log has not taken yet, oldest first.
    unsubmitted: VecDeque<Batch>,
    recalls: Vec<TransactionKey>,
    peers: Peers,
    /// None where there is no archive: what left memory is unavailable then, never absent.
    archive: Option<Door>,
    /// A deadline is due; so many events had arrived before it was seen and are fed first.
    before_tick: Option<usize>,
    records: RecordWriter,
    telemetry: Arc<PartitionTelemetry>,
    remarks: Remarks,
    /// What the turn under way counts.
    counted: TurnStats,
    /// Of the turn under way: effects let go, with how long they waited for the disk in nanoseconds.
    let_go: Vec<(u64, u64)>,
    /// Until when destinations may be on their way back; known with the first turn.
    grace_until: Option<UnixMillis>,
    /// Twice as much as stops new payments is not synced: captures and releases wait, too (I8).
    far_behind: bool,
}

impl<L: Log> Driver<L> {
    /// A driver of a core that has recovered and resumed.
    pub fn new(
        core: Core,
        log: L,
        settings: DriverSettings,
        events: Receiver<Event>,
        telemetry: Telemetry,
    ) -> Self {
        Self::with_seam(core, log, Shipped, settings, events, telemetry)
    }
}

impl<L: Log, S: Seam> Driver<L, S> {
    /// The same with a test standing between.
    pub fn with_seam(
        core: Core,
        log: L,
        seam: S,
        settings: DriverSettings,
        events: Receiver<Event>,
        telemetry: Telemetry,
    ) -> Self {
        let telemetry = telemetry.partition(Partition(0));
        Self {
            core,
            log,
            seam,
            settings,
            events,
            sessions: Sessions::default(),
            view: View::default(),
            work: Work::default(),
            outbox: Outbox::default(),
            output: Output::default(),
            spare_effects: Vec::new(),
            decided: Vec::new(),
            unsubmitted: VecDeque::new(),
            recalls: Vec::new(),
            peers: Peers::default(),
            archive: None,
            before_tick: None,
            records: RecordWriter::default(),
            telemetry,
            remarks: Remarks::default(),
            counted: TurnStats::default(),
            let_go: Vec::new(),
            grace_until: None,
            far_behind: false,
        }
    }

    /// With an archive behind a door.
    #[must_use]
    pub fn with_archive(mut self, door: Door) -> Self {
        self.core.keep_leaving();
        self.archive = Some(door);
        self
    }

    /// As one partition of several, which counts for itself.
    #[must_use]
    pub fn with_peers(mut self, peers: Peers, counted: Arc<PartitionTelemetry>) -> Self {
        self.peers = peers;
        self.telemetry = counted;
        self
    }

    /// Which partition it is, or is to become.
    pub const fn partition(&self) -> Partition {
        self.peers.own()
    }

    /// One turn. `now` must not go backwards; `at` is for the statistics alone.
    pub fn turn(&mut self, now: UnixMillis, at: Instant) -> Progress {
        self.release(now, at);
        self.view.journal_full = self.log.is_full();
        let grace_ms = self.settings.start_grace_ms;
        self.view.just_started = now < *self.grace_until.get_or_insert(now.plus(grace_ms));
        let unsynced_bytes = self.unsynced_bytes();
        self.view.journal_behind = unsynced_bytes >= self.settings.unsynced_bytes_max;
        self.far_behind = unsynced_bytes >= self.settings.unsynced_bytes_max.saturating_mul(2);
        let taken = self.take_events(now, at);
        self.recalled(now);
        self.serve_work(now, at);
        self.tick(now, taken);
        if let Some(door) = &mut self.archive {
            door.hand_over(&mut self.core);
        }
        self.commit(now, at);
        self.release(now, at);
        let outbound_bytes_max = self.settings.outbound_bytes_max;
        self.sessions
            .flush(self.partition(), outbound_bytes_max, |live| live.outbound.close(Reason::NotReading));
        if !self.events.is_empty() || !self.work.is_empty() || !self.recalls.is_empty() {
            Progress::More
        } else {
            Progress::Idle
        }
    }

    /// Counts the turn that has just ended; `took` is how long it was.
    pub fn count_turn(&mut self, took: Duration) {
        let took = nanos(took);
        let turn = TurnStats { decide_ns: took, ..std::mem::take(&mut self.counted) };
        if turn != (TurnStats { decide_ns: took, ..TurnStats::default() }) {
            self.telemetry.driver.turn(&turn);
        }
        for (effects, waited) in self.let_go.drain(..) {
            self.telemetry.driver.released(effects, waited, took);
        }
    }

    /// One input from the switch itself: configuration, a command. It is decided with the next turn's facts.
    pub fn command(&mut self, now: UnixMillis, input: &Input) {
        self.step(now, input);
    }

    /// When the core wants a tick.
    pub fn next_deadline(&self) -> Option<UnixMillis> {
        self.core.next_deadline()
    }

    /// The core, to read.
    pub const fn core(&self) -> &Core {
        &self.core
    }

    /// The log, to read its statistics.
    pub const fn log(&self) -> &L {
        &self.log
    }

    /// The log, when everything is settled.
    pub fn into_log(self) -> L {
        self.log
    }

    /// The live links.
    pub const fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The volatile world as the core sees it.
    pub const fn view(&self) -> &View {
        &self.view
    }

    /// Bytes of facts that are not durable, those included that the log has not taken yet.
    fn unsynced_bytes(&self) -> u64 {
        self.log.unsynced_bytes() + self.unsubmitted.iter().map(|batch| batch.bytes.len() as u64).sum::<u64>()
    }

    /// What waits where.
    pub fn queues(&self) -> Queues {
        Queues {
            events: self.events.len(),
            work: self.work.len(),
            outbox_turns: self.outbox.len(),
            unsubmitted_bytes: self.unsubmitted.iter().map(|batch| batch.bytes.len()).sum(),
            outbound_bytes: self.sessions.iter().map(|live| live.outbound.queued_bytes()).sum(),
        }
    }

    /// What could not be handed over to the archive, or used of what it told.
    pub fn door_counts(&self) -> DoorCounts {
        self.archive.as_ref().map(Door::counts).unwrap_or_default()
    }

    /// No new work from now on; what is in flight finishes.
    pub fn stop_new_work(&mut self) {
        self.view.stopping = true;
    }

    /// Whether everything decided is durable and told.
    pub fn is_settled(&self) -> bool {
        // A command's facts wait for the next turn; facts without effects leave the outbox empty.
        self.output.facts.is_empty()
            && self.output.effects.is_empty()
            && self.log.durable() >= self.core.sequence()
            && self.outbox.is_empty()
            && self.unsubmitted.is_empty()
            && self.work.is_empty()
            && self.events.is_empty()
            && self.recalls.is_empty()
    }

    fn step(&mut self, now: UnixMillis, input: &Input) {
        self.seam.step(&mut self.core, now, input, &self.view, &mut self.output);
    }

    /// Returns how many events it took.
    fn take_events(&mut self, now: UnixMillis, at: Instant) -> usize {
        for taken in 0..self.settings.events_per_turn {
            if self.output.facts.len() >= self.settings.facts_per_turn {
                return taken;
            }
            let Ok(event) = self.events.try_recv() else { return taken };
            match event {
                Event::Up { from, sign_on, address, outbound } => {
                    self.up(now, from, &sign_on, address, outbound);
                }
                Event::Down { from } => self.down(now, from),
                Event::Drain(from) => self.change_link(from, |link| link.draining = true),
                Event::Window(from, window) => self.window(now, from, window),
                Event::Lease(from, message) => self.step(now, &Input::Lease(from, message)),
                Event::Received { from, lane, at: read, first, answers, work } => {
                    let waited = nanos(at.saturating_duration_since(read));
                    self.counted.queued_ns = self.counted.queued_ns.max(waited);
                    self.count_received(from, &first);
                    self.count_received(from, &work);
                    self.core.warm(&first);
                    let odd = Oddity::counts(self.core.counters());
                    for input in &first {
                        self.step(now, input);
                    }
                    self.odd(from.participant, &odd, at);
                    self.take_work(from, read, work, at);
                    if answers > 0 {
                        self.decided.push(Decided { to: from.session, lane, answers });
                    }
                }
            }
        }
        self.settings.events_per_turn
    }

    /// New work waits for its turn, unless too much waits already, or nobody waits for its answer any more: a copy from
    /// a link that has ended must not take the answer away from the link that sent a later one.
    fn take_work(&mut self, from: From, read: Instant, work: Vec<Input>, at: Instant) {
        if self.sessions.get(from.session).is_none() {
            return;
        }
        if !self.far_behind && self.work.len() + work.len() <= self.settings.backlog_max {
            return self.work.push(from.participant, read, work);
        }
        self.told(from.participant, Reason::Busy, work.len() as u64, at);
        for input in &work {
            if let Some((original, refusal)) = shed::busy(input, self.settings.retry_after_ms) {
                self.sessions.stage(from.session, original, &refusal);
            }
        }
    }

    /// Arrivals before deadlines: after a stall, an answer that is already here has come in time. But only what had
    /// arrived when the deadline was first seen: no flood keeps a deadline waiting (rule 20).
    fn tick(&mut self, now: UnixMillis, taken: usize) {
        if self.core.next_deadline().is_none_or(|due| due > now) {
            self.before_tick = None;
            return;
        }
        match self.before_tick.map_or(self.events.len(), |left| left.saturating_sub(taken)) {
            0 => {
                self.before_tick = None;
                self.step(now, &Input::Tick);
            }
            left => self.before_tick = Some(left),
        }
    }

    fn count_received(&mut self, from: From, inputs: &[Input]) {
        self.counted.inputs += inputs.len() as u64;
        let mut kinds = [0; RequestKind::ALL.len()];
        for kind in inputs.iter().filter_map(RequestKind::of) {
            kinds[kind as usize] += 1;
        }
        let tally = self.telemetry.driver.participants.of(from.participant);
        for (kind, count) in RequestKind::ALL.into_iter().zip(kinds).filter(|(_, count)| *count > 0) {
            tally.requests(kind, count);
        }
    }

    fn serve_work(&mut self, now: UnixMillis, at: Instant) {
        let mut left = self.settings.work_per_turn;
        let Self { work, core, seam, view, output, settings, .. } = self;
        while left > 0 {
            core.warm(work.next_up(settings.quota.min(left)));
            let served = work.serve(settings.quota.min(left), |mut input, read| {
                spend(&mut input, at.saturating_duration_since(read));
                seam.step(core, now, &input, view, output);
            });
            if served == 0 {
                break;
            }
            left -= served;
        }
    }

    /// What the archive has answered, and what it is asked now. What cannot be asked is unavailable, never absent.
    fn recalled(&mut self, now: UnixMillis) {
        while let Some((key, recalled)) = self.archive.as_mut().and_then(|door| door.told(&mut self.core)) {
            self.step(now, &Input::Recalled(key, recalled));
        }
        for key in std::mem::take(&mut self.recalls) {
            if !self.archive.as_mut().is_some_and(|door| door.look_up(key)) {
                self.step(now, &Input::Recalled(key, Recalled::Unavailable));
            }
        }
    }
}

/// Rule 6: the time that a request waited here is gone from its budget.
fn spend(input: &mut Input, waited: Duration) {
    let budget_ms = if let Input::Authorize(_, request) = input {
        &mut request.budget_ms
    } else if let Input::Refund(_, request) = input {
        &mut request.budget_ms
    } else {
        return;
    };
    let waited_ms = u32::try_from(waited.as_millis()).unwrap_or(u32::MAX);
    *budget_ms = budget_ms.saturating_sub(waited_ms).max(1);
}

/// For the statistics; more than five centuries are not told apart.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
