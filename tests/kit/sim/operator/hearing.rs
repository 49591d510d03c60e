//! What an operator makes of what it hears.

use holdfast_protocol::{Answer, Message, Outcome, Reason, State, Status, UnixMillis};

use super::Operator;
use crate::sim::checks::{i1, i2, i6};
use crate::sim::scene::Scene;
use crate::sim::violation::{Verdict, ensure};

impl Operator {
    /// Reads everything that has come.
    pub(crate) fn read(&mut self, scene: &mut Scene<'_>) -> Verdict {
        let wires: Vec<_> = self.dialler.all().collect();
        for (_, wire) in wires {
            for (_, message) in scene.net.take(wire) {
                match message {
                    Message::Answer(answer) => self.hear(answer, scene)?,
                    Message::Status(status) => self.status(&status, scene)?,
                    other => ensure!("protocol", false, "an operator is sent {other:?}"),
                }
            }
        }
        Ok(())
    }

    fn hear(&mut self, answer: Answer, scene: &mut Scene<'_>) -> Verdict {
        let (id, who) = (answer.id, self.number);
        scene.coverage.reason(answer.reason);
        scene.trace.note(scene.now, || {
            format!("{who} hears of {id}: {:?} {} {:?}", answer.outcome, answer.reason, answer.sequence)
        });
        let Some(request) = self.requests.get_mut(&id) else {
            ensure!("I6", false, "operator {who} is answered what it never asked: {answer:?}");
            return Ok(());
        };
        request.asked = None;
        if answer.outcome == Outcome::Refused {
            return self.refused(&answer, scene);
        }
        i1::told(answer.sequence, scene.durable_of(who))?;
        self.heard_of = self.heard_of.max(answer.sequence);
        // Of another epoch: a restart resumed at an earlier time than the refusal's.
        let late = request.expired_in.is_some_and(|epoch| answer.epoch <= epoch);
        ensure!("I2", !late, "operator {who} was told that {id} is too late, now {answer:?}");
        // A restart may have moved the time so that it is in time after all.
        let expected =
            request.expected.filter(|_| request.asked_in.is_some_and(|(epoch, _)| epoch == answer.epoch));
        ensure!(
            "I2",
            expected.is_none(),
            "{id} must be refused with {expected:?}, and is recorded: {answer:?}"
        );
        let state = answer.state;
        let answer = Answer { state: State::None, ..answer };
        match &request.told {
            Some(told) => ensure!("I2", *told == answer, "operator {who} was told {told:?}, now {answer:?}"),
            None => {
                if request.opens_a_transaction() {
                    let key = self.key(id);
                    scene.told.push((key, Answer { state, ..answer.clone() }));
                }
                let single = self.dialler.is_single();
                let request = self.requests.get_mut(&id).expect("it was there");
                (request.told, request.over, request.lost) = (Some(answer), None, false);
                request.older_copies = if single { 0 } else { request.copies };
                self.waiting.remove(&id);
            }
        }
        let request = &self.requests[&id];
        i6::holds(scene.core_of(who), self.number, id, request, scene.plan, scene.time_high)
    }

    fn refused(&mut self, answer: &Answer, scene: &Scene<'_>) -> Verdict {
        let (id, who, reason) = (answer.id, self.number, answer.reason);
        let request = self.requests.get_mut(&id).expect("it was there");
        i2::refusal(who, request, answer, scene)?;
        request.not_before = scene.now.plus(match reason {
            Reason::Busy | Reason::WindowExceeded | Reason::DeliveryQueueFull => {
                u64::from(answer.retry_after_ms).max(50) + self.random.below(200)
            }
            _ => 300 + self.random.below(400),
        });
        if request.told.is_some() {
            request.older_copies = request.older_copies.saturating_sub(1);
            return Ok(());
        }
        // A refusal of an earlier epoch says nothing about copies that came after the restart.
        let now = answer.epoch == scene.core_of(who).epoch();
        if reason == Reason::Expired {
            request.expired_in = Some(answer.epoch);
        }
        if request.expected == Some(reason) || (reason == Reason::Expired && now) {
            request.over = Some(reason);
        } else if reason == Reason::IdTooOld && now {
            request.lost = true;
        } else if reason == Reason::OriginalUnavailable {
            request.unavailable += 1;
            // It asks no more; an earlier copy may still find its original, for unavailable is never absent.
            if request.unavailable > 1 {
                request.lost = true;
            }
        }
        if request.over.is_some() || request.lost {
            self.waiting.remove(&id);
        }
        Ok(())
    }

    fn status(&mut self, status: &Status, scene: &mut Scene<'_>) -> Verdict {
        let (id, who) = (status.id, self.number);
        scene.coverage.reason(status.reason);
        let Some(request) = self.requests.get(&id) else {
            ensure!("I6", false, "operator {who} hears of what it never asked: {status:?}");
            return Ok(());
        };
        match status.reason {
            Reason::None => {
                i1::told(status.sequence, scene.durable_of(who))?;
                self.heard_of = self.heard_of.max(status.sequence);
                let ended = status.captured.checked_add(status.released);
                let within = ended.is_some_and(|sum| sum <= status.held_for);
                ensure!("I5", within, "more was captured and released than held: {status:?}");
                let Some(told) = &request.told else { return Ok(()) };
                let same = status.outcome == Some(told.outcome)
                    && status.sequence == told.sequence
                    && status.outcome_reason == told.reason;
                ensure!("I2", same, "operator {who} was told {told:?}, now {status:?}");
            }
            Reason::OriginalUnknown | Reason::OriginalUnavailable => {
                let forgotten = is_forgotten(id.created(), scene);
                let known = request.told.is_some();
                ensure!("I2", !known || forgotten, "{id} was answered, and the switch says {status:?}");
            }
            Reason::InquiryBudgetSpent | Reason::Busy => {}
            other => ensure!("protocol", false, "an inquiry is answered with {other}"),
        }
        Ok(())
    }
}

/// Whether an id of this time may be forgotten by now.
pub(crate) fn is_forgotten(created: UnixMillis, scene: &Scene<'_>) -> bool {
    created <= scene.plan.remembered_from(scene.time_high)
}

impl super::Request {
    pub(crate) fn opens_a_transaction(&self) -> bool {
        matches!(self.message, Message::Authorize(_) | Message::Refund(_))
    }

    /// Whether another content was sent under its id in this field.
    pub(crate) fn was_mutated_in(&self, reason: Reason) -> bool {
        self.mutated.contains(&reason) || (reason == Reason::IdReusedOtherContent && !self.mutated.is_empty())
    }

    /// Over several links the refusal of an earlier copy may come after the answer to a later one.
    pub(crate) fn may_be_an_older_refusal(&self) -> bool {
        self.older_copies > 0
    }

    /// Until when it may be accepted as new.
    pub(crate) fn expires(&self) -> UnixMillis {
        match &self.message {
            Message::Authorize(m) => m.expires,
            Message::Capture(m) => m.expires,
            Message::Release(m) => m.expires,
            Message::Reverse(m) => m.expires,
            Message::Refund(m) => m.expires,
            other => panic!("an operator does not ask {other:?}"),
        }
    }

    /// The refusal that it was made for.
    pub(crate) fn expected(&self) -> Option<Reason> {
        self.expected
    }
}
