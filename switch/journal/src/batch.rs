//! What is handed to the journal, and the small door it goes through.
//!
//! A replicated log can stand behind the same door: it appends conditionally and ends committed, refused or unknown.

use holdfast_protocol::{Epoch, Sequence, UnixMillis};

/// The facts of one turn, encoded one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The facts.
    pub bytes: Vec<u8>,
    /// The sequence of the first.
    pub first: Sequence,
    /// How many; never zero.
    pub count: u32,
    /// The time of the turn.
    pub time: UnixMillis,
}

impl Batch {
    /// The sequence of the last fact.
    pub const fn last(&self) -> Sequence {
        // One less than the end; a batch has at least one fact.
        Sequence(self.first.0.saturating_add(self.count as u64).saturating_sub(1))
    }
}

/// Why a batch was not taken. It comes back whole; nothing of it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// The queue is full: hand it in again later.
    Full(Batch),
    /// The condition does not hold: another epoch, other facts follow the expected place, or the batch is larger than
    /// any may be. It never will.
    Refused(Batch),
    /// The log has ended: what was handed in and is not durable is unknown. All effects stop until the log is read.
    Ended(Batch),
}

/// What became of the facts up to a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// Not known yet.
    Waiting,
    /// They are durable.
    Committed,
    /// They were never handed in under this epoch.
    Refused,
    /// The log ended before it said so. They may be durable or not; only reading the log tells.
    Unknown,
}

/// An append-only, durable, ordered log of facts, as its one writer sees it. No method blocks.
pub trait Log {
    /// The epoch under which this writer appends.
    fn epoch(&self) -> Epoch;

    /// Appends a batch if the log is still in `epoch` and its last fact is `expected`.
    ///
    /// # Errors
    /// See [`NotTaken`].
    fn append(&self, epoch: Epoch, expected: Sequence, batch: Batch) -> Result<(), NotTaken>;

    /// What became of all facts up to `through`.
    fn appended(&self, through: Sequence) -> Appended;

    /// The newest durable fact.
    fn durable(&self) -> Sequence;

    /// Bytes handed in and not yet durable.
    fn unsynced_bytes(&self) -> u64;

    /// Whether there is no room for the next segment: no new work should be accepted.
    fn is_full(&self) -> bool;

    /// An empty vector for the next batch, used before where possible.
    fn take_buffer(&self) -> Vec<u8>;
}
