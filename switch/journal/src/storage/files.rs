//! Segments as files of one directory, for which an exclusive lock is held.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{Advice, FallocateFlags, FlockOperation, OFlags};
use rustix::io::Errno;

use super::{Position, Segment, SegmentNumber, Storage};
use crate::recovery::OpenError;

const LOCK_FILE: &str = "lock";
/// Segments open at once: the one written, the one being prepared, and some that a reader was in.
const OPEN_FILES_MAX: usize = 8;
const SEGMENT_SUFFIX: &str = ".segment";

/// What a journal is opened for. Either takes the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To write; the directory is made where there is none.
    Write,
    /// To read only; the directory must be there.
    Read,
}

/// A directory of segment files, read and written past the page cache where the filesystem can.
#[derive(Debug)]
pub struct FileStorage {
    pub(super) directory: PathBuf,
    access: Access,
    open: Mutex<HashMap<SegmentNumber, OpenSegment>>,
    /// Held open: the lock goes with the descriptor, also where the process is killed.
    _lock: File,
}

#[derive(Clone, Debug)]
struct OpenSegment {
    file: Arc<File>,
    /// Past the page cache.
    direct: bool,
}

impl FileStorage {
    /// Opens the directory and takes its lock.
    ///
    /// # Errors
    /// [`OpenError::Locked`] where another process has it, or what the system reports.
    pub fn open(directory: &Path, access: Access) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Directory { directory: directory.to_path_buf(), source };
        if access == Access::Write {
            std::fs::create_dir_all(directory).map_err(failed)?;
        }
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(directory.join(LOCK_FILE))
            .map_err(failed)?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(OpenError::Locked { directory: directory.to_path_buf() }),
            Err(error) => return Err(failed(error.into())),
        }
        let directory = directory.to_path_buf();
        Ok(Self { directory, access, open: Mutex::new(HashMap::new()), _lock: lock })
    }

    /// Whether there is a segment of a journal in a directory; changes nothing and takes no lock.
    ///
    /// # Errors
    /// What the system reports, but not that there is no such directory.
    pub fn is_in(directory: &Path) -> Result<bool, OpenError> {
        let failed = |source| OpenError::Directory { directory: directory.to_path_buf(), source };
        let entries = match std::fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(failed(error)),
        };
        for entry in entries {
            if entry.map_err(failed)?.file_name().to_string_lossy().ends_with(SEGMENT_SUFFIX) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn path(&self, segment: SegmentNumber) -> PathBuf {
        self.directory.join(format!("{:012}{SEGMENT_SUFFIX}", segment.0))
    }

    fn segment(&self, number: SegmentNumber) -> io::Result<OpenSegment> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(segment) = open.get(&number) {
            return Ok(segment.clone());
        }
        let path = self.path(number);
        let segment = open_file(&path, self.access == Access::Write).map_err(|error| match error.kind() {
            // Somebody has to look at that very file.
            io::ErrorKind::PermissionDenied => {
                io::Error::new(error.kind(), format!("{}: {error}", path.display()))
            }
            _ => error,
        })?;
        open.insert(number, segment.clone());
        if open.len() > OPEN_FILES_MAX {
            // The oldest is the one that will not be written again.
            if let Some(oldest) = open.keys().min().copied() {
                open.remove(&oldest);
            }
        }
        Ok(segment)
    }
}

/// Opens past the page cache, or through it where the filesystem cannot.
fn open_file(path: &Path, write: bool) -> io::Result<OpenSegment> {
    let mut options = OpenOptions::new();
    options.read(true).write(write);
    match past_page_cache(&options, path)? {
        Some(file) => Ok(OpenSegment { file: Arc::new(file), direct: true }),
        None => Ok(OpenSegment { file: Arc::new(options.open(path)?), direct: false }),
    }
}

/// Opens past the page cache; `None` where the filesystem cannot.
pub(super) fn past_page_cache(options: &OpenOptions, path: &Path) -> io::Result<Option<File>> {
    let Ok(flag) = i32::try_from(OFlags::DIRECT.bits()) else { return Ok(None) };
    match options.clone().custom_flags(flag).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Storage for FileStorage {
    fn list(&self) -> io::Result<Vec<Segment>> {
        let mut segments = Vec::new();
        for entry in std::fs::read_dir(&self.directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let digits = name.to_str().and_then(|name| name.strip_suffix(SEGMENT_SUFFIX));
            if let Some(number) = digits.and_then(|digits| digits.parse().ok()) {
                let bytes = entry.metadata()?.len();
                segments.push(Segment { number: SegmentNumber(number), bytes });
            }
        }
        segments.sort_by_key(|segment| segment.number);
        Ok(segments)
    }

    fn allocate(&self, segment: SegmentNumber, bytes: u64) -> io::Result<()> {
        let file = OpenOptions::new().create_new(true).write(true).open(self.path(segment))?;
        match rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, bytes) {
            // The zeros written next take the room then.
            Err(Errno::OPNOTSUPP) => file.set_len(bytes),
            result => Ok(result?),
        }
    }

    fn write_at(&self, at: Position, blocks: &[u8]) -> io::Result<()> {
        self.segment(at.segment)?.file.write_all_at(blocks, at.offset)
    }

    fn read_at(&self, at: Position, blocks: &mut [u8]) -> io::Result<()> {
        let segment = self.segment(at.segment)?;
        if !segment.direct {
            // What the cache holds clean is dropped; the disk is what counts.
            let len = u64::try_from(blocks.len()).ok().and_then(std::num::NonZeroU64::new);
            rustix::fs::fadvise(&*segment.file, at.offset, len, Advice::DontNeed)?;
        }
        segment.file.read_exact_at(blocks, at.offset)
    }

    fn sync(&self, segment: SegmentNumber) -> io::Result<()> {
        self.segment(segment)?.file.sync_data()
    }

    fn remove(&self, segment: SegmentNumber) -> io::Result<()> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&segment);
        std::fs::remove_file(self.path(segment))
    }

    fn sync_directory(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }
}
