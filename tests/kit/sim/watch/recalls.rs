//! What was looked up.

use holdfast_core::input::Recalled;
use holdfast_protocol::TransactionKey;

use super::{Before, Watched};
use crate::sim::coverage::archive::LookedUp;
use crate::sim::violation::Verdict;

impl Watched {
    /// Counts it, and compares it with the facts where memory knows nothing of it.
    pub(super) fn recalled(
        &mut self,
        before: Option<&Before>,
        key: TransactionKey,
        recalled: &Recalled,
    ) -> Verdict {
        self.coverage.looked_up(LookedUp::of(recalled), 1);
        if before.is_some() { Ok(()) } else { self.reckoning.recalled(key, recalled) }
    }
}
