//! What the links tell the driver. Whole batches: one event for everything one read brought.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use holdfast_core::{From, Input};
use holdfast_protocol::SignOn;

use crate::session::Outbound;

/// One event of one link.
#[derive(Debug)]
pub enum Event {
    /// It signed on and opened its lanes.
    Up {
        /// Whose link.
        from: From,
        /// What was agreed.
        sign_on: SignOn,
        /// Where it dialled from.
        address: SocketAddr,
        /// Where to write.
        outbound: Arc<Outbound>,
    },
    /// It is gone.
    Down {
        /// Whose link.
        from: From,
    },
    /// It wants no new work.
    Drain(From),
    /// It takes another number of unanswered forwards.
    Window(From, u32),
    /// Messages came.
    Received {
        /// Whose link.
        from: From,
        /// On which payment lane.
        lane: u8,
        /// When they were read.
        at: Instant,
        /// Answers, acknowledgements, reversals.
        first: Vec<Input>,
        /// How many of them are answers.
        answers: u64,
        /// Requests.
        work: Vec<Input>,
    },
}
