//! A history file: one header, then records to the end.
//!
//! The writer may be killed at any moment, so the file may end within a record; that is reported and costs only the
//! record. Anything else that cannot be read is an error: an auditor that guesses proves nothing.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::record::{RECORD_BYTES, Record, RecordError, field, is_sealed, seal};

const MAGIC: [u8; 8] = *b"HOLDHIST";
const VERSION: u16 = 1;
const NAME_BYTES: usize = 32;
const READ_BYTES: usize = 1 << 20;

/// Which side of the switch the writer stood on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Role {
    /// It sends requests.
    Operator = 1,
    /// It receives forwards and deliveries.
    Destination = 2,
}

/// Who wrote a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// On which side.
    pub role: Role,
    /// The participant's number.
    pub participant: u16,
    /// Which of its instances.
    pub instance: u16,
    /// When it began, in Unix milliseconds of the switch's time.
    pub started_ms: u64,
    /// The participant's name.
    pub name: String,
}

/// Why a file is no history.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The operating system says so.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What it says.
        source: io::Error,
    },
    /// The first 96 bytes are no header.
    #[error("{path}: not a history: {what}")]
    Header {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// A record within the file is damaged.
    #[error("{path}: record {place} at byte {offset}: {source}")]
    Record {
        /// Which file.
        path: PathBuf,
        /// Which record, counted from zero.
        place: u64,
        /// Where it begins.
        offset: u64,
        /// What is wrong.
        source: RecordError,
    },
}

impl Header {
    /// The header's bytes. A name is cut at 32 bytes.
    pub fn to_bytes(&self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
        bytes[10] = RECORD_BYTES as u8;
        bytes[11] = self.role as u8;
        bytes[12..14].copy_from_slice(&self.participant.to_le_bytes());
        bytes[14..16].copy_from_slice(&self.instance.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.started_ms.to_le_bytes());
        let name = self.name.as_bytes();
        let length = name.len().min(NAME_BYTES);
        bytes[24..24 + length].copy_from_slice(&name[..length]);
        seal(&mut bytes);
        bytes
    }

    /// Reads a header.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_bytes(bytes: &[u8; RECORD_BYTES]) -> Result<Self, &'static str> {
        if field(bytes, 0) != MAGIC {
            return Err("it does not begin with HOLDHIST");
        }
        if !is_sealed(bytes) {
            return Err("the checksum of its header does not match");
        }
        if u16::from_le_bytes(field(bytes, 8)) != VERSION || usize::from(bytes[10]) != RECORD_BYTES {
            return Err("its version is not 1");
        }
        let role = match bytes[11] {
            1 => Role::Operator,
            2 => Role::Destination,
            _ => return Err("its role is neither operator nor destination"),
        };
        let name: [u8; NAME_BYTES] = field(bytes, 24);
        let text = name.split(|byte| *byte == 0).next().unwrap_or_default();
        Ok(Self {
            role,
            participant: u16::from_le_bytes(field(bytes, 12)),
            instance: u16::from_le_bytes(field(bytes, 14)),
            started_ms: u64::from_le_bytes(field(bytes, 16)),
            name: std::str::from_utf8(text).map_err(|_| "its name is not text")?.to_owned(),
        })
    }
}

/// A history being read, record by record.
#[derive(Debug)]
pub struct History {
    path: PathBuf,
    header: Header,
    reader: BufReader<File>,
    place: u64,
    torn_bytes: usize,
}

impl History {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// [`FileError::Io`] and [`FileError::Header`].
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let failed = |source| FileError::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        let mut reader = BufReader::with_capacity(READ_BYTES, file);
        let mut bytes = [0; RECORD_BYTES];
        if read_full(&mut reader, &mut bytes).map_err(failed)? < RECORD_BYTES {
            return Err(FileError::Header { path: path.to_owned(), what: "it is shorter than a header" });
        }
        let header =
            Header::from_bytes(&bytes).map_err(|what| FileError::Header { path: path.to_owned(), what })?;
        Ok(Self { path: path.to_owned(), header, reader, place: 0, torn_bytes: 0 })
    }

    /// Who wrote it.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// How many bytes of a record that was never finished the file ends with. Known once the end was reached.
    pub fn torn_bytes(&self) -> usize {
        self.torn_bytes
    }

    /// The next record and its place, `None` at the end.
    ///
    /// # Errors
    /// [`FileError::Io`] and [`FileError::Record`].
    pub fn next_record(&mut self) -> Result<Option<(u64, Record)>, FileError> {
        let mut bytes = [0; RECORD_BYTES];
        let got = read_full(&mut self.reader, &mut bytes)
            .map_err(|source| FileError::Io { path: self.path.clone(), source })?;
        if got < RECORD_BYTES {
            self.torn_bytes = got;
            return Ok(None);
        }
        let place = self.place;
        let record = Record::from_bytes(&bytes, place).map_err(|source| FileError::Record {
            path: self.path.clone(),
            place,
            offset: (place + 1) * RECORD_BYTES as u64,
            source,
        })?;
        self.place += 1;
        Ok(Some((place, record)))
    }
}

/// Reads until `buffer` is full or the file ends; returns how many bytes came.
fn read_full(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match reader.read(&mut buffer[got..]) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(got)
}
