//! The wrongs that are done between the driver and its core.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use holdfast::driver::outbox::Waiting;
use holdfast_core::effect::{Delivery, Effect};
use holdfast_core::input::{From, LeaseMessage, LeaseTold};
use holdfast_core::transaction::money::{Ending, Money};
use holdfast_core::view::SessionId;
use holdfast_core::{Core, Fact, Input, Output, View};
use holdfast_protocol::{
    Acknowledge, Answer, ApprovalCode, Capture, DecidedBy, Epoch, Extensions, Instance, Outcome, Reason,
    RequestId, Reverse, State, Total, TransactionKey, UnixMillis,
};

use super::Planted;
use super::archive::FirstFound;
use crate::sim::watch::Watched;

/// One wrong, and what it must remember.
#[derive(Debug)]
pub(crate) struct Wrongdoer {
    planted: Planted,
    epoch: Epoch,
    answers: u64,
    others: Vec<SessionId>,
    /// A capture that was beyond the hold: what was asked for.
    beyond: Option<Capture>,
    /// An archive outlives the process.
    found: Rc<RefCell<FirstFound>>,
}

impl Wrongdoer {
    pub(crate) fn new(planted: Planted, epoch: Epoch, found: Rc<RefCell<FirstFound>>) -> Self {
        Self { planted, epoch, answers: 0, others: Vec::new(), beyond: None, found }
    }

    pub(crate) fn is(&self, planted: Planted) -> bool {
        self.planted == planted
    }

    /// The input as the core gets it; none where it gets nothing.
    pub(crate) fn before(
        &mut self,
        core: &Core,
        input: &Input,
        view: &View,
        out: &mut Output,
    ) -> Option<Input> {
        let changed = match (self.planted, input) {
            (Planted::DeadlineOffAfterRestart, Input::Tick) if self.epoch > Epoch(1) => return None,
            (Planted::TombstoneForgotten, Input::Reverse(from, m)) if is_unknown(core, *from, m) => {
                let answer = acknowledgement(core, m);
                out.effects.push(Effect::Answer { to: from.session, original: m.original, answer });
                return None;
            }
            (Planted::CaptureBeyondHold, Input::Capture(from, m)) => self.within(core, *from, m),
            (planted, Input::Recalled(key, recalled)) => {
                let wrong = self.found.borrow_mut().wrong(planted, *key, recalled);
                wrong.map(|wrong| Input::Recalled(*key, wrong))
            }
            (Planted::CapNotChecked, Input::Configure(participants, routes)) => {
                let mut participants = participants.clone();
                for (_, cap) in participants.iter_mut().flat_map(|record| &mut record.caps) {
                    *cap = Total::from_minor(cap.minor() * 1_000);
                }
                Some(Input::Configure(participants, routes.clone()))
            }
            (Planted::DailyCountOffByOne, Input::Configure(participants, routes)) => {
                let mut participants = participants.clone();
                let limits = participants.iter_mut().flat_map(|record| &mut record.limits);
                for (_, limits) in limits.flat_map(|(_, limits)| &mut limits.currencies) {
                    limits.daily_count = limits.daily_count.map(|count| count + 1);
                }
                Some(Input::Configure(participants, routes.clone()))
            }
            (Planted::AnswerFromAnybody, Input::Answer(from, m)) => as_destination(core, *from, m),
            _ => None,
        };
        if self.planted == Planted::AnswerToWrongSession {
            self.others =
                view.links.values().flatten().filter(|link| !link.receives).map(|l| l.session).collect();
        }
        Some(changed.unwrap_or_else(|| input.clone()))
    }

    fn within(&mut self, core: &Core, from: From, m: &Capture) -> Option<Input> {
        let key = TransactionKey { originator: from.participant, id: m.original };
        let view = core.transaction(key).filter(|view| view.money == Money::Held)?;
        let open = view.held_for.checked_sub(view.captured)?.checked_sub(view.released)?;
        if m.amount <= open || open.is_zero() || view.currency != Some(m.currency) {
            return None;
        }
        self.beyond = Some(m.clone());
        Some(Input::Capture(from, Capture { amount: open, ..m.clone() }))
    }

