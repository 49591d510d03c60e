//! The money of a transaction: `Pending → Held → Closed` or `Pending → Closed`.
//!
//! What the switch decided is what counts; the destination is told by deliveries until it acknowledges.

use holdfast_protocol::State;

/// Where the money stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Money {
    /// Held while the destination's answer is out.
    Pending,
    /// Approved and held, perhaps captured in part.
    Held,
    /// Nothing is held any more.
    Closed(Ending),
}

/// How a hold ended: exactly once, with one of these (I5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ending {
    /// The destination or the switch said no.
    Declined,
    /// Something was captured; what was not is released.
    Captured,
    /// Released before anything was captured.
    Released,
    /// Expired before anything was captured.
    Expired,
    /// The destination did not answer in time.
    TimedOut,
    /// Reversed as a whole.
    Reversed,
}

impl Money {
    /// As an answer or a status says it.
    pub const fn state(self) -> State {
        match self {
            Self::Pending => State::Pending,
            Self::Held => State::Held,
            Self::Closed(Ending::Declined) => State::Declined,
            Self::Closed(Ending::Captured) => State::Captured,
            Self::Closed(Ending::Released) => State::Released,
            Self::Closed(Ending::Expired) => State::Expired,
            Self::Closed(Ending::TimedOut) => State::TimedOut,
            Self::Closed(Ending::Reversed) => State::Reversed,
        }
    }

    /// Whether nothing is held any more.
    pub const fn is_closed(self) -> bool {
        match self {
            Self::Pending | Self::Held => false,
            Self::Closed(_) => true,
        }
    }
}
