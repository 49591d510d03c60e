//! The end of a turn: its facts go to the log, and what is durable goes to the links (I1).

use std::time::Instant;

use holdfast_core::effect::Delivery;
use holdfast_core::{Effect, Fact};
use holdfast_journal::{Batch, Log, NotTaken};
use holdfast_protocol::{Message, Refund, Sequence, UnixMillis};

use super::{Driver, nanos};
use crate::driver::outbox::{Decided, Waiting};
use crate::driver::seam::Seam;

/// A batch of facts is closed at this size: with one fact more it still fits a frame of the journal.
const BATCH_BYTES: usize = 1 << 20;
/// Emptied vectors of effects that are kept for turns to come, and the most room that one of them may have (I8).
const SPARE_EFFECTS_MAX: usize = 16;
const SPARE_EFFECTS_ROOM_MAX: usize = 4_096;

impl<L: Log, S: Seam> Driver<L, S> {
    /// Makes the turn's facts batches for the log, and its effects wait for them.
    pub(super) fn commit(&mut self, now: UnixMillis, at: Instant) {
        let room = self.spare_effects.pop().unwrap_or_default();
        let effects = std::mem::replace(&mut self.output.effects, room);
        let decided = std::mem::take(&mut self.decided);
        let until = self.core.sequence();
        self.counted.facts += self.output.facts.len() as u64;
        self.counted.effects += effects.len() as u64;
        self.seam.push(&mut self.outbox, Waiting { until, at, effects, decided });
        let mut next = Sequence(until.0 + 1 - self.output.facts.len() as u64);
        let mut left = self.output.facts.iter().peekable();
        while left.peek().is_some() {
            let mut batch = Batch { bytes: self.log.take_buffer(), first: next, count: 0, time: now };
            while batch.bytes.len() < BATCH_BYTES
                && let Some(fact) = left.next()
            {
                self.records.write(fact, &mut batch.bytes);
                if let Fact::Declined { key, reason, .. } = fact
                    && let Some(destination) = self.core.transaction(*key).and_then(|view| view.destination)
                {
                    self.telemetry.driver.declines.of(destination).outcomes(*reason, 1);
                }
                batch.count += 1;
            }
            next = Sequence(next.0 + u64::from(batch.count));
            self.unsubmitted.push_back(batch);
        }
        self.output.facts.clear();
        self.submit();
    }

    fn submit(&mut self) {
        while let Some(batch) = self.unsubmitted.pop_front() {
            let expected = Sequence(batch.first.0 - 1);
            match self.log.append(self.log.epoch(), expected, batch) {
                Ok(()) => {}
                // An ended log takes nothing, nothing becomes durable any more, and so nothing leaves (I1).
                Err(NotTaken::Full(batch) | NotTaken::Ended(batch)) => {
                    self.unsubmitted.push_front(batch);
                    return;
                }
                Err(NotTaken::Refused(batch)) => {
                    panic!("the one writer of this log appends in order, but {:?} was refused", batch.first)
                }
            }
        }
    }

    /// Lets go what is durable.
    pub(super) fn release(&mut self, now: UnixMillis, at: Instant) {
        let durable = self.log.durable();
        while let Some(turn) = self.seam.pop_ready(&mut self.outbox, durable) {
            let Waiting { at: decided_at, mut effects, decided, .. } = turn;
            self.let_go.push((effects.len() as u64, nanos(at.saturating_duration_since(decided_at))));
            for effect in effects.drain(..) {
                if let Some(effect) = self.seam.let_go(effect) {
                    self.let_go(now, at, effect);
                }
            }
            for Decided { to, lane, answers } in decided {
                self.sessions.decided(to, lane, answers);
            }
            if self.spare_effects.len() < SPARE_EFFECTS_MAX && effects.capacity() <= SPARE_EFFECTS_ROOM_MAX {
                self.spare_effects.push(effects);
            }
        }
    }

    fn let_go(&mut self, now: UnixMillis, at: Instant, effect: Effect) {
        match effect {
            Effect::Answer { to, original, answer } => {
                if let Some(participant) = self.sessions.get(to).map(|live| live.from.participant) {
                    self.told(participant, answer.reason, 1, at);
                }
                self.sessions.stage(to, original, &Message::Answer(answer));
            }
            Effect::Superseded { to } => self.sessions.superseded(to),
            Effect::Status { to, status } => {
                let id = status.id;
                self.sessions.stage(to, id, &Message::Status(status));
            }
            Effect::Forward { to, deadline, request } => {
                let mut request = request;
                request.budget_ms = budget_left(deadline, now);
                let id = request.id;
                self.sessions.stage(to, id, &Message::Authorize(request));
            }
            Effect::ForwardRefund { to, deadline, request } => {
                let id = request.id;
                let request = Refund { budget_ms: budget_left(deadline, now), ..request };
                self.sessions.stage(to, id, &Message::Refund(request));
            }
            Effect::Deliver { to, delivery } => {
                let (original, message) = match delivery {
                    Delivery::Capture(m) => (m.original, Message::Capture(m)),
                    Delivery::Release(m) => (m.original, Message::Release(m)),
                    Delivery::Reverse(m) => (m.original, Message::Reverse(m)),
                };
                self.sessions.stage(to, original, &message);
            }
            Effect::Complete { to, complete } => {
                self.sessions.stage(to, complete.original, &Message::Complete(complete));
            }
            Effect::Close { to, reason } => {
                if let Some(live) = self.sessions.get(to) {
                    live.outbound.close(reason);
                }
            }
            Effect::Recall(key) => self.recalls.push(key),
            Effect::Lease { to, message } => self.peers.say(to, message),
        }
    }
}

/// At least a millisecond: the destination may still refuse it, and the deadline reverses it anyway.
fn budget_left(deadline: UnixMillis, now: UnixMillis) -> u32 {
    u32::try_from(deadline.since(now)).unwrap_or(u32::MAX).max(1)
}
