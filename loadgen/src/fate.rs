//! What a destination will do with a request.
//!
//! Like the numbers of test cards: the schedule writes the fate into the instrument reference, and the destination
//! does as it reads there. So the fate is a function of the seed, it travels through the switch, a repeat has the same
//! one, and the operator knows which outcome would contradict it.

use holdfast_protocol::{InstrumentReference, Reason};

/// What the destination does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Approves the whole amount.
    Approve,
    /// Approves half of it, where the request allows a part.
    ApproveHalf,
    /// Declines for this reason.
    Decline(Reason),
    /// Never answers.
    Silent,
    /// Approves after the deadline.
    Late,
}

/// What marks an instrument reference as ours.
const MARK: [u8; 2] = *b"LG";

/// Reasons a destination declines with.
pub const DECLINE_REASONS: [Reason; 8] = [
    Reason::DoNotHonour,
    Reason::InsufficientFunds,
    Reason::InstrumentUnknown,
    Reason::InstrumentExpired,
    Reason::InstrumentNotPermitted,
    Reason::InstrumentAmountLimit,
    Reason::InstrumentFrequencyLimit,
    Reason::SuspectedFraud,
];

impl Fate {
    /// The instrument reference that carries this fate; `account` makes it look like one of many.
    pub fn to_instrument(self, account: u64) -> InstrumentReference {
        let (code, reason) = match self {
            Self::Approve => (1, Reason::None),
            Self::ApproveHalf => (2, Reason::None),
            Self::Decline(reason) => (3, reason),
            Self::Silent => (4, Reason::None),
            Self::Late => (5, Reason::None),
        };
        let mut bytes = [0; 16];
        let (head, tail) = bytes.split_at_mut(8);
        let [low, high] = reason.number().to_le_bytes();
        head.copy_from_slice(&[MARK[0], MARK[1], code, 0, low, high, 0, 0]);
        tail.copy_from_slice(&account.to_le_bytes());
        InstrumentReference::new(&bytes).expect("16 bytes are fewer than a reference may have")
    }

    /// The fate an instrument reference carries; `None` for one that is not ours.
    pub fn from_instrument(instrument: &InstrumentReference) -> Option<Self> {
        let bytes: &[u8; 16] = instrument.as_bytes().try_into().ok()?;
        let [mark_0, mark_1, code, _, low, high, ..] = *bytes;
        if [mark_0, mark_1] != MARK {
            return None;
        }
        match code {
            1 => Some(Self::Approve),
            2 => Some(Self::ApproveHalf),
            3 => Reason::from_number(u16::from_le_bytes([low, high])).map(Self::Decline),
            4 => Some(Self::Silent),
            5 => Some(Self::Late),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fate_survives_the_journey() {
        let declines = DECLINE_REASONS.map(Fate::Decline);
        for fate in [Fate::Approve, Fate::ApproveHalf, Fate::Silent, Fate::Late].into_iter().chain(declines) {
            assert_eq!(Fate::from_instrument(&fate.to_instrument(u64::MAX)), Some(fate));
        }
    }

    #[test]
    fn instruments_of_others_carry_no_fate() {
        assert_eq!(Fate::from_instrument(&InstrumentReference::NONE), None);
        let stranger = InstrumentReference::new(b"4111111111111111").unwrap();
        assert_eq!(Fate::from_instrument(&stranger), None);
    }
}
