//! The thread of the archive: it keeps what left memory, and looks up what is asked for.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use holdfast_core::leaving::Recents;
use holdfast_journal::{Archive, FileStorage, IndexError, Recovered};
use holdfast_protocol::Sequence;
use tracing::{Dispatch, Span, dispatcher, error, info, warn};

use super::ServeError;
use super::priority::give_back;
use crate::driver::archive::{Desk, Served};
use crate::telemetry::PartitionTelemetry;
use crate::transport::Wake;

/// Behind payments and snapshots: what is looked up is old, and whoever asks repeats.
const NICE: i32 = 10;

/// The running thread. It ends when nobody is left who asks.
#[derive(Debug)]
pub(super) struct ArchiveThread(JoinHandle<()>);

/// The archive of a recovered journal. `recents` has what left since the fact `from`.
pub(super) fn open(
    recovered: &Recovered<FileStorage>,
    recents: Recents,
    from: Sequence,
) -> io::Result<Archive<FileStorage>> {
    let mut archive = Archive::open(recovered.storage(), recovered.journal(), recents, from)?;
    let counts = archive.counts();
    info!(
        indexes = counts.indexes,
        indexed = counts.indexed,
        unindexed = counts.unindexed,
        damaged = counts.damaged,
        "archive opened"
    );
    say_damage(&mut archive);
    Ok(archive)
}

impl ArchiveThread {
    pub(super) fn start(
        archive: Archive<FileStorage>,
        mut desk: Desk,
        wake: Wake,
        telemetry: Arc<PartitionTelemetry>,
    ) -> io::Result<Self> {
        let (log, span) = (dispatcher::get_default(Dispatch::clone), Span::current());
        let thread = std::thread::Builder::new().name("archive".to_owned()).spawn(move || {
            dispatcher::with_default(&log, || span.in_scope(|| run(archive, &mut desk, &wake, &telemetry)));
        })?;
        Ok(Self(thread))
    }

    /// Waits for its end.
    pub(super) fn join(self) -> Result<(), ServeError> {
        self.0.join().map_err(|_| ServeError::Thread)
    }
}

fn run(mut archive: Archive<FileStorage>, desk: &mut Desk, wake: &Wake, telemetry: &PartitionTelemetry) {
    give_back();
    // Of this thread alone: on Linux a priority belongs to a thread.
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        warn!(%error, "the archive is kept at the usual priority");
    }
    loop {
        telemetry.set_archive(archive.counts());
        match desk.serve_next(&mut archive) {
            Served::Answered => wake.wake(),
            Served::Taken => {}
            Served::Over => return,
        }
        say_damage(&mut archive);
    }
}

/// Nothing stops for it: what the index held is unavailable until it is made again.
fn say_damage(archive: &mut Archive<FileStorage>) {
    for (segment, why) in archive.take_damage() {
        if let IndexError::Io(why) = &why {
            let why: &dyn std::error::Error = why;
            error!(%segment, why, "an index of the archive could not be read: what was looked up in it is unavailable until it can");
            continue;
        }
        let why: &dyn std::error::Error = &why;
        error!(
            %segment,
            why,
            "an index of the archive is damaged: originals as old as it cannot be looked up; `holdfast journal reindex` makes it again"
        );
    }
}
