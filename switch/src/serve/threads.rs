//! Starts the threads of a switch and wires them to each other.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::SocketAddr;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crossbeam::channel::{Receiver, bounded};
use holdfast_journal::{Handle, Log};
use holdfast_link::{Credentials, TlsError};
use holdfast_protocol::Partition;
use tokio::sync::oneshot;
use tracing::{Dispatch, dispatcher, error, info, info_span, warn};

use super::clerk::Clerk;
use super::founding::recover_all;
use super::links::Links;
use super::partition::{Beside, Running, Waiting, Ways, configure, start_one};
use super::posts::{Posts, post};
use super::priority::{give_back, raise};
use super::recover::Found;
use super::shell::Shell;
use super::steward::{Steward, Watch};
use super::{ServeError, Stop, Switch, ports, settings};
use crate::admin::{self, AdminThread, CommandReceiver};
use crate::certs;
use crate::clock::Clock;
use crate::config::Config;
use crate::driver::peers::WakePeer;
use crate::driver::{Driver, Peers};
use crate::session::Directory;
use crate::telemetry::Telemetry;
use crate::transport::{Shared, ToDriver, Wake};

pub(super) fn start(config: Config) -> Result<Switch, ServeError> {
    let credentials = admin::credentials(&config).map_err(|source| no_certificates(&config, source))?;
    let telemetry = Telemetry::new(usize::from(config.journal.partitions));
    let (commands, command_receiver) = admin::channel();
    let admin_thread = AdminThread::start(config.clone(), telemetry.clone(), commands.clone())
        .map_err(|error| ports::no_admin(&config, error))?;
    // Before a journal is made, or recovered for minutes: a port that somebody else has.
    if let Err(error) = ports::are_free(&config.listen) {
        admin_thread.stop();
        return Err(error);
    }
    let (asked, stopped) = bounded(1);
    let stop = Stop { asked: Arc::default(), wake: Wake::Thread(asked) };
    let (ready, listening) = mpsc::channel();
    let parts = Parts {
        ways: Ways::of(&config),
        config,
        credentials,
        telemetry: telemetry.clone(),
        commands: command_receiver,
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

struct Parts {
    config: Config,
    credentials: Credentials,
    telemetry: Telemetry,
    commands: CommandReceiver,
    /// To each driver, by partition.
    ways: Vec<Ways>,
    stop: Stop,
    stopped: Receiver<()>,
}

type Shelled = Shell<Handle, Clerk>;

impl Parts {
    /// The first thread of links, from recovery to the end.
    fn run(mut self, ready: &mpsc::Sender<Vec<SocketAddr>>) -> Result<(), ServeError> {
        self.config.settings.hash_seed = RandomState::new().build_hasher().finish();
        let wall = Clock::start(Default::default()).now();
        let found = recover_all(&self.config, wall)?;
        for one in &found {
            one.core
                .check_configuration(&self.config.participants)
                .map_err(|error| ServeError::Configuration(error.to_string()))?;
        }
        // What is there by now stays in huge pages. A later one would be made ready whole at its first byte: two megabytes,
        // milliseconds of one payment's time on a virtual machine. Small pages cost as much in all, but no payment waits for
        // many of them.
        if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
            warn!(%error, "huge pages could not be switched off: now and then some payments take milliseconds longer");
        }
        let last = found.iter().map(|found| found.recovered.last_time()).max().unwrap_or_default();
        let clock = Arc::new(Mutex::new(Clock::start(last)));
        let (mut drivers, mut beside) = (Vec::new(), Vec::new());
        for found in found {
            let running = self.partition(found, &clock)?;
            drivers.push(running.driver);
            beside.push(running.beside);
        }
        let now = clock.lock().unwrap_or_else(PoisonError::into_inner).now();
        configure(&mut drivers, &self.config, now);
        let directory = Arc::new(Directory::default());
        let shared = Arc::new(Shared::new(
            Arc::clone(&directory),
            settings::limits(&self.config),
            self.telemetry.clone(),
            Arc::clone(&clock),
            self.ways.iter().zip(&drivers).map(|(ways, driver)| self.to_driver(ways, driver)).collect(),
        ));
        directory.replace(settings::members(&self.config));
        let links = Links::prepare(&self.config.transport, Arc::clone(&shared), self.stop.clone())?;
        let real_time_priority = self.config.transport.real_time_priority;
        // Only now: the threads beside it are there, and those that get the same, for links and drivers, are not. Where it may
        // not, the journal's thread could not, and has said so.
        if real_time_priority > 0 && raise(real_time_priority).is_ok() {
            info!(real_time_priority, "links, driver and journal run at real-time priority");
        }
        self.serve(links, drivers, clock, shared, ready)?;
        beside.into_iter().try_for_each(Beside::stop)?;
        info!("stopped; everything decided is on disk");
        Ok(())
    }

    fn partition(&self, found: Found, clock: &Arc<Mutex<Clock>>) -> Result<Running, ServeError> {
        let partition = found.partition;
        let ways = &self.ways[usize::from(partition.0)];
        let peer = |ways: &Ways| -> (_, WakePeer) {
            let wake = ways.wake.clone();
            (ways.events.clone(), Box::new(move || wake.wake()))
        };
        let peers = Peers::new(partition, self.ways.iter().map(peer).collect());
        in_span(&self.config, partition, || {
            start_one(found, &self.config, &self.telemetry, clock, ways, peers)
        })
    }

    fn to_driver(&self, ways: &Ways, driver: &Driver<Handle>) -> ToDriver {
        ToDriver {
            events: ways.events.clone(),
            wake: ways.wake.clone(),
            offer: settings::offer(&self.config, driver.partition(), driver.log().epoch()),
        }
    }

    fn serve(
        self,
        mut links: Links,
        drivers: Vec<Driver<Handle>>,
        clock: Arc<Mutex<Clock>>,
        shared: Arc<Shared>,
        ready: &mpsc::Sender<Vec<SocketAddr>>,
    ) -> Result<(), ServeError> {
        let addresses = links.listen(&self.config, &self.credentials)?;
        let (mut posts, mut shells) = (Vec::new(), Vec::new());
        for (driver, ways) in drivers.into_iter().zip(self.ways) {
            let (post, clerk) = post(ways.wake);
            posts.push(post);
            shells.push((Shell::new(driver, Arc::clone(&clock), clerk), ways.waiting));
        }
        let telemetry = self.telemetry.clone();
        let steward = Steward {
            config: self.config,
            telemetry: self.telemetry,
            posts: Posts::new(posts),
            commands: self.commands,
            stop: self.stop,
            stopped: self.stopped,
            clock,
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
        let ended = links.run(async {
            telemetry.set_ready(true);
            if ready.send(addresses).is_err() {
                warn!("nobody waits for the switch to be ready");
            }
            drive(shells).await
        });
        steward.join().map_err(|_| ServeError::Thread)?;
        let (drivers, links) = ended?;
        let stop = |driver: Driver<Handle>| driver.into_log().stop().map_err(ServeError::Journal);
        drivers.into_iter().map(stop).fold(Ok(()), Result::and)?;
        links
    }
}

/// What is logged meanwhile says of which partition, where there are several.
pub(super) fn in_span<T>(config: &Config, partition: Partition, act: impl FnOnce() -> T) -> T {
    if config.journal.partitions == 1 {
        act()
    } else {
        info_span!("partition", number = partition.0).in_scope(act)
    }
}

/// Runs all drivers where they belong, until they are to stop.
async fn drive(shells: Vec<(Shelled, Waiting)>) -> Result<Vec<Driver<Handle>>, ServeError> {
    let (mut drivers, mut threads) = (Vec::new(), Vec::new());
    for (shell, waiting) in shells {
        match waiting {
            Waiting::Thread(signal) => threads.push(on_thread(shell, signal)?),
            Waiting::Task(wake) => drivers.push(shell.run_inline(wake).await),
        }
    }
    for (thread, ended) in threads {
        drivers.push(ended.await.map_err(|_| ServeError::Thread)?);
        thread.join().map_err(|_| ServeError::Thread)?;
    }
    Ok(drivers)
}

type OnThread = (JoinHandle<()>, oneshot::Receiver<Driver<Handle>>);

fn on_thread(shell: Shelled, signal: Receiver<()>) -> Result<OnThread, ServeError> {
    let (done, ended) = oneshot::channel();
    let log = dispatcher::get_default(Dispatch::clone);
    let thread = std::thread::Builder::new().name("driver".to_owned()).spawn(move || {
        let driver = dispatcher::with_default(&log, || shell.run_on_thread(&signal));
        if done.send(driver).is_err() {
            error!("the thread of the links has ended before the driver");
        }
    })?;
    Ok((thread, ended))
}
