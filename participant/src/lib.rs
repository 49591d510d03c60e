//! What an MPS operator or an acquirer embeds to talk to a Holdfast switch.
//!
//! Two layers. [`Link`] is the batch interface: push many messages, take many, nothing allocated, locked or woken for
//! each. Over it stand the typed calls for people: [`Operator`], whose calls end as approved, declined, not done or
//! unknown, and a destination, kept to all its promises (docs/PROTOCOL.md) on behalf of a [`Handler`]. [`Participant`]
//! keeps either signed on.
//!
//! Invariant: silence and a lost link are "unknown", never "no"; "approved" is reported only while the state of the
//! transaction agrees with it (rule 13); "not done" only where exactly one copy of a request was ever sent.
//!
//! Absent on purpose: any knowledge of how the switch decides, clients, and their instruments.

#![deny(clippy::wildcard_enum_match_arm)]

pub mod address;
pub mod backoff;
pub mod destination;
pub mod link;
pub mod operator;
pub mod participant;
pub mod request_ids;
pub mod switch_clock;

pub use address::resolve;
pub use destination::{DedupStore, FileDedup, Handler, MemoryDedup};
pub use holdfast_link::{Credentials, LinkSettings};
pub use holdfast_protocol as protocol;
pub use link::{Link, LinkConfig, LinkError, LinkReceiver, LinkSender, PushError, Received, Roles};
pub use operator::{CallId, CallOutcome, InquiryOutcome, Terms};
pub use participant::{NoLink, Operator, Participant, ParticipantConfig, ParticipantError};
pub use request_ids::RequestIds;
pub use switch_clock::SwitchClock;
