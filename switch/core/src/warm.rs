//! Reading ahead: the waits for memory of a whole batch overlap. Changes nothing, and no result depends on it.

use crate::fact::Fact;
use crate::input::Input;
use crate::step::Core;

impl Core {
    /// Reads what these inputs will look up, so that the waits for memory overlap; worth calling before the steps of a
    /// batch. Changes nothing.
    pub fn warm(&self, inputs: &[Input]) {
        let mut read = 0_u64;
        for input in inputs {
            let (who, id) = match input {
                Input::Authorize(from, m) => (Some(from.participant), m.id),
                Input::Answer(_, m) => (m.originator, m.id),
                Input::Acknowledge(_, m) => (Some(m.originator), m.original),
                Input::Capture(from, m) => (Some(from.participant), m.original),
                Input::Release(from, m) => (Some(from.participant), m.original),
                Input::Reverse(from, m) => (Some(from.participant), m.original),
                Input::Refund(from, m) => (Some(from.participant), m.original),
                Input::Inquire(from, m) => (Some(m.originator.unwrap_or(from.participant)), m.id),
                Input::Recalled(..)
                | Input::LinkUp(_)
                | Input::LinkLost(_)
                | Input::Configure(..)
                | Input::SetStatus(..)
                | Input::CutOver(_)
                | Input::Found(..)
                | Input::Lease(..)
                | Input::Tick => continue,
            };
            if let Some(who) = who {
                read ^= self.ledger.remembered.touch(who, id);
            }
        }
        // The reads must happen; what they bring does not matter.
        std::hint::black_box(read);
    }

    /// Reads where the ids of these facts will be put, for the same reason; worth calling before some dozens are applied. What
    /// a fact finds was put there by another just before, usually.
    pub fn warm_facts(&self, facts: &[Fact]) {
        let mut read = 0_u64;
        for fact in facts {
            if let Fact::Reserved(reserved) = fact {
                read ^= self.ledger.remembered.touch(reserved.originator, reserved.request.id);
            }
        }
        std::hint::black_box(read);
    }
}
