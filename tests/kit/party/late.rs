//! What an operator comes back to when the switch has forgotten it: its original has to be found in the archive.

use std::collections::VecDeque;

use holdfast_protocol::{Authorize, Outcome, Reason, Status, UnixMillis};

/// Longer than the switch of a drill remembers an id: window, skew, and the second in which it was made.
const AFTER_MS: u64 = 8_000;
const KEPT_MAX: usize = 10_000;

/// Payments that were approved and are left alone until then.
#[derive(Debug, Default)]
pub(super) struct Late(VecDeque<Authorize>);

impl Late {
    pub(super) fn keep(&mut self, request: &Authorize) {
        if self.0.len() < KEPT_MAX {
            self.0.push_back(request.clone());
        }
    }

    /// One whose time has come.
    pub(super) fn take_due(&mut self, now: UnixMillis) -> Option<Authorize> {
        let due = self.0.front()?.id.created().plus(AFTER_MS) <= now;
        due.then(|| self.0.pop_front()).flatten()
    }
}

/// What may be said of a payment that was approved: never that there was none, nor that it was declined (I2).
///
/// # Panics
/// Where anything else is said.
pub(super) fn must_know(status: &Status) {
    assert_ne!(status.reason, Reason::OriginalUnknown, "I2: it was approved, and is forgotten: {status:?}");
    let approved = status.outcome == Some(Outcome::Approved);
    assert!(status.reason != Reason::None || approved, "I2: it was approved: {status:?}");
}
