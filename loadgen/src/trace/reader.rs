//! Reads a trace whole and checks all of it, so that nothing is found wrong with it while it is being sent.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::record;
use super::totals::Totals;
use super::{
    BLOCK_CHECKED_BYTES, BLOCK_HEAD_BYTES, BODY_BYTES_MAX, BlockHead, BlockKind, HEADER_BYTES_MAX, Header,
    MAGIC, PREFIX_BYTES, TRACE_BYTES_MAX, VERSION,
};
use crate::arrival::Arrival;
use crate::scenario::Scenario;

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
}

/// A trace, read and checked.
#[derive(Debug)]
pub struct Trace {
    /// Where it was read.
    pub path: PathBuf,
    /// What it says about itself.
    pub header: Header,
    /// What it holds in all.
    pub totals: Totals,
    pub(super) scenarios: Vec<Scenario>,
    pub(super) bytes: Vec<u8>,
    /// By operator.
    pub(super) blocks: Vec<Vec<Block>>,
}

/// Where the arrivals of a block stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) begin: usize,
    pub(super) end: usize,
    pub(super) base_ns: u64,
}

/// What is wrong, and where.
struct Fault {
    offset: usize,
    what: String,
}

enum Problem {
    Truncated(&'static str),
    Damaged(Fault),
}

fn damaged(offset: usize, what: impl Into<String>) -> Problem {
    Problem::Damaged(Fault { offset, what: what.into() })
}

impl Trace {
    /// Reads and checks a trace.
    ///
    /// # Errors
    /// [`TraceError`], which names the file and where in it.
    pub fn open(path: &Path) -> Result<Self, TraceError> {
        let io = |source| TraceError::Io { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        if length > TRACE_BYTES_MAX {
            let text =
                format!("it has {length} bytes, more than the {TRACE_BYTES_MAX} that are kept in memory");
            return Err(io(io::Error::new(io::ErrorKind::FileTooLarge, text)));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        file.read_to_end(&mut bytes).map_err(io)?;
        Self::from_bytes(path, bytes)
    }

    /// Checks the bytes of a trace.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<Self, TraceError> {
        let path = path.to_owned();
        if !bytes.starts_with(&MAGIC[..MAGIC.len().min(bytes.len())]) || bytes.is_empty() {
            return Err(TraceError::NotATrace { path });
        }
        if let Some(found) = number_at(&bytes, MAGIC.len()).filter(|found| *found != VERSION) {
            return Err(TraceError::OtherVersion { path, found });
        }
        match parse(&path, bytes) {
            Ok(trace) => Ok(trace),
            Err((bytes, Problem::Truncated(what))) => {
                Err(TraceError::Truncated { path, offset: bytes as u64, what })
            }
            Err((_, Problem::Damaged(fault))) => {
                Err(TraceError::Damaged { path, offset: fault.offset as u64, what: fault.what })
            }
        }
    }
}

fn number_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_le_bytes(*four))
}

fn parse(path: &Path, bytes: Vec<u8>) -> Result<Trace, (usize, Problem)> {
    let length = bytes.len();
    let parsed = (|| {
        let (header, begin) = read_header(&bytes)?;
        let scenarios = header.check().map_err(|what| damaged(0, what))?;
        let mut totals = Totals::new(&header);
        let blocks = read_blocks(&bytes, begin, &header, &scenarios, &mut totals)?;
        Ok((header, scenarios, totals, blocks))
    })();
    let (header, scenarios, totals, blocks) = parsed.map_err(|problem| (length, problem))?;
    Ok(Trace { path: path.to_owned(), header, totals, scenarios, bytes, blocks })
}

/// The header, and where the first block begins.
fn read_header(bytes: &[u8]) -> Result<(Header, usize), Problem> {
    let text_bytes = number_at(bytes, MAGIC.len() + 4).ok_or(Problem::Truncated("the header"))? as usize;
    if text_bytes > HEADER_BYTES_MAX {
        return Err(damaged(0, format!("a header of {text_bytes} bytes")));
    }
    let end = PREFIX_BYTES + text_bytes;
    let crc = number_at(bytes, end).ok_or(Problem::Truncated("the header"))?;
    if crc32c::crc32c(&bytes[..end]) != crc {
        return Err(damaged(0, "the header does not match its CRC"));
    }
    let header = serde_json::from_slice(&bytes[PREFIX_BYTES..end]);
    Ok((header.map_err(|error| damaged(0, format!("the header: {error}")))?, end + 4))
}

fn read_blocks(
    bytes: &[u8],
    begin: usize,
    header: &Header,
    scenarios: &[Scenario],
    totals: &mut Totals,
) -> Result<Vec<Vec<Block>>, Problem> {
    let mut blocks: Vec<Vec<Block>> = vec![vec![]; header.operators as usize];
    let mut latest_ns = vec![0; header.operators as usize];
    let mut at = begin;
    loop {
        let (head, body) = read_block(bytes, at)?;
        let body_at = at + BLOCK_HEAD_BYTES;
        if head.kind == BlockKind::End {
            check_end(&head, &bytes[body.clone()], totals).map_err(|what| damaged(at, what))?;
            let rest = bytes.len() - body.end;
            return if rest == 0 {
                Ok(blocks)
            } else {
                Err(damaged(body.end, format!("{rest} bytes after the end")))
            };
        }
        let operator = usize::from(head.operator);
        let (Some(of), Some(latest_ns)) = (blocks.get_mut(operator), latest_ns.get_mut(operator)) else {
            return Err(damaged(
                at,
                format!("arrivals of operator {operator}, where there are {}", header.operators),
            ));
        };
        if head.base_ns < *latest_ns {
            return Err(damaged(at, "its times go back"));
        }
        let mut rest = &bytes[body.clone()];
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
        of.push(Block { begin: body_at, end: body.end, base_ns: head.base_ns });
        at = body.end;
    }
}

/// The block at an offset, and where its body stands.
fn read_block(bytes: &[u8], at: usize) -> Result<(BlockHead, std::ops::Range<usize>), Problem> {
    let rest = &bytes[at..];
    if rest.is_empty() {
        return Err(Problem::Truncated("the blocks, of which the last is missing"));
    }
    let head_bytes = rest.first_chunk::<BLOCK_CHECKED_BYTES>().ok_or(Problem::Truncated("a block"))?;
    let crc = number_at(rest, BLOCK_CHECKED_BYTES).ok_or(Problem::Truncated("a block"))?;
    let head = BlockHead::from_bytes(head_bytes).ok_or_else(|| damaged(at, "no block begins like this"))?;
    let body_bytes = head.body_bytes as usize;
    if body_bytes > BODY_BYTES_MAX {
        return Err(damaged(at, format!("a block of {body_bytes} bytes")));
    }
    let body = at + BLOCK_HEAD_BYTES..at + BLOCK_HEAD_BYTES + body_bytes;
    let bytes = bytes.get(body.clone()).ok_or(Problem::Truncated("a block"))?;
    if crc32c::crc32c_append(crc32c::crc32c(head_bytes), bytes) != crc {
        return Err(damaged(at, "the block does not match its CRC"));
    }
    Ok((head, body))
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
