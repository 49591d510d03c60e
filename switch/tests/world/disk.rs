//! A disk that is slow, or that fails: real files whose syncs take their time or end in an error.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use holdfast::driver::DriverSettings;
use holdfast::serve::recover::{fold, resume};
use holdfast_core::{Core, Settings};
use holdfast_journal::{
    Access, FileStorage, Handle, JournalId, Position, Segment, SegmentNumber, Storage, recover,
};
use holdfast_protocol::UnixMillis;

use super::{START, World};

/// See the module.
#[derive(Debug)]
pub(crate) struct Disk {
    files: FileStorage,
    sync_takes: Duration,
    fails: AtomicBool,
}

impl Disk {
    pub(crate) fn new(directory: &Path, sync_takes: Duration) -> Arc<Self> {
        let files = FileStorage::open(directory, Access::Write).unwrap();
        Arc::new(Self { files, sync_takes, fails: AtomicBool::new(false) })
    }

    /// Every sync from now on fails.
    pub(crate) fn fail(&self) {
        self.fails.store(true, Ordering::Release);
    }

    /// A switch over what this disk holds, configured.
    pub(crate) fn world(self: &Arc<Self>) -> World<Handle> {
        let (mut core, now) = (Core::new(Settings::default()), UnixMillis::new(START).unwrap());
        let settings =
            holdfast_journal::Settings { segment_bytes: 1 << 20, ..holdfast_journal::Settings::small() };
        let visit = &mut |facts: holdfast_journal::Facts<'_>| fold(&mut core, &facts);
        let recovered = recover(Arc::clone(self), settings, JournalId([7; 16]), now, visit).unwrap();
        resume(&mut core, &recovered, now);
        let log = Handle::start(recovered, Box::new(|| ()), Box::new(|_| ())).unwrap();
        let mut world = World::over(DriverSettings::default(), core, log);
        world.turn_until("the configuration is durable", |driver| driver.is_settled());
        world
    }
}

impl Storage for Disk {
    fn list(&self) -> io::Result<Vec<Segment>> {
        self.files.list()
    }

    fn allocate(&self, segment: SegmentNumber, bytes: u64) -> io::Result<()> {
        self.files.allocate(segment, bytes)
    }

    fn write_at(&self, at: Position, blocks: &[u8]) -> io::Result<()> {
        self.files.write_at(at, blocks)
    }

    fn read_at(&self, at: Position, blocks: &mut [u8]) -> io::Result<()> {
        self.files.read_at(at, blocks)
    }

    fn sync(&self, segment: SegmentNumber) -> io::Result<()> {
        let begun = Instant::now();
        while let Some(left) = self.sync_takes.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) {
            std::thread::park_timeout(left);
        }
        if self.fails.load(Ordering::Acquire) {
            return Err(io::Error::other("the drive says no"));
        }
        self.files.sync(segment)
    }

    fn remove(&self, segment: SegmentNumber) -> io::Result<()> {
        self.files.remove(segment)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.files.sync_directory()
    }
}
