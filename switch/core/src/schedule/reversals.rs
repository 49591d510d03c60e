//! Reversals that wait until the pending refunds of their original are decided (rule 15): what they give back depends on
//! it. A refund is pending for its budget at most, so none waits longer than the largest. A bounded number (I8); after
//! a restart their senders repeat.

use std::collections::BTreeMap;

use holdfast_protocol::{Reverse, TransactionKey};

use super::recalls::Wait;
use crate::input::From;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Reversals {
    waiting: BTreeMap<TransactionKey, Vec<(From, Reverse)>>,
    count: usize,
}

impl Reversals {
    /// Adds one; a repeat takes the place of its earlier copy.
    pub(crate) fn wait(&mut self, original: TransactionKey, from: From, request: Reverse, most: u32) -> Wait {
        let copies = self.waiting.get_mut(&original).into_iter().flatten();
        if let Some(copy) = copies.into_iter().find(|(_, other)| other.id == request.id) {
            let earlier = copy.0.session;
            *copy = (from, request);
            return Wait::Joined(Some(earlier));
        }
        if self.count >= most as usize {
            return Wait::Full;
        }
        self.count += 1;
        self.waiting.entry(original).or_default().push((from, request));
        Wait::Joined(None)
    }

    /// Whether one of this original waits.
    pub(crate) fn are_waiting(&self, original: TransactionKey) -> bool {
        self.waiting.contains_key(&original)
    }

    /// Whether none waits: so it is usually.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// All that wait for an original of which this holds, in the order in which they came.
    pub(crate) fn take(
        &mut self,
        is_decided: impl Fn(TransactionKey) -> bool,
    ) -> Option<Vec<(From, Reverse)>> {
        let original = self.waiting.keys().copied().find(|original| is_decided(*original))?;
        let requests = self.waiting.remove(&original)?;
        self.count -= requests.len();
        Some(requests)
    }
}
