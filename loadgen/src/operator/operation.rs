//! One operation as its operator knows it: small, and enough to say every request again byte for byte.

use holdfast_protocol::{
    Amount, Authorize, Capture, Extensions, Inquiry, Kind, Release, RequestId, Reverse, UnixMillis,
};

use crate::operation_id::{IdFields, IdSpace};
use crate::stage::Rules;
use crate::traffic::arrival::Arrival;
use crate::traffic::fate::Fate;
use crate::traffic::payees::Payees;
use crate::traffic::scenario::Scenario;

/// What the operation waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The answer to its authorize.
    Authorizing,
    /// The answer to the follow-up of its step.
    Following,
    /// The answer to the second copy of its authorize.
    Confirming,
    /// A status.
    Asking(Purpose),
    /// Its time in the operator's timers.
    Waiting(Wake),
}

/// Why it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Its scenario asks: the status must say what the answer said.
    Check,
    /// The hold should have expired.
    Expiry,
    /// No answer came, or copies are in doubt.
    Resolve,
}

/// What it does when its time comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wake {
    /// Says the request of its step again.
    Repeat,
    /// Asks.
    Ask(Purpose),
    /// Sends the request of its step for the first time.
    FollowUp,
}

impl Phase {
    /// Whether the switch owes it something.
    pub(super) const fn is_unanswered(self) -> bool {
        match self {
            Self::Authorizing | Self::Following | Self::Confirming | Self::Asking(_) => true,
            Self::Waiting(_) => false,
        }
    }
}

/// What an operation does next, once its authorize was approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FollowUp {
    /// Takes from the hold.
    Capture {
        /// How much.
        amount: u64,
        /// Whether the rest goes back.
        last: bool,
    },
    /// Gives the hold back.
    Release,
    /// Undoes the payment, as far as it was not refunded.
    Reverse,
    /// Gives a part of the payment back, or all.
    Refund {
        /// How much.
        amount: u64,
    },
    /// Undoes the refund of the step before.
    ReverseRefund,
    /// Asks what became of it.
    Check,
    /// Sends the second copy.
    SecondCopy,
    /// Lets the hold expire.
    Expire,
    /// Nothing is left to do.
    Done,
}

/// One operation.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) arrival: Arrival,
    pub(super) slot: u32,
    pub(super) phase: Phase,
    /// Counted from zero, the authorize.
    pub(super) step: u8,
    /// What this step does; nothing for the authorize.
    pub(super) current: FollowUp,
    /// Copies of the request of this step.
    pub(super) copies: u8,
    /// Inquiries asked one after the other.
    pub(super) asked: u8,
    /// Whether any request was sent more than once: a second answer may come.
    pub(super) repeated: bool,
    /// When the authorize was made, in switch time.
    pub(super) created: UnixMillis,
    /// When the request of this step was made, in switch time.
    pub(super) step_created: UnixMillis,
    /// When the authorize was sent first.
    pub(super) sent_ns: u64,
    /// When the latest copy of this step's request was sent.
    pub(super) step_sent_ns: u64,
    pub(super) approved: u64,
    pub(super) captured: u64,
    /// Which of its requests were refunds: bit n of step n.
    pub(super) refund_steps: u16,
    /// Refunded and not undone.
    pub(super) refunded: u64,
    /// When the refund before this step was made, in switch time.
    pub(super) refund_created: UnixMillis,
}

/// Milliseconds from the last moment a short reservation may be accepted to the end of its hold.
const SHORT_HOLD_MS: u64 = 500;
/// The same for reservations that are to be captured or released.
const HOLD_MS: u64 = 10_000;

/// What a kind of payment a scenario asks for.
pub(crate) const fn kind_of(scenario: Scenario) -> Kind {
    match scenario {
        Scenario::Pay
        | Scenario::Intersystem
        | Scenario::Reverse
        | Scenario::Inquiry
        | Scenario::Duplicate
        | Scenario::Refund => Kind::Pay,
        Scenario::Reserve | Scenario::Partial | Scenario::Release | Scenario::Expire => Kind::Reserve,
        Scenario::Verify => Kind::Verify,
    }
}

