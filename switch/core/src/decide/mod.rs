//! Deciding: reads the ledger, the schedule and the view; writes facts, and effects for what needs no fact.
//!
//! One module for each input. Nothing here changes the ledger.

pub(crate) mod acknowledge;
pub(crate) mod answer;
pub(crate) mod authorize;
pub(crate) mod capture;
pub(crate) mod day;
pub(crate) mod deliver;
pub(crate) mod expire;
pub(crate) mod follow;
pub(crate) mod inquiry;
pub(crate) mod lease;
pub(crate) mod link;
mod new_work;
mod original;
pub(crate) mod participant;
pub(crate) mod recall;
pub(crate) mod refund;
pub(crate) mod release;
pub(crate) mod reverse;

use holdfast_protocol::{
    Answer, ApprovalCode, DecidedBy, Extensions, Outcome, Reason, RequestId, Sequence, State, UnixMillis,
};

use crate::counters::Counters;
use crate::effect::Effect;
use crate::fact::Fact;
use crate::input::From;
use crate::ledger::state::Ledger;
use crate::schedule::Schedule;
use crate::settings::Settings;
use crate::step::Output;
use crate::view::View;

/// Everything a decision may read, and where it writes.
pub(crate) struct Desk<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) schedule: &'a mut Schedule,
    pub(crate) settings: &'a Settings,
    pub(crate) counters: &'a mut Counters,
    pub(crate) view: &'a View,
    pub(crate) now: UnixMillis,
    pub(crate) out: &'a mut Output,
}

impl Desk<'_> {
    pub(crate) fn fact(&mut self, fact: Fact) {
        self.out.facts.push(fact);
    }

    /// Refuses: nothing is recorded, nothing is said about other copies (rule 5).
    pub(crate) fn refuse(&mut self, from: From, id: RequestId, original: RequestId, reason: Reason) {
        self.counters.refused(from.participant, reason);
        // With "busy" comes the time after which to try again (rule 24).
        let busy = reason == Reason::Busy || reason == Reason::DeliveryQueueFull;
        let answer = Answer {
            id,
            originator: None,
            outcome: Outcome::Refused,
            state: State::None,
            reason,
            decided_by: DecidedBy::Switch,
            amount: holdfast_protocol::Amount::ZERO,
            approval_code: ApprovalCode::NONE,
            settlement_date: None,
            partition: self.ledger.partition,
            epoch: self.ledger.epoch(),
            sequence: Sequence(0),
            retry_after_ms: if busy {
                u16::try_from(self.settings.retry_after_ms).unwrap_or(u16::MAX)
            } else {
                0
            },
            extensions: Extensions::NONE,
        };
        self.out.effects.push(Effect::Answer { to: from.session, original, answer });
    }
}

/// Whether a request is timely: its id within the window, its expiry within the window of its id and not past (rule 5).
pub(crate) fn check_times(
    settings: &Settings,
    ledger: &Ledger,
    now: UnixMillis,
    id: RequestId,
    expires: UnixMillis,
) -> Result<(), Reason> {
    let created = id.created();
    if created > now.plus(settings.skew_max_ms) {
        return Err(Reason::IdFromTheFuture);
    }
    let forgotten = crate::ledger::remembered::second_of(id) <= ledger.remembered.forgotten_through();
    if created.plus(settings.window_max_ms) < now || forgotten {
        return Err(Reason::IdTooOld);
    }
    if expires > created.plus(settings.window_max_ms) {
        return Err(Reason::ExpiresTooFar);
    }
    if expires <= now {
        return Err(Reason::Expired);
    }
    Ok(())
}
