//! Snapshots: the whole ledger as it was at the start of a segment, so that a start need not read the journal from its
//! first fact.
//!
//! A snapshot is made off the hot path, from the one before it and the segments sealed since: [`Snapshotter`]. It is
//! written under another name, synced, named, and the directory synced.
//!
//! Invariant: a snapshot counts only whole: every checksum, the hash over all of it, entries that make a ledger (I3 is
//! counted again), and both noted digests. One that does not count is never used; the one before it is, or the journal
//! from its first fact. What a snapshot holds was durable in the journal before it was begun.

pub(crate) mod entry;
pub(crate) mod entry_read;
mod file;
mod format;
mod load;
mod maker;
mod trim;

use std::io;

use holdfast_core::ledger::Digest;
use holdfast_core::snapshot::NoLedger;

pub use entry::write as write_entry;
pub use entry_read::read as read_entry;
pub(crate) use format::{From, Header};
pub(crate) use load::load;
pub use maker::{SnapshotSettings, SnapshotStep, Snapshotter};

use crate::facts::FactsError;
use crate::record::RecordError;
use crate::storage::SegmentNumber;

/// Why a snapshot is not used, or was not made. Nothing is lost by it but time.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// It could not be read or written.
    #[error("reading or writing it")]
    Io(#[from] io::Error),
    /// Its bytes are not those of a snapshot.
    #[error("at offset {offset}: {what}")]
    Bytes {
        /// Where in the file.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// An entry cannot be read.
    #[error("an entry of the block at offset {offset}")]
    Entry {
        /// Where the block begins.
        offset: u64,
        /// Why.
        source: RecordError,
    },
    /// Its entries are of no ledger.
    #[error(transparent)]
    NoLedger(#[from] NoLedger),
    /// What its entries make is not what it was taken from.
    #[error("its entries make a ledger with the digest {found}, it was taken from one with {noted}")]
    Digest {
        /// When it was made.
        noted: Digest,
        /// Now.
        found: Digest,
    },
    /// It is of another journal, or of another place than its name says.
    #[error("it belongs to another journal or place")]
    Misplaced,
    /// The segments it is to be made of do not follow each other.
    #[error("segment {0} does not go on where the one before it ended")]
    Segments(SegmentNumber),
    /// A frame that is whole holds facts that cannot be read.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// The index of a segment that was folded for it could not be written.
    #[error("the index of segment {0}")]
    Index(SegmentNumber, #[source] crate::archive::IndexError),
    /// The ledger it would be taken of breaks an invariant. That is a fault of the program, and of no snapshot.
    #[error("the ledger breaks an invariant: {0}")]
    Invariant(String),
}
