//! Effects that wait for the disk.
//!
//! Invariant I1: an effect leaves only when the newest fact decided before it is durable, even if its own step wrote
//! none. Effects are gated by turn: all of a turn wait for the last fact of that turn.

use std::collections::VecDeque;
use std::time::Instant;

use holdfast_core::Effect;
use holdfast_core::view::SessionId;
use holdfast_protocol::Sequence;

/// What a destination is told about its answers on one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Which link.
    pub to: SessionId,
    /// Which lane.
    pub lane: u8,
    /// Answers that the turn decided.
    pub answers: u64,
}

/// The effects of one turn.
#[derive(Debug)]
pub struct Waiting {
    /// The newest fact decided before the effects.
    pub until: Sequence,
    /// When they were decided, for the statistics.
    pub at: Instant,
    /// In the order they were decided.
    pub effects: Vec<Effect>,
    /// What destinations are told, one entry a lane and batch.
    pub decided: Vec<Decided>,
}

/// The queue of turns whose facts are not durable yet. It is as long as the log takes to sync what it has, which the
/// limit on unsynced bytes bounds (I8).
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: VecDeque<Waiting>,
}

impl Outbox {
    /// Adds a turn's effects.
    #[inline]
    pub fn push(&mut self, turn: Waiting) {
        let in_order = self.waiting.back().is_none_or(|before| before.until <= turn.until);
        assert!(in_order, "I1: turns wait in the order of their facts");
        if !turn.effects.is_empty() || !turn.decided.is_empty() {
            self.waiting.push_back(turn);
        }
    }

    /// The next turn whose facts are durable.
    #[inline]
    pub fn pop_ready(&mut self, durable: Sequence) -> Option<Waiting> {
        if self.waiting.front()?.until > durable {
            return None;
        }
        self.waiting.pop_front()
    }

    /// How many turns wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::{ParticipantNumber, RequestId, TransactionKey};

    use super::*;

    fn turn(until: u64) -> Waiting {
        let originator = ParticipantNumber::new(1).unwrap();
        let effect = Effect::Recall(TransactionKey { originator, id: RequestId::from_bytes([1; 16]) });
        Waiting { until: Sequence(until), at: Instant::now(), effects: vec![effect], decided: Vec::new() }
    }

    #[test]
    fn an_effect_without_facts_of_its_own_waits_for_those_decided_before_it() {
        let mut outbox = Outbox::default();
        outbox.push(turn(7));
        outbox.push(turn(7));
        assert!(outbox.pop_ready(Sequence(6)).is_none());
        assert!(outbox.pop_ready(Sequence(7)).is_some());
        assert!(outbox.pop_ready(Sequence(7)).is_some());
        assert!(outbox.is_empty());
    }
}
