//! The books while they are being closed.

use super::Plan;
use super::cast::Cast;
use crate::accounting::Accounting;
use crate::admin::{self, Positions};
use crate::books::{Ledger, Open, compare_positions, compare_sides};

/// A destination that was sent nothing for this long has been sent everything, unless a hold is open.
pub(super) const QUIET_NS: u64 = 200_000_000;

/// How the books stand.
#[derive(Clone, Debug, Default)]
pub struct Closing {
    /// Endings by scenario, of all operators.
    pub accounting: Accounting,
    /// Operations that have not ended.
    pub in_flight: u64,
    /// Whether every operator has sent what it had to send.
    pub all_sent: bool,
    /// Whether destinations still hold something, or were sent something a moment ago.
    pub destinations_busy: bool,
    /// Where the books do not close.
    pub open: Vec<Open>,
    /// Why the switch's positions could not be compared.
    pub unread: Option<String>,
    /// Figures that only the tallies have.
    pub sums: Sums,
    /// Names of the operators, in their order.
    pub operators: Vec<String>,
}

/// Sums over all operators and destinations.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sums {
    /// See [`crate::operator::Tally::offered_in_time`].
    pub offered_in_time: u64,
    /// See [`crate::operator::Tally::completed_in_time`].
    pub completed_in_time: u64,
    /// See [`crate::operator::Tally::good_in_time`].
    pub good_in_time: u64,
    /// See [`crate::operator::Tally::held_back`].
    pub held_back: u64,
    /// See [`crate::operator::Tally::repeats`].
    pub repeats: u64,
    /// See [`crate::operator::Tally::inquiries_refused`].
    pub inquiries_refused: u64,
    /// Forwards that reached destinations.
    pub forwards: u64,
    /// Deliveries that reached destinations.
    pub deliveries: u64,
    /// Forwards and deliveries of other runs.
    pub foreign: u64,
}

impl Closing {
    /// Whether everything that was sent has ended.
    pub const fn is_settled(&self) -> bool {
        self.all_sent && self.in_flight == 0
    }

    /// Whether nothing is left to wait for.
    pub const fn is_done(&self) -> bool {
        self.is_settled() && !self.destinations_busy && self.open.is_empty() && self.unread.is_none()
    }

    /// Counts the endings anew, once everybody has left.
    pub(super) fn recount(&mut self, cast: &Cast) {
        self.accounting = Accounting::default();
        for (_, tally) in &cast.operators {
            self.accounting.add(&tally.borrow().accounting);
        }
    }
}

/// Compares everything that counts.
pub(super) async fn look(plan: &Plan, cast: &Cast, before: Option<&Positions>) -> Closing {
    let mut closing = Closing { all_sent: true, ..Closing::default() };
    let (mut operators, mut destinations) = (Ledger::default(), Ledger::default());
    for (name, tally) in &cast.operators {
        closing.operators.push(name.clone());
        let tally = tally.borrow();
        closing.accounting.add(&tally.accounting);
        closing.all_sent &= tally.all_sent;
        closing.sums.add_operator(&tally);
        // Alone there is nobody to compare with.
        let others = cast.destinations.iter().filter(|_| plan.alone.is_none());
        for ((destination, _), flow) in others.zip(&tally.flows) {
            *operators.flows.entry((name.clone(), destination.clone())).or_default() += *flow;
        }
    }
    for (name, tally) in &cast.destinations {
        let tally = tally.borrow();
        closing.sums.add_destination(&tally);
        let others = cast.operators.iter().filter(|_| plan.alone.is_none());
        for ((operator, _), flow) in others.zip(&tally.flows) {
            *destinations.flows.entry((operator.clone(), name.clone())).or_default() += *flow;
        }
    }
    closing.destinations_busy = cast.stage.memory.borrow().open_holds() > 0
        || cast
            .destinations
            .iter()
            .any(|(_, tally)| cast.stage.ns().saturating_sub(tally.borrow().latest_ns) < QUIET_NS);
    let total = closing.accounting.total();
    closing.in_flight = total.sent.saturating_sub(total.ended());
    closing.open = compare_sides(&operators, &destinations);
    if closing.is_settled()
        && plan.alone.is_none()
        && let (Some(address), Some(before)) = (plan.arguments.load.place.admin_address(), before)
    {
        match admin::positions(address, plan.currency.code()).await {
            Ok(after) => closing.open.extend(compare_positions(&operators, before, &after)),
            Err(error) => closing.unread = Some(error.to_string()),
        }
    }
    closing
}

impl Sums {
    fn add_operator(&mut self, tally: &crate::operator::Tally) {
        self.offered_in_time += tally.offered_in_time;
        self.completed_in_time += tally.completed_in_time;
        self.good_in_time += tally.good_in_time;
        self.held_back += tally.held_back;
        self.repeats += tally.repeats;
        self.inquiries_refused += tally.inquiries_refused;
    }

    fn add_destination(&mut self, tally: &crate::destination::Tally) {
        self.forwards += tally.forwards;
        self.deliveries += tally.deliveries;
        self.foreign += tally.foreign;
    }
}
