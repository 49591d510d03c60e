//! What is said to new work that would only wait (rule 24): busy, and when to come again. Nothing is recorded.

use holdfast_core::Input;
use holdfast_protocol::{Message, Reason, RequestId};

use crate::session::inbound::{not_looked_up, refusal};

/// The refusal of a request, and the id that chooses its lane; none for what is no request.
pub(super) fn busy(input: &Input, retry_after_ms: u16) -> Option<(RequestId, Message)> {
    let (id, original) = match input {
        Input::Authorize(_, m) => (m.id, m.id),
        Input::Refund(_, m) => (m.id, m.id),
        Input::Capture(_, m) => (m.id, m.original),
        Input::Release(_, m) => (m.id, m.original),
        Input::Reverse(_, m) => (m.id, m.original),
        Input::Inquire(_, m) => {
            let status = not_looked_up(m.id, m.originator, m.correlation, Reason::Busy);
            return Some((m.id, Message::Status(status)));
        }
        Input::Answer(..)
        | Input::Acknowledge(..)
        | Input::Recalled(..)
        | Input::LinkUp(_)
        | Input::LinkLost(_)
        | Input::Configure(..)
        | Input::SetStatus(..)
        | Input::CutOver(_)
        | Input::Found(..)
        | Input::Lease(..)
        | Input::Tick => return None,
    };
    Some((original, Message::Answer(refusal(id, Reason::Busy, retry_after_ms))))
}
