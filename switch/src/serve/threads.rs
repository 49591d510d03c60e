//! Starts the threads of a switch and wires them to each other.

use std::error::Error as _;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::SocketAddr;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam::channel::{Receiver, bounded};
use holdfast_core::Input;
use holdfast_journal::{Handle, Log};
use holdfast_link::{Credentials, TlsError};
use holdfast_protocol::BusinessDate;
use tokio::sync::Notify;
use tracing::{Dispatch, dispatcher, error, info, warn};

use super::archive::{self, ArchiveThread};
use super::clerk::Clerk;
use super::links::Links;
use super::posts::{Posts, post};
use super::priority::{give_back, raise, raised};
use super::recover::{Found, recover};
use super::shell::Shell;
use super::snapshots::{SnapshotThread, snapshotter};
use super::steward::{Steward, Watch};
use super::{ServeError, Stop, Switch, ports, settings};
use crate::admin::{self, AdminThread, CommandReceiver};
use crate::certs;
use crate::clock::Clock;
use crate::config::{Config, DriverMode};
use crate::driver::Driver;
use crate::driver::archive::{WAITING_MAX, door};
use crate::session::Directory;
use crate::telemetry::Telemetry;
use crate::transport::{Shared, ToDriver, Wake};

/// Batches of messages that wait for the driver; more, and links are read no further.
const EVENTS_WAITING_MAX: usize = 4_096;

/// What the archive is told besides look-ups, and has not taken yet.
const ASKS_BESIDE: usize = 256;

/// Up to so many cores the driver runs on the thread of the links, where there is one.
const INLINE_CORES_MAX: usize = 4;

pub(super) fn start(config: Config) -> Result<Switch, ServeError> {
    let credentials = admin::credentials(&config).map_err(|source| no_certificates(&config, source))?;
    let telemetry = Telemetry::default();
    let (commands, command_receiver) = admin::channel();
    let admin_thread = AdminThread::start(config.clone(), telemetry.clone(), commands.clone())
        .map_err(|error| ports::no_admin(&config, error))?;
    // Before a journal is made, or recovered for minutes: a port that somebody else has.
    if let Err(error) = ports::are_free(&config.listen) {
        admin_thread.stop();
        return Err(error);
    }
    let on_thread = match config.transport.driver {
        DriverMode::Inline => false,
        DriverMode::Thread => true,
        DriverMode::Auto if config.transport.io_threads > 1 => true,
        DriverMode::Auto => std::thread::available_parallelism().is_ok_and(|n| n.get() > INLINE_CORES_MAX),
    };
    let (wake, waiting) = if on_thread {
        let (signal, waiting) = bounded(1);
        (Wake::Thread(signal), Waiting::Thread(waiting))
    } else {
        let notify = Arc::new(Notify::new());
        (Wake::Task(Arc::clone(&notify)), Waiting::Task(notify))
    };
    let (asked, stopped) = bounded(1);
    let stop = Stop { asked: Arc::default(), wake: Wake::Thread(asked) };
    let (ready, listening) = mpsc::channel();
    let parts = Parts {
        config,
        credentials,
        telemetry: telemetry.clone(),
        commands: command_receiver,
        wake,
        waiting,
        stop: stop.clone(),
        stopped,
    };
    let (running, ended) = tokio::sync::oneshot::channel::<()>();
    // A switch logs where the one who starts it logs, from whatever thread.
    let log = dispatcher::get_default(Dispatch::clone);
    let links = std::thread::Builder::new().name("links".to_owned()).spawn(move || {
        let result = dispatcher::with_default(&log, || parts.run(&ready));
        drop((ready, running));
        result
    })?;
    match listening.recv() {
        Ok(addresses) => {
            let admin = admin_thread.address();
            Ok(Switch { addresses, admin, commands, stop, telemetry, links, ended, admin_thread })
        }
        // It ended before it listened: its result says why.
        Err(_) => {
            admin_thread.stop();
            Err(links.join().map_err(|_| ServeError::Thread)?.err().unwrap_or(ServeError::Thread))
        }
    }
}

