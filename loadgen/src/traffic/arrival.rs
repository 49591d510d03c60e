//! One operation that is to be sent: when, what, to whom, and what its destination will do with it.

use std::rc::Rc;

use holdfast_protocol::{Amount, Kind};

use crate::operator::kind_of;
use crate::traffic::fate::Fate;
use crate::traffic::scenario::Scenario;

/// Who is paid: an index into [`crate::traffic::payees::Payees`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payee {
    /// Counted from zero: acquirers first, then operators.
    pub destination: u16,
    /// Counted from zero.
    pub merchant: u16,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Its number for this operator, counted from zero without gaps.
    pub number: u64,
    /// When it is meant to be sent, in nanoseconds since the start; zero in a closed loop.
    pub at_ns: u64,
    /// What it does.
    pub scenario: Scenario,
    /// Who is paid.
    pub payee: Payee,
    /// How much.
    pub amount: Amount,
    /// What the destination will do.
    pub fate: Fate,
    /// Whose instrument pays: a number that stands in the instrument reference.
    pub account: u64,
    /// What follows the approval and when, where that is not what the scenario does.
    pub course: Option<Rc<Course>>,
}

/// What was done after an approval, as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    /// How long after the authorize its hold ends, in nanoseconds; zero for a payment.
    pub hold_ns: u64,
    /// In their order.
    pub steps: Box<[Step]>,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// How long after the authorize, in nanoseconds; never less than that of the step before.
    pub after_ns: u64,
    /// What.
    pub action: Action,
}

/// What an operator may do with what was approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Takes from the hold.
    Capture {
        /// How much.
        amount: Amount,
        /// Whether the rest goes back.
        last: bool,
    },
    /// Gives the hold back.
    Release,
    /// Undoes everything.
    Reverse,
    /// Lets the hold end at its time.
    Expire,
    /// Gives a part of what was captured back, or all.
    Refund {
        /// How much.
        amount: Amount,
    },
    /// Undoes the refund of the step before.
    ReverseRefund,
}

impl Course {
    /// How long after the authorize the last of it comes, in nanoseconds.
    pub fn length_ns(&self) -> u64 {
        let last_ns = self.steps.last().map_or(0, |step| step.after_ns);
        if self.ends_by_expiry() { last_ns.max(self.hold_ns) } else { last_ns }
    }

    /// Whether the last of it is that the hold ends at its time.
    pub fn ends_by_expiry(&self) -> bool {
        self.steps.last().is_some_and(|step| step.action == Action::Expire)
    }
}

impl Arrival {
    /// What the destination approves, if it does.
    pub const fn approved_amount(&self) -> u64 {
        match self.fate {
            Fate::ApproveHalf => self.amount.minor() / 2,
            Fate::ApprovePart(part) => part.minor(),
            Fate::Approve | Fate::Decline(_) | Fate::Silent | Fate::Late => self.amount.minor(),
        }
    }

    /// Whether the course, if it has one, can be played: it goes with the kind of payment, takes no more than was approved, and
    /// leaves no hold open.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check_course(&self) -> Result<(), &'static str> {
        if self.approved_amount() > self.amount.minor() {
            return Err("more approved than was asked for");
        }
        let Some(course) = &self.course else { return Ok(()) };
        let kind = kind_of(self.scenario);
        let mut money = Money::approved(kind, self.approved_amount());
        let mut before = None;
        for step in &course.steps {
            if !money.allows(kind, step.action, before) {
                return Err("a follow-up of what is no longer there");
            }
            before = Some(step.action);
        }
        if money.open { Err("a hold that never ends") } else { Ok(()) }
    }
}

/// What is left of an approval while its course is looked at.
#[derive(Clone, Debug)]
pub(crate) struct Money {
    /// Whether there is a hold.
    pub(crate) open: bool,
    /// Held and not captured.
    held: u64,
    /// Captured by a payment and not refunded.
    paid: u64,
}

impl Money {
    /// Just approved.
    pub(crate) const fn approved(kind: Kind, amount: u64) -> Self {
        match kind {
            Kind::Pay => Self { open: false, held: 0, paid: amount },
            Kind::Reserve | Kind::Verify => Self { open: true, held: amount, paid: 0 },
        }
    }

    /// Takes a step; `false` where it cannot be taken.
    pub(crate) fn allows(&mut self, kind: Kind, action: Action, before: Option<Action>) -> bool {
        match action {
            Action::Capture { amount, last } => {
                let fits = self.open && kind == Kind::Reserve && amount.minor() <= self.held;
                self.held = self.held.saturating_sub(amount.minor());
                self.open = !last && self.held > 0;
                fits
            }
            Action::Release | Action::Expire => std::mem::replace(&mut self.open, false),
            // What destinations remember of a hold ends with it.
            Action::Reverse => {
                let fits = self.open || (kind == Kind::Pay && self.paid > 0);
                (self.open, self.paid) = (false, 0);
                fits
            }
            Action::Refund { amount } => {
                let fits = amount.minor() <= self.paid;
                self.paid = self.paid.saturating_sub(amount.minor());
                fits
            }
            Action::ReverseRefund => match before {
                Some(Action::Refund { amount }) => {
                    self.paid += amount.minor();
                    true
                }
                Some(_) | None => false,
            },
        }
    }
}
