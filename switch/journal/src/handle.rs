//! The journal in production: one thread commits, one makes the next segment.
//!
//! Thin shells around [`crate::writer`] and [`crate::supply`]. The owner of the [`Handle`] never blocks on the disk; it waits
//! only in [`Handle::stop`], which joins both threads.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, TrySendError, bounded};
use holdfast_protocol::{Epoch, Sequence};

use crate::batch::{Appended, Batch, Log, NotTaken};
use crate::recovery::Recovered;
use crate::shared::{JournalFailure, Notify, OnFailure, Shared};
use crate::statistics::Statistics;
use crate::storage::{SegmentNumber, Storage};
use crate::supply::{Prepared, Preparer, Supply};
use crate::writer::{Next, Writer};

/// How long a stop waits for room on a full disk before it says what it could not write.
const STOP_WITHOUT_ROOM: Duration = Duration::from_secs(5);

/// The driver's end of a running journal. It has one owner, which hands batches in one after the other.
pub struct Handle {
    sender: Option<Sender<Batch>>,
    recycled: Receiver<Vec<u8>>,
    shared: Arc<Shared>,
    supply: Arc<Supply>,
    epoch: Epoch,
    batch_bytes_max: usize,
    /// The last fact handed in.
    last: AtomicU64,
    threads: Vec<JoinHandle<()>>,
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("epoch", &self.epoch)
            .field("shared", &self.shared)
            .finish_non_exhaustive()
    }
}

/// Tells up to which segment the journal is sealed.
#[derive(Clone, Debug)]
pub struct Sealed(Arc<Shared>);

impl Sealed {
    /// The last segment to which no frame will be written any more; zero where there is none.
    pub fn through(&self) -> SegmentNumber {
        self.0.sealed()
    }
}

impl Handle {
    /// Starts the threads of a recovered journal.
    ///
    /// `notify` is called on the writer's thread after each change of [`Log::durable`] or [`Log::is_full`]; `on_failure`
    /// once, when nothing more can be written: the owner then stops the process.
    ///
    /// # Errors
    /// [`JournalFailure::Thread`] where the system gives no thread.
    pub fn start<S: Storage>(
        recovered: Recovered<S>,
        notify: Notify,
        on_failure: OnFailure,
    ) -> Result<Self, JournalFailure> {
        let queue = recovered.settings.queue_batches_max;
        let batch_bytes_max = recovered.settings.batch_bytes_max;
        let (epoch, last) = (recovered.epoch(), recovered.last_sequence());
        let (sender, batches) = bounded(queue);
        // As many vectors can come back as can be under way, and those in the frame.
        let (give_back, recycled) = bounded(queue.saturating_mul(2));
        let started = Instant::now();
        let (writer, preparer, shared, supply) =
            recovered.into_parts(notify, Box::new(move || started.elapsed()));
        let on_failure: Arc<OnFailure> = Arc::new(on_failure);
        let mut handle = Self {
            sender: Some(sender),
            recycled,
            shared: Arc::clone(&shared),
            supply: Arc::clone(&supply),
            epoch,
            batch_bytes_max,
            last: AtomicU64::new(last.0),
            threads: Vec::new(),
        };
        let report = failure_report(Arc::clone(&shared), Arc::clone(&on_failure));
        handle.spawn("journal", move || run_writer(writer, &batches, &give_back, &report))?;
        let report = failure_report(shared, on_failure);
        handle.spawn("segments", move || run_preparer(preparer, &supply, &report))?;
        Ok(handle)
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), JournalFailure> {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
        self.threads.push(thread.map_err(|_| JournalFailure::Thread)?);
        Ok(())
    }

    /// Hands in the facts of a turn; never blocks. [`Log::append`] under the handle's own epoch, after its own last
    /// fact.
    ///
    /// # Errors
    /// Gives the batch back where the queue is full or the journal has ended ([`Self::failure`] tells which).
    ///
    /// # Panics
    /// Where the batch does not follow the one before it (facts were lost or doubled on the way here), or is larger than
    /// [`crate::Settings::batch_bytes_max`].
    pub fn try_submit(&self, batch: Batch) -> Result<(), Batch> {
        let expected = Sequence(self.last.load(Ordering::Relaxed));
        match self.append(self.epoch, expected, batch) {
            Ok(()) => Ok(()),
            Err(NotTaken::Full(batch) | NotTaken::Ended(batch)) => Err(batch),
            Err(NotTaken::Refused(batch)) => {
                panic!(
                    "a batch of {} bytes from {:?} cannot follow {expected:?}",
                    batch.bytes.len(),
                    batch.first
                )
            }
        }
    }

    /// Why the journal ended, if it did.
    pub fn failure(&self) -> Option<Arc<JournalFailure>> {
        self.shared.failure()
    }

    /// A look at how far the journal is sealed, for another thread.
    pub fn sealed(&self) -> Sealed {
        Sealed(Arc::clone(&self.shared))
    }

    /// What the journal counts.
    pub fn statistics(&self) -> Arc<Statistics> {
        Arc::clone(&self.shared.statistics)
    }

    /// Writes and seals what was handed in, and joins the threads.
    ///
    /// # Errors
    /// Why not all of it became durable.
    pub fn stop(mut self) -> Result<(), Arc<JournalFailure>> {
        self.end();
        self.shared.failure().map_or(Ok(()), Err)
    }

    fn end(&mut self) {
        self.shared.set_stopping();
        self.sender = None;
        // The preparer runs on while the writer may still need a segment; the writer stops it.
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                self.shared.failed(JournalFailure::Thread);
                self.supply.stop();
            }
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.end();
    }
}

