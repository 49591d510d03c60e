//! Everything that was read, spread over shards by transaction, so that one shard at a time fits into memory.
//!
//! Entries stay in memory up to a limit and go to temporary files beyond it. A shard is sorted when it is taken:
//! by transaction, within it by source, within that in the order in which the source wrote.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use crate::history::Record;
use crate::history::record::RECORD_BYTES;
use crate::journal::{Fact, parse_id};
use crate::transaction::Transaction;

/// Shards in all: 256 files at most are open at once.
const SHARDS: usize = 256;
/// Source (2), place (8), then the record or fact.
const ENTRY_BYTES: usize = 10 + RECORD_BYTES;
/// The source of a fact; histories are counted from one.
const JOURNAL: u16 = 0;

/// A transaction: who sent the authorize, and its id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The participant.
    pub originator: u16,
    /// The id of the authorize.
    pub original: u128,
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.originator, id_text(self.original))
    }
}

impl std::str::FromStr for Key {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (originator, id) = text.split_once('/').ok_or(ParseKeyError)?;
        let originator = originator.parse().map_err(|_| ParseKeyError)?;
        Ok(Self { originator, original: parse_id(id).ok_or(ParseKeyError)? })
    }
}

/// A text that names no transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected ORIGINATOR/ID: a participant's number and the id of an authorize in the form of a UUID")]
pub struct ParseKeyError;

/// An id in the form of a UUID.
pub fn id_text(id: u128) -> String {
    let hex = format!("{id:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Entries on their way to being joined.
#[derive(Debug)]
pub(crate) struct Shards {
    shards: Vec<Shard>,
    memory_max: usize,
    in_memory: usize,
}

#[derive(Debug, Default)]
struct Shard {
    bytes: Vec<u8>,
    spilled: Option<File>,
}

impl Shards {
    /// Keeps about `memory_max` bytes in memory.
    pub(crate) fn new(memory_max: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Shard::default()).collect();
        Self { shards, memory_max, in_memory: 0 }
    }

    /// How many shards there are.
    pub(crate) fn count(&self) -> usize {
        self.shards.len()
    }

    /// Adds a fact.
    ///
    /// # Errors
    /// Where a temporary file cannot be written.
    pub(crate) fn add_fact(&mut self, fact: Fact) -> io::Result<()> {
        self.add(JOURNAL, fact.sequence, fact.original, fact.to_bytes())
    }

    /// Adds the record at `place` of history `file`, counted from zero.
    ///
    /// # Errors
    /// Where a temporary file cannot be written.
    pub(crate) fn add_record(&mut self, file: u16, place: u64, record: &Record) -> io::Result<()> {
        self.add(file + 1, place, record.original, record.to_bytes(place))
    }

    fn add(&mut self, source: u16, place: u64, original: u128, bytes: [u8; RECORD_BYTES]) -> io::Result<()> {
        let shard = &mut self.shards[shard_of(original)];
        let before = shard.bytes.capacity();
        shard.bytes.extend_from_slice(&source.to_le_bytes());
        shard.bytes.extend_from_slice(&place.to_le_bytes());
        shard.bytes.extend_from_slice(&bytes);
        self.in_memory += shard.bytes.capacity() - before;
        if self.in_memory > self.memory_max { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> io::Result<()> {
        for shard in &mut self.shards {
            let file = match shard.spilled.take() {
                Some(file) => file,
                None => tempfile::tempfile()?,
            };
            (&file).write_all(&shard.bytes)?;
            shard.spilled = Some(file);
            shard.bytes = Vec::new();
        }
        self.in_memory = 0;
        Ok(())
    }

    /// Takes a shard out and shows its transactions one after the other.
    ///
    /// # Errors
    /// Where a temporary file cannot be read, or holds what was not written to it.
    pub(crate) fn join(&mut self, shard: usize, mut each: impl FnMut(&Transaction)) -> io::Result<()> {
        let Shard { bytes, spilled } = std::mem::take(&mut self.shards[shard]);
        let mut all = Vec::new();
        if let Some(mut file) = spilled {
            file.seek(SeekFrom::Start(0))?;
            file.read_to_end(&mut all)?;
        }
        self.in_memory = self.in_memory.saturating_sub(bytes.capacity());
        if all.is_empty() {
            all = bytes;
        } else {
            all.extend_from_slice(&bytes);
        }
        let mut transaction = Transaction::default();
        for entry in sorted(&all)? {
            let key = Key { originator: entry.originator, original: entry.original };
            if transaction.key != key {
                if !transaction.is_empty() {
                    each(&transaction);
                }
                transaction.begin(key);
            }
            let bytes = &all[entry.at..];
            let payload: &[u8; RECORD_BYTES] = bytes.first_chunk().ok_or_else(damaged)?;
            if entry.source == JOURNAL {
                let fact = Fact::from_bytes(payload, entry.place).ok_or_else(damaged)?;
                transaction.facts.push(fact);
            } else {
                let record = Record::from_bytes(payload, entry.place).map_err(|_| damaged())?;
                transaction.add_record(entry.source - 1, entry.place, record);
            }
        }
        if !transaction.is_empty() {
            each(&transaction);
        }
        Ok(())
    }
}

/// Where an entry belongs and where its payload begins. The fields stand in the order of sorting.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    original: u128,
    originator: u16,
    source: u16,
    place: u64,
    at: usize,
}

fn sorted(all: &[u8]) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::with_capacity(all.len() / ENTRY_BYTES);
    for (n, bytes) in all.chunks(ENTRY_BYTES).enumerate() {
        let bytes: &[u8; ENTRY_BYTES] = bytes.first_chunk().ok_or_else(damaged)?;
        let source = u16::from_le_bytes([bytes[0], bytes[1]]);
        let place = bytes[2..].first_chunk().map_or(0, |b| u64::from_le_bytes(*b));
        let payload: &[u8; RECORD_BYTES] = bytes[10..].first_chunk().ok_or_else(damaged)?;
        let (originator, original) = if source == JOURNAL {
            let fact = Fact::from_bytes(payload, place).ok_or_else(damaged)?;
            (fact.originator, fact.original)
        } else {
            let record = Record::from_bytes(payload, place).map_err(|_| damaged())?;
            (record.originator, record.original)
        };
        entries.push(Entry { original, originator, source, place, at: n * ENTRY_BYTES + 10 });
    }
    entries.sort_unstable();
    Ok(entries)
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a temporary file holds what was not written to it")
}

/// Random in its low bits, for ids of any author: all 128 bits take part.
fn shard_of(original: u128) -> usize {
    let [a, b, c, d, ..] = original.to_le_bytes();
    let mixed = u32::from_le_bytes([a, b, c, d]) ^ (original >> 96) as u32 ^ (original >> 64) as u32;
    (mixed.wrapping_mul(0x9e37_79b1) >> 24) as usize % SHARDS
}