impl Operation {
    pub(super) const fn fields(&self, step: u8) -> IdFields {
        IdFields { number: self.arrival.number, step, slot: self.slot }
    }

    /// The id of the authorize.
    pub(super) const fn original(&self, space: IdSpace) -> RequestId {
        space.id(self.created, self.fields(0))
    }

    /// The id of the request of this step.
    pub(super) const fn request(&self, space: IdSpace) -> RequestId {
        space.id(self.step_created, self.fields(self.step))
    }

    /// The transaction that the request of this step belongs to: a refund is one of its own.
    pub(super) const fn transaction(&self, space: IdSpace) -> RequestId {
        match self.current {
            FollowUp::Refund { .. } => self.request(space),
            FollowUp::ReverseRefund => space.id(self.refund_created, self.fields(self.step - 1)),
            FollowUp::Capture { .. }
            | FollowUp::Release
            | FollowUp::Reverse
            | FollowUp::Check
            | FollowUp::SecondCopy
            | FollowUp::Expire
            | FollowUp::Done => self.original(space),
        }
    }

    /// Whether the second copy goes out together with the first.
    pub(super) const fn copies_at_once(&self) -> bool {
        matches!(self.arrival.scenario, Scenario::Duplicate) && self.arrival.number.is_multiple_of(2)
    }

    /// Until when the authorize may be accepted as new work.
    pub(super) fn expires(&self, rules: &Rules) -> UnixMillis {
        if let Some(course) = &self.arrival.course {
            return self.recorded_expires(course, rules);
        }
        match self.arrival.scenario {
            Scenario::Expire => self.created.plus(u64::from(rules.budget_ms)),
            Scenario::Pay
            | Scenario::Intersystem
            | Scenario::Reserve
            | Scenario::Partial
            | Scenario::Release
            | Scenario::Verify
            | Scenario::Reverse
            | Scenario::Inquiry
            | Scenario::Duplicate
            | Scenario::Refund => self.created.plus(rules.expires_ms),
        }
    }

    /// Until when the request of this step may be accepted as new work.
    pub(super) fn step_expires(&self, rules: &Rules) -> UnixMillis {
        if self.step == 0 { self.expires(rules) } else { self.step_created.plus(rules.expires_ms) }
    }

    /// When the hold ends; zero for a payment.
    pub(super) fn hold_until(&self, rules: &Rules) -> UnixMillis {
        let hold_ms = match kind_of(self.arrival.scenario) {
            Kind::Pay => return UnixMillis::default(),
            Kind::Reserve if self.arrival.scenario == Scenario::Expire => SHORT_HOLD_MS,
            Kind::Reserve | Kind::Verify => HOLD_MS,
        };
        let until = self.expires(rules).plus(hold_ms);
        match &self.arrival.course {
            Some(course) => self.recorded_hold_until(course, self.expires(rules).plus(SHORT_HOLD_MS)),
            None => until,
        }
    }

    /// What the destination approves, if it does.
    pub(super) const fn expected_amount(&self) -> u64 {
        self.arrival.approved_amount()
    }

