//! What the writer tells everybody else: a few atomics and how it ended.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use holdfast_protocol::Sequence;

use crate::batch::Appended;
use crate::statistics::Statistics;
use crate::storage::{Position, SegmentNumber};

/// Why the journal can write no more. Nothing is tried again: the page cache may already have dropped the data.
#[derive(Debug, thiserror::Error)]
pub enum JournalFailure {
    /// A frame could not be written.
    #[error("writing the journal failed at {at}")]
    Write {
        /// Where.
        at: Position,
        /// What the system said.
        source: io::Error,
    },
    /// A frame could not be synced.
    #[error("syncing the journal failed in segment {segment}")]
    Sync {
        /// Which.
        segment: SegmentNumber,
        /// What the system said.
        source: io::Error,
    },
    /// The next segment could not be made, for another reason than want of room.
    #[error("preparing journal segment {segment} failed")]
    Prepare {
        /// Which.
        segment: SegmentNumber,
        /// What the system said.
        source: io::Error,
    },
    /// The writer was stopped while facts waited for a segment for which there is no room.
    #[error("stopped while {bytes} bytes of facts wait for room for journal segment {segment}")]
    NoRoomAtStop {
        /// Which.
        segment: SegmentNumber,
        /// How many.
        bytes: usize,
    },
    /// A thread of the journal could not be started or ended without a word.
    #[error("a thread of the journal is gone")]
    Thread,
}

/// Called after each change of [`crate::Log::durable`] or [`crate::Log::is_full`]. It must be quick: the writer waits for it.
pub type Notify = Box<dyn Fn() + Send + Sync>;

/// Called once, on a thread of the journal, when it can write no more. Its owner stops the process.
pub type OnFailure = Box<dyn Fn(&JournalFailure) + Send + Sync>;

/// See the module.
pub(crate) struct Shared {
    durable: AtomicU64,
    /// The segment of the last frame that is durable.
    segment: AtomicU64,
    unsynced_bytes: AtomicU64,
    full: AtomicBool,
    stopping: AtomicBool,
    failure: OnceLock<Arc<JournalFailure>>,
    pub(crate) statistics: Arc<Statistics>,
    notify: Notify,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("durable", &self.durable)
            .field("unsynced_bytes", &self.unsynced_bytes)
            .field("full", &self.full)
            .field("failure", &self.failure)
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(durable: Sequence, segment: SegmentNumber, notify: Notify) -> Self {
        Self {
            durable: AtomicU64::new(durable.0),
            segment: AtomicU64::new(segment.0),
            unsynced_bytes: AtomicU64::new(0),
            full: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            failure: OnceLock::new(),
            statistics: Arc::default(),
            notify,
        }
    }

    pub(crate) fn durable(&self) -> Sequence {
        Sequence(self.durable.load(Ordering::Acquire))
    }

    /// Facts up to `through`, of `bytes` in all, are on the disk.
    pub(crate) fn committed(&self, through: Sequence, bytes: u64) {
        self.unsynced_bytes.fetch_sub(bytes, Ordering::Relaxed);
        let before = self.durable.swap(through.0, Ordering::Release);
        assert!(before <= through.0, "what is durable never becomes less (I1)");
        (self.notify)();
    }

    /// A frame of this segment is on the disk.
    pub(crate) fn set_segment(&self, segment: SegmentNumber) {
        self.segment.store(segment.0, Ordering::Release);
    }

    /// The last segment to which no frame will be written any more; zero where there is none.
    pub(crate) fn sealed(&self) -> SegmentNumber {
        SegmentNumber(self.segment.load(Ordering::Acquire).saturating_sub(1))
    }

    pub(crate) fn taken(&self, bytes: usize) {
        self.unsynced_bytes.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn given_back(&self, bytes: usize) {
        self.unsynced_bytes.fetch_sub(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn unsynced_bytes(&self) -> u64 {
        self.unsynced_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn set_full(&self, full: bool) {
        if self.full.swap(full, Ordering::AcqRel) != full {
            (self.notify)();
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Acquire)
    }

    pub(crate) fn set_stopping(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// See [`crate::Log::appended`]; `last` is the last fact handed in.
    pub(crate) fn appended(&self, through: Sequence, last: Sequence) -> Appended {
        if through <= self.durable() {
            Appended::Committed
        } else if through > last {
            Appended::Refused
        } else if self.failure.get().is_some() {
            Appended::Unknown
        } else {
            Appended::Waiting
        }
    }

    /// Notes the first failure; true where it is the first.
    pub(crate) fn failed(&self, failure: JournalFailure) -> bool {
        let first = self.failure.set(Arc::new(failure)).is_ok();
        (self.notify)();
        first
    }

    pub(crate) fn failure(&self) -> Option<Arc<JournalFailure>> {
        self.failure.get().cloned()
    }
}
