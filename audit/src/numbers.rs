//! Numbers of the protocol that mean something to the auditor, written down a second time.

/// The protocol's numbers of a state.
pub mod state {
    /// There is none.
    pub const NONE: u8 = 0;
    /// No answer yet.
    pub const PENDING: u8 = 1;
    /// Held.
    pub const HELD: u8 = 2;
    /// Declined.
    pub const DECLINED: u8 = 3;
    /// Captured.
    pub const CAPTURED: u8 = 4;
    /// Released.
    pub const RELEASED: u8 = 5;
    /// Expired.
    pub const EXPIRED: u8 = 6;
    /// Timed out.
    pub const TIMED_OUT: u8 = 7;
    /// Reversed.
    pub const REVERSED: u8 = 8;
}

/// Reasons of the protocol that mean something to the auditor.
pub mod reason {
    /// The destination did not answer in time.
    pub const DESTINATION_TIMED_OUT: u16 = 203;
    /// The destination does not honour the request and says no more.
    pub const DO_NOT_HONOUR: u16 = 100;
    /// A reversal arrived before the request.
    pub const REVERSED_BEFORE_ARRIVAL: u16 = 212;
    /// The originator reversed it before the destination answered.
    pub const REVERSED_BY_ORIGINATOR: u16 = 216;
    /// The destination refused.
    pub const DESTINATION_REFUSED: u16 = 217;
}

/// A payment in one message.
pub const PAY: u8 = 1;
/// A refund: done with its approval, as a payment is.
pub const REFUND: u8 = 4;

/// Whether the approval is the capture.
pub const fn is_captured_by_approval(payment_kind: u8) -> bool {
    payment_kind == PAY || payment_kind == REFUND
}

/// Decided by the destination.
pub const BY_DESTINATION: u8 = 1;
/// Decided by the switch.
pub const BY_SWITCH: u8 = 2;
