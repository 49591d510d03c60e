//! Which answers the switch has decided: a count for each lane and link.

use std::collections::VecDeque;

use holdfast_protocol::TransactionKey;

/// The answers sent on one lane since it was opened, and how many of them are decided.
#[derive(Debug, Default)]
pub(crate) struct LaneCoverage {
    /// Sent and not decided, oldest first; refusals count but cover nothing.
    uncovered: VecDeque<Option<TransactionKey>>,
    covered: u64,
}

impl LaneCoverage {
    /// An answer left.
    pub(crate) fn sent(&mut self, key: Option<TransactionKey>) {
        self.uncovered.push_back(key);
    }

    /// Whether every answer is decided.
    pub(crate) fn is_settled(&self) -> bool {
        self.uncovered.is_empty()
    }

    /// The transactions whose answers are newly decided; `None` where the switch counts answers that were never sent.
    /// A count that has not grown says nothing new.
    pub(crate) fn through(&mut self, count: u64) -> Option<impl Iterator<Item = TransactionKey>> {
        let newly = usize::try_from(count.saturating_sub(self.covered)).ok()?;
        if newly > self.uncovered.len() {
            return None;
        }
        self.covered = self.covered.max(count);
        Some(self.uncovered.drain(..newly).flatten())
    }
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::{ParticipantNumber, RequestId};

    use super::*;

    fn key(n: u8) -> TransactionKey {
        TransactionKey { originator: ParticipantNumber::new(1).unwrap(), id: RequestId::from_bytes([n; 16]) }
    }

    #[test]
    fn counts_cover_answers_in_the_order_they_left() {
        let mut lane = LaneCoverage::default();
        [Some(key(1)), None, Some(key(2))].into_iter().for_each(|k| lane.sent(k));
        assert_eq!(lane.through(2).unwrap().collect::<Vec<_>>(), [key(1)]);
        assert_eq!(lane.through(1).unwrap().count(), 0, "an old count says nothing new");
        assert!(lane.through(4).is_none(), "only three answers left");
        assert_eq!(lane.through(3).unwrap().collect::<Vec<_>>(), [key(2)]);
    }
}
