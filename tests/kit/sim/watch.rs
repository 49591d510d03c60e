//! Watches each step of the core from outside: which cells of the two tables it meets, whether it does what they say, and
//! whether a new hold respects the cap (I9).

mod deliveries;
mod recalls;
mod refunds;

use std::collections::BTreeMap;
use std::rc::Rc;

use holdfast_core::effect::Effect;
use holdfast_core::input::From;
use holdfast_core::overview::OpenDetails;
use holdfast_core::registry::CurrencyLimits;
use holdfast_core::report::TransactionView;
use holdfast_core::transaction::TransactionKind;
use holdfast_core::transaction::delivery::Event as DeliveryEvent;
use holdfast_core::transaction::money::{Ending, Event, Money, Step, next};
use holdfast_core::{Core, Fact, Input, View};
use holdfast_protocol::{
    Answer, Authorize, Instance, Outcome, ParticipantNumber, Reason, ReasonClass, RequestId, Sequence,
    TransactionKey, UnixMillis,
};

use super::checks::{i9, timely};
use super::configuration::Configuration;
use super::coverage::Coverage;
use super::plan::{Plan, euro};
use super::reckoning::Reckoning;
use super::violation::{Verdict, Violation, ensure};

/// Of the transactions of a lost link, the newest that are looked at.
const LOOKED_AT: usize = 120;

/// What an observer remembers of a transaction.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) destination: ParticipantNumber,
    pub(crate) instance: Option<Instance>,
    money: Money,
    /// The newest delivery there was, and the newest that was sent.
    made: u16,
    sent: u16,
    superseded: Vec<u16>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Watched {
    plan: Rc<Plan>,
    /// The newest fact that is really durable.
    pub(crate) durable: Sequence,
    /// What a checker on the inside found.
    pub(crate) violation: Option<Violation>,
    pub(crate) coverage: Coverage,
    pub(crate) known: BTreeMap<TransactionKey, Known>,
    /// As it is configured.
    pub(crate) configuration: Configuration,
    /// What the facts decided so far come to.
    reckoning: Reckoning,
}

/// What there was before a step.
pub(crate) struct Before {
    key: TransactionKey,
    view: TransactionView,
    details: Option<OpenDetails>,
    /// Whether the link it came over lives.
    lives: bool,
}

impl Watched {
    pub(crate) fn new(plan: Rc<Plan>) -> Self {
        let durable = Sequence(0);
        let (violation, coverage, known) = (None, Coverage::default(), BTreeMap::new());
        let reckoning = Reckoning::default();
        Self { plan, durable, violation, coverage, known, configuration: Configuration::default(), reckoning }
    }

    /// The core as it was recovered, and what its facts come to.
    pub(crate) fn restarted(&mut self, core: &Core, reckoning: Reckoning) {
        self.reckoning = reckoning;
        self.known.retain(|key, _| core.transaction(*key).is_some());
        for (key, known) in &mut self.known {
            if let Some(view) = core.transaction(*key) {
                known.money = view.money;
                // What the crash undid was never sent; the rest was sent in another epoch.
                known.made = view.undelivered.iter().map(|delivery| delivery.number().0).max().unwrap_or(0);
                known.sent = 0;
                known.superseded.clear();
            }
        }
    }

    /// The core that is about to be lost.
    pub(crate) fn restarting(&mut self, core: &Core) {
        let keys: Vec<TransactionKey> = self.known.keys().rev().take(LOOKED_AT).copied().collect();
        for key in keys {
            self.all_deliveries(core, key, DeliveryEvent::Restart);
        }
    }

    pub(crate) fn before(&self, core: &Core, input: &Input, view: &View) -> Option<Before> {
        let key = match input {
            Input::Answer(_, m) => TransactionKey { originator: m.originator?, id: m.id },
            Input::Acknowledge(_, m) => TransactionKey { originator: m.originator, id: m.original },
            Input::Capture(from, m) => of(from, m.original),
            Input::Release(from, m) => of(from, m.original),
            Input::Reverse(from, m) => of(from, m.original),
            Input::Refund(from, m) => of(from, m.original),
            Input::Recalled(key, _) => *key,
            _ => return None,
        };
        // Whether instances share their store is known of links that live: of one that has ended since, it is not.
        let lives = match input {
            Input::Answer(from, _) => {
                view.receivers(from.participant).any(|link| link.session == from.session)
            }
            _ => true,
        };
        Some(Before { key, view: core.transaction(key)?, details: core.open_details(key), lives })
    }

