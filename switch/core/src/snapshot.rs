//! A ledger as entries: what a snapshot of it holds, and how a core is made of them again.
//!
//! Two parts, as in the digest: what lives long (positions, open holds, deliveries, limits, registry, days, epochs), and
//! what is remembered of the window. A core made of the entries has the same digests as the core they were taken from
//! (I7), and goes on as that would.
//!
//! Entries that nobody took from a ledger are refused where they contradict each other; they never panic.
//!
//! Absent on purpose: bytes. The journal crate gives entries their form.

use holdfast_protocol::{
    Authorize, BusinessDate, Currency, Epoch, Extensions, ParticipantNumber, Partition, Refund, RequestId,
    Sequence, TransactionKey, UnixMillis,
};

pub use crate::ledger::content::Content;
pub use crate::ledger::follow_up_record::{FollowUpKind, FollowUpParts};
pub use crate::ledger::leases::Moved;
pub use crate::ledger::limits::Usage;
pub use crate::ledger::record::{Closed, Terms};
pub use crate::ledger::refunds::Linked;
pub use crate::ledger::state::Transaction;
use crate::ledger::{self, Position};
use crate::registry::{ParticipantRecord, ParticipantStatus, Route};
use crate::step::Core;

/// One piece of a ledger. They come in the order of the variants; the first is always [`Entry::Beginning`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// What there is one of.
    Beginning(Beginning),
    /// Which partition it is of how many, where there are several.
    Founded(Partition, u16),
    /// A participant that is or was configured.
    Participant(Box<ParticipantEntry>),
    /// What of a participant's cap moved between this partition and another.
    Lease(LeaseEntry),
    /// All routes.
    Routes(Vec<Route>),
    /// From which fact on which epoch decided.
    Epoch(Sequence, Epoch),
    /// A day that is not closed.
    Day(BusinessDate),
    /// A transaction that is pending, held or not delivered.
    Open(Box<OpenEntry>),
    /// A transaction that is closed and still remembered.
    Closed(ClosedEntry),
    /// A capture, release or reversal that is remembered.
    FollowUp(FollowUpParts),
    /// Closed transactions that stay beyond their own second, and the second they go with.
    ClosedUntil(u64, Vec<TransactionKey>),
    /// What came along with the answer to a request.
    Extensions(ParticipantNumber, RequestId, Extensions),
}

/// See [`Entry::Beginning`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beginning {
    /// The last fact that was applied.
    pub sequence: Sequence,
    /// The time of its frame.
    pub time: UnixMillis,
    /// The date that new work gets.
    pub business_date: Option<BusinessDate>,
    /// All ids created in this second or before are forgotten.
    pub forgotten_through: u64,
}

/// See [`Entry::Participant`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParticipantEntry {
    /// As configured last.
    pub record: ParticipantRecord,
    /// Whether it takes part now.
    pub status: ParticipantStatus,
    /// It is not configured any more.
    pub removed: bool,
    /// Its positions.
    pub positions: Vec<Position>,
    /// What it used of its limits.
    pub usages: Vec<Usage>,
}

/// See [`Entry::Lease`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseEntry {
    /// Whose cap.
    pub debtor: ParticipantNumber,
    /// In which currency.
    pub currency: Currency,
    /// The other partition.
    pub other: Partition,
    /// What moved.
    pub moved: Moved,
}

/// See [`Entry::Open`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenEntry {
    /// The transaction. Its `content` is [`None`]: the request itself stands beside it.
    pub transaction: Transaction,
    /// The request as received, while it may be forwarded again.
    pub request: Option<Authorize>,
    /// The refund as received, while it may be forwarded again.
    pub refund: Option<Refund>,
    /// How it is linked with others.
    pub linked: Linked,
    /// By which a repeat is recognised.
    pub content: Content,
    /// Since when its first delivery waits, where it has one.
    pub waits_since: Option<UnixMillis>,
}

/// See [`Entry::Closed`]. What the archive keeps of a transaction is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosedEntry {
    /// Which.
    pub key: TransactionKey,
    /// By which a repeat is recognised.
    pub content: Content,
    /// What is left of it.
    pub closed: Closed,
    /// How it is linked with others.
    pub linked: Linked,
}

/// Entries that are of no ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the entries are of no ledger: {0}")]
pub struct NoLedger(pub(crate) &'static str);

/// A core in the making.
#[derive(Debug)]
pub struct Restoring {
    core: Core,
    begun: bool,
}

impl Restoring {
    /// Begins with an empty core; worth preparing before ([`Core::prepare`]).
    ///
    /// # Panics
    /// Where facts were applied to it.
    pub fn new(core: Core) -> Self {
        assert_eq!(core.sequence(), Sequence(0), "a snapshot is restored into an empty core");
        Self { core, begun: false }
    }

    /// Takes the next entry.
    ///
    /// # Errors
    /// Where it contradicts those before it; the core is then of no use.
    pub fn add(&mut self, entry: Entry) -> Result<(), NoLedger> {
        if let Entry::Beginning(beginning) = &entry {
            self.core.set_time(beginning.time);
            if std::mem::replace(&mut self.begun, true) {
                return Err(NoLedger("it begins twice"));
            }
        } else if !self.begun {
            return Err(NoLedger("it does not begin"));
        }
        let waiting = ledger::restore(&mut self.core.ledger, entry)?;
        if let Some((index, since)) = waiting {
            self.core.schedule.restore(&self.core.ledger, index, since);
        }
        Ok(())
    }

    /// The core that the entries were taken from, as far as facts tell.
    ///
    /// # Errors
    /// Where positions and open transactions disagree (I3, I4, I5): all are counted again.
    pub fn finish(self) -> Result<Core, NoLedger> {
        if !self.begun {
            return Err(NoLedger("it does not begin"));
        }
        match crate::invariant::recount(&self.core) {
            Ok(()) => Ok(self.core),
            Err(_) => Err(NoLedger("I3, I4 or I5: positions and open transactions disagree")),
        }
    }
}

impl Core {
    /// Calls `each` with all entries of the ledger. Its digests are those of [`Core::digest`].
    ///
    /// # Errors
    /// The first that `each` returns.
    pub fn entries<E>(&self, each: &mut dyn FnMut(Entry) -> Result<(), E>) -> Result<(), E> {
        ledger::write(self.ledger(), self.time(), &|index| self.schedule.waits_since(index), each)
    }
}
