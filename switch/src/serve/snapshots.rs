//! The thread that makes snapshots: waited for by nothing but the orderly stop.
//!
//! It has the usual priority and holds back by itself ([`Paced`]). At the lowest one it fell behind where the processors
//! were taken: then the journal grows, and with it the next start.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use holdfast_core::Settings;
use holdfast_journal::{FileStorage, Paced, Recovered, Sealed, SnapshotSettings, SnapshotStep, Snapshotter};
use tracing::{Dispatch, Span, dispatcher, info, warn};

use super::ServeError;
use super::priority::give_back;
use crate::clock::{Clock, whole_ms};
use crate::config::JournalConfig;
use crate::driver::archive::Ask;
use crate::telemetry::PartitionTelemetry;

/// How often it is looked whether another segment is sealed.
const LOOK: Duration = Duration::from_secs(1);

/// Of a hundred parts of the time, how many a snapshot takes that is not late. One that is late takes all.
const SHARE: u32 = 33;

/// The running thread.
#[derive(Debug)]
pub(super) struct SnapshotThread {
    /// Dropped to end it.
    running: Sender<()>,
    storage: Arc<Paced<FileStorage>>,
    thread: JoinHandle<()>,
}

/// What makes the snapshots of a recovered journal.
pub(super) fn snapshotter(
    recovered: &Recovered<FileStorage>,
    journal: &JournalConfig,
    settings: Settings,
) -> Snapshotter<Paced<FileStorage>> {
    let days = Duration::from_secs(86_400).saturating_mul(u32::from(journal.retention_days));
    let archive = Duration::from_secs(86_400).saturating_mul(u32::from(journal.archive_days));
    let snapshots = SnapshotSettings {
        segments_between: journal.snapshot_segments,
        retention: (journal.retention_days > 0).then_some(days),
        archive_retention: (journal.archive_days > 0).then_some(archive),
        ..SnapshotSettings::default()
    };
    let storage = Arc::new(Paced::new(recovered.storage()));
    Snapshotter::new(storage, recovered.journal(), settings, snapshots, recovered.snapshot())
}

impl SnapshotThread {
    pub(super) fn start(
        snapshotter: Snapshotter<Paced<FileStorage>>,
        sealed: Sealed,
        clock: Arc<Mutex<Clock>>,
        told: (Sender<Ask>, Arc<PartitionTelemetry>),
    ) -> io::Result<Self> {
        let (running, stop) = bounded(0);
        let storage = Arc::clone(snapshotter.storage());
        let (log, span) = (dispatcher::get_default(Dispatch::clone), Span::current());
        let thread = std::thread::Builder::new().name("snapshots".to_owned()).spawn(move || {
            dispatcher::with_default(&log, || {
                span.in_scope(|| run(snapshotter, &sealed, &clock, &stop, &told))
            });
        })?;
        Ok(Self { running, storage, thread })
    }

    /// Ends it after the piece of work it is at, without further pauses.
    pub(super) fn stop(self) -> Result<(), ServeError> {
        self.storage.hurry();
        drop(self.running);
        self.thread.join().map_err(|_| ServeError::Thread)
    }
}

fn run(
    mut snapshotter: Snapshotter<Paced<FileStorage>>,
    sealed: &Sealed,
    clock: &Mutex<Clock>,
    stop: &Receiver<()>,
    (archive, telemetry): &(Sender<Ask>, Arc<PartitionTelemetry>),
) {
    give_back();
    let mut begun = None;
    loop {
        let now = clock.lock().unwrap_or_else(PoisonError::into_inner).now();
        let sealed = sealed.through();
        snapshotter.storage().set_share(if snapshotter.is_late(sealed) { 100 } else { SHARE });
        let wait = match snapshotter.step(sealed, now) {
            Ok(SnapshotStep::Idle) => {
                // What went before only kept up with the journal.
                begun = None;
                LOOK
            }
            Ok(SnapshotStep::More) => {
                begun.get_or_insert_with(Instant::now);
                Duration::ZERO
            }
            Ok(SnapshotStep::Made { at, sequence, bytes }) => {
                let took_ms = begun.take().map_or(0, |begun: Instant| whole_ms(begun.elapsed()));
                telemetry.snapshots.made(bytes);
                info!(segment = at.0, facts = sequence.0, bytes, took_ms, "snapshot made");
                Duration::ZERO
            }
            Ok(SnapshotStep::Indexed(segment)) => {
                tell(archive, Ask::Made(segment));
                Duration::ZERO
            }
            Ok(SnapshotStep::IndexTrimmed(segment)) => {
                tell(archive, Ask::Gone(segment));
                info!(%segment, "index removed: older than the archive's retention");
                Duration::ZERO
            }
            Ok(SnapshotStep::Trimmed(segment)) => {
                info!(%segment, "journal segment removed: older than the retention, and behind a snapshot that was loaded");
                Duration::ZERO
            }
            Err(error) => {
                begun = None;
                telemetry.snapshots.failed(chain(&error));
                let error: &dyn std::error::Error = &error;
                warn!(error, "no snapshot was made; payments go on, and so does the journal");
                LOOK
            }
        };
        if stop.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

/// Waits until the archive has room for it: it is behind, and so may this be.
fn tell(archive: &Sender<Ask>, ask: Ask) {
    if archive.send(ask).is_err() {
        warn!("the archive has ended before the snapshots");
    }
}

/// An error and its causes, in a line.
fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(error.source(), |cause| cause.source())
        .fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
