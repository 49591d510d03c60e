//! The director: watches the clock, takes intervals, decides when the run is over.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::backstage::{Backstage, Beside};
use super::cast::{self, Cast, Entrance};
use super::closing::{self, Closing};
use super::signals::Signals;
use super::{Plan, RunError, nanos};
use crate::accounting::Counts;
use crate::admin::{self, JournalCounters, Positions, SwitchBuild};
use crate::history::HistoryWriter;
use crate::live::RateBy;
use crate::machine::{self, HiccupMeter, ThreadTime, Ticks};
use crate::measure::batch::Latencies;
use crate::measure::slices::{Slice, Slices, slice_length};
use crate::player::{Act, PlayError};
use crate::progress::{Look, Progress};
use crate::report::{JournalSpan, Measured, Report};
use crate::results::head::debug_builds;
use crate::results::summary::Build;
use crate::steering::{ByHand, Order};
use crate::traffic::scenario::Scenario;

/// How often the director looks.
const LOOK: Duration = Duration::from_millis(50);

/// Figures of the machine and of the switch at one moment.
#[derive(Clone, Copy, Debug)]
struct Reading {
    at: Instant,
    cpu: Duration,
    thread: ThreadTime,
    ticks: Ticks,
    udp_drops: u64,
    journal: Option<JournalCounters>,
}

impl Reading {
    async fn take(plan: &Plan) -> Self {
        // Between the two readings the switch may be down for a restart: then there is no journal figure.
        let journal = match plan.arguments.load.place.admin_address() {
            Some(address) => admin::journal(address).await.ok(),
            None => None,
        };
        let (cpu, thread, ticks) = (machine::cpu_time(), machine::thread_time(), Ticks::now());
        Self { at: Instant::now(), cpu, thread, ticks, udp_drops: machine::udp_drops(), journal }
    }
}

/// Everything that changes while a run goes on.
struct Director<'a> {
    plan: Plan,
    cast: Cast,
    act: watch::Sender<Act>,
    players: JoinSet<Result<(), PlayError>>,
    /// What goes on beside the run, where anything does.
    beside: JoinSet<Result<(), RunError>>,
    /// What ended the run early.
    broken: Option<RunError>,
    /// What the user or the system says.
    signals: &'a mut Signals,
    /// How often the user has interrupted: once ends the sending, twice the drain.
    interrupts: u32,
    /// Whether operations are still sent.
    sending: bool,
    /// When no more were sent, in nanoseconds since the start: as planned, or sooner.
    sent_until_ns: u64,
    /// What the user changed.
    by_hand: ByHand,
    slices: Vec<Slice>,
    slice_length: Duration,
    last_slice: Instant,
    /// What had been counted when the last slice ended: offered, completed, good.
    counted: [u64; 3],
    progress: Progress,
    /// Which build of the switch is measured.
    switch_build: Option<SwitchBuild>,
    /// The journal's counters as each process of the switch that was ended had them last.
    ended: Rc<RefCell<Vec<JournalCounters>>>,
}

/// Directs a run, and what goes on beside it. The signals are whose the run is: what came before it ends it at once.
pub(super) async fn direct(
    plan: Plan,
    beside: Option<Beside>,
    signals: &mut Signals,
) -> Result<Report, RunError> {
    let (sender, receiver) = watch::channel(Act::Sending);
    let mut writer = begin_history(&plan)?;
    cast::check_certificates(&plan)?;
    let (before, switch_build) = read_state(&plan).await?.unzip();
    let debug = debug_builds(&Build::this(), switch_build.as_ref().and_then(Option::as_ref));
    if let Some(words) = debug.filter(|_| !plan.arguments.to.quiet) {
        eprintln!("WARNING: {words}");
    }
    // Fails now rather than at the end where the switch does not export its journal's counters.
    if let Some(address) = plan.arguments.load.place.admin_address() {
        admin::journal(address).await?;
    }
    let meter = HiccupMeter::begin().map_err(RunError::io("thread"))?;
    let mut cast = cast::gather(&plan, &receiver, writer.as_mut()).await?;
    let mut players = JoinSet::new();
    for Entrance { player, link } in cast.players.drain(..) {
        players.spawn_local(player.play(link));
    }
    let ended: Rc<RefCell<Vec<JournalCounters>>> = Rc::default();
    let mut besides = JoinSet::new();
    if let Some(begin) = beside {
        besides.spawn_local(begin(Backstage {
            stage: Rc::clone(&cast.stage),
            operators: cast.operators.clone(),
            cables: Rc::clone(&cast.cables),
            act: receiver,
            ended: Rc::clone(&ended),
        }));
    }
    let progress = Progress::begin(&plan, &meter);
    let last_slice = cast.stage.origin;
    let slice_length = slice_length(plan.arguments.warmup + plan.arguments.duration);
    let mut director = Director {
        plan,
        cast,
        act: sender,
        players,
        beside: besides,
        broken: None,
        signals,
        interrupts: 0,
        sending: true,
        sent_until_ns: 0,
        by_hand: ByHand::default(),
        slices: Vec::new(),
        slice_length,
        last_slice,
        counted: [0; 3],
        progress,
        switch_build: switch_build.flatten(),
        ended,
    };
    let (start, end) = director.send(&meter).await;
    let hiccup_us = meter.longest_us();
    meter.finish();
    let drain_begun = Instant::now();
    let mut closing = director.drain(before.as_ref()).await;
    let drained = drain_begun.elapsed();
    let last = Reading::take(&director.plan).await;
    director.leave().await;
    closing.recount(&director.cast);
    let written = writer.map(HistoryWriter::finish).transpose();
    if let Err(source) = written {
        director.broken.get_or_insert(RunError::Io { what: "history".to_owned(), source });
    }
    let mut report = director.report(&start, &end, &last, hiccup_us, closing);
    report.drained = drained;
    Ok(report)
}