    /// What comes after `step` steps.
    pub(super) fn follow_up(&self) -> FollowUp {
        if let Some(course) = &self.arrival.course {
            return self.recorded_follow_up(course);
        }
        let whole = self.approved;
        // Every fourth leaves something on the hold, so that the switch has a rest to release.
        let leaves_a_rest = self.arrival.number.is_multiple_of(4);
        let final_capture = |rest: u64| FollowUp::Capture {
            amount: if leaves_a_rest { (rest - rest / 4).max(1) } else { rest },
            last: true,
        };
        match (self.arrival.scenario, self.step) {
            (Scenario::Reserve, 0) => final_capture(whole),
            (Scenario::Partial, 0 | 1) => FollowUp::Capture { amount: (whole / 3).max(1), last: false },
            (Scenario::Partial, 2) => final_capture(whole - self.captured),
            (Scenario::Release | Scenario::Verify, 0) => FollowUp::Release,
            (Scenario::Reverse, 0) => FollowUp::Reverse,
            (Scenario::Inquiry, 0) => FollowUp::Check,
            (Scenario::Duplicate, 0) if self.copies_at_once() => FollowUp::Check,
            (Scenario::Duplicate, 0) => FollowUp::SecondCopy,
            (Scenario::Expire, 0) => FollowUp::Expire,
            (Scenario::Refund, step) => self.refund_follow_up(step),
            (
                Scenario::Pay
                | Scenario::Intersystem
                | Scenario::Reserve
                | Scenario::Partial
                | Scenario::Release
                | Scenario::Expire
                | Scenario::Verify
                | Scenario::Reverse
                | Scenario::Inquiry
                | Scenario::Duplicate,
                _,
            ) => FollowUp::Done,
        }
    }

    /// The authorize as copy number `copy`.
    #[inline]
    pub(super) fn authorize(
        &self,
        space: IdSpace,
        rules: &Rules,
        payees: &Payees,
        copy: RequestCopy,
    ) -> Authorize {
        let arrival = &self.arrival;
        let many = arrival.scenario == Scenario::Partial;
        let partial = many || matches!(arrival.fate, Fate::ApprovePart(_));
        Authorize {
            id: self.original(space),
            originator: None,
            kind: kind_of(arrival.scenario),
            payment_id: payees.id(arrival.payee),
            instrument: arrival.fate.to_instrument(arrival.account),
            amount: arrival.amount,
            currency: rules.currency,
            security_level: rules.security_level,
            channel: rules.channel,
            expires: self.expires(rules),
            hold_until: self.hold_until(rules),
            budget_ms: copy.budget_ms,
            partial_allowed: partial,
            captures_many: many,
            repeat: copy.number > 1,
            attempt: copy.number,
            settlement_date: None,
            extensions: Extensions::NONE,
        }
    }

    pub(super) fn capture(
        &self,
        space: IdSpace,
        rules: &Rules,
        amount: u64,
        last: bool,
        copy: RequestCopy,
    ) -> Capture {
        Capture {
            id: self.request(space),
            original: self.original(space),
            originator: None,
            amount: Amount::from_minor(amount).expect("a part of an amount is an amount"),
            currency: rules.currency,
            last,
            expires: self.step_expires(rules),
            delivery: None,
            repeat: copy.number > 1,
            attempt: copy.number,
            settlement_date: None,
            extensions: Extensions::NONE,
        }
    }

    pub(super) fn release(&self, space: IdSpace, rules: &Rules, copy: RequestCopy) -> Release {
        Release {
            id: self.request(space),
            original: self.original(space),
            originator: None,
            expires: self.step_expires(rules),
            delivery: None,
            expired: false,
            repeat: copy.number > 1,
            attempt: copy.number,
            extensions: Extensions::NONE,
        }
    }

    pub(super) fn reverse(
        &self,
        space: IdSpace,
        rules: &Rules,
        payees: &Payees,
        copy: RequestCopy,
    ) -> Reverse {
        Reverse {
            id: self.request(space),
            original: self.transaction(space),
            originator: None,
            payment_id: payees.id(self.arrival.payee),
            reason: 0,
            expires: self.step_expires(rules),
            delivery: None,
            repeat: copy.number > 1,
            attempt: copy.number,
            settlement_date: None,
            extensions: Extensions::NONE,
        }
    }

    pub(super) const fn inquiry(&self, space: IdSpace) -> Inquiry {
        Inquiry { id: self.transaction(space), originator: None, correlation: self.arrival.number }
    }
}

/// What differs between copies of one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestCopy {
    /// Counted from one.
    pub(super) number: u8,
    /// What is left of the budget.
    pub(super) budget_ms: u32,
}
