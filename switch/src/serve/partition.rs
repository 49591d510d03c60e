//! One partition: its driver with a recovered core and a journal, and the threads beside it.

use std::error::Error as _;
use std::sync::{Arc, Mutex};

use crossbeam::channel::{Receiver, Sender, bounded};
use holdfast_core::Input;
use holdfast_journal::Handle;
use holdfast_protocol::UnixMillis;
use tokio::sync::Notify;
use tracing::{error, warn};

use super::archive::{self, ArchiveThread};
use super::priority::raised;
use super::recover::Found;
use super::snapshots::{SnapshotThread, snapshotter};
use super::together::bring_together;
use super::{ServeError, settings};
use crate::clock::Clock;
use crate::config::{Config, DriverMode};
use crate::driver::archive::{WAITING_MAX, door};
use crate::driver::{Driver, Event, Peers};
use crate::telemetry::Telemetry;
use crate::transport::Wake;

/// Batches of messages that wait for a driver; more, and links are read no further.
const EVENTS_WAITING_MAX: usize = 4_096;

/// What the archive is told besides look-ups, and has not taken yet.
const ASKS_BESIDE: usize = 256;

/// Up to so many cores the driver runs on the thread of the links, where there is one.
const INLINE_CORES_MAX: usize = 4;

/// Where a driver waits for its wake.
#[derive(Debug)]
pub(super) enum Waiting {
    /// On the thread of the links.
    Task(Arc<Notify>),
    /// On a thread of its own.
    Thread(Receiver<()>),
}

/// How a driver is woken and told, before it is there.
#[derive(Debug)]
pub(super) struct Ways {
    pub(super) wake: Wake,
    pub(super) waiting: Waiting,
    pub(super) events: Sender<Event>,
    pub(super) taken: Receiver<Event>,
}

impl Ways {
    /// For each partition.
    pub(super) fn of(config: &Config) -> Vec<Self> {
        let on_thread = match config.transport.driver {
            DriverMode::Inline => false,
            DriverMode::Thread => true,
            DriverMode::Auto if config.transport.io_threads > 1 || config.journal.partitions > 1 => true,
            DriverMode::Auto => {
                std::thread::available_parallelism().is_ok_and(|n| n.get() > INLINE_CORES_MAX)
            }
        };
        let ways = |_| {
            let (events, taken) = bounded(EVENTS_WAITING_MAX);
            let (wake, waiting) = if on_thread {
                let (signal, waiting) = bounded(1);
                (Wake::Thread(signal), Waiting::Thread(waiting))
            } else {
                let notify = Arc::new(Notify::new());
                (Wake::Task(Arc::clone(&notify)), Waiting::Task(notify))
            };
            Self { wake, waiting, events, taken }
        };
        (0..config.journal.partitions).map(ways).collect()
    }
}

/// A driver whose journal runs, and the threads beside it.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) driver: Driver<Handle>,
    pub(super) beside: Beside,
}

/// The threads beside a driver.
#[derive(Debug)]
pub(super) struct Beside {
    snapshots: SnapshotThread,
    archive: ArchiveThread,
}

impl Beside {
    /// Ends them; the driver has ended.
    pub(super) fn stop(self) -> Result<(), ServeError> {
        self.snapshots.stop()?;
        self.archive.join()
    }
}

/// Starts the journal of a recovered partition, and the threads beside its driver. Nothing is decided yet.
pub(super) fn start_one(
    found: Found,
    config: &Config,
    telemetry: &Telemetry,
    clock: &Arc<Mutex<Clock>>,
    ways: &Ways,
    peers: Peers,
) -> Result<Running, ServeError> {
    let Found { partition, core, recovered, recents, since } = found;
    let settings = settings::core(config);
    let lookups = usize::try_from(settings.recalls_max).unwrap_or(usize::MAX);
    let snapshotter = snapshotter(&recovered, &config.journal, settings);
    let archive = archive::open(&recovered, recents, since)?;
    let (door, desk) = door(lookups.saturating_add(ASKS_BESIDE), WAITING_MAX);
    let real_time_priority = config.transport.real_time_priority;
    let wake_driver = ways.wake.clone();
    let (log, got) = raised(real_time_priority, || {
        Handle::start(
            recovered,
            Box::new(move || wake_driver.wake()),
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
    let counted = telemetry.partition(partition);
    let snapshots = SnapshotThread::start(
        snapshotter,
        log.sealed(),
        Arc::clone(clock),
        (door.asks(), Arc::clone(&counted)),
    )?;
    let archive = ArchiveThread::start(archive, desk, ways.wake.clone(), Arc::clone(&counted))?;
    counted.watch_journal(log.statistics());
    let driver = Driver::new(core, log, settings::driver(config), ways.taken.clone(), telemetry.clone());
    let driver = driver.with_archive(door).with_peers(peers, counted);
    Ok(Running { driver, beside: Beside { snapshots, archive } })
}

/// Founds and configures all drivers: durable before the first request.
pub(super) fn configure(drivers: &mut [Driver<Handle>], config: &Config, now: UnixMillis) {
    for driver in &mut *drivers {
        let partition = driver.partition();
        driver.command(now, &Input::Found(partition, config.journal.partitions));
    }
    settle(drivers, now);
    bring_together(&mut drivers.iter_mut().collect::<Vec<_>>(), &config.participants, &config.routes, now);
    settle(drivers, now);
}

/// Until everything decided is durable.
fn settle(drivers: &mut [Driver<Handle>], now: UnixMillis) {
    for driver in drivers {
        while !driver.is_settled() {
            driver.turn(now, std::time::Instant::now());
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
}