    pub(crate) fn after(
        &mut self,
        core: &Core,
        before: Option<&Before>,
        input: &Input,
        facts: &[Fact],
        effects: &[Effect],
        now: UnixMillis,
    ) -> Verdict {
        timely::check(before.map(|before| &before.view), facts, &self.plan, now)?;
        match (input, before) {
            (Input::Answer(from, m), Some(before)) => self.answered(core, before, *from, m)?,
            (Input::Acknowledge(from, m), Some(before)) => {
                self.acknowledged(before, *from, m.delivery, facts)?;
            }
            (Input::Capture(_, m), Some(before)) if before.view.kind == Some(TransactionKind::Reserve) => {
                let event = if m.last { Event::CaptureLast } else { Event::CapturePart };
                self.followed(core, before, m.id, event, facts)?;
            }
            (Input::Release(_, m), Some(before))
                if before.view.kind.is_some_and(|kind| !kind.is_captured_by_approval()) =>
            {
                self.followed(core, before, m.id, Event::Release, facts)?;
            }
            (Input::Reverse(_, m), Some(before)) => {
                let new = facts
                    .iter()
                    .any(|fact| matches!(fact, Fact::Reversed { request, .. } if request.id == m.id));
                if new {
                    self.reversed(core, before)?;
                } else if !before.view.refunding.is_zero() && facts.is_empty() {
                    self.met(core, before, Event::ReverseRefunding)?;
                }
            }
            (Input::Refund(_, m), Some(before)) => self.refunded(core, before, m.id, facts)?,
            (Input::LinkLost(from), _) => self.link_lost(core, *from),
            (Input::Recalled(key, recalled), before) => self.recalled(before, *key, recalled)?,
            _ => {}
        }
        for fact in facts {
            self.within_limits(fact)?;
            self.reckoning.fold(fact);
            self.fact(core, fact)?;
        }
        if !facts.is_empty() {
            self.reckoning.agrees(core)?;
        }
        for effect in effects {
            self.leaves(core, effect, now)?;
        }
        Ok(())
    }

    fn answered(&mut self, core: &Core, before: &Before, from: From, m: &Answer) -> Verdict {
        let (Some(kind), Some(known)) = (before.view.kind, self.known.get(&before.key)) else {
            return Ok(());
        };
        let party = self.plan.destinations.iter().find(|party| party.number == from.participant);
        let may = known.instance == Some(from.instance)
            || (before.lives && party.is_some_and(|party| party.shared));
        if before.view.destination != Some(from.participant) || !may {
            return Ok(());
        }
        let pending = before.view.money == Money::Pending;
        let event = match m.outcome {
            Outcome::Approved if pending && m.amount > before.view.held_for => Event::ApproveWrongly,
            Outcome::Approved if pending && core.transaction(before.key).is_some_and(declined_as_wrong) => {
                Event::ApproveWrongly
            }
            Outcome::Approved if kind.is_captured_by_approval() => Event::ApprovePay,
            Outcome::Approved => Event::ApproveHold,
            Outcome::Declined
                if m.reason.class() == ReasonClass::DestinationDeclined
                    && m.reason == Reason::DestinationFailed =>
            {
                Event::Fail
            }
            Outcome::Declined => Event::Decline,
            Outcome::Refused => Event::Fail,
        };
        self.met(core, before, event)
    }

    /// Counts a cell and compares what the core did with what the table says.
    fn met(&mut self, core: &Core, before: &Before, event: Event) -> Verdict {
        let was = before.view.money;
        self.coverage.money(was, event);
        let Some(view) = core.transaction(before.key) else { return Ok(()) };
        let kept = match next(was, event) {
            Step::Close(ending, _) => view.money == Money::Closed(ending),
            Step::Hold => view.money == Money::Held,
            Step::Part => {
                matches!(view.money, Money::Held | Money::Closed(Ending::Captured | Ending::Expired))
            }
            Step::Undo => {
                view.money == if view.captured.is_zero() { was } else { Money::Closed(Ending::Reversed) }
            }
            Step::Refuse(_) | Step::Note(_) | Step::Stay | Step::Wait | Step::GiveBack => view.money == was,
            Step::Never => false,
        };
        let key = before.key;
        ensure!("table", kept, "{key} was {was:?}, then came {event:?}, now it is {:?}", view.money);
        Ok(())
    }

    /// A capture or release, if it is a new one.
    fn followed(
        &mut self,
        core: &Core,
        before: &Before,
        id: RequestId,
        event: Event,
        facts: &[Fact],
    ) -> Verdict {
        let done = facts.iter().any(|fact| match fact {
            Fact::Captured { request, .. } => request.id == id,
            Fact::Released { request, .. } => request.id == id,
            _ => false,
        });
        let declined = facts.iter().find_map(|fact| match fact {
            Fact::FollowUpDeclined { request, reason, .. } if request.id() == id => Some(*reason),
            _ => None,
        });
        if done {
            return self.met(core, before, event);
        }
        let Some(reason) = declined else { return Ok(()) };
        self.coverage.money(before.view.money, event);
        if let Step::Refuse(expected) = next(before.view.money, event) {
            let key = before.key;
            ensure!(
                "table",
                reason == expected,
                "{event:?} of {key} is declined with {reason}, not {expected}"
            );
        }
        Ok(())
    }