    /// After the core's step; `first` are the places of its first fact and effect. Returns what leaves at once.
    #[expect(clippy::too_many_arguments, reason = "all that a step has")]
    pub(crate) fn after(
        &mut self,
        core: &mut Core,
        now: UnixMillis,
        input: &Input,
        view: &View,
        out: &mut Output,
        first: (usize, usize),
        watched: &Watched,
    ) -> VecDeque<Waiting> {
        let mut early = VecDeque::new();
        match self.planted {
            Planted::RepeatBeforeDurable if out.facts.len() == first.0 => {
                let told = |effect: &Effect| matches!(effect, Effect::Answer { answer, .. } if answer.outcome != Outcome::Refused);
                let effects: Vec<Effect> = out.effects.extract_if(first.1.., |effect| told(effect)).collect();
                if !effects.is_empty() {
                    let until = core.sequence();
                    let at = std::time::Instant::now();
                    early.push_back(Waiting { until, at, effects, decided: Vec::new() });
                }
            }
            Planted::LateApprovalDelivered => late_approval(core, input, view, out, first),
            Planted::ReversalGivenUp => give_up(core, now, view, out, first, watched),
            Planted::HoldEndedTwice => {
                if let Some((_, fact)) = out.facts[first.0..].iter().find_map(ended) {
                    core.apply_recovered(fact);
                }
            }
            Planted::PositionReleasedTwice => {
                let ended = out.facts[first.0..].iter().find_map(ended).map(|(key, _)| key);
                if let Some(fact) = ended.and_then(|key| another_ends(core, key, watched)) {
                    core.apply_recovered(&fact);
                    out.facts.push(fact);
                }
            }
            Planted::CaptureBeyondHold => self.as_asked(out, first),
            _ => {}
        }
        early
    }

    /// The capture that was beyond the hold is told as it was asked for.
    fn as_asked(&mut self, out: &mut Output, first: (usize, usize)) {
        let Some(asked) = self.beyond.take() else { return };
        for effect in &mut out.effects[first.1..] {
            match effect {
                Effect::Answer { answer, .. }
                    if answer.id == asked.id && answer.outcome == Outcome::Approved =>
                {
                    answer.amount = asked.amount;
                }
                Effect::Deliver { delivery: Delivery::Capture(m), .. } if m.id == asked.id => {
                    m.amount = asked.amount;
                }
                _ => {}
            }
        }
    }

    /// An effect as it leaves.
    pub(crate) fn let_go(&mut self, effect: Effect) -> Effect {
        match (self.planted, effect) {
            (Planted::AnswerToWrongSession, Effect::Answer { to, original, answer }) => {
                self.answers += 1;
                let other = self.others.iter().find(|other| **other != to).copied();
                let to = if self.answers.is_multiple_of(50) { other.unwrap_or(to) } else { to };
                Effect::Answer { to, original, answer }
            }
            (Planted::ForwardedAgainAsNew, Effect::Forward { to, deadline, mut request }) => {
                (request.repeat, request.attempt) = (false, 1);
                Effect::Forward { to, deadline, request }
            }
            (Planted::DeliveredAgainAsNew, Effect::Deliver { to, mut delivery }) => {
                let (repeat, attempt) = match &mut delivery {
                    Delivery::Capture(m) => (&mut m.repeat, &mut m.attempt),
                    Delivery::Release(m) => (&mut m.repeat, &mut m.attempt),
                    Delivery::Reverse(m) => (&mut m.repeat, &mut m.attempt),
                };
                (*repeat, *attempt) = (false, 1);
                Effect::Deliver { to, delivery }
            }
            (Planted::LeaseToldBeyondGift, Effect::Lease { to, message: LeaseMessage::Told(told) }) => {
                let given = told.given.checked_add(Total::from_minor(1)).expect("far below 128 bits");
                Effect::Lease { to, message: LeaseMessage::Told(LeaseTold { given, ..told }) }
            }
            (_, effect) => effect,
        }
    }
}

