//! Whether an approval still stands.
//!
//! An answer carries the outcome as decided, which never changes, and the state now (rule 13). "Approved" is reported
//! only where the two agree; every cell is decided here.

use holdfast_protocol::{Reason, State};

/// What a request asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A payment.
    Pay,
    /// A reservation.
    Reserve,
    /// A verification of an instrument.
    Verify,
    /// A capture of a reservation.
    Capture,
    /// The release of a hold.
    Release,
    /// A reversal.
    Reverse,
    /// A refund.
    Refund,
}

/// What an approval is worth in view of the state now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Agreement {
    /// It stands.
    Stands,
    /// It was undone since.
    Undone(Reason),
    /// The two cannot both be true: the outcome is unknown.
    Contradiction,
}

/// What an approval of `operation` is worth in `state`.
pub(crate) const fn agreement(operation: Operation, state: State) -> Agreement {
    use Agreement::{Contradiction, Stands, Undone};
    use Operation as O;
    use State as S;
    match (operation, state) {
        (O::Pay | O::Refund, S::Captured) => Stands,
        (O::Reserve, S::Held | S::Captured) | (O::Verify, S::Held) => Stands,
        // A part may be captured while the rest is held.
        (O::Capture, S::Held | S::Captured) => Stands,
        // What was captured before the release stays captured; what was reversed after it is free all the more.
        (O::Release, S::Released | S::Captured | S::Reversed) => Stands,
        // Nothing stands any more, which is what a reversal is for; a tombstone has no transaction at all.
        (O::Reverse, S::None | S::Declined | S::Released | S::Expired | S::TimedOut | S::Reversed) => Stands,

        (O::Pay | O::Reserve | O::Verify | O::Capture | O::Refund, S::Reversed) => {
            Undone(Reason::OriginalReversed)
        }
        (O::Reserve | O::Verify, S::Released) => Undone(Reason::HoldReleased),
        (O::Reserve | O::Verify, S::Expired) => Undone(Reason::HoldExpired),

        (O::Pay | O::Refund, S::Held | S::Released | S::Expired)
        | (O::Verify, S::Captured)
        | (O::Capture, S::Released | S::Expired)
        | (O::Release, S::Held | S::Expired)
        | (O::Reverse, S::Pending | S::Held | S::Captured)
        | (
            O::Pay | O::Reserve | O::Verify | O::Capture | O::Release | O::Refund,
            S::None | S::Pending | S::Declined | S::TimedOut,
        ) => Contradiction,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_approval_that_does_not_stand_is_never_reported() {
        let every = [
            State::None,
            State::Pending,
            State::Held,
            State::Declined,
            State::Captured,
            State::Released,
            State::Expired,
            State::TimedOut,
            State::Reversed,
        ];
        let stands = |operation| {
            every
                .into_iter()
                .filter(|state| agreement(operation, *state) == Agreement::Stands)
                .collect::<Vec<_>>()
        };
        assert_eq!(stands(Operation::Pay), [State::Captured]);
        assert_eq!(stands(Operation::Refund), [State::Captured]);
        assert_eq!(stands(Operation::Reserve), [State::Held, State::Captured]);
        assert_eq!(stands(Operation::Verify), [State::Held]);
        assert_eq!(stands(Operation::Capture), [State::Held, State::Captured]);
        assert_eq!(stands(Operation::Release), [State::Captured, State::Released, State::Reversed]);
        assert!(!stands(Operation::Reverse).contains(&State::Captured));
    }
}
