//! Snapshots and indexes as files of the journal's directory.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::Advice;

use super::files::{FileStorage, past_page_cache};
use super::{IndexFile, IndexStorage, Segment, SegmentNumber, SnapshotFile, SnapshotStorage};
use crate::block::{BLOCK, BLOCK_BYTES};

const SNAPSHOT: &str = ".snapshot";
const INDEX: &str = ".index";
const UNFINISHED: &str = ".unfinished";

/// A file beside the segments: of which, whether it has its name, its length.
type Beside = (SegmentNumber, bool, u64);

impl FileStorage {
    fn beside(&self, of: SegmentNumber, suffix: &str, finished: bool) -> PathBuf {
        let unfinished = if finished { "" } else { UNFINISHED };
        self.directory.join(format!("{:012}{suffix}{unfinished}", of.0))
    }

    /// The files of segments, snapshots and indexes.
    pub(crate) fn files_of(
        &self,
        segments: &[Segment],
        snapshots: &[SnapshotFile],
        indexes: &[IndexFile],
    ) -> Vec<PathBuf> {
        let segments = segments.iter().map(|segment| self.path(segment.number));
        let snapshots = snapshots.iter().map(|file| self.beside(file.at, SNAPSHOT, file.finished));
        let indexes = indexes.iter().map(|file| self.beside(file.of, INDEX, file.finished));
        segments.chain(snapshots).chain(indexes).collect()
    }

    fn list_beside(&self, suffix: &str) -> io::Result<Vec<Beside>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.directory)? {
            let entry = entry?;
            if let Some((of, finished)) = entry.file_name().to_str().and_then(|name| named(name, suffix)) {
                files.push((of, finished, entry.metadata()?.len()));
            }
        }
        files.sort_unstable();
        Ok(files)
    }

    fn begin_beside(&self, of: SegmentNumber, suffix: &str) -> io::Result<()> {
        File::create(self.beside(of, suffix, false)).map(|_| ())
    }

    /// Appends, and waits until it is on the disk: a large file synced at once, at its end, would keep the disk from the
    /// journal, and with it every answer, for a tenth of a second and more. Whole blocks go past the page cache where the
    /// filesystem can: they are not read again soon, and the cache would find new memory for each.
    fn append_beside(&self, of: SegmentNumber, suffix: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.beside(of, suffix, false);
        let mut options = OpenOptions::new();
        options.append(true);
        let mut file = match open_to_append(&options, &path, bytes)? {
            Some(file) => file,
            None => options.open(&path)?,
        };
        file.write_all(bytes)?;
        file.sync_data()
    }

    fn sync_beside(&self, of: SegmentNumber, suffix: &str) -> io::Result<()> {
        OpenOptions::new().write(true).open(self.beside(of, suffix, false))?.sync_all()
    }

    fn name_beside(&self, of: SegmentNumber, suffix: &str) -> io::Result<()> {
        std::fs::rename(self.beside(of, suffix, false), self.beside(of, suffix, true))
    }
}

/// Opens a file past the page cache, where that is possible for these bytes at its end.
fn open_to_append(options: &OpenOptions, path: &Path, bytes: &[u8]) -> io::Result<Option<File>> {
    let aligned = bytes.as_ptr().align_offset(BLOCK_BYTES) == 0 && bytes.len().is_multiple_of(BLOCK_BYTES);
    let file = if aligned { past_page_cache(options, path)? } else { None };
    let Some(file) = file else { return Ok(None) };
    Ok(file.metadata()?.len().is_multiple_of(BLOCK).then_some(file))
}

/// Which file it is, by its name.
fn named(name: &str, suffix: &str) -> Option<(SegmentNumber, bool)> {
    let (name, finished) = name.strip_suffix(UNFINISHED).map_or((name, true), |name| (name, false));
    let digits = name.strip_suffix(suffix)?;
    Some((SegmentNumber(digits.parse().ok()?), finished))
}

fn read(file: &File, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
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

impl SnapshotStorage for FileStorage {
    fn list_snapshots(&self) -> io::Result<Vec<SnapshotFile>> {
        let files = self.list_beside(SNAPSHOT)?;
        Ok(files.into_iter().map(|(at, finished, bytes)| SnapshotFile { at, bytes, finished }).collect())
    }

    fn begin_snapshot(&self, at: SegmentNumber) -> io::Result<()> {
        self.begin_beside(at, SNAPSHOT)
    }

    fn append_snapshot(&self, at: SegmentNumber, bytes: &[u8]) -> io::Result<()> {
        self.append_beside(at, SNAPSHOT, bytes)
    }

    fn sync_snapshot(&self, at: SegmentNumber) -> io::Result<()> {
        self.sync_beside(at, SNAPSHOT)
    }

    fn name_snapshot(&self, at: SegmentNumber) -> io::Result<()> {
        self.name_beside(at, SNAPSHOT)
    }

    fn read_snapshot(&self, at: SegmentNumber, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let file = File::open(self.beside(at, SNAPSHOT, true))?;
        if offset == 0 {
            // What the cache holds clean is dropped; the disk is what counts. Once: what the kernel reads ahead is wanted.
            rustix::fs::fadvise(&file, 0, None, Advice::DontNeed)?;
        }
        read(&file, offset, bytes)
    }

    fn remove_snapshot(&self, file: SnapshotFile) -> io::Result<()> {
        std::fs::remove_file(self.beside(file.at, SNAPSHOT, file.finished))
    }
}

impl IndexStorage for FileStorage {
    fn list_indexes(&self) -> io::Result<Vec<IndexFile>> {
        let files = self.list_beside(INDEX)?;
        Ok(files.into_iter().map(|(of, finished, bytes)| IndexFile { of, bytes, finished }).collect())
    }

    fn begin_index(&self, of: SegmentNumber) -> io::Result<()> {
        self.begin_beside(of, INDEX)
    }

    fn append_index(&self, of: SegmentNumber, bytes: &[u8]) -> io::Result<()> {
        self.append_beside(of, INDEX, bytes)
    }

    fn sync_index(&self, of: SegmentNumber) -> io::Result<()> {
        self.sync_beside(of, INDEX)
    }

    fn name_index(&self, of: SegmentNumber) -> io::Result<()> {
        self.name_beside(of, INDEX)
    }

    fn read_index(&self, of: SegmentNumber, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let file = File::open(self.beside(of, INDEX, true))?;
        // A look-up reads single blocks.
        rustix::fs::fadvise(&file, 0, None, Advice::Random)?;
        read(&file, offset, bytes)
    }

    fn remove_index(&self, file: IndexFile) -> io::Result<()> {
        std::fs::remove_file(self.beside(file.of, INDEX, file.finished))
    }
}
