//! What operators and destinations saw, written as it happens (docs/HISTORY.md).
//!
//! The path of an operation only fills a buffer; a thread of its own writes whole buffers. The queue between them is
//! bounded: where the disk cannot follow, the path waits rather than lose evidence, and the wait is counted, because it
//! spoils the measurement.

pub mod record;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use holdfast_protocol::{ParticipantNumber, UnixMillis};

use record::{RECORD_BYTES, Record, Role};

/// A full buffer goes to the writer.
const BUFFER_BYTES: usize = RECORD_BYTES * 2_048;
/// Buffers between the path and the disk: about 100 MB.
const BUFFERS_MAX: usize = 512;

/// What travels to the writer thread.
#[derive(Debug)]
enum Job {
    /// A file begins; its number is the count of those before.
    Begin(PathBuf, Vec<u8>),
    /// Bytes for a file.
    Append(usize, Vec<u8>),
}

/// Owns the thread that writes.
#[derive(Debug)]
pub struct HistoryWriter {
    directory: PathBuf,
    jobs: SyncSender<Job>,
    thread: JoinHandle<io::Result<u64>>,
    files: usize,
}

/// One participant's history in one role.
#[derive(Debug)]
pub struct History {
    jobs: SyncSender<Job>,
    file: usize,
    buffer: Vec<u8>,
    number: u32,
    stalls: u64,
    broken: bool,
}

impl HistoryWriter {
    /// Begins to write in `DIR/history/`, which must not hold histories of another run.
    ///
    /// # Errors
    /// Where the directory cannot be made or is in use.
    pub fn begin(output: &Path) -> io::Result<Self> {
        let directory = output.join("history");
        fs::create_dir_all(&directory)?;
        if fs::read_dir(&directory)?.next().is_some() {
            let text = format!("{} holds the histories of another run", directory.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
        }
        let (jobs, receiver) = sync_channel(BUFFERS_MAX);
        let thread =
            std::thread::Builder::new().name("history".to_owned()).spawn(move || write(&receiver))?;
        Ok(Self { directory, jobs, thread, files: 0 })
    }

    /// Begins the history of one participant in one role.
    pub fn history(
        &mut self,
        role: Role,
        number: ParticipantNumber,
        instance: u16,
        begun: UnixMillis,
        name: &str,
    ) -> History {
        let path = self.directory.join(format!("{name}.{}.history", role.name()));
        let header = record::header(role, number, instance, begun, name).to_vec();
        let broken = self.jobs.send(Job::Begin(path, header)).is_err();
        let file = self.files;
        self.files += 1;
        let buffer = Vec::with_capacity(BUFFER_BYTES);
        History { jobs: self.jobs.clone(), file, buffer, number: 0, stalls: 0, broken }
    }

    /// Waits until everything is written; all histories must be gone. Says how many bytes.
    ///
    /// # Errors
    /// The first thing that went wrong while writing.
    pub fn finish(self) -> io::Result<u64> {
        drop(self.jobs);
        self.thread.join().map_err(|_| io::Error::other("the thread that writes the history panicked"))?
    }
}

fn write(jobs: &Receiver<Job>) -> io::Result<u64> {
    let mut files: Vec<File> = Vec::new();
    let mut bytes = 0;
    // Returning early closes the queue, and the histories notice.
    for job in jobs {
        match job {
            Job::Begin(path, header) => {
                let mut file = File::create_new(path)?;
                file.write_all(&header)?;
                bytes += header.len() as u64;
                files.push(file);
            }
            Job::Append(file, buffer) => {
                files[file].write_all(&buffer)?;
                bytes += buffer.len() as u64;
            }
        }
    }
    Ok(bytes)
}

impl History {
    /// Adds a record.
    #[inline]
    pub fn write(&mut self, record: Record) {
        self.buffer.extend_from_slice(&record.finish(self.number));
        self.number = self.number.wrapping_add(1);
        if self.buffer.len() >= BUFFER_BYTES {
            self.hand_over();
        }
    }

    /// Hands what was written so far to the writer.
    pub fn hand_over(&mut self) {
        if self.buffer.is_empty() || self.broken {
            self.buffer.clear();
            return;
        }
        let buffer = std::mem::replace(&mut self.buffer, Vec::with_capacity(BUFFER_BYTES));
        let sent = match self.jobs.try_send(Job::Append(self.file, buffer)) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(job)) => {
                self.stalls += 1;
                self.jobs.send(job).map_err(|_| ())
            }
            Err(TrySendError::Disconnected(_)) => Err(()),
        };
        // The reason comes out of HistoryWriter::finish and fails the run.
        self.broken = sent.is_err();
    }

    /// How often the path had to wait for the disk.
    pub const fn stalls(&self) -> u64 {
        self.stalls
    }
}

impl Drop for History {
    fn drop(&mut self) {
        self.hand_over();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::{At, EventKind};

    fn begin(writer: &mut HistoryWriter, name: &str) -> History {
        let number = ParticipantNumber::new(3).unwrap();
        writer.history(Role::Destination, number, 1, UnixMillis::new(1_000).unwrap(), name)
    }

    #[test]
    fn records_stand_in_order_behind_the_header() {
        let directory = tempfile::tempdir().unwrap();
        let mut writer = HistoryWriter::begin(directory.path()).unwrap();
        let mut one = begin(&mut writer, "acquirer-1");
        let mut two = begin(&mut writer, "acquirer-2");
        for n in 0..5_000 {
            let at = At { time: UnixMillis::new(2_000 + n).unwrap(), monotonic_ns: n };
            one.write(Record::new(EventKind::Completed, at));
            if n % 2 == 0 {
                two.write(Record::new(EventKind::Completed, at));
            }
        }
        drop((one, two));
        assert_eq!(writer.finish().unwrap(), (5_001 + 2_501) * RECORD_BYTES as u64);
        let bytes = fs::read(directory.path().join("history/acquirer-1.destination.history")).unwrap();
        assert_eq!(bytes.len(), 5_001 * RECORD_BYTES);
        for (index, record) in bytes.chunks(RECORD_BYTES).skip(1).enumerate() {
            assert_eq!(record[0..4], (index as u32).to_le_bytes());
            assert_eq!(record[16..24], (index as u64).to_le_bytes());
        }
    }

    #[test]
    fn histories_of_another_run_are_not_mixed_in() {
        let directory = tempfile::tempdir().unwrap();
        let mut writer = HistoryWriter::begin(directory.path()).unwrap();
        let history = begin(&mut writer, "acquirer-1");
        drop(history);
        writer.finish().unwrap();
        let error = HistoryWriter::begin(directory.path()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    }
}
