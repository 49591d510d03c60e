//! The words and bytes of the Holdfast protocol.
//!
//! Every message is a plain struct whose documentation is its byte table; [`Message::decode`] turns outside bytes into
//! types that cannot be wrong, and [`Message::encode`] turns them back. `docs/PROTOCOL.md` is the same for someone who
//! writes a participant in another language.
//!
//! Absent on purpose: sockets, clocks, state. Nothing here can block or panic on outside bytes.

#![deny(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::float_arithmetic,
    clippy::wildcard_enum_match_arm
)]

pub mod answer;
pub mod codec;
pub mod control;
pub mod ids;
mod lane;
pub mod message;
pub mod money;
pub mod payment_id;
pub mod reason;
pub mod request;
pub mod time;
pub mod version;

pub use answer::{
    Acknowledge, Answer, ApprovalCode, Complete, DecidedBy, DecidedThrough, Outcome, State, Status,
};
pub use codec::extension::Extensions;
pub use codec::{DecodeError, FrameReader, frame};
pub use control::{Drain, Echo, LaneOpen, Notice, SignOff, SignOn, Welcome, Window};
pub use ids::{
    DeliveryNumber, Epoch, Instance, ParticipantNumber, Partition, RequestId, Sequence, TransactionKey,
};
pub use lane::{LANES_MAX, lane_of};
pub use message::{Message, MessageType};
pub use money::{Amount, Currency, Total};
pub use payment_id::{InstrumentReference, Merchant, MpsId, PaymentId};
pub use reason::{Reason, ReasonClass};
pub use request::{Authorize, Capture, Channel, Inquiry, Kind, Refund, Release, Reverse, SecurityLevel};
pub use time::{BusinessDate, UnixMillis};
