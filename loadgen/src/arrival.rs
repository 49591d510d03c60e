//! One operation that is to be sent: when, what, to whom, and what its destination will do with it.

use std::rc::Rc;

use holdfast_protocol::{Amount, Kind};

use crate::fate::Fate;
use crate::operator::kind_of;
use crate::scenario::Scenario;

/// Who is paid: an index into [`crate::payees::Payees`].
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
}

impl Course {
    /// How long after the authorize the last of it comes, in nanoseconds.
    pub fn length_ns(&self) -> u64 {
        let last = self.steps.last().map_or(0, |step| match step.action {
            Action::Expire => self.hold_ns,
            Action::Capture { .. } | Action::Release | Action::Reverse => step.after_ns,
        });
        last.max(self.steps.last().map_or(0, |step| step.after_ns))
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
        let holds = kind_of(self.scenario) != Kind::Pay;
        let (mut rest, mut open) = (self.approved_amount(), holds);
        let mut reversed = false;
        for step in &course.steps {
            let fits = match step.action {
                Action::Capture { amount, last } => {
                    let fits = open && amount.minor() <= rest;
                    rest -= amount.minor().min(rest);
                    open = !last && rest > 0;
                    fits
                }
                Action::Release | Action::Expire => std::mem::replace(&mut open, false),
                Action::Reverse => {
                    open = false;
                    !std::mem::replace(&mut reversed, true)
                }
            };
            if !fits {
                return Err("a follow-up of what is no longer there");
            }
        }
        if open { Err("a hold that never ends") } else { Ok(()) }
    }
}
