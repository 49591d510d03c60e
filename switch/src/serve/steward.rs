//! What happens between two turns: the commands of those who run the switch, its alarms, and its orderly stop.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use holdfast_core::Input;
use holdfast_core::registry::ParticipantStatus;
use holdfast_journal::{Handle, Log};
use holdfast_link::{Credentials, Endpoint, ValidUntil};
use holdfast_protocol::{
    BusinessDate, Drain, Message, Notice, ParticipantNumber, Reason, Sequence, UnixMillis, Window,
};
use tracing::{info, warn};

use super::alarms::{Alarm, Around, Raised};
use super::settings::members;
use super::shell::Between;
use super::{Stop, alarms, report, transactions};
use crate::admin::command::{Command, CommandError, CommandReceiver, Reply, answer};
use crate::admin::report::{TransactionReport, UndeliveredReport};
use crate::clock::Clock;
use crate::config::Config;
use crate::driver::Driver;
use crate::telemetry::Telemetry;
use crate::transport::Shared;

/// Commands taken between two turns, so that no number of them delays a payment.
const COMMANDS_PER_TURN: usize = 8;

/// How far ahead of the switch's time a business date may be: long enough for any holiday.
const CUTOVER_AHEAD_MAX_MS: u64 = 31 * 86_400_000;

/// Beyond the time for what is in flight: how long a stop waits for decided facts to be durable.
const SETTLES_WITHIN: Duration = Duration::from_secs(10);

/// How long a stop waits for its links, more than each of them waits for its peer.
const LINKS_CLOSE_WITHIN: Duration = Duration::from_secs(3);

/// How often clock and statistics are looked after.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

/// Looks after the driver for those who run the switch.
#[derive(Debug)]
pub(super) struct Steward {
    pub(super) config: Config,
    pub(super) telemetry: Telemetry,
    commands: CommandReceiver,
    stop: Stop,
    stopping: Option<Instant>,
    /// Since when its links are closing.
    closing: Option<Instant>,
    clock: Arc<Mutex<Clock>>,
    shared: Arc<Shared>,
    endpoints: Vec<Endpoint>,
    /// Answers that wait until their facts are durable (I1).
    waiting: Vec<(Sequence, Done)>,
    housekeeping: Option<Instant>,
    raised: Raised,
    /// How long the certificates last that new handshakes use.
    pub(super) certificates: ValidUntil,
    /// By how much the wall clock was ahead when last compared, in milliseconds.
    pub(super) wall_clock_ahead_ms: i64,
}

/// An answer to be given once its facts are durable. That nobody waits for it any more is no error.
#[derive(Debug)]
enum Done {
    Nothing(Reply<Result<(), CommandError>>),
    Before(Reply<Result<BusinessDate, CommandError>>, BusinessDate),
    Transaction(Reply<TransactionAnswer>, TransactionAnswer),
    Undelivered(Reply<UndeliveredAnswer>, UndeliveredAnswer),
}

type TransactionAnswer = Result<Box<TransactionReport>, CommandError>;
type UndeliveredAnswer = Result<Box<UndeliveredReport>, CommandError>;

impl Done {
    fn say(self) {
        match self {
            Self::Nothing(reply) => answer(reply, Ok(())),
            Self::Before(reply, before) => answer(reply, Ok(before)),
            Self::Transaction(reply, found) => answer(reply, found),
            Self::Undelivered(reply, found) => answer(reply, found),
        }
    }
}

impl Steward {
    pub(super) fn new(
        config: Config,
        commands: CommandReceiver,
        stop: Stop,
        telemetry: Telemetry,
        clock: Arc<Mutex<Clock>>,
        shared: Arc<Shared>,
        endpoints: Vec<Endpoint>,
    ) -> Self {
        Self {
            config,
            telemetry,
            commands,
            stop,
            stopping: None,
            closing: None,
            clock,
            shared,
            endpoints,
            waiting: Vec::new(),
            housekeeping: None,
            raised: Raised::default(),
            certificates: ValidUntil::default(),
            wall_clock_ahead_ms: 0,
        }
    }

    /// Whether the switch is on its way to its end.
    pub(super) const fn is_stopping(&self) -> bool {
        self.stopping.is_some()
    }

