//! Reads a trace from one end to the other and checks all of it, so that nothing is found wrong with it while it is being
//! sent. What stays in memory is where its blocks stand, not what is in them.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::record;
use super::totals::Totals;
use super::{
    BLOCK_CHECKED_BYTES, BLOCK_HEAD_BYTES, BLOCKS_MAX, BODY_BYTES_MAX, BlockHead, BlockKind,
    HEADER_BYTES_MAX, Header, MAGIC, PREFIX_BYTES, VERSION,
};
use crate::traffic::arrival::Arrival;
use crate::traffic::scenario::Scenario;

/// Why a trace is not sent.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The operating system says so.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What it says.
        source: io::Error,
    },
    /// It is something else.
    #[error("{path} is no trace: it does not begin as one")]
    NotATrace {
        /// Which file.
        path: PathBuf,
    },
    /// Another program wrote it.
    #[error("{path} is a trace of version {found}; this program reads version {VERSION}")]
    OtherVersion {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// It ends too early.
    #[error("{path} is truncated: it ends at offset {offset}, within {what}")]
    Truncated {
        /// Which file.
        path: PathBuf,
        /// How long it is.
        offset: u64,
        /// Within what.
        what: &'static str,
    },
    /// It is not what was written, or was never right.
    #[error("{path} is damaged at offset {offset}: {what}")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Of the block, or of the header.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// It is not what it was when it was checked.
    #[error("{path} is another at offset {offset} than when it was checked")]
    Changed {
        /// Which file.
        path: PathBuf,
        /// Of the block.
        offset: u64,
    },
}

/// A trace, checked. Its blocks are read again when they are played.
#[derive(Debug)]
pub struct Trace {
    /// Where it was read.
    pub path: PathBuf,
    /// What it says about itself.
    pub header: Header,
    /// What it holds in all.
    pub totals: Totals,
    /// How long the file is.
    pub bytes: u64,
    /// CRC32C of the whole file but for its CRCs: the same trace has the same, wherever it lies.
    pub checksum: u32,
    pub(super) scenarios: Vec<Scenario>,
    file: File,
    /// By operator.
    pub(super) blocks: Vec<Vec<Block>>,
    /// What was wrong with a block when it was read again.
    fault: Mutex<Option<TraceError>>,
}

/// Where a block with arrivals stands, and what was checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    begin: u64,
    pub(super) base_ns: u64,
    body_bytes: u32,
    crc: u32,
}

/// What is wrong, and where.
struct Fault {
    offset: u64,
    what: String,
}