fn is_unknown(core: &Core, from: From, m: &Reverse) -> bool {
    let kept_ms = core.settings().window_max_ms + core.settings().skew_max_ms;
    let key = TransactionKey { originator: from.participant, id: m.original };
    // Only one in the window has no original that must be looked up.
    core.transaction(key).is_none() && m.original.created().plus(kept_ms) > m.id.created()
}

fn acknowledgement(core: &Core, m: &Reverse) -> Answer {
    Answer {
        id: m.id,
        originator: None,
        outcome: Outcome::Approved,
        state: State::Reversed,
        reason: Reason::None,
        decided_by: DecidedBy::Switch,
        amount: holdfast_protocol::Amount::ZERO,
        approval_code: ApprovalCode::NONE,
        settlement_date: core.business_date(),
        partition: holdfast_protocol::Partition(0),
        epoch: core.epoch(),
        sequence: core.sequence(),
        retry_after_ms: 0,
        extensions: Extensions::NONE,
    }
}

/// An answer of somebody who was not asked, as if the destination had given it.
fn as_destination(core: &Core, from: From, m: &Answer) -> Option<Input> {
    let key = TransactionKey { originator: m.originator?, id: m.id };
    let (view, details) = (core.transaction(key)?, core.open_details(key)?);
    let from = From { participant: view.destination?, instance: details.instance?, ..from };
    Some(Input::Answer(from, m.clone()))
}

/// A hold that ends without capture.
fn ended(fact: &Fact) -> Option<(TransactionKey, &Fact)> {
    match fact {
        Fact::Released { originator, request, .. } => Some((key(*originator, request.original), fact)),
        Fact::Expired(key) => Some((*key, fact)),
        _ => None,
    }
}

/// The end of another hold of the same originator.
fn another_ends(core: &Core, ended: TransactionKey, watched: &Watched) -> Option<Fact> {
    let of_originator = watched.known.keys().rev().filter(|key| key.originator == ended.originator);
    let held = |key: &&TransactionKey| core.transaction(**key).is_some_and(|t| t.money == Money::Held);
    of_originator.take(200).find(held).map(|key| Fact::Expired(*key))
}

fn late_approval(core: &Core, input: &Input, view: &View, out: &mut Output, first: (usize, usize)) {
    let Input::Answer(_, m) = input else { return };
    let (Some(originator), Outcome::Approved) = (m.originator, m.outcome) else { return };
    let key = TransactionKey { originator, id: m.id };
    let told = core.transaction(key).filter(|t| t.money == Money::Closed(Ending::TimedOut));
    let link = view.links.get(&originator).and_then(|links| links.first());
    let (Some(told), Some(link)) = (told, link) else { return };
    if out.facts[first.0..].iter().any(|fact| matches!(fact, Fact::Approved { .. })) {
        return;
    }
    let answer = Answer {
        originator: None,
        state: State::Captured,
        settlement_date: Some(told.settlement_date),
        epoch: core.epoch(),
        sequence: told.sequence,
        ..m.clone()
    };
    out.effects.push(Effect::Answer { to: link.session, original: m.id, answer });
}

/// A reversal that leaves for the third time is acknowledged by nobody but the wrongdoer.
fn give_up(
    core: &mut Core,
    now: UnixMillis,
    view: &View,
    out: &mut Output,
    first: (usize, usize),
    watched: &Watched,
) {
    let given_up: Vec<(TransactionKey, holdfast_protocol::DeliveryNumber)> = out.effects[first.1..]
        .iter()
        .filter_map(|effect| match effect {
            Effect::Deliver { delivery: Delivery::Reverse(m), .. } if m.attempt >= 3 => {
                Some((key(m.originator?, m.original), m.delivery?))
            }
            _ => None,
        })
        .collect();
    for (key, delivery) in given_up {
        let Some(known) = watched.known.get(&key) else { continue };
        let instance = known.instance.unwrap_or(Instance(1));
        let from = From { participant: known.destination, instance, session: SessionId(0) };
        let acknowledge = Acknowledge { original: key.id, originator: key.originator, delivery };
        core.step(now, &Input::Acknowledge(from, acknowledge), view, out);
    }
}

fn key(originator: holdfast_protocol::ParticipantNumber, id: RequestId) -> TransactionKey {
    TransactionKey { originator, id }
}