impl Log for Handle {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn append(&self, epoch: Epoch, expected: Sequence, batch: Batch) -> Result<(), NotTaken> {
        let last = Sequence(self.last.load(Ordering::Relaxed));
        let follows = expected == last && batch.first == expected.next() && batch.count > 0;
        if epoch != self.epoch || !follows || batch.bytes.len() > self.batch_bytes_max {
            return Err(NotTaken::Refused(batch));
        }
        let Some(sender) = self.sender.as_ref().filter(|_| self.shared.failure().is_none()) else {
            return Err(NotTaken::Ended(batch));
        };
        let (bytes, after) = (batch.bytes.len(), batch.last());
        // Before it is sent: the writer subtracts when it is durable.
        self.shared.taken(bytes);
        match sender.try_send(batch) {
            Ok(()) => {
                self.last.store(after.0, Ordering::Relaxed);
                Ok(())
            }
            Err(error) => {
                self.shared.given_back(bytes);
                Err(match error {
                    TrySendError::Full(batch) => NotTaken::Full(batch),
                    TrySendError::Disconnected(batch) => NotTaken::Ended(batch),
                })
            }
        }
    }

    fn appended(&self, through: Sequence) -> Appended {
        self.shared.appended(through, Sequence(self.last.load(Ordering::Relaxed)))
    }

    fn durable(&self) -> Sequence {
        self.shared.durable()
    }

    fn unsynced_bytes(&self) -> u64 {
        self.shared.unsynced_bytes()
    }

    fn is_full(&self) -> bool {
        self.shared.is_full()
    }

    fn take_buffer(&self) -> Vec<u8> {
        self.recycled.try_recv().unwrap_or_default()
    }
}

/// Notes a failure and tells the owner of the first.
fn failure_report(shared: Arc<Shared>, on_failure: Arc<OnFailure>) -> impl Fn(JournalFailure) {
    move |failure| {
        if shared.failed(failure)
            && let Some(failure) = shared.failure()
        {
            on_failure(&failure);
        }
    }
}

/// The writer's thread. Stops the preparer when it ends.
fn run_writer<S: Storage>(
    mut writer: Writer<S>,
    batches: &Receiver<Batch>,
    give_back: &Sender<Vec<u8>>,
    report: &impl Fn(JournalFailure),
) {
    let ended = commit_until_closed(&mut writer, batches, give_back).and_then(|()| finish(&mut writer));
    if let Err(failure) = ended {
        report(failure);
    }
    writer.stop_supply();
}

fn commit_until_closed<S: Storage>(
    writer: &mut Writer<S>,
    batches: &Receiver<Batch>,
    give_back: &Sender<Vec<u8>>,
) -> Result<(), JournalFailure> {
    let mut next = writer.turn()?;
    // A batch that did not fit the frame in the making goes first into the next.
    let mut carried: Option<Batch> = None;
    let mut open = true;
    let mut blocked = Blocked::default();
    while open || carried.is_some() {
        if carried.is_none() {
            carried = wait(batches, next, &mut open);
        }
        while let Some(batch) = carried.take() {
            match writer.offer(batch) {
                Ok(empty) => match give_back.try_send(empty) {
                    // Where nobody takes vectors back there are enough.
                    Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
                },
                Err(batch) => {
                    carried = Some(batch);
                    break;
                }
            }
            match batches.try_recv() {
                Ok(batch) => carried = Some(batch),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => open = false,
            }
        }
        next = if carried.is_some() { writer.commit_now()? } else { writer.turn()? };
        if let Next::Blocked(pause) = next {
            blocked.pause(writer, pause)?;
        }
    }
    Ok(())
}

/// The next batch, if one comes in time.
fn wait(batches: &Receiver<Batch>, next: Next, open: &mut bool) -> Option<Batch> {
    let received = match next {
        Next::Batch => batches.recv().map_err(|_| RecvTimeoutError::Disconnected),
        Next::Within(wait) => batches.recv_timeout(wait),
        // It has paused already.
        Next::Blocked(_) => batches.recv_timeout(Duration::ZERO),
    };
    *open = !matches!(received, Err(RecvTimeoutError::Disconnected));
    received.ok()
}

/// Commits and seals what is left.
fn finish<S: Storage>(writer: &mut Writer<S>) -> Result<(), JournalFailure> {
    let mut blocked = Blocked::default();
    while let Next::Blocked(pause) = writer.finish()? {
        blocked.pause(writer, pause)?;
    }
    Ok(())
}

/// A frame without a segment: batches stay in the queue, which fills and says so. While stopping this has an end.
#[derive(Default)]
struct Blocked {
    stopping_since: Option<Instant>,
}

impl Blocked {
    fn pause<S: Storage>(&mut self, writer: &Writer<S>, pause: Duration) -> Result<(), JournalFailure> {
        if writer.is_stopping()
            && self.stopping_since.get_or_insert_with(Instant::now).elapsed() > STOP_WITHOUT_ROOM
        {
            return Err(writer.stopped_without_room());
        }
        std::thread::sleep(pause);
        Ok(())
    }
}

/// The preparer's thread.
fn run_preparer<S: Storage>(mut preparer: Preparer<S>, supply: &Supply, report: &impl Fn(JournalFailure)) {
    while !supply.is_stopping() {
        match preparer.step() {
            Ok(Prepared::More) => {}
            Ok(Prepared::Pause(pause) | Prepared::Wait(pause)) => supply.wait(pause),
            Ok(Prepared::Idle) => supply.wait_wanted(),
            Err(failure) => return report(failure),
        }
    }
}
