//! The two tables of a transaction: its money and its deliveries.

pub mod delivery;
pub mod money;

use holdfast_protocol::Kind;

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransactionKind {
    /// Pay in one message.
    Pay,
    /// Hold, and capture later.
    Reserve,
    /// Prove an instrument.
    Verify,
    /// Give back what an original captured (rule 15).
    Refund,
}

impl TransactionKind {
    /// Whether the approval is the capture.
    pub const fn is_captured_by_approval(self) -> bool {
        match self {
            Self::Pay | Self::Refund => true,
            Self::Reserve | Self::Verify => false,
        }
    }
}

impl From<Kind> for TransactionKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Pay => Self::Pay,
            Kind::Reserve => Self::Reserve,
            Kind::Verify => Self::Verify,
        }
    }
}
