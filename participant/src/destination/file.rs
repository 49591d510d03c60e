//! A deduplication store in one append-only file.
//!
//! A batch is one frame with its own checksum, written with one call and synced before anything of it is said. So only
//! the last frame can be torn: a bad frame with no good one behind it is cut off, and one with a good frame behind it
//! is damage, at which the store refuses to open rather than forget.
//!
//! | offset | bytes | field |
//! | --- | --- | --- |
//! | 0 | 8 | `HFDEDUP1` |
//!
//! and then frames:
//!
//! | offset | bytes | field |
//! | --- | --- | --- |
//! | 0 | 4 | `HFDB` |
//! | 4 | 4 | length of the records |
//! | 8 | 8 | number of the frame, from 1 |
//! | 16 | 4 | CRC32C of the 16 bytes before and the records |
//! | 20 | | records |

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::record::Record;
use super::store::{DedupStore, StoreError};

const FILE_MAGIC: &[u8; 8] = b"HFDEDUP1";
const FRAME_MAGIC: &[u8; 4] = b"HFDB";
const HEADER_BYTES: usize = 20;
/// Longer frames are split; a longer length in a file is damage.
const FRAME_RECORDS_BYTES_MAX: usize = 16 << 20;

/// A store in `DIRECTORY/dedup`, locked against a second process.
#[derive(Debug)]
pub struct FileDedup {
    directory: PathBuf,
    path: PathBuf,
    file: File,
    /// Holds the lock; the data file is replaced at each compaction.
    _lock: File,
    next_frame: u64,
    scratch: Vec<u8>,
    stopped: bool,
}

impl FileDedup {
    /// Opens the store in a directory, or begins one.
    ///
    /// # Errors
    /// Where the directory cannot be used or another process uses it.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join("dedup");
        let lock_path = directory.join("dedup.lock");
        std::fs::create_dir_all(directory).map_err(at(directory))?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(at(&lock_path))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| StoreError::Locked(directory.to_owned()))?;
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
        let file = file.map_err(at(&path))?;
        Ok(Self {
            directory: directory.to_owned(),
            path,
            file,
            _lock: lock,
            next_frame: 1,
            scratch: Vec::new(),
            stopped: false,
        })
    }

    /// Begins an empty file: magic, synced, and the directory synced so that the name survives too.
    fn begin(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(FILE_MAGIC)?;
        self.file.sync_all()?;
        File::open(&self.directory)?.sync_all()
    }

    fn append(&mut self, records: &[Record]) -> io::Result<()> {
        let mut rest = records;
        while !rest.is_empty() {
            let frame = std::mem::take(&mut self.scratch);
            let (frame, taken) = encode_frame(frame, self.next_frame, rest);
            let written = self.file.write_all(&frame);
            self.scratch = frame;
            written?;
            // Synced before the next frame begins, so that only the last frame of a file can be torn.
            self.file.sync_data()?;
            self.next_frame += 1;
            rest = rest.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    fn replace(&mut self, live: &[Record]) -> io::Result<()> {
        let new_path = self.directory.join("dedup.new");
        let new = OpenOptions::new().create(true).truncate(true).read(true).write(true).open(&new_path)?;
        let old = std::mem::replace(&mut self.file, new);
        drop(old);
        self.file.write_all(FILE_MAGIC)?;
        self.next_frame = 1;
        self.append(live)?;
        self.file.sync_all()?;
        std::fs::rename(&new_path, &self.path)?;
        File::open(&self.directory)?.sync_all()
    }

    /// Runs what writes; after a failure nothing is written any more.
    fn guarded(&mut self, write: impl FnOnce(&mut Self) -> io::Result<()>) -> Result<(), StoreError> {
        if self.stopped {
            return Err(StoreError::Stopped(self.path.clone()));
        }
        write(self).map_err(|source| {
            self.stopped = true;
            StoreError::Io { path: self.path.clone(), source }
        })
    }
}

fn at(path: &Path) -> impl Fn(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Io { path: path.clone(), source }
}

impl DedupStore for FileDedup {
    fn recover(&mut self) -> Result<Vec<Record>, StoreError> {
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(0)).map_err(at(&self.path))?;
        self.file.read_to_end(&mut bytes).map_err(at(&self.path))?;
        let Some(frames) = bytes.strip_prefix(FILE_MAGIC) else {
            // A file cut short within its magic was never answered from.
            if !FILE_MAGIC.starts_with(&bytes) {
                return Err(StoreError::NotAStore(self.path.clone()));
            }
            return self.guarded(Self::begin).map(|()| Vec::new());
        };
        let (records, good, next_frame) = read_frames(frames);
        let torn = frames.get(good..).unwrap_or_default();
        let offset = (FILE_MAGIC.len() + good) as u64;
        if holds_a_frame(torn, next_frame) {
            return Err(StoreError::Damaged { path: self.path.clone(), offset });
        }
        self.next_frame = next_frame;
        self.guarded(|store| {
            store.file.set_len(offset)?;
            store.file.seek(SeekFrom::Start(offset))?;
            // What was read may have been in the page cache only: durable before anything is answered from it.
            store.file.sync_all()
        })?;
        Ok(records)
    }

    fn commit(&mut self, batch: &[Record]) -> Result<(), StoreError> {
        if batch.is_empty() { Ok(()) } else { self.guarded(|store| store.append(batch)) }
    }

    fn compact(&mut self, live: &[Record]) -> Result<(), StoreError> {
        self.guarded(|store| store.replace(live))
    }
}