    fn reversed(&mut self, core: &Core, before: &Before) -> Verdict {
        self.each_delivery(before, DeliveryEvent::Reverse);
        self.met(core, before, Event::Reverse)
    }

    fn fact(&mut self, core: &Core, fact: &Fact) -> Verdict {
        let key = match fact {
            Fact::Reserved(reserved) => {
                i9::check(core, reserved, &self.plan, &self.configuration)?;
                let request = &reserved.request;
                let leads = self.configuration.leads(&self.plan, request.payment_id, request.kind);
                let goes = (reserved.destination, reserved.debtor);
                ensure!("routes", leads == Some(goes), "{reserved:?} leads to {leads:?}");
                let key = TransactionKey { originator: reserved.originator, id: reserved.request.id };
                self.known.insert(key, Known::new(reserved.destination, Some(reserved.instance)));
                key
            }
            // It may take its debtor above the cap, and goes where its original went.
            Fact::RefundReserved(reserved) => {
                let original = key_of(reserved.originator, reserved.request.original);
                let at = core.transaction(original).and_then(|view| view.destination);
                ensure!(
                    "routes",
                    at == Some(reserved.destination),
                    "{reserved:?}: its original went to {at:?}"
                );
                let key = key_of(reserved.originator, reserved.request.id);
                self.known.insert(key, Known::new(reserved.destination, Some(reserved.instance)));
                key
            }
            Fact::Tombstoned { originator, request, destination: Some(destination), .. } => {
                let key = TransactionKey { originator: *originator, id: request.original };
                self.known.insert(key, Known::new(*destination, None));
                key
            }
            Fact::Declined { key, reason, .. } => {
                if *reason == Reason::DestinationTimedOut {
                    self.timed(*key, Event::Deadline);
                }
                *key
            }
            Fact::Expired(key) => {
                self.timed(*key, Event::HoldEnd);
                *key
            }
            Fact::Approved { key, .. } | Fact::LateAnswer { key, .. } => *key,
            Fact::Captured { originator, request, .. } => key_of(*originator, request.original),
            Fact::Released { originator, request, .. } => key_of(*originator, request.original),
            Fact::Reversed { originator, request, superseded_from, .. } => {
                let key = key_of(*originator, request.original);
                if let (Some(from), Some(known)) = (superseded_from, self.known.get_mut(&key)) {
                    let made = known.made;
                    known.superseded.extend(from.0..=made);
                }
                key
            }
            _ => return Ok(()),
        };
        let (Some(known), Some(view)) = (self.known.get_mut(&key), core.transaction(key)) else {
            return Ok(());
        };
        known.money = view.money;
        let newest = view.undelivered.iter().map(|delivery| delivery.number().0).max();
        known.made = known.made.max(newest.unwrap_or(0));
        Ok(())
    }

    /// SW-12, rule 22: what is reserved is within its originator's limits; what is declined for one is not.
    fn within_limits(&self, fact: &Fact) -> Verdict {
        let limits = |originator, m: &Authorize| {
            let limits = self.configuration.limits_at(&self.plan, originator, m.security_level)?;
            Some(if m.currency == euro() { limits } else { CurrencyLimits::NONE })
        };
        match fact {
            Fact::Reserved(f) => match limits(f.originator, &f.request) {
                Some(limits) => self.reckoning.within(f, limits),
                None => Err(Violation::new("limits", format!("a level nobody agreed to: {f:?}"))),
            },
            Fact::DeclinedAtOnce(f) if is_of_limit(f.reason) => {
                let limited = (f.originator, f.request.security_level, f.request.currency);
                let limits = limits(f.originator, &f.request).unwrap_or_default();
                self.reckoning.beyond(limited, f.settlement_date, f.request.amount, limits, f.reason)
            }
            _ => Ok(()),
        }
    }

    fn timed(&mut self, key: TransactionKey, event: Event) {
        if let Some(known) = self.known.get(&key) {
            self.coverage.money(known.money, event);
        }
    }
}

impl Known {
    fn new(destination: ParticipantNumber, instance: Option<Instance>) -> Self {
        Self { destination, instance, money: Money::Pending, made: 0, sent: 0, superseded: Vec::new() }
    }
}

fn of(from: &From, original: RequestId) -> TransactionKey {
    key_of(from.participant, original)
}

fn key_of(originator: ParticipantNumber, id: RequestId) -> TransactionKey {
    TransactionKey { originator, id }
}

const fn is_of_limit(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::AmountLimitExceeded | Reason::DailyAmountLimitExceeded | Reason::DailyCountLimitExceeded
    )
}

/// The core found an approval wrong, for a reason of its own.
fn declined_as_wrong(view: TransactionView) -> bool {
    matches!(view.reason, Reason::PartialNotAllowed | Reason::ApprovalAboveAmount)
}
