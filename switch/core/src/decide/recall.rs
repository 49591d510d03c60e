//! What the archive said about originals that left memory.
//!
//! Unavailable is never absent: it is a technical refusal, and the sender repeats.

use holdfast_protocol::Reason;

use super::{Desk, original, reverse};
use crate::fact::FollowUp;
use crate::input::{From, Recalled};
use crate::ledger::content::Content;

/// Requests that waited long enough.
pub(crate) fn give_up(desk: &mut Desk<'_>) {
    for _ in 0..super::expire::TAKEN_MAX {
        let Some(key) = desk.schedule.recalls.take_due(desk.now) else { break };
        for (from, request) in desk.schedule.recalls.take(key) {
            decide(desk, from, request, Recalled::Unavailable);
        }
    }
}

/// One request whose original was looked up.
pub(crate) fn decide(desk: &mut Desk<'_>, from: From, request: FollowUp, recalled: Recalled) {
    // I2: while it waited, another request may have been decided under its id.
    let content = Content::of_follow_up(&request);
    if original::is_known(desk, from, &request, content) {
        return;
    }
    match (recalled, request) {
        (Recalled::Unavailable, request) => {
            desk.refuse(from, request.id(), request.original(), Reason::OriginalUnavailable);
        }
        // Rule 11: as an original that is unknown, now that it was looked up.
        (Recalled::Absent, FollowUp::Reverse(m)) => reverse::absent(desk, from, &m),
        (Recalled::Absent, request @ (FollowUp::Capture(_) | FollowUp::Release(_))) => {
            original::decline(desk, from, request, Reason::OriginalUnknown);
        }
    }
}
