//! What the admin interface asks of the steward, over one bounded channel.
//!
//! The steward has it done by the drivers between turns, so that an operator's question sees whole steps. A command that changes something
//! is answered when its facts are durable (I1): what the operator of the switch was told survives a crash.

use crossbeam::channel::{Receiver, Sender, bounded};
use holdfast_core::registry::ParticipantStatus;
use holdfast_link::Credentials;
use holdfast_protocol::{BusinessDate, ParticipantNumber, PaymentId, Reason, RequestId};
use tokio::sync::oneshot;
use tracing::debug;

use super::report::{RouteReport, StatusReport, TransactionReport, UndeliveredReport};
use crate::config::Config;

/// Commands that may wait for the steward at once (I8).
pub const COMMANDS_WAITING_MAX: usize = 64;

/// The end that the admin interface holds.
pub type CommandSender = Sender<Command>;
/// The end that the steward holds.
pub type CommandReceiver = Receiver<Command>;

/// The channel between the admin interface and the steward.
pub fn channel() -> (CommandSender, CommandReceiver) {
    bounded(COMMANDS_WAITING_MAX)
}

/// Where the answer goes. That nobody waits for it any more is no error.
pub type Reply<T> = oneshot::Sender<T>;

/// Answers a command.
pub fn answer<T>(reply: Reply<T>, answer: T) {
    if reply.send(answer).is_err() {
        debug!("nobody waits any more for the answer to a command");
    }
}

/// One question or order.
#[derive(Debug)]
pub enum Command {
    /// How does everything stand?
    Status {
        /// The answer.
        reply: Reply<Box<StatusReport>>,
    },
    /// Suspend, drain or resume.
    SetStatus {
        /// Whom.
        participant: Who,
        /// To what.
        status: ParticipantStatus,
        /// When durable.
        reply: Reply<Result<(), CommandError>>,
    },
    /// New work gets this business date.
    CutOver {
        /// From now on.
        date: BusinessDate,
        /// When durable; the date before it.
        reply: Reply<Result<BusinessDate, CommandError>>,
    },
    /// What is known of a transaction?
    Transaction {
        /// Whose.
        originator: Who,
        /// The id of its authorize, or of a capture, release or reversal of it.
        id: RequestId,
        /// The answer.
        reply: Reply<Result<Box<TransactionReport>, CommandError>>,
    },
    /// Which transactions has a destination, or anybody, not acknowledged?
    Undelivered {
        /// By whom; nobody named: by anybody.
        destination: Option<Who>,
        /// How many to list at most.
        max: usize,
        /// The answer.
        reply: Reply<Result<Box<UndeliveredReport>, CommandError>>,
    },
    /// Where would a payment ID lead now, and why?
    ExplainRoute {
        /// Which.
        payment_id: PaymentId,
        /// The answer.
        reply: Reply<Box<RouteReport>>,
    },
    /// Take over a changed configuration and certificates read again.
    Reload {
        /// What to run from now on; what cannot change while running is as it was.
        config: Box<Config>,
        /// For new handshakes; links that stand keep theirs.
        credentials: Box<Credentials>,
        /// When durable.
        reply: Reply<Result<(), CommandError>>,
    },
}

/// A participant as a person names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// By name.
    Name(String),
    /// By number.
    Number(ParticipantNumber),
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => write!(f, "{name}"),
            Self::Number(number) => write!(f, "number {number}"),
        }
    }
}

impl std::str::FromStr for Who {
    type Err = std::convert::Infallible;

    /// Digits are a number, all else is a name.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.parse().ok().and_then(ParticipantNumber::new);
        Ok(number.map_or_else(|| Self::Name(text.to_owned()), Self::Number))
    }
}

/// Why the driver did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// Nobody has this name or number.
    #[error("no such participant: {0}; `holdfast status` lists all")]
    ParticipantUnknown(Who),
    /// It is not in memory: never recorded, or closed and older than the window. The journal knows.
    #[error(
        "no such transaction in memory: never recorded, or closed and older than the window; `holdfast transaction ... \
         --journal DIR` finds it in a copy of the journal"
    )]
    TransactionUnknown,
    /// It is the id of a capture, release or reversal, and what that is about has left memory.
    #[error(
        "this is a capture, release or reversal of {0}, which is not in memory: `holdfast transaction ... --journal DIR` \
         finds it in a copy of the journal"
    )]
    OriginalUnknown(RequestId),
    /// The core refused, with its reason.
    #[error("refused: {} ({})", .0.text(), .0)]
    Refused(Reason),
    /// It does not fit what is running; the text says what.
    #[error("{0}")]
    Conflict(String),
}
