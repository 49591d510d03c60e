//! Looks after the drivers for those who run the switch: their commands, the alarms, and the orderly stop. It has a thread of its own, and
//! what it wants of a driver is done on that driver's thread ([`super::posts`]).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, never, select};
use holdfast_core::Input;
use holdfast_core::registry::ParticipantStatus;
use holdfast_journal::Handle;
use holdfast_link::{Credentials, Endpoint, ValidUntil};
use holdfast_protocol::{
    BusinessDate, Drain, Message, Notice, ParticipantNumber, Reason, RequestId, UnixMillis, Window,
};
use tracing::{info, warn};

use super::alarms::{Alarm, Around, Raised};
use super::extract::{Extract, Watched};
use super::posts::{Ended, Posts};
use super::settings::members;
use super::{Stop, alarms, report, transactions};
use crate::admin::command::{Command, CommandError, CommandReceiver, Reply, Who, answer};
use crate::clock::Clock;
use crate::config::Config;
use crate::driver::Driver;
use crate::telemetry::Telemetry;
use crate::transport::Shared;

/// How far ahead of the switch's time a business date may be: long enough for any holiday.
const CUTOVER_AHEAD_MAX_MS: u64 = 31 * 86_400_000;

/// Beyond the time for what is in flight: how long a stop waits for decided facts to be durable.
const SETTLES_WITHIN: Duration = Duration::from_secs(10);

/// How long a stop waits for its links, more than each of them waits for its peer.
const LINKS_CLOSE_WITHIN: Duration = Duration::from_secs(3);

/// How often clock and statistics are looked after.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

/// How often a stop looks whether it can go on.
const STOP_LOOK: Duration = Duration::from_millis(1);

/// What is one for all is done by the driver of this partition: it tells participants on their control streams.
const FIRST: usize = 0;

/// See the module.
#[derive(Debug)]
pub(super) struct Steward {
    pub(super) config: Config,
    pub(super) telemetry: Telemetry,
    pub(super) posts: Posts,
    pub(super) commands: CommandReceiver,
    pub(super) stop: Stop,
    /// Told when the switch is to stop.
    pub(super) stopped: Receiver<()>,
    pub(super) clock: Arc<Mutex<Clock>>,
    pub(super) shared: Arc<Shared>,
    pub(super) endpoints: Vec<Endpoint>,
    /// How long the certificates last that new handshakes use.
    pub(super) certificates: ValidUntil,
    pub(super) watch: Watch,
}

/// What it keeps from one look to the next.
#[derive(Debug, Default)]
pub(super) struct Watch {
    stopping: Option<Instant>,
    /// Since when its links are closing.
    closing: Option<Instant>,
    housekeeping: Option<Instant>,
    raised: Raised,
    /// By how much the wall clock was ahead when last compared, in milliseconds.
    wall_clock_ahead_ms: i64,
}

impl Steward {
    /// Serves until the switch has stopped: the drivers end with it.
    pub(super) fn run(mut self) {
        if self.serve().is_err() {
            // Whoever runs the drivers knows why.
            warn!("a driver has ended before it was told to");
        }
        self.posts.end();
    }

    fn serve(&mut self) -> Result<(), Ended> {
        let (nobody, never_told) = (never(), never());
        let (mut commanded, mut told) = (true, true);
        loop {
            self.housekeeping()?;
            if self.stopping()? {
                return Ok(());
            }
            let now = Instant::now();
            let wait = match (self.watch.stopping, self.watch.housekeeping) {
                (Some(_), _) => STOP_LOOK,
                (None, next) => next.map_or(HOUSEKEEPING, |next| next.saturating_duration_since(now)),
            };
            // A channel whose other end has gone would always be ready.
            let commands = if commanded { &self.commands } else { &nobody };
            let stopped = if told { &self.stopped } else { &never_told };
            let command = select! {
                recv(commands) -> command => { commanded = command.is_ok(); command.ok() }
                recv(stopped) -> asked => { told = asked.is_ok(); None }
                default(wait) => None,
            };
            if let Some(command) = command {
                self.command(command)?;
            }
        }
    }

    /// Whether the switch is on its way to its end.
    pub(super) const fn is_stopping(&self) -> bool {
        self.watch.stopping.is_some()
    }

    /// How many links each thread of links has.
    pub(super) fn links_of_threads(&self) -> Vec<u64> {
        self.shared.links_of_threads().into_iter().map(|links| links as u64).collect()
    }

