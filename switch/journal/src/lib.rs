//! Durable, ordered, checked log of facts.
//!
//! Append-only segments of frames, one frame a group commit. [`open`] reads all facts back and begins an epoch;
//! [`Handle`] appends on a thread of its own; [`Log`] is the small door that a replicated log can stand behind too.
//! `docs/JOURNAL.md` has the bytes.
//!
//! Invariant: what [`Log::durable`] names survives a power cut; what it does not name was told to nobody (I1). What is
//! read back is what was written, or the journal refuses to open and names the place.
//!
//! Absent on purpose: decisions, and any retry of a failed write or sync.

#![deny(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::float_arithmetic
)]

pub mod archive;
mod batch;
mod block;
mod facts;
mod format;
mod handle;
mod reading;
pub mod record;
mod recovery;
pub mod repair;
mod restore;
mod scan;
mod settings;
mod shared;
pub mod snapshot;
mod statistics;
mod stepped;
mod storage;
mod supply;
mod survey;
mod verify;
mod writer;

pub use archive::{Archive, ArchiveCounts, IndexError, Reindexed, reindex};
pub use batch::{Appended, Batch, Log, NotTaken};
pub use block::BLOCK_BYTES;
pub use facts::{FactsError, fold, read_facts};
pub use format::JournalId;
pub use handle::{Handle, Sealed};
pub use reading::Report;
pub use record::{RecordError, RecordWriter};
pub use recovery::{OpenError, Recovered, Visit, VisitError, open, recover};
pub use restore::{News, Recovering, open_core, recover_core};
pub use scan::Facts;
pub use settings::{Settings, SettingsError};
pub use shared::{JournalFailure, Notify, OnFailure};
pub use snapshot::{SnapshotError, SnapshotSettings, SnapshotStep, Snapshotter};
pub use statistics::{Counts, SYNC_BUCKETS_US, Statistics};
pub use stepped::SteppedJournal;
pub use storage::{
    Access, Fault, FileStorage, ForgetfulStorage, IndexFile, IndexStorage, Paced, Position, Segment,
    SegmentNumber, SnapshotFile, SnapshotStorage, Storage,
};
pub use verify::{
    Verified, VerifiedIndex, VerifiedSnapshot, read_directory, read_storage, verify, verify_indexes,
    verify_storage,
};