    /// How many links each thread of links has.
    pub(super) fn links_of_threads(&self) -> Vec<u64> {
        self.shared.links_of_threads().into_iter().map(|links| links as u64).collect()
    }

    fn command(&mut self, driver: &mut Driver<Handle>, now: UnixMillis, command: Command) {
        match command {
            Command::Status { reply } => answer(reply, Box::new(report::status(self, driver, now))),
            Command::SetStatus { participant, status, reply } => {
                let Some(number) = report::find(driver.core(), &participant) else {
                    return answer(reply, Err(CommandError::ParticipantUnknown(participant)));
                };
                let record = driver.core().record(number);
                let participant = record.map_or_else(|| number.to_string(), |record| record.name.clone());
                info!(participant, ?status, "status set");
                driver.command(now, &Input::SetStatus(number, status));
                self.tell_status(driver, number, status);
                self.waiting.push((driver.core().sequence(), Done::Nothing(reply)));
            }
            Command::CutOver { date, reply } => self.cut_over(driver, now, date, reply),
            Command::Transaction { originator, id, reply } => {
                // What is told about a payment may be acted upon: not before it is durable.
                let found = transactions::transaction(driver.core(), &originator, id);
                self.waiting.push((driver.core().sequence(), Done::Transaction(reply, found)));
            }
            Command::Undelivered { destination, max, reply } => {
                let found =
                    transactions::undelivered(driver.core(), driver.view(), destination.as_ref(), max, now);
                self.waiting.push((driver.core().sequence(), Done::Undelivered(reply, found)));
            }
            Command::ExplainRoute { payment_id, reply } => {
                answer(
                    reply,
                    Box::new(report::route(driver, payment_id, self.config.sessions.start_grace_ms)),
                );
            }
            Command::Reload { config, credentials, reply } => {
                match self.reload(driver, now, *config, &credentials) {
                    Ok(()) => self.waiting.push((driver.core().sequence(), Done::Nothing(reply))),
                    Err(error) => answer(reply, Err(error)),
                }
            }
        }
    }

    /// Rule 25: a participant hears that no new work is wanted, and why; or that it is wanted again.
    fn tell_status(&self, driver: &Driver<Handle>, number: ParticipantNumber, status: ParticipantStatus) {
        let reason = match status {
            ParticipantStatus::Active => {
                let window = self.config.sessions.window;
                return driver.tell(&Message::Window(Window { window }), |whose| whose == number);
            }
            ParticipantStatus::Draining => Reason::Draining,
            ParticipantStatus::Suspended => Reason::Suspended,
        };
        driver.tell(&Message::Notice(Notice { reason }), |whose| whose == number);
        driver.tell(&Message::Drain(Drain { within_ms: 0 }), |whose| whose == number);
    }

    fn cut_over(
        &mut self,
        driver: &mut Driver<Handle>,
        now: UnixMillis,
        date: BusinessDate,
        reply: Reply<Result<BusinessDate, CommandError>>,
    ) {
        let before = driver.core().business_date().expect("the date is set before the first command");
        if date <= before {
            let conflict = format!("the business date is {before}; a cutover only moves it forward");
            return answer(reply, Err(CommandError::Conflict(conflict)));
        }
        // A calendar that has leapt cannot be brought back: a date never goes back (rule 27).
        let latest = BusinessDate::from_utc(now.plus(CUTOVER_AHEAD_MAX_MS));
        if date > latest {
            let conflict =
                format!("{date} is too far ahead: the latest date that can be set now is {latest}");
            return answer(reply, Err(CommandError::Conflict(conflict)));
        }
        info!(%before, %date, "cutover");
        driver.command(now, &Input::CutOver(date));
        self.waiting.push((driver.core().sequence(), Done::Before(reply, before)));
    }

    fn reload(
        &mut self,
        driver: &mut Driver<Handle>,
        now: UnixMillis,
        config: Config,
        credentials: &Credentials,
    ) -> Result<(), CommandError> {
        let conflict = |error: &dyn std::fmt::Display| CommandError::Conflict(error.to_string());
        driver.core().check_configuration(&config.participants).map_err(|e| conflict(&e))?;
        let directory = Arc::clone(&self.shared.directory);
        let tls = credentials
            .server(Arc::new(move |identity| directory.admits(identity)))
            .map_err(|error| conflict(&error))?;
        for endpoint in &self.endpoints {
            endpoint.set_server_tls(Arc::clone(&tls));
        }
        driver.command(now, &Input::Configure(config.participants.clone(), config.routes.clone()));
        self.shared.directory.replace(members(&config));
        driver.close_links_of(Reason::Removed, |number| {
            !config.participants.iter().any(|p| p.number == number)
        });
        self.config = config;
        self.certificates = credentials.valid_until();
        Ok(())
    }

