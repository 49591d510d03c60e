//! Which cells of the money table can be reached.

use holdfast_core::transaction::money::{Ending, Event, Money};

use super::Reach;

const COMPARED_WHILE_PENDING: Reach =
    Reach::Impossible("only the first answer is compared with what was asked; later ones say again yes");
const PAID_AT_ONCE: Reach = Reach::Impossible("the approval of a payment captures it: it is never held");
const DEADLINE_CANCELLED: Reach =
    Reach::Impossible("the deadline is cancelled with the end of what it was for");
const NOT_HELD_YET: Reach = Reach::Impossible("the time of the hold counts from the approval");

const NOTHING_TO_REFUND: Reach = Reach::Impossible(
    "nothing of it is captured, so no refund of it is pending; a reversal waited for any that was",
);

/// Whether an event can meet a transaction in this state.
pub fn reach(state: Money, event: Event) -> Reach {
    match event {
        Event::ApprovePay => match state {
            Money::Held | Money::Closed(Ending::Released | Ending::Expired) => PAID_AT_ONCE,
            Money::Pending
            | Money::Closed(Ending::Declined | Ending::Captured | Ending::TimedOut | Ending::Reversed) => {
                Reach::Reachable
            }
        },
        Event::ApproveWrongly => match state {
            Money::Pending => Reach::Reachable,
            Money::Held | Money::Closed(_) => COMPARED_WHILE_PENDING,
        },
        Event::Deadline => match state {
            Money::Pending => Reach::Reachable,
            Money::Held | Money::Closed(_) => DEADLINE_CANCELLED,
        },
        Event::HoldEnd => match state {
            Money::Held => Reach::Reachable,
            Money::Pending => NOT_HELD_YET,
            Money::Closed(_) => DEADLINE_CANCELLED,
        },
        Event::ReverseRefunding => match state {
            Money::Held | Money::Closed(Ending::Captured | Ending::Released | Ending::Expired) => {
                Reach::Reachable
            }
            Money::Pending | Money::Closed(Ending::Declined | Ending::TimedOut | Ending::Reversed) => {
                NOTHING_TO_REFUND
            }
        },
        Event::Refund
        | Event::ApproveHold
        | Event::Decline
        | Event::Fail
        | Event::CapturePart
        | Event::CaptureLast
        | Event::Release
        | Event::Reverse
        | Event::LinkLost => Reach::Reachable,
    }
}