enum Problem {
    Io(io::Error),
    NotATrace,
    OtherVersion(u32),
    Truncated(&'static str),
    Damaged(Fault),
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn damaged(offset: u64, what: impl Into<String>) -> Problem {
    Problem::Damaged(Fault { offset, what: what.into() })
}

impl Trace {
    /// Reads and checks a trace.
    ///
    /// # Errors
    /// [`TraceError`], which names the file and where in it.
    pub fn open(path: &Path) -> Result<Self, TraceError> {
        let file = File::open(path).map_err(|source| TraceError::Io { path: path.to_owned(), source })?;
        Self::read(path, file)
    }

    /// Checks a trace that is open; the path is only how it is called.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn read(path: &Path, file: File) -> Result<Self, TraceError> {
        let mut stream = Stream { from: BufReader::with_capacity(BODY_BYTES_MAX, &file), at: 0, checksum: 0 };
        let parsed = parse(&mut stream);
        let (bytes, checksum, path) = (stream.at, stream.checksum, path.to_owned());
        match parsed {
            Ok((header, scenarios, totals, blocks)) => {
                let fault = Mutex::new(None);
                Ok(Self { path, header, totals, bytes, checksum, scenarios, file, blocks, fault })
            }
            Err(Problem::Io(source)) => Err(TraceError::Io { path, source }),
            Err(Problem::NotATrace) => Err(TraceError::NotATrace { path }),
            Err(Problem::OtherVersion(found)) => Err(TraceError::OtherVersion { path, found }),
            Err(Problem::Truncated(what)) => Err(TraceError::Truncated { path, offset: bytes, what }),
            Err(Problem::Damaged(Fault { offset, what })) => Err(TraceError::Damaged { path, offset, what }),
        }
    }

    /// A block as it was checked, its head included.
    ///
    /// # Errors
    /// Where it cannot be read, or is another now.
    pub(super) fn block(&self, block: &Block) -> Result<Vec<u8>, TraceError> {
        let mut bytes = vec![0; BLOCK_HEAD_BYTES + block.body_bytes as usize];
        let read = self.file.read_exact_at(&mut bytes, block.begin);
        read.map_err(|source| TraceError::Io { path: self.path.clone(), source })?;
        let crc =
            crc32c::crc32c_append(crc32c::crc32c(&bytes[..BLOCK_CHECKED_BYTES]), &bytes[BLOCK_HEAD_BYTES..]);
        if crc == block.crc {
            Ok(bytes)
        } else {
            Err(TraceError::Changed { path: self.path.clone(), offset: block.begin })
        }
    }

    /// Keeps the first thing that is wrong for whoever directs the run.
    pub(super) fn note(&self, fault: TraceError) {
        self.fault.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(fault);
    }

    /// What was wrong with a block when it was read again, once: what comes after it is not played.
    pub fn fault(&self) -> Option<TraceError> {
        self.fault.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }
}

/// A file from its beginning to its end.
struct Stream<R> {
    from: R,
    /// How much was read.
    at: u64,
    /// Of that, but for the CRCs in it: whatever stands before its own CRC comes to the same with it, so that the sum over both would
    /// say nothing about it.
    checksum: u32,
}

impl<R: Read> Stream<R> {
    /// As much as there is, up to all of the buffer.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.from.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.at += filled as u64;
        self.checksum = crc32c::crc32c_append(self.checksum, &buffer[..filled]);
        Ok(filled)
    }

    /// All of the buffer, or the file is truncated.
    fn exactly(&mut self, buffer: &mut [u8], what: &'static str) -> Result<(), Problem> {
        if self.fill(buffer)? == buffer.len() { Ok(()) } else { Err(Problem::Truncated(what)) }
    }

