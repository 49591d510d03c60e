//! Writes a trace, operator after operator. It appears under its name when it is complete, or not at all.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::record;
use super::{BLOCK_ARRIVALS, BLOCK_CHECKED_BYTES, BODY_BYTES_MAX, BlockHead, BlockKind, Header};
use crate::traffic::arrival::Arrival;
use crate::traffic::scenario::Scenario;

/// See the module.
#[derive(Debug)]
pub struct TraceWriter {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
    scenarios: Vec<Scenario>,
    operators: u32,
    /// Arrivals of each operator so far.
    counts: Vec<u64>,
}

/// Where the trace goes: what a link leads to, and never over anything but a file.
fn named(path: &Path) -> io::Result<PathBuf> {
    match path.metadata() {
        Ok(there) if there.is_file() => path.canonicalize(),
        Ok(_) => {
            let why = "a trace is a file, and this is something else: give a name that is free";
            Err(io::Error::new(io::ErrorKind::InvalidInput, why))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path.to_owned()),
        Err(error) => Err(error),
    }
}

/// No record is longer: five numbers, a fate, and fifteen steps of a course.
const RECORD_BYTES_MAX: usize = 512;

impl TraceWriter {
    /// Begins a trace with this header. A trace that has the name is replaced when this one is complete.
    ///
    /// # Errors
    /// Where the file cannot be made, or what has the name is no file: a device or a pipe would be replaced by one.
    ///
    /// # Panics
    /// Where the header says what cannot be played.
    pub fn begin(path: &Path, header: &Header) -> io::Result<Self> {
        let scenarios = header.check().expect("a header of our own");
        let path = named(path)?;
        let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
        let mut file = BufWriter::new(NamedTempFile::new_in(directory.unwrap_or(Path::new(".")))?);
        file.write_all(&header.to_bytes())?;
        Ok(Self { path, file, scenarios, operators: header.operators, counts: vec![] })
    }

    /// Writes the arrivals of the next operator.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn operator(&mut self, arrivals: impl Iterator<Item = Arrival>) -> io::Result<()> {
        let operator = u16::try_from(self.counts.len()).expect("a header has 64 operators at most");
        let empty = BlockHead { kind: BlockKind::Arrivals, operator, count: 0, base_ns: 0, body_bytes: 0 };
        let (mut head, mut body, mut before_ns, mut count) = (empty, Vec::new(), 0, 0_u64);
        for arrival in arrivals {
            if head.count == 0 {
                head.base_ns = arrival.at_ns;
                before_ns = arrival.at_ns;
            }
            record::write(&mut body, before_ns, &arrival, &self.scenarios);
            before_ns = arrival.at_ns;
            head.count += 1;
            count += 1;
            if head.count == BLOCK_ARRIVALS || body.len() + RECORD_BYTES_MAX > BODY_BYTES_MAX {
                self.block(head, &body)?;
                head = empty;
                body.clear();
            }
        }
        if head.count > 0 {
            self.block(head, &body)?;
        }
        self.counts.push(count);
        Ok(())
    }

    fn block(&mut self, mut head: BlockHead, body: &[u8]) -> io::Result<()> {
        head.body_bytes = u32::try_from(body.len()).expect("a body is at most a mebibyte");
        let bytes: [u8; BLOCK_CHECKED_BYTES] = head.to_bytes();
        let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes), body);
        self.file.write_all(&bytes)?;
        self.file.write_all(&crc.to_le_bytes())?;
        self.file.write_all(body)
    }

    /// Writes what every reader must find, and gives the file its name.
    ///
    /// # Errors
    /// Where that fails.
    ///
    /// # Panics
    /// Where an operator of the header was left out.
    pub fn finish(mut self) -> io::Result<()> {
        assert_eq!(self.counts.len(), self.operators as usize, "every operator has its arrivals");
        let mut body = Vec::new();
        for count in &self.counts {
            record::put_count(&mut body, *count);
        }
        let end = BlockHead {
            kind: BlockKind::End,
            operator: 0,
            count: self.operators,
            base_ns: self.counts.iter().sum(),
            body_bytes: 0,
        };
        self.block(end, &body)?;
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        // A file of mkstemp is for its owner alone; a trace is handed on.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        file.as_file().set_permissions(mode)?;
        file.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }
}
