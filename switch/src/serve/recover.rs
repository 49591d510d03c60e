//! From a directory of segments to a core that knows everything it knew.

use std::time::{Duration, Instant};

use holdfast_core::leaving::Recents;
use holdfast_core::{Core, Settings};
use holdfast_journal::{Facts, FileStorage, News, Recovered, Storage, VisitError};
use holdfast_protocol::{Partition, Sequence, UnixMillis};
use tracing::{info, warn};

use super::{ServeError, settings};
use crate::clock::whole_ms;
use crate::config::{Config, JournalConfig};

/// How often a long recovery says how far it is.
const PROGRESS: Duration = Duration::from_secs(1);

/// What a start finds.
#[derive(Debug)]
pub(super) struct Found {
    /// Which partition is meant to be here; what its journal says is still to be compared.
    pub(super) partition: Partition,
    pub(super) core: Core,
    pub(super) recovered: Recovered<FileStorage>,
    /// What left memory by facts after `since`: the rest is in the archive's indexes.
    pub(super) recents: Recents,
    pub(super) since: Sequence,
}

/// Opens the journal and folds its facts into a core (I7): from the newest snapshot that counts on, or from the first.
/// `now` is the wall clock's time: the switch's own resumes no earlier than the last journaled time.
pub(super) fn recover(config: &Config, partition: Partition, now: UnixMillis) -> Result<Found, ServeError> {
    let (settings, journal) = (settings::core(config), &config.journal);
    let started = Instant::now();
    let mut said = started;
    let unindexed_max = usize::try_from(journal.unindexed_max).unwrap_or(usize::MAX);
    let (mut recents, mut since) = (Recents::new(unindexed_max), Sequence(0));
    let opened = holdfast_journal::open_core(
        &journal.of_partition(partition),
        journal_settings(journal),
        now,
        &mut || prepared(&settings),
        &mut |news| match news {
            News::SnapshotUnusable(at, error) => {
                let error: &dyn std::error::Error = error;
                warn!(segment = at.0, error, "a snapshot does not count and is not used");
            }
            News::SnapshotLoaded(segment, sequence) => {
                since = sequence;
                let took_ms = whole_ms(started.elapsed());
                info!(segment = segment.0, facts = sequence.0, took_ms, "snapshot loaded");
            }
            News::Applied(segment, sequence) if said.elapsed() >= PROGRESS => {
                said = Instant::now();
                info!(facts = sequence.0, segment = segment.0, "recovering");
            }
            News::Applied(..) => {}
        },
        &mut recents,
    )?;
    let (mut core, recovered) = opened;
    let (epoch, took_ms) = (recovered.epoch().0, whole_ms(started.elapsed()));
    match recovered.report() {
        Some(report) => info!(
            facts = core.sequence().0,
            facts_read = report.facts,
            segments = report.segments,
            torn_bytes = report.torn_bytes,
            epoch,
            took_ms,
            "journal recovered"
        ),
        None => info!(epoch, "new journal"),
    }
    resume(&mut core, &recovered, now);
    Ok(Found { partition, core, recovered, recents, since })
}

/// An empty core that has its memory.
fn prepared(settings: &Settings) -> Core {
    let started = Instant::now();
    let mut core = Core::new(settings.clone());
    core.keep_leaving();
    core.prepare();
    let (expected_rate_per_s, took_ms) = (settings.expected_rate_per_s, whole_ms(started.elapsed()));
    info!(expected_rate_per_s, took_ms, "memory made ready");
    core
}

/// Folds the facts of one frame into a core (I7).
///
/// # Errors
/// A fact that cannot be read, or bytes after the last one.
pub fn fold(core: &mut Core, facts: &Facts<'_>) -> Result<(), VisitError> {
    Ok(holdfast_journal::fold(core, facts)?)
}

/// All facts are folded: the core goes on in the epoch that was begun, no earlier than the last journaled time.
pub fn resume<S: Storage>(core: &mut Core, recovered: &Recovered<S>, now: UnixMillis) {
    core.resume(recovered.last_time().max(now), recovered.epoch());
}

fn journal_settings(journal: &JournalConfig) -> holdfast_journal::Settings {
    let defaults = holdfast_journal::Settings::default();
    // Several frames fit the smallest segment, and the driver's largest batch fits the smallest frame.
    let quarter = usize::try_from(journal.segment_bytes / 4).unwrap_or(usize::MAX);
    holdfast_journal::Settings {
        frame_bytes_max: defaults.frame_bytes_max.min(quarter),
        batch_bytes_max: defaults.batch_bytes_max.min(quarter),
        segment_bytes: journal.segment_bytes,
        gather: Duration::from_micros(journal.gather_us),
        gather_bytes: usize::try_from(journal.gather_bytes).unwrap_or(usize::MAX),
        full_reserve_bytes: journal.full_reserve_bytes,
        ..defaults
    }
}