    /// The alarms that stand now.
    pub(super) fn alarms(&self, driver: &Driver<Handle>, now: UnixMillis) -> alarms::Standing {
        let around = Around {
            journal_full: driver.log().is_full(),
            archive_damaged: self.telemetry.archive().map_or(0, |counts| counts.damaged),
            snapshot_failing: self.telemetry.snapshots.get().failing,
            wall_clock_ahead_ms: self.wall_clock_ahead_ms,
            reload_refused: self.telemetry.reloads_refused().1,
            certificates: self.certificates,
        };
        alarms::standing(driver.core(), &around, now)
    }

    fn housekeeping(&mut self, driver: &Driver<Handle>, now: UnixMillis, at: Instant) {
        if self.housekeeping.is_some_and(|next| at < next) {
            return;
        }
        self.housekeeping = Some(at + HOUSEKEEPING);
        self.wall_clock_ahead_ms = self.clock.lock().unwrap_or_else(PoisonError::into_inner).slew();
        self.telemetry.set_journal_full(driver.log().is_full());
        self.shared.sum_failed_handshakes();
        let news = self.raised.change(self.alarms(driver, now));
        news.log();
        if news.risen.iter().any(|(alarm, _)| *alarm == Alarm::WallClock) {
            self.telemetry.driver.clock_alarms.add(1);
        }
    }

    /// Returns whether the driver is done.
    fn stopping(&mut self, driver: &mut Driver<Handle>, at: Instant) -> bool {
        if !self.stop.is_asked() {
            return false;
        }
        let since = *self.stopping.get_or_insert_with(|| {
            info!("stopping: no new work, finishing what is in flight");
            self.telemetry.set_ready(false);
            driver.stop_new_work();
            let within_ms = u32::try_from(self.config.sessions.drain_timeout_ms).unwrap_or(u32::MAX);
            driver.tell(&Message::Notice(Notice { reason: Reason::ShuttingDown }), |_| true);
            driver.tell(&Message::Drain(Drain { within_ms }), |_| true);
            at
        });
        let waited = at.saturating_duration_since(since);
        let patience = Duration::from_millis(self.config.sessions.drain_timeout_ms);
        if self.closing.is_none() {
            let in_flight = driver.core().pending();
            let settled = driver.is_settled();
            if (in_flight > 0 && waited < patience) || (!settled && waited < patience + SETTLES_WITHIN) {
                return false;
            }
            if in_flight > 0 {
                warn!(in_flight, "stopping with transactions in flight: they are taken up after the restart");
            }
            if !settled {
                warn!("stopping although not everything decided is on disk: nobody was told of the rest");
            }
            driver.close_links(Reason::SwitchStopping);
        }
        // Each link takes its last answers along; it has a time limit of its own.
        let closing = *self.closing.get_or_insert(at);
        if !driver.sessions().is_empty() && at.saturating_duration_since(closing) < LINKS_CLOSE_WITHIN {
            return false;
        }
        for endpoint in &self.endpoints {
            let code = quinn::VarInt::from_u32(u32::from(Reason::SwitchStopping.number()));
            endpoint.quinn.close(code, Reason::SwitchStopping.name().as_bytes());
        }
        true
    }
}

impl Between<Handle> for Steward {
    fn between(&mut self, driver: &mut Driver<Handle>, now: UnixMillis, at: Instant) -> bool {
        for _ in 0..COMMANDS_PER_TURN {
            let Ok(command) = self.commands.try_recv() else { break };
            self.command(driver, now, command);
        }
        if !self.waiting.is_empty() {
            let durable = driver.log().durable();
            for (_, done) in self.waiting.extract_if(.., |(until, _)| *until <= durable) {
                done.say();
            }
        }
        self.housekeeping(driver, now, at);
        self.stopping(driver, at)
    }
}