/// One frame of as many records as fit, and how many those are.
fn encode_frame(mut frame: Vec<u8>, number: u64, records: &[Record]) -> (Vec<u8>, usize) {
    frame.clear();
    frame.resize(HEADER_BYTES, 0);
    let mut taken = 0;
    for record in records {
        if frame.len() >= FRAME_RECORDS_BYTES_MAX {
            break;
        }
        record.encode(&mut frame);
        taken += 1;
    }
    let length = u32::try_from(frame.len() - HEADER_BYTES).expect("a frame holds little more than its limit");
    let (header, records) = frame.split_at_mut(HEADER_BYTES);
    let mut summed = [0; 16];
    summed[..4].copy_from_slice(FRAME_MAGIC);
    summed[4..8].copy_from_slice(&length.to_le_bytes());
    summed[8..].copy_from_slice(&number.to_le_bytes());
    header[..16].copy_from_slice(&summed);
    header[16..].copy_from_slice(&crc32c::crc32c_append(crc32c::crc32c(&summed), records).to_le_bytes());
    (frame, taken)
}

/// The records of the good frames from the beginning, how many bytes they take, and the number of the next frame.
fn read_frames(bytes: &[u8]) -> (Vec<Record>, usize, u64) {
    let (mut records, mut rest, mut next) = (Vec::new(), bytes, 1);
    while let Some((number, mut body, tail)) = split_frame(rest).filter(|(number, ..)| *number == next) {
        let before = records.len();
        records.extend(std::iter::from_fn(|| Record::decode(&mut body)));
        if !body.is_empty() {
            records.truncate(before);
            break;
        }
        (rest, next) = (tail, number + 1);
    }
    let good = bytes.len() - rest.len();
    (records, good, next)
}