    fn now(&self) -> UnixMillis {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner).now()
    }

    fn command(&mut self, command: Command) -> Result<(), Ended> {
        match command {
            Command::Status { reply } => {
                let extracts = self.posts.ask_all(|driver, now| Extract::of(driver, now))?;
                let joined =
                    extracts.into_iter().reduce(Extract::join).expect("there is one partition at least");
                answer(reply, Box::new(report::status(self, joined, self.now())));
            }
            Command::SetStatus { participant, status, reply } => {
                self.set_status(participant, status, reply)?
            }
            Command::CutOver { date, reply } => self.cut_over(date, reply)?,
            Command::Transaction { originator, id, reply } => self.transaction(originator, id, reply)?,
            Command::Undelivered { destination, max, reply } => {
                let list = move |driver: &mut Driver<Handle>, now| {
                    transactions::undelivered(driver.core(), driver.view(), destination.as_ref(), max, now)
                };
                let say = move |found: Vec<_>| answer(reply, transactions::joined(found, max));
                self.posts.once_durable_in_all(list, say)?;
            }
            Command::ExplainRoute { payment_id, reply } => {
                let start_grace_ms = self.config.sessions.start_grace_ms;
                let explain =
                    move |driver: &mut Driver<Handle>, _| report::route(driver, payment_id, start_grace_ms);
                answer(reply, Box::new(self.posts.ask(FIRST, explain)?));
            }
            Command::Reload { config, credentials, reply } => match self.reload(*config, &credentials)? {
                Ok(()) => self.posts.once_durable_in_all(|_, _| (), |_| answer(reply, Ok(())))?,
                Err(error) => answer(reply, Err(error)),
            },
        }
        Ok(())
    }

    fn set_status(
        &self,
        participant: Who,
        status: ParticipantStatus,
        reply: Reply<Result<(), CommandError>>,
    ) -> Result<(), Ended> {
        let who = participant.clone();
        let known = self.posts.ask(FIRST, move |driver, _| {
            let number = report::find(driver.core(), &who)?;
            Some((number, report::name_of(driver.core(), number)))
        })?;
        let Some((number, participant)) = known else {
            answer(reply, Err(CommandError::ParticipantUnknown(participant)));
            return Ok(());
        };
        info!(participant, ?status, "status set");
        let set =
            move |driver: &mut Driver<Handle>, now| driver.command(now, &Input::SetStatus(number, status));
        self.posts.once_durable_in_all(set, |_| answer(reply, Ok(())))?;
        self.tell_status(number, status)
    }

    /// Rule 25: a participant hears that no new work is wanted, and why; or that it is wanted again.
    fn tell_status(&self, number: ParticipantNumber, status: ParticipantStatus) -> Result<(), Ended> {
        let window = self.config.sessions.window;
        self.posts.ask(FIRST, move |driver, _| {
            let reason = match status {
                ParticipantStatus::Active => {
                    return driver.tell(&Message::Window(Window { window }), |whose| whose == number);
                }
                ParticipantStatus::Draining => Reason::Draining,
                ParticipantStatus::Suspended => Reason::Suspended,
            };
            driver.tell(&Message::Notice(Notice { reason }), |whose| whose == number);
            driver.tell(&Message::Drain(Drain { within_ms: 0 }), |whose| whose == number);
        })
    }

    fn cut_over(
        &self,
        date: BusinessDate,
        reply: Reply<Result<BusinessDate, CommandError>>,
    ) -> Result<(), Ended> {
        let before = self.posts.ask(FIRST, |driver, _| driver.core().business_date())?;
        let before = before.expect("the date is set before the first command");
        // A calendar that has leapt cannot be brought back: a date never goes back (rule 27).
        let latest = BusinessDate::from_utc(self.now().plus(CUTOVER_AHEAD_MAX_MS));
        let conflict = if date <= before {
            format!("the business date is {before}; a cutover only moves it forward")
        } else if date > latest {
            format!("{date} is too far ahead: the latest date that can be set now is {latest}")
        } else {
            info!(%before, %date, "cutover");
            let cut_over = move |driver: &mut Driver<Handle>, now| driver.command(now, &Input::CutOver(date));
            return self.posts.once_durable_in_all(cut_over, move |_| answer(reply, Ok(before)));
        };
        answer(reply, Err(CommandError::Conflict(conflict)));
        Ok(())
    }

    /// What is told about a payment may be acted upon: not before it is durable.
    fn transaction(
        &self,
        originator: Who,
        id: RequestId,
        reply: Reply<transactions::Found>,
    ) -> Result<(), Ended> {
        let (who, partitions) = (originator.clone(), self.config.journal.partitions);
        let home = self.posts.ask(FIRST, move |driver, _| {
            report::find_known(driver.core(), &who).map_or(FIRST, |number| number.home(partitions).0.into())
        })?;
        let find =
            move |driver: &mut Driver<Handle>, _| transactions::transaction(driver.core(), &originator, id);
        self.posts.once_durable(home, find, |found| answer(reply, found))
    }

    fn reload(
        &mut self,
        config: Config,
        credentials: &Credentials,
    ) -> Result<Result<(), CommandError>, Ended> {
        let directory = Arc::clone(&self.shared.directory);
        let tls = match credentials.server(Arc::new(move |identity| directory.admits(identity))) {
            Ok(tls) => tls,
            Err(error) => return Ok(Err(CommandError::Conflict(error.to_string()))),
        };
        let (participants, routes) = (config.participants.clone(), config.routes.clone());
        let wanted = participants.clone();
        let check = move |driver: &Driver<Handle>| {
            let fits = driver.core().check_configuration(&wanted);
            fits.map_err(|error| CommandError::Conflict(error.to_string()))
        };
        let between = || {
            for endpoint in &self.endpoints {
                endpoint.set_server_tls(Arc::clone(&tls));
            }
            Ok(())
        };
        let configured = Input::Configure(participants, routes);
        let act = move |driver: &mut Driver<Handle>, now| driver.command(now, &configured);
        if let Err(error) = self.posts.all_or_none(check, between, act)? {
            return Ok(Err(error));
        }
        self.shared.directory.replace(members(&config));
        let kept: Vec<_> = config.participants.iter().map(|participant| participant.number).collect();
        self.posts.ask(FIRST, move |driver, _| {
            driver.close_links_of(Reason::Removed, |number| !kept.contains(&number));
        })?;
        self.config = config;
        self.certificates = credentials.valid_until();
        Ok(Ok(()))
    }

    /// The alarms that stand now.
    pub(super) fn alarms(
        &self,
        watched: &Watched,
        name: impl Fn(ParticipantNumber) -> String,
        now: UnixMillis,
    ) -> alarms::Standing {
        let around = Around {
            delivery_alarm_ms: self.config.settings.delivery_alarm_ms,
            archive_damaged: self.telemetry.archive().map_or(0, |counts| counts.damaged),
            snapshot_failing: self.telemetry.snapshots().failing,
            wall_clock_ahead_ms: self.watch.wall_clock_ahead_ms,
            reload_refused: self.telemetry.reloads_refused().1,
            certificates: self.certificates,
        };
        alarms::standing(watched, &around, name, now)
    }

    fn housekeeping(&mut self) -> Result<(), Ended> {
        let at = Instant::now();
        if self.watch.housekeeping.is_some_and(|next| at < next) {
            return Ok(());
        }
        self.watch.housekeeping = Some(at + HOUSEKEEPING);
        self.watch.wall_clock_ahead_ms = self.clock.lock().unwrap_or_else(PoisonError::into_inner).slew();
        let all = self.posts.ask_all(|driver, _| Watched::of(driver))?;
        let watched = all.into_iter().reduce(Watched::join).expect("there is one partition at least");
        self.telemetry.set_journal_full(watched.journal_full);
        self.shared.sum_failed_handshakes();
        let standing = self.alarms(&watched, |number| self.name(number), self.now());
        let news = self.watch.raised.change(standing);
        news.log();
        if news.risen.iter().any(|(alarm, _)| *alarm == Alarm::WallClock) {
            self.telemetry.clock_alarms.add(1);
        }
        Ok(())
    }

    /// Of somebody an alarm is about; the core knows those, too, that are not configured any more.
    fn name(&self, number: ParticipantNumber) -> String {
        let name = self.posts.ask(FIRST, move |driver, _| report::name_of(driver.core(), number));
        name.unwrap_or_else(|Ended| number.to_string())
    }

    /// Returns whether the drivers are done.
    fn stopping(&mut self) -> Result<bool, Ended> {
        if !self.stop.is_asked() {
            return Ok(false);
        }
        let at = Instant::now();
        let patience = Duration::from_millis(self.config.sessions.drain_timeout_ms);
        if self.watch.stopping.is_none() {
            info!("stopping: no new work, finishing what is in flight");
            self.telemetry.set_ready(false);
            self.posts.ask_all(|driver, _| driver.stop_new_work())?;
            let within_ms = u32::try_from(self.config.sessions.drain_timeout_ms).unwrap_or(u32::MAX);
            self.posts.ask(FIRST, move |driver, _| {
                driver.tell(&Message::Notice(Notice { reason: Reason::ShuttingDown }), |_| true);
                driver.tell(&Message::Drain(Drain { within_ms }), |_| true);
            })?;
        }
        let waited = at.saturating_duration_since(*self.watch.stopping.get_or_insert(at));
        if self.watch.closing.is_none() {
            let all = self.posts.ask_all(|driver, _| (driver.core().pending(), driver.is_settled()))?;
            let in_flight: u64 = all.iter().map(|(in_flight, _)| in_flight).sum();
            let settled = all.iter().all(|(_, settled)| *settled);
            if (in_flight > 0 && waited < patience) || (!settled && waited < patience + SETTLES_WITHIN) {
                return Ok(false);
            }
            if in_flight > 0 {
                warn!(in_flight, "stopping with transactions in flight: they are taken up after the restart");
            }
            if !settled {
                warn!("stopping although not everything decided is on disk: nobody was told of the rest");
            }
            self.posts.ask(FIRST, |driver, _| driver.close_links(Reason::SwitchStopping))?;
        }
        // Each link takes its last answers along; it has a time limit of its own.
        let closing = *self.watch.closing.get_or_insert(at);
        let all = self.posts.ask_all(|driver, _| driver.sessions().is_empty())?;
        let closed = all.into_iter().all(|closed| closed);
        if !closed && at.saturating_duration_since(closing) < LINKS_CLOSE_WITHIN {
            return Ok(false);
        }
        for endpoint in &self.endpoints {
            let code = quinn::VarInt::from_u32(u32::from(Reason::SwitchStopping.number()));
            endpoint.quinn.close(code, Reason::SwitchStopping.name().as_bytes());
        }
        Ok(true)
    }
}