    fn number(&mut self, what: &'static str) -> Result<u32, Problem> {
        let mut bytes = [0; 4];
        self.exactly(&mut bytes, what)?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// A CRC, which is not part of the sum.
    fn crc(&mut self, what: &'static str) -> Result<u32, Problem> {
        let before = self.checksum;
        let crc = self.number(what)?;
        self.checksum = before;
        Ok(crc)
    }
}

type Parsed = (Header, Vec<Scenario>, Totals, Vec<Vec<Block>>);

fn parse(stream: &mut Stream<impl Read>) -> Result<Parsed, Problem> {
    let header = read_header(stream)?;
    let scenarios = header.check().map_err(|what| damaged(0, what))?;
    let mut totals = Totals::new(&header);
    let blocks = read_blocks(stream, &header, &scenarios, &mut totals)?;
    Ok((header, scenarios, totals, blocks))
}

fn read_header(stream: &mut Stream<impl Read>) -> Result<Header, Problem> {
    const HEADER: &str = "the header";
    let mut magic = [0; MAGIC.len()];
    let begun = stream.fill(&mut magic)?;
    if begun == 0 || magic[..begun] != MAGIC[..begun] {
        return Err(Problem::NotATrace);
    }
    let version = stream.number(HEADER)?;
    if version != VERSION {
        return Err(Problem::OtherVersion(version));
    }
    let text_bytes = stream.number(HEADER)? as usize;
    if text_bytes > HEADER_BYTES_MAX {
        return Err(damaged(0, format!("a header of {text_bytes} bytes")));
    }
    let mut text = vec![0; text_bytes];
    stream.exactly(&mut text, HEADER)?;
    debug_assert_eq!(stream.at, (PREFIX_BYTES + text_bytes) as u64);
    // All of the file so far.
    let expected = stream.checksum;
    if stream.crc(HEADER)? != expected {
        return Err(damaged(0, "the header does not match its CRC"));
    }
    serde_json::from_slice(&text).map_err(|error| damaged(0, format!("the header: {error}")))
}

fn read_blocks(
    stream: &mut Stream<impl Read>,
    header: &Header,
    scenarios: &[Scenario],
    totals: &mut Totals,
) -> Result<Vec<Vec<Block>>, Problem> {
    let mut blocks: Vec<Vec<Block>> = vec![vec![]; header.operators as usize];
    let mut latest_ns = vec![0; header.operators as usize];
    let mut body = Vec::new();
    for _ in 0..=BLOCKS_MAX {
        let at = stream.at;
        let (head, crc) = read_block(stream, &mut body)?;
        if head.kind == BlockKind::End {
            check_end(&head, &body, totals).map_err(|what| damaged(at, what))?;
            let end = stream.at;
            let rest = io::copy(&mut stream.from, &mut io::sink())?;
            return match rest {
                0 => Ok(blocks),
                _ => Err(damaged(end, format!("{rest} bytes after the end"))),
            };
        }
        let operator = usize::from(head.operator);
        let (Some(of), Some(latest_ns)) = (blocks.get_mut(operator), latest_ns.get_mut(operator)) else {
            let text = format!("arrivals of operator {operator}, where there are {}", header.operators);
            return Err(damaged(at, text));
        };
        if head.base_ns < *latest_ns {
            return Err(damaged(at, "its times go back"));
        }
        let mut rest = &body[..];
        let mut before_ns = head.base_ns;
        for _ in 0..head.count {
            let arrival =
                record::read(&mut rest, before_ns, 0, scenarios).map_err(|what| damaged(at, what))?;
            check(&arrival, header).map_err(|what| damaged(at, what))?;
            before_ns = arrival.at_ns;
            totals.add(operator, &arrival);
        }
        if !rest.is_empty() {
            return Err(damaged(at, "bytes after its last arrival"));
        }
        *latest_ns = before_ns;
        of.push(Block { begin: at, base_ns: head.base_ns, body_bytes: head.body_bytes, crc });
    }
    Err(damaged(stream.at, format!("it has more than {BLOCKS_MAX} blocks")))
}

/// The next block and its CRC; its body in `body`.
fn read_block(stream: &mut Stream<impl Read>, body: &mut Vec<u8>) -> Result<(BlockHead, u32), Problem> {
    const BLOCK: &str = "a block";
    let at = stream.at;
    let mut head_bytes = [0; BLOCK_CHECKED_BYTES];
    match stream.fill(&mut head_bytes)? {
        0 => return Err(Problem::Truncated("the blocks, of which the last is missing")),
        BLOCK_CHECKED_BYTES => {}
        _ => return Err(Problem::Truncated(BLOCK)),
    }
    let crc = stream.crc(BLOCK)?;
    let head = BlockHead::from_bytes(&head_bytes).ok_or_else(|| damaged(at, "no block begins like this"))?;
    let body_bytes = head.body_bytes as usize;
    if body_bytes > BODY_BYTES_MAX {
        return Err(damaged(at, format!("a block of {body_bytes} bytes")));
    }
    body.resize(body_bytes, 0);
    stream.exactly(body, BLOCK)?;
    if crc32c::crc32c_append(crc32c::crc32c(&head_bytes), body) != crc {
        return Err(damaged(at, "the block does not match its CRC"));
    }
    Ok((head, crc))
}

fn check_end(head: &BlockHead, body: &[u8], totals: &Totals) -> Result<(), String> {
    let mut rest = body;
    let mut counts = Vec::new();
    while !rest.is_empty() {
        counts.push(record::take(&mut rest)?);
    }
    if counts != totals.by_operator || head.base_ns != totals.arrivals {
        return Err(format!("{} arrivals were written, {} are there", head.base_ns, totals.arrivals));
    }
    Ok(())
}

/// What no player could play.
fn check(arrival: &Arrival, header: &Header) -> Result<(), &'static str> {
    if arrival.at_ns >= header.length_ns {
        return Err("an arrival after the end of the trace");
    }
    if u32::from(arrival.payee.destination) >= header.acquirers + header.operators
        || u32::from(arrival.payee.merchant) >= header.merchants
    {
        return Err("a payee that there is not");
    }
    arrival.check_course()
}
