//! What the destination's doing and the state of the run allow an operator to hear.

use holdfast_protocol::{Answer, DecidedBy, Reason, State};

use super::operation::Operation;
use crate::accounting::Fault;
use crate::traffic::fate::Fate;
use crate::traffic::scenario::Scenario;

/// Declines by the switch that load, outages and limits explain.
pub(super) const fn is_expected_decline(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::DestinationNotConnected
            | Reason::DestinationTimedOut
            | Reason::DestinationNotAccepting
            | Reason::NetDebitCapExceeded
            | Reason::AmountLimitExceeded
            | Reason::DailyAmountLimitExceeded
            | Reason::DailyCountLimitExceeded
            | Reason::BudgetTooShort
    )
}

/// Refusals that load and outages explain.
pub(super) const fn is_expected_refusal(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Busy
            | Reason::Expired
            | Reason::Suspended
            | Reason::Draining
            | Reason::OriginalUnavailable
            | Reason::WindowExceeded
            | Reason::JournalFull
            | Reason::InquiryBudgetSpent
            | Reason::DeliveryQueueFull
            | Reason::ShuttingDown
    )
}

/// Declines of a follow-up that say its hold ended at its time.
pub(super) const fn is_end_of_hold(reason: Reason) -> bool {
    matches!(reason, Reason::HoldExpired)
}

/// Whether an approval of the authorize is what the destination gave.
pub(super) fn check_approval(operation: &Operation, answer: &Answer) -> Result<(), Fault> {
    match operation.arrival.fate {
        Fate::Approve | Fate::ApproveHalf | Fate::ApprovePart(_) => {}
        Fate::Decline(_) | Fate::Silent | Fate::Late => return Err(Fault::OutcomeContradictsDestination),
    }
    if answer.amount.minor() == operation.expected_amount() { Ok(()) } else { Err(Fault::AmountDiffers) }
}

/// Whether a decline of a refund is one that the switch may give: destinations approve every refund of what they approved.
pub(super) const fn check_refund_decline(by: DecidedBy, reason: Reason) -> Result<(), Fault> {
    match by {
        DecidedBy::Destination => Err(Fault::OutcomeContradictsDestination),
        DecidedBy::Switch if is_expected_decline(reason) => Ok(()),
        DecidedBy::Switch | DecidedBy::StandIn => Err(Fault::UnexpectedReason(reason)),
    }
}

/// Whether the state now goes with a first approval. A hold that ended meanwhile is no contradiction.
pub(super) const fn check_state(scenario: Scenario, state: State) -> Result<(), Fault> {
    let good = match scenario {
        Scenario::Pay
        | Scenario::Intersystem
        | Scenario::Reverse
        | Scenario::Inquiry
        | Scenario::Duplicate
        | Scenario::Refund => {
            matches!(state, State::Captured)
        }
        Scenario::Reserve | Scenario::Partial | Scenario::Release | Scenario::Expire | Scenario::Verify => {
            matches!(state, State::Held | State::Expired)
        }
    };
    if good { Ok(()) } else { Err(Fault::StateContradicts) }
}

/// Whether a decline of the authorize is what the destination gave, or one that the switch may give.
pub(super) fn check_decline(operation: &Operation, by: DecidedBy, reason: Reason) -> Result<(), Fault> {
    match by {
        DecidedBy::Destination => match operation.arrival.fate {
            Fate::Decline(expected) if expected == reason => Ok(()),
            Fate::Decline(_) => Err(Fault::UnexpectedReason(reason)),
            Fate::Approve | Fate::ApproveHalf | Fate::ApprovePart(_) | Fate::Silent | Fate::Late => {
                Err(Fault::OutcomeContradictsDestination)
            }
        },
        DecidedBy::Switch if is_expected_decline(reason) => Ok(()),
        DecidedBy::Switch | DecidedBy::StandIn => Err(Fault::UnexpectedReason(reason)),
    }
}