/// A frame at the beginning of `bytes` whose checksum is right: its number, its records, and what follows.
fn split_frame(bytes: &[u8]) -> Option<(u64, &[u8], &[u8])> {
    let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let (summed, crc) = header.split_first_chunk::<16>()?;
    let (magic, numbers) = summed.split_first_chunk::<4>()?;
    let (length, number) = numbers.split_first_chunk::<4>()?;
    let body = rest.get(..usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    let expected = u32::from_le_bytes(*crc.first_chunk()?);
    let good = magic == FRAME_MAGIC && crc32c::crc32c_append(crc32c::crc32c(summed), body) == expected;
    good.then(|| (u64::from_le_bytes(*number.first_chunk().unwrap_or(&[0; 8])), body, &rest[body.len()..]))
}

/// Whether a good frame of this file stands anywhere in what could not be read.
fn holds_a_frame(bytes: &[u8], at_least: u64) -> bool {
    bytes
        .windows(FRAME_MAGIC.len())
        .enumerate()
        .filter(|(_, window)| *window == FRAME_MAGIC)
        .filter_map(|(offset, _)| split_frame(bytes.get(offset..)?))
        .any(|(number, ..)| number >= at_least)
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::{ParticipantNumber, RequestId, TransactionKey};

    use super::*;

    fn record(n: u8) -> Record {
        let originator = ParticipantNumber::new(1).unwrap();
        Record::Complete(TransactionKey { originator, id: RequestId::from_bytes([n; 16]) })
    }

    fn written(directory: &Path, batches: &[&[Record]]) {
        let mut store = FileDedup::open(directory).unwrap();
        assert!(store.recover().unwrap().is_empty());
        batches.iter().for_each(|batch| store.commit(batch).unwrap());
    }

    fn recovered(directory: &Path) -> Result<Vec<Record>, StoreError> {
        FileDedup::open(directory).unwrap().recover()
    }

    #[test]
    fn batches_are_there_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        written(directory.path(), &[&[record(1), record(2)], &[], &[record(3)]]);
        let mut store = FileDedup::open(directory.path()).unwrap();
        assert_eq!(store.recover().unwrap(), [record(1), record(2), record(3)]);
        store.commit(&[record(4)]).unwrap();
        drop(store);
        assert_eq!(recovered(directory.path()).unwrap().len(), 4);
    }

    #[test]
    fn a_torn_last_batch_is_cut_off_at_whatever_byte_it_was_torn() {
        let directory = tempfile::tempdir().unwrap();
        written(directory.path(), &[&[record(1)], &[record(2)]]);
        let path = directory.path().join("dedup");
        let whole = std::fs::read(&path).unwrap();
        let last = FILE_MAGIC.len() + (whole.len() - FILE_MAGIC.len()) / 2;
        for torn in last..whole.len() {
            std::fs::write(&path, &whole[..torn]).unwrap();
            assert_eq!(recovered(directory.path()).unwrap(), [record(1)], "torn at {torn}");
            assert_eq!(std::fs::read(&path).unwrap().len(), last, "the torn tail is gone");
        }
        let mut garbled = whole;
        *garbled.last_mut().unwrap() ^= 1;
        std::fs::write(&path, &garbled).unwrap();
        assert_eq!(recovered(directory.path()).unwrap(), [record(1)]);
    }

    #[test]
    fn damage_before_a_good_batch_is_refused_and_named() {
        let directory = tempfile::tempdir().unwrap();
        written(directory.path(), &[&[record(1)], &[record(2)], &[record(3)]]);
        let path = directory.path().join("dedup");
        let mut bytes = std::fs::read(&path).unwrap();
        let second = FILE_MAGIC.len() + (bytes.len() - FILE_MAGIC.len()) / 3;
        bytes[second + HEADER_BYTES] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        match recovered(directory.path()) {
            Err(StoreError::Damaged { offset, .. }) => assert_eq!(offset, second as u64),
            other => panic!("{other:?}"),
        }
        std::fs::write(&path, b"something else").unwrap();
        assert!(matches!(recovered(directory.path()), Err(StoreError::NotAStore(_))));
    }

    #[test]
    fn a_compacted_store_holds_what_lives_and_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        written(directory.path(), &[&[record(1)], &[record(2)]]);
        let mut store = FileDedup::open(directory.path()).unwrap();
        store.recover().unwrap();
        store.compact(&[record(2)]).unwrap();
        store.commit(&[record(3)]).unwrap();
        drop(store);
        assert_eq!(recovered(directory.path()).unwrap(), [record(2), record(3)]);
    }

    #[test]
    fn a_second_process_is_kept_out() {
        let directory = tempfile::tempdir().unwrap();
        let _first = FileDedup::open(directory.path()).unwrap();
        assert!(matches!(FileDedup::open(directory.path()), Err(StoreError::Locked(_))));
    }
}