/// Where what everybody sees is written; `None` where nobody asked for it.
fn begin_history(plan: &Plan) -> Result<Option<HistoryWriter>, RunError> {
    let Some(output) = &plan.output else { return Ok(None) };
    std::fs::create_dir_all(output).map_err(RunError::io(output.display().to_string()))?;
    let begin = || HistoryWriter::begin(output).map_err(RunError::io("history"));
    if plan.arguments.no_history { Ok(None) } else { begin().map(Some) }
}

/// What the switch says about itself before anything is sent; `None` where the run goes without.
async fn read_state(plan: &Plan) -> Result<Option<(Positions, Option<SwitchBuild>)>, RunError> {
    match plan.arguments.load.place.admin_address() {
        Some(address) => Ok(Some(admin::state(address, plan.currency.code()).await?)),
        None => Ok(None),
    }
}

impl Director<'_> {
    /// Lets operations be sent until the time is over; gives the readings at both ends of the measured time.
    async fn send(&mut self, meter: &HiccupMeter) -> (Reading, Reading) {
        let mut start = Reading::take(&self.plan).await;
        let mut warm = self.plan.arguments.warmup.is_zero();
        let (warm_ns, end_ns) = (nanos(self.plan.arguments.warmup), self.plan.end_ns());
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let ns = self.cast.stage.ns();
            if !warm && ns >= warm_ns {
                warm = true;
                meter.reset();
                start = Reading::take(&self.plan).await;
            }
            if ns >= end_ns || self.broken.is_some() || self.interrupts > 0 {
                break;
            }
            self.wait(&mut look).await;
        }
        self.take_slice(true);
        self.sending = false;
        self.sent_until_ns = self.cast.stage.ns().min(end_ns);
        if self.interrupts > 0 {
            self.act.send_replace(Act::Stopping);
        }
        (start, Reading::take(&self.plan).await)
    }

    /// Waits for the next look; meanwhile a player may fall out or the user may interrupt.
    async fn wait(&mut self, look: &mut tokio::time::Interval) {
        tokio::select! {
            _ = look.tick() => {}
            Some(joined) = self.players.join_next() => self.note_end(joined.map(|end| end.map_err(RunError::Play))),
            Some(joined) = self.beside.join_next() => self.note_end(joined),
            () = self.signals.next() => self.interrupts += 1,
        }
        self.obey();
        self.note_fault();
        self.take_slice(false);
    }

    /// A trace that is no longer what was checked ends the run.
    fn note_fault(&mut self) {
        if let Some(fault) = self.plan.source.fault() {
            self.broken.get_or_insert(RunError::Trace(fault));
        }
    }

    /// Does what the user asks for with keys.
    fn obey(&mut self) {
        let rate_by = self.plan.rate_by();
        let (steerable, fixed) = (matches!(rate_by, RateBy::Keys(_)), matches!(rate_by, RateBy::Command(_)));
        while let Some(order) = self.progress.order() {
            if order == Order::Quit {
                self.interrupts += 1;
            } else if self.sending && !fixed && self.by_hand.follow(self.cast.stage.ns(), order, steerable) {
                self.cast.stage.steering.set(self.by_hand.now());
            }
        }
    }

    fn note_end(&mut self, joined: Result<Result<(), RunError>, tokio::task::JoinError>) {
        match joined {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                self.broken.get_or_insert(error);
            }
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// Moves what was measured since the last slice into the next.
    fn take_slice(&mut self, last: bool) {
        let now = Instant::now();
        let length = now.duration_since(self.last_slice);
        if !last && length < self.slice_length {
            return;
        }
        let begun = self.last_slice.duration_since(self.cast.stage.origin);
        self.last_slice = now;
        let mut slice = Slice {
            begun_ns: nanos(begun),
            length_ns: nanos(length),
            scenarios: vec![Latencies::default(); Scenario::ALL.len()],
            ..Slice::default()
        };
        let mut counted = [0; 3];
        let mut total = Counts::default();
        for (_, tally) in &self.cast.operators {
            let tally = &mut *tally.borrow_mut();
            let mut of_operator = Latencies::default();
            for (scenario, of_scenario) in Scenario::ALL.into_iter().zip(&mut slice.scenarios) {
                let taken = tally.recorded.take(scenario);
                of_operator.merge(&taken);
                of_scenario.merge(&taken);
            }
            slice.operators.push(of_operator);
            slice.warm_up.add(tally.recorded.take_warm_up());
            total.add(&tally.accounting.total());
            let now = [tally.offered, tally.completed, tally.good];
            counted.iter_mut().zip(now).for_each(|(sum, count)| *sum += count);
        }
        let [offered, completed, good] = std::array::from_fn(|index| counted[index] - self.counted[index]);
        (slice.offered, slice.completed, slice.good) = (offered, completed, good);
        self.counted = counted;
        let look = Look {
            ns: self.cast.stage.ns(),
            sending: self.sending,
            steering: self.by_hand.now(),
            total: &total,
            slice: &slice,
        };
        self.progress.show(&look);
        self.cast.forget();
        self.slices.push(slice);
    }

    /// Waits until everything has ended and the books close, or the time for it is over: from when nothing goes on beside.
    async fn drain(&mut self, before: Option<&Positions>) -> Closing {
        let interrupts = self.interrupts;
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.beside.is_empty() && self.broken.is_none() && self.interrupts == interrupts {
            self.wait(&mut look).await;
        }
        let until = Instant::now() + self.plan.drain;
        loop {
            let over = Instant::now() >= until || self.broken.is_some() || self.interrupts > interrupts;
            let closing = closing::look(&self.plan, &self.cast, before).await;
            if over || closing.is_done() {
                return closing;
            }
            self.progress.drain(closing.in_flight);
            self.wait(&mut look).await;
        }
    }

    /// Everybody leaves.
    async fn leave(&mut self) {
        self.note_fault();
        let broken = matches!(self.broken, Some(RunError::Play(PlayError::Link { .. })));
        self.act.send_replace(if broken { Act::Broken } else { Act::Over });
        while let Some(joined) = self.players.join_next().await {
            self.note_end(joined.map(|end| end.map_err(RunError::Play)));
        }
        self.beside.shutdown().await;
        self.take_slice(true);
        self.progress.finish();
    }

    fn report(
        self,
        start: &Reading,
        end: &Reading,
        last: &Reading,
        hiccup_us: u64,
        closing: Closing,
    ) -> Report {
        // A switch that was being restarted when the sending ended is read when the books are closed.
        let ended = self.ended.borrow();
        let journal = [end, last].into_iter().find_map(|reading| {
            let seconds = reading.at.duration_since(start.at).as_secs_f64().max(f64::MIN_POSITIVE);
            Some(JournalSpan::between(start.journal?, &ended, reading.journal?, seconds))
        });
        let measured = Measured {
            seconds: end.at.duration_since(start.at).as_secs_f64().max(f64::MIN_POSITIVE),
            cpu_seconds: end.cpu.saturating_sub(start.cpu).as_secs_f64(),
            thread: ThreadTime {
                ran: end.thread.ran.saturating_sub(start.thread.ran),
                waited: end.thread.waited.saturating_sub(start.thread.waited),
            },
            stolen_share: end.ticks.stolen_share(start.ticks),
            udp_drops: end.udp_drops.saturating_sub(start.udp_drops),
            hiccup_us,
            journal,
            switch_build: self.switch_build,
            by_hand: self.by_hand,
            slices: Slices {
                all: self.slices,
                warm_ns: nanos(self.plan.arguments.warmup),
                end_ns: self.sent_until_ns,
            },
        };
        let broken = self.broken.map(|error| error.to_string());
        Report::new(&self.plan, &self.cast.stage, closing, measured, broken, self.interrupts > 0)
    }
}
