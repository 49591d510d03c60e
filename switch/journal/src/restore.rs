//! Opening a journal into a core: from the newest snapshot that counts and the facts after it, or from the first fact.
//!
//! One thread reads, checks and decodes ahead; the caller's applies. Which of them is faster changes nothing of the
//! result.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::path::Path;
use std::sync::Arc;

use crossbeam::channel::{Receiver, Sender, TrySendError, bounded};
use holdfast_core::leaving::Recents;
use holdfast_core::{Core, Fact};
use holdfast_protocol::{Epoch, Sequence, UnixMillis};

use crate::facts::read_facts_behind;
use crate::format::JournalId;
use crate::reading::{Begin, Reading, read_all};
use crate::recovery::{OpenError, Recovered, VisitError, random_id, recover_read};
use crate::scan::Facts;
use crate::settings::Settings;
use crate::snapshot::{SnapshotError, load};
use crate::storage::{Access, FileStorage, SegmentNumber, SnapshotFile, SnapshotStorage, Storage};
use crate::survey::survey;

/// Frames decoded ahead: as many as stay in the caches until they are applied.
const FRAMES_AHEAD: usize = 16;

/// What recovering into a core tells while it goes on.
#[derive(Debug)]
pub enum News<'a> {
    /// A snapshot does not count; the one before it, or the journal, is read instead.
    SnapshotUnusable(SegmentNumber, &'a SnapshotError),
    /// A snapshot was loaded; the journal goes on after this fact.
    SnapshotLoaded(SegmentNumber, Sequence),
    /// The facts up to this one, in this segment, were applied.
    Applied(SegmentNumber, Sequence),
}

/// What the caller of a recovery brings.
pub struct Recovering<'a> {
    /// Makes an empty core; called again where a snapshot turns out not to count.
    pub new_core: &'a mut dyn FnMut() -> Core,
    /// Applies a fact; [`Core::apply_recovered`] in production.
    pub apply: &'a mut dyn FnMut(&mut Core, &Fact),
    /// Is told what happens, once a frame at most.
    pub news: &'a mut dyn FnMut(News<'_>),
}

impl std::fmt::Debug for Recovering<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recovering").finish_non_exhaustive()
    }
}

/// Opens the journal of a directory into a core, or makes one. `now` is the wall clock. Where the core keeps what leaves
/// it, `recents` takes it.
///
/// # Errors
/// See [`OpenError`].
pub fn open_core(
    directory: &Path,
    settings: Settings,
    now: UnixMillis,
    new_core: &mut dyn FnMut() -> Core,
    news: &mut dyn FnMut(News<'_>),
    recents: &mut Recents,
) -> Result<(Core, Recovered<FileStorage>), OpenError> {
    settings.check()?;
    let storage = Arc::new(FileStorage::open(directory, Access::Write)?);
    let apply = &mut |core: &mut Core, fact: &Fact| {
        core.apply_recovered(fact);
        recents.take(core);
    };
    recover_core(storage, settings, random_id()?, now, Recovering { new_core, apply, news })
}

/// Opens the journal of any storage into a core; a new one gets the id given.
///
/// # Errors
/// See [`OpenError`].
pub fn recover_core<S: SnapshotStorage>(
    storage: Arc<S>,
    settings: Settings,
    new_id: JournalId,
    now: UnixMillis,
    mut into: Recovering<'_>,
) -> Result<(Core, Recovered<S>), OpenError> {
    settings.check()?;
    let (mut core, snapshot, begin) = base(&*storage, &mut into)?;
    let reading = apply_all(&*storage, &begin, &mut core, &mut into)?;
    let frames = reading.as_ref().map_or(0, |reading| reading.report.frames);
    if let Begin::After(from) = &begin
        && frames == 0
    {
        let why = "no frame counts there, but a snapshot was made when one was durable".to_owned();
        return Err(OpenError::Corrupt { at: from.progress().at, why });
    }
    let mut recovered = recover_read(storage, settings, new_id, now, reading)?;
    recovered.snapshot = snapshot;
    Ok((core, recovered))
}

/// The core of the newest snapshot that counts, or an empty one, and where the journal goes on.
fn base<S: SnapshotStorage>(
    storage: &S,
    into: &mut Recovering<'_>,
) -> Result<(Core, Option<SnapshotFile>, Begin), OpenError> {
    let mut files = storage.list_snapshots()?;
    files.retain(|file| file.finished);
    let journal = survey(storage)?.journal;
    while let Some((file, journal)) = files.pop().zip(journal) {
        match load(storage, file, journal, (into.new_core)()) {
            Ok((core, header)) => {
                (into.news)(News::SnapshotLoaded(file.at, core.sequence()));
                return Ok((core, Some(file), Begin::After(header.from)));
            }
            Err(error) => (into.news)(News::SnapshotUnusable(file.at, &error)),
        }
    }
    Ok(((into.new_core)(), None, Begin::First))
}

/// The facts of one frame, decoded.
struct Decoded {
    segment: SegmentNumber,
    epoch: Epoch,
    time: UnixMillis,
    facts: Vec<Fact>,
}

fn apply_all<S: Storage>(
    storage: &S,
    begin: &Begin,
    core: &mut Core,
    into: &mut Recovering<'_>,
) -> Result<Option<Reading>, OpenError> {
    let (sender, frames) = bounded(FRAMES_AHEAD);
    // What was applied goes back: memory that was used before is in the caches, and needs no page cleared.
    let (applied, emptied) = bounded(FRAMES_AHEAD.saturating_mul(2));
    let read = std::thread::scope(|scope| {
        let reader = scope.spawn(move || {
            read_all(storage, begin, &mut |facts| {
                let room = emptied.try_recv().unwrap_or_default();
                sender.send(decode(&facts, room)?).map_err(|_| "nobody applies what is read".into())
            })
        });
        apply_decoded(&frames, &applied, core, into);
        reader.join()
    });
    read.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn decode(frame: &Facts<'_>, mut facts: Vec<Fact>) -> Result<Decoded, VisitError> {
    facts.reserve(usize::try_from(frame.count).unwrap_or(0));
    read_facts_behind(frame, &mut facts)?;
    Ok(Decoded { segment: frame.at.segment, epoch: frame.epoch, time: frame.time, facts })
}

/// Applies what comes until nothing more does.
fn apply_decoded(
    frames: &Receiver<Decoded>,
    applied: &Sender<Vec<Fact>>,
    core: &mut Core,
    into: &mut Recovering<'_>,
) {
    for Decoded { segment, epoch, time, mut facts } in frames {
        core.set_epoch(epoch);
        core.set_time(time);
        facts.iter().for_each(|fact| (into.apply)(core, fact));
        facts.clear();
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = applied.try_send(facts) {
            // The reader has enough, or has read all: this one goes.
        }
        (into.news)(News::Applied(segment, core.sequence()));
    }
}
