//! What a destination will do with a request.
//!
//! Like the numbers of test cards: the schedule writes the fate into the instrument reference, and the destination
//! does as it reads there. So the fate is a function of the seed, it travels through the switch, a repeat has the same
//! one, and the operator knows which outcome would contradict it.

use holdfast_protocol::{Amount, InstrumentReference, Reason};

/// What the destination does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Approves the whole amount.
    Approve,
    /// Approves half of it, where the request allows a part.
    ApproveHalf,
    /// Approves so much of it, where the request allows a part.
    ApprovePart(Amount),
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
        let (code, detail) = match self {
            Self::Approve => (1, 0),
            Self::ApproveHalf => (2, 0),
            Self::Decline(reason) => (3, u64::from(reason.number())),
            Self::Silent => (4, 0),
            Self::Late => (5, 0),
            Self::ApprovePart(part) => (6, part.minor()),
        };
        let mut bytes = [0; 16];
        let (head, tail) = bytes.split_at_mut(8);
        // Twelve digits are forty bits.
        let [detail @ .., _, _, _] = detail.to_le_bytes();
        head[..3].copy_from_slice(&[MARK[0], MARK[1], code]);
        head[3..].copy_from_slice(&detail);
        tail.copy_from_slice(&account.to_le_bytes());
        InstrumentReference::new(&bytes).expect("16 bytes are fewer than a reference may have")
    }

    /// The fate an instrument reference carries; `None` for one that is not ours.
    pub fn from_instrument(instrument: &InstrumentReference) -> Option<Self> {
        let bytes: &[u8; 16] = instrument.as_bytes().try_into().ok()?;
        let [mark_0, mark_1, code, d0, d1, d2, d3, d4, ..] = *bytes;
        if [mark_0, mark_1] != MARK {
            return None;
        }
        let detail = u64::from_le_bytes([d0, d1, d2, d3, d4, 0, 0, 0]);
        match code {
            1 => Some(Self::Approve),
            2 => Some(Self::ApproveHalf),
            3 => u16::try_from(detail).ok().and_then(Reason::from_number).map(Self::Decline),
            4 => Some(Self::Silent),
            5 => Some(Self::Late),
            6 => Amount::from_minor(detail).map(Self::ApprovePart),
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
        let part = Fate::ApprovePart(Amount::MAX);
        let others = [Fate::Approve, Fate::ApproveHalf, Fate::Silent, Fate::Late, part];
        for fate in others.into_iter().chain(declines) {
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
