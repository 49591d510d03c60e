//! Bytes to messages and back.
//!
//! A frame is a header of six bytes, a fixed part of little-endian fields, and an extension area:
//!
//! | offset | bytes | field |
//! | --- | --- | --- |
//! | 0 | 2 | length of the whole frame, header included, 6 to 4,096 |
//! | 2 | 1 | message type |
//! | 3 | 1 | flags, of the message type |
//! | 4 | 2 | size of the fixed part |
//! | 6 | | fixed part; a later version may append to it, so a reader takes what it knows and skips the rest |
//! | | | extensions to the end of the frame, 2,048 bytes at most |
//!
//! Request ids are 16 bytes in the order of a UUID (big-endian); every other number is little-endian.

mod control;
pub mod extension;
pub mod frame;
mod layout_answer;
mod layout_request;
mod reader;
mod writer;

pub use frame::FrameReader;
pub(crate) use reader::Fields;
pub(crate) use writer::Writer;

use crate::ids::RequestId;
use crate::reason::Reason;

/// The peer sent nonsense.
///
/// With an `id` the frame was whole and named its request, which can be refused with `reason`. Without one the link is
/// closed: a peer that writes such frames cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct DecodeError {
    /// What to tell the peer.
    pub reason: Reason,
    /// Which field is wrong.
    pub field: &'static str,
    /// Which request it was, where that could be read.
    pub id: Option<RequestId>,
}

impl DecodeError {
    pub(crate) const fn new(reason: Reason, field: &'static str) -> Self {
        Self { reason, field, id: None }
    }

    pub(crate) const fn malformed(field: &'static str) -> Self {
        Self::new(Reason::Malformed, field)
    }
}
