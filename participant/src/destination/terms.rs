//! What a book is told at its beginning, what it asks of its embedder, and how the switch may contradict itself.

use holdfast_protocol::{Authorize, Refund};

use super::handler::{Delivery, Notice};

/// Limits and times of a book. Each has a name here and nowhere else (I8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookSettings {
    /// Transactions remembered; beyond it new forwards are refused as busy.
    pub remembered_max: usize,
    /// Forwards that the handler decides on at once; beyond it new forwards are refused as busy.
    pub deciding_max: usize,
    /// What such a refusal says about when to come again.
    pub retry_after_ms: u16,
    /// How long an approval may be provisional, or a hold outlive its end, before the switch is asked.
    pub inquire_after_ms: u64,
    /// How long until the switch is asked again.
    pub inquire_again_ms: u64,
    /// Inquiries on their way at once.
    pub inquiries_max: usize,
}

impl Default for BookSettings {
    fn default() -> Self {
        Self {
            remembered_max: 20_000_000,
            deciding_max: 100_000,
            retry_after_ms: 200,
            inquire_after_ms: 5_000,
            inquire_again_ms: 30_000,
            inquiries_max: 64,
        }
    }
}

/// What a link agreed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkTerms {
    /// Payment lanes.
    pub lanes: u8,
    /// The longest life of a request, from the welcome.
    pub window_max_ms: u32,
    /// How far an id may lie ahead, from the welcome.
    pub skew_max_ms: u32,
}

/// What the embedder is to do.
#[derive(Debug, PartialEq)]
pub enum Action {
    /// Decide on a forward; then [`super::Book::decided`].
    Decide(Box<Authorize>),
    /// Decide on a refund; then [`super::Book::refund_decided`].
    DecideRefund(Box<Refund>),
    /// Carry a delivery out; then [`super::Book::delivered`].
    Deliver(Delivery),
    /// Know something.
    Notice(Notice),
}

/// The switch contradicts itself: the link is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// It decided answers that were never sent.
    #[error("decided-through counts more answers than were sent on the lane")]
    DecidedThroughAhead,
    /// It answered an inquiry with somebody else's status.
    #[error("a status is not about the transaction that was asked about")]
    StatusOfAnother,
}
