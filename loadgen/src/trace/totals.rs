//! What a trace holds in all, counted while it is checked.

use super::Header;
use crate::traffic::arrival::Arrival;
use crate::traffic::fate::Fate;
use crate::traffic::scenario::Scenario;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// Arrivals of all operators.
    pub arrivals: u64,
    /// Of each operator.
    pub by_operator: Vec<u64>,
    /// By the order of [`Scenario::ALL`].
    pub by_scenario: [u64; Scenario::ALL.len()],
    /// To each destination: acquirers, then operators.
    pub by_destination: Vec<u64>,
    /// Those that destinations decline.
    pub declined: u64,
    /// Those that they never answer.
    pub silent: u64,
    /// Those that they answer too late.
    pub late: u64,
    /// Those with a course of their own.
    pub courses: u64,
    /// How long after its authorize the latest follow-up of all comes, in nanoseconds.
    pub longest_ns: u64,
    /// How long after the end of the trace the last follow-up comes, in nanoseconds.
    pub tail_ns: u64,
    /// The smallest amount in minor units.
    pub amount_min: u64,
    /// The largest.
    pub amount_max: u64,
    /// Of all amounts.
    pub amount_sum: u128,
    /// The latest arrival.
    pub latest_ns: u64,
    /// The end of the trace.
    length_ns: u64,
}

impl Totals {
    /// Nothing yet.
    pub(super) fn new(header: &Header) -> Self {
        Self {
            by_operator: vec![0; header.operators as usize],
            by_destination: vec![0; (header.acquirers + header.operators) as usize],
            amount_min: u64::MAX,
            length_ns: header.length_ns,
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, operator: usize, arrival: &Arrival) {
        self.arrivals += 1;
        self.by_operator[operator] += 1;
        self.by_scenario[arrival.scenario.index()] += 1;
        self.by_destination[usize::from(arrival.payee.destination)] += 1;
        match arrival.fate {
            Fate::Decline(_) => self.declined += 1,
            Fate::Silent => self.silent += 1,
            Fate::Late => self.late += 1,
            Fate::Approve | Fate::ApproveHalf | Fate::ApprovePart(_) => {}
        }
        if let Some(course) = &arrival.course {
            self.courses += 1;
            self.longest_ns = self.longest_ns.max(course.length_ns());
            let end_ns = arrival.at_ns.saturating_add(course.length_ns());
            self.tail_ns = self.tail_ns.max(end_ns.saturating_sub(self.length_ns));
        }
        let minor = arrival.amount.minor();
        self.amount_min = self.amount_min.min(minor);
        self.amount_max = self.amount_max.max(minor);
        self.amount_sum += u128::from(minor);
        self.latest_ns = self.latest_ns.max(arrival.at_ns);
    }

    /// A count as a share of all arrivals.
    pub fn share(&self, count: u64) -> f64 {
        if self.arrivals == 0 { 0.0 } else { count as f64 / self.arrivals as f64 }
    }
}
