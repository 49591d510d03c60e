//! A storage for work that can wait: whoever reads and writes through it gets a share of the time and no more.
//!
//! A snapshot is hundreds of megabytes and millions of facts. Making it takes from a payment what no priority of
//! threads guards: the other half of a processor's core, its caches, the way to memory. Spread over the time in
//! which it is wanted, it takes little at any moment.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{
    IndexFile, IndexStorage, Position, Segment, SegmentNumber, SnapshotFile, SnapshotStorage, Storage,
};

/// All of the time, in hundredths.
const WHOLE: u32 = 100;
/// A pause is never longer, so that a changed share counts soon.
const PAUSE_MAX: Duration = Duration::from_millis(250);

/// See the module.
#[derive(Debug)]
pub struct Paced<S> {
    storage: Arc<S>,
    /// Of a hundred parts of the time, how many are worked.
    share: AtomicU32,
    /// For ever without pauses, whatever the share.
    hurried: AtomicBool,
    /// When the last pause ended.
    since: Mutex<Instant>,
}

impl<S> Paced<S> {
    /// With all of the time, until [`Self::set_share`].
    pub fn new(storage: Arc<S>) -> Self {
        Self {
            storage,
            share: AtomicU32::new(WHOLE),
            hurried: AtomicBool::new(false),
            since: Mutex::new(Instant::now()),
        }
    }

    /// From now on, works so many hundredths of the time: 1 to 100, what is beyond counts as the nearest.
    pub fn set_share(&self, hundredths: u32) {
        // Nothing else is published with it.
        self.share.store(hundredths.clamp(1, WHOLE), Ordering::Relaxed);
    }

    /// No pause any more: somebody waits for the end.
    pub fn hurry(&self) {
        self.hurried.store(true, Ordering::Relaxed);
    }

    fn pause_due(&self, worked: Duration) -> Duration {
        if self.hurried.load(Ordering::Relaxed) {
            return Duration::ZERO;
        }
        pause_after(worked, self.share.load(Ordering::Relaxed))
    }

    /// Pauses in proportion to what was worked since the last pause.
    fn pause(&self) {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = self.pause_due(since.elapsed());
        if !pause.is_zero() {
            std::thread::sleep(pause);
        }
        *since = Instant::now();
    }
}

/// How long to pause after so much work.
fn pause_after(worked: Duration, share: u32) -> Duration {
    let rest = WHOLE.saturating_sub(share);
    worked.saturating_mul(rest).checked_div(share).unwrap_or_default().min(PAUSE_MAX)
}

impl<S: Storage> Storage for Paced<S> {
    fn list(&self) -> io::Result<Vec<Segment>> {
        self.storage.list()
    }

    fn allocate(&self, segment: SegmentNumber, bytes: u64) -> io::Result<()> {
        self.storage.allocate(segment, bytes)
    }

    fn write_at(&self, at: Position, blocks: &[u8]) -> io::Result<()> {
        self.pause();
        self.storage.write_at(at, blocks)
    }

    fn read_at(&self, at: Position, blocks: &mut [u8]) -> io::Result<()> {
        self.pause();
        self.storage.read_at(at, blocks)
    }

    fn sync(&self, segment: SegmentNumber) -> io::Result<()> {
        self.storage.sync(segment)
    }

    fn remove(&self, segment: SegmentNumber) -> io::Result<()> {
        self.storage.remove(segment)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.storage.sync_directory()
    }
}

impl<S: SnapshotStorage> SnapshotStorage for Paced<S> {
    fn list_snapshots(&self) -> io::Result<Vec<SnapshotFile>> {
        self.storage.list_snapshots()
    }

    fn begin_snapshot(&self, at: SegmentNumber) -> io::Result<()> {
        self.storage.begin_snapshot(at)
    }

    fn append_snapshot(&self, at: SegmentNumber, bytes: &[u8]) -> io::Result<()> {
        self.pause();
        self.storage.append_snapshot(at, bytes)
    }

    fn sync_snapshot(&self, at: SegmentNumber) -> io::Result<()> {
        self.storage.sync_snapshot(at)
    }

    fn name_snapshot(&self, at: SegmentNumber) -> io::Result<()> {
        self.storage.name_snapshot(at)
    }

    fn read_snapshot(&self, at: SegmentNumber, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.pause();
        self.storage.read_snapshot(at, offset, bytes)
    }

    fn remove_snapshot(&self, file: SnapshotFile) -> io::Result<()> {
        self.storage.remove_snapshot(file)
    }
}

impl<S: IndexStorage> IndexStorage for Paced<S> {
    fn list_indexes(&self) -> io::Result<Vec<IndexFile>> {
        self.storage.list_indexes()
    }

    fn begin_index(&self, of: SegmentNumber) -> io::Result<()> {
        self.storage.begin_index(of)
    }

    fn append_index(&self, of: SegmentNumber, bytes: &[u8]) -> io::Result<()> {
        self.pause();
        self.storage.append_index(of, bytes)
    }

    fn sync_index(&self, of: SegmentNumber) -> io::Result<()> {
        self.storage.sync_index(of)
    }

    fn name_index(&self, of: SegmentNumber) -> io::Result<()> {
        self.storage.name_index(of)
    }

    fn read_index(&self, of: SegmentNumber, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.pause();
        self.storage.read_index(of, offset, bytes)
    }

    fn remove_index(&self, file: IndexFile) -> io::Result<()> {
        self.storage.remove_index(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_leaves_the_share_that_was_asked_for() {
        let worked = Duration::from_millis(30);
        assert_eq!(pause_after(worked, 100), Duration::ZERO);
        assert_eq!(pause_after(worked, 50), worked);
        assert_eq!(pause_after(worked, 25), worked * 3);
        assert_eq!(pause_after(Duration::from_secs(3), 1), PAUSE_MAX);
    }

    #[test]
    fn a_share_beyond_the_ends_is_the_nearest_and_haste_knows_none() {
        let (paced, worked) = (Paced::new(Arc::new(())), Duration::from_millis(2));
        assert_eq!(paced.pause_due(worked), Duration::ZERO);
        paced.set_share(0);
        assert_eq!(paced.pause_due(worked), worked * 99);
        paced.set_share(1_000);
        assert_eq!(paced.pause_due(worked), Duration::ZERO);
        paced.set_share(1);
        paced.hurry();
        paced.set_share(1);
        assert_eq!(paced.pause_due(worked), Duration::ZERO);
    }
}