fn no_certificates(config: &Config, source: TlsError) -> ServeError {
    match certs::next_step(config) {
        Some(next_step) => ServeError::NoCertificates { source: Box::new(source), next_step },
        None => source.into(),
    }
}

/// Where the driver waits for its wake.
enum Waiting {
    Task(Arc<Notify>),
    Thread(Receiver<()>),
}

/// The threads beside the driver.
struct Beside {
    snapshots: SnapshotThread,
    archive: ArchiveThread,
}

struct Parts {
    config: Config,
    credentials: Credentials,
    telemetry: Telemetry,
    commands: CommandReceiver,
    wake: Wake,
    waiting: Waiting,
    stop: Stop,
    stopped: Receiver<()>,
}

type Running = Shell<Handle, Clerk>;

impl Parts {
    /// The first thread of links, from recovery to the end.
    fn run(mut self, ready: &mpsc::Sender<Vec<SocketAddr>>) -> Result<(), ServeError> {
        self.config.settings.hash_seed = RandomState::new().build_hasher().finish();
        let wall = Clock::start(Default::default()).now();
        let found = recover(self.config.settings.clone(), &self.config.journal, wall)?;
        // What is there by now stays in huge pages. A later one would be made ready whole at its first byte: two megabytes,
        // milliseconds of one payment's time on a virtual machine. Small pages cost as much in all, but no payment waits for
        // many of them.
        if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
            warn!(%error, "huge pages could not be switched off: now and then some payments take milliseconds longer");
        }
        let clock = Arc::new(Mutex::new(Clock::start(found.recovered.last_time())));
        let (events, event_receiver) = bounded(EVENTS_WAITING_MAX);
        let (driver, beside) = self.driver(found, event_receiver, &clock)?;
        let directory = Arc::new(Directory::default());
        let shared = Arc::new(Shared::new(
            Arc::clone(&directory),
            settings::limits(&self.config),
            self.telemetry.clone(),
            Arc::clone(&clock),
            vec![ToDriver {
                events,
                wake: self.wake.clone(),
                offer: settings::offer(&self.config, driver.core().partition(), driver.log().epoch()),
            }],
        ));
        directory.replace(settings::members(&self.config));
        let links = Links::prepare(&self.config.transport, Arc::clone(&shared), self.stop.clone())?;
        let real_time_priority = self.config.transport.real_time_priority;
        // Only now: the threads beside it are there, and those that get the same, for links and driver, are not. Where it may
        // not, the journal's thread could not, and has said so.
        if real_time_priority > 0 && raise(real_time_priority).is_ok() {
            info!(real_time_priority, "links, driver and journal run at real-time priority");
        }
        self.serve(links, driver, clock, shared, ready)?;
        beside.snapshots.stop()?;
        beside.archive.join()?;
        info!("stopped; everything decided is on disk");
        Ok(())
    }

    /// A driver whose configuration is durable before the first request.
    fn driver(
        &self,
        found: Found,
        events: Receiver<crate::driver::Event>,
        clock: &Arc<Mutex<Clock>>,
    ) -> Result<(Driver<Handle>, Beside), ServeError> {
        let Found { core, recovered, recents, since } = found;
        core.check_configuration(&self.config.participants)
            .map_err(|error| ServeError::Configuration(error.to_string()))?;
        let wake = self.wake.clone();
        let snapshotter = snapshotter(&recovered, &self.config.journal, self.config.settings.clone());
        let archive = archive::open(&recovered, recents, since)?;
        let lookups = usize::try_from(self.config.settings.recalls_max).unwrap_or(usize::MAX);
        let (door, desk) = door(lookups.saturating_add(ASKS_BESIDE), WAITING_MAX);
        let real_time_priority = self.config.transport.real_time_priority;
        let (log, got) = raised(real_time_priority, || {
            Handle::start(
                recovered,
                Box::new(move || wake.wake()),
                Box::new(|failure| {
                    // Never retried, never survived: what the disk holds now only a recovery can tell.
                    let cause = failure.source().map_or_else(String::new, ToString::to_string);
                    error!(%failure, cause, "the journal has ended, and with it the switch");
                    std::process::abort();
                }),
            )
        });
        let log = log.map_err(|failure| ServeError::Journal(Arc::new(failure)))?;
        if let Err(error) = got {
            warn!(
                real_time_priority,
                %error,
                "links, driver and journal run at usual priority: the process may not raise it (CAP_SYS_NICE, or LimitRTPRIO of its unit)"
            );
        }
        let counted = self.telemetry.partition(core.partition());
        let snapshots = SnapshotThread::start(
            snapshotter,
            log.sealed(),
            Arc::clone(clock),
            (door.asks(), Arc::clone(&counted)),
        )?;
        let archive = ArchiveThread::start(archive, desk, self.wake.clone(), Arc::clone(&counted))?;
        counted.watch_journal(log.statistics());
        let driver = Driver::new(core, log, settings::driver(&self.config), events, self.telemetry.clone());
        let mut driver = driver.with_archive(door);
        let now = clock.lock().unwrap_or_else(PoisonError::into_inner).now();
        let configured = Input::Configure(self.config.participants.clone(), self.config.routes.clone());
        driver.command(now, &configured);
        if driver.core().business_date().is_none() {
            driver.command(now, &Input::CutOver(BusinessDate::from_utc(now)));
        }
        while !driver.is_settled() {
            driver.turn(now, std::time::Instant::now());
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok((driver, Beside { snapshots, archive }))
    }

    fn serve(
        self,
        mut links: Links,
        driver: Driver<Handle>,
        clock: Arc<Mutex<Clock>>,
        shared: Arc<Shared>,
        ready: &mpsc::Sender<Vec<SocketAddr>>,
    ) -> Result<(), ServeError> {
        let addresses = links.listen(&self.config, &self.credentials)?;
        let (post, clerk) = post(self.wake);
        let (telemetry, waiting) = (self.telemetry.clone(), self.waiting);
        let steward = Steward {
            config: self.config,
            telemetry: self.telemetry,
            posts: Posts::new(vec![post]),
            commands: self.commands,
            stop: self.stop,
            stopped: self.stopped,
            clock: Arc::clone(&clock),
            shared,
            endpoints: links.endpoints(),
            certificates: self.credentials.valid_until(),
            watch: Watch::default(),
        };
        let log = dispatcher::get_default(Dispatch::clone);
        let steward = std::thread::Builder::new().name("steward".to_owned()).spawn(move || {
            give_back();
            dispatcher::with_default(&log, || steward.run());
        })?;
        let shell: Running = Shell::new(driver, clock, clerk);
        let ended = links.run(async {
            telemetry.set_ready(true);
            if ready.send(addresses).is_err() {
                warn!("nobody waits for the switch to be ready");
            }
            drive(shell, waiting).await
        });
        steward.join().map_err(|_| ServeError::Thread)?;
        let (driver, links) = ended?;
        driver.into_log().stop().map_err(ServeError::Journal)?;
        links
    }
}

/// Runs the driver where it belongs, until it is to stop.
async fn drive(shell: Running, waiting: Waiting) -> Result<Driver<Handle>, ServeError> {
    let signal = match waiting {
        Waiting::Task(wake) => return Ok(shell.run_inline(wake).await),
        Waiting::Thread(signal) => signal,
    };
    let (done, ended) = tokio::sync::oneshot::channel();
    let log = dispatcher::get_default(Dispatch::clone);
    let thread = std::thread::Builder::new().name("driver".to_owned()).spawn(move || {
        let driver = dispatcher::with_default(&log, || shell.run_on_thread(&signal));
        if done.send(driver).is_err() {
            error!("the thread of the links has ended before the driver");
        }
    })?;
    let driver = ended.await.map_err(|_| ServeError::Thread)?;
    thread.join().map_err(|_| ServeError::Thread)?;
    Ok(driver)
}
