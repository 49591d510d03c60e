//! Snapshots as files of the journal's directory.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use rustix::fs::Advice;

use super::files::FileStorage;
use super::{Segment, SegmentNumber, SnapshotFile, SnapshotStorage};

const SUFFIX: &str = ".snapshot";
const UNFINISHED_SUFFIX: &str = ".snapshot.unfinished";

impl FileStorage {
    fn snapshot_path(&self, at: SegmentNumber, finished: bool) -> PathBuf {
        let suffix = if finished { SUFFIX } else { UNFINISHED_SUFFIX };
        self.directory.join(format!("{:012}{suffix}", at.0))
    }

    /// The files of segments and snapshots.
    pub(crate) fn files_of(&self, segments: &[Segment], snapshots: &[SnapshotFile]) -> Vec<PathBuf> {
        let segments = segments.iter().map(|segment| self.path(segment.number));
        segments.chain(snapshots.iter().map(|file| self.snapshot_path(file.at, file.finished))).collect()
    }
}

/// Which snapshot a file is, by its name.
fn named(name: &str) -> Option<(SegmentNumber, bool)> {
    let number = |digits: &str| digits.parse().ok().map(SegmentNumber);
    let finished = name.strip_suffix(SUFFIX).map(|digits| (digits, true));
    let (digits, finished) = finished.or_else(|| Some((name.strip_suffix(UNFINISHED_SUFFIX)?, false)))?;
    Some((number(digits)?, finished))
}

impl SnapshotStorage for FileStorage {
    fn list_snapshots(&self) -> io::Result<Vec<SnapshotFile>> {
        let mut snapshots = Vec::new();
        for entry in std::fs::read_dir(&self.directory)? {
            let entry = entry?;
            if let Some((at, finished)) = entry.file_name().to_str().and_then(named) {
                snapshots.push(SnapshotFile { at, bytes: entry.metadata()?.len(), finished });
            }
        }
        snapshots.sort_by_key(|file| (file.at, file.finished));
        Ok(snapshots)
    }

    fn begin_snapshot(&self, at: SegmentNumber) -> io::Result<()> {
        File::create(self.snapshot_path(at, false)).map(|_| ())
    }

    fn append_snapshot(&self, at: SegmentNumber, bytes: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().append(true).open(self.snapshot_path(at, false))?;
        file.write_all(bytes)
    }

    fn sync_snapshot(&self, at: SegmentNumber) -> io::Result<()> {
        OpenOptions::new().write(true).open(self.snapshot_path(at, false))?.sync_all()
    }

    fn name_snapshot(&self, at: SegmentNumber) -> io::Result<()> {
        std::fs::rename(self.snapshot_path(at, false), self.snapshot_path(at, true))
    }

    fn read_snapshot(&self, at: SegmentNumber, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let file = File::open(self.snapshot_path(at, true))?;
        if offset == 0 {
            // What the cache holds clean is dropped; the disk is what counts. Once: what the kernel reads ahead is wanted.
            rustix::fs::fadvise(&file, 0, None, Advice::DontNeed)?;
        }
        let mut done = 0_usize;
        while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let at = offset.saturating_add(u64::try_from(done).unwrap_or(u64::MAX));
            match file.read_at(rest, at) {
                Ok(0) => break,
                Ok(read) => done = done.saturating_add(read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn remove_snapshot(&self, file: SnapshotFile) -> io::Result<()> {
        std::fs::remove_file(self.snapshot_path(file.at, file.finished))
    }
}
