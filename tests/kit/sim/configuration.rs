//! How the switch is configured now, as those who run it change it while traffic flows: caps and limits, where payment IDs
//! lead, and who takes part at all.

use std::collections::BTreeSet;

use holdfast_core::registry::{CurrencyLimits, Debtor, ParticipantRecord, Route};
use holdfast_protocol::{Amount, Kind, ParticipantNumber, PaymentId, SecurityLevel, Total};

use super::plan::{Party, Plan, euro, limits, number, pound};
use super::random::Random;

/// A choice among what the plan knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Configuration {
    /// Caps in percent of the planned.
    pub(crate) caps: u64,
    /// Limits in percent of the planned.
    pub(crate) limits: u64,
    /// The payment systems of the first two destinations lead to the other one each.
    pub(crate) crossed: bool,
    /// Who takes no part.
    pub(crate) removed: BTreeSet<ParticipantNumber>,
}

impl Default for Configuration {
    fn default() -> Self {
        Self { caps: 100, limits: 100, crossed: false, removed: BTreeSet::new() }
    }
}

impl Configuration {
    /// Another one, with everybody who takes part now.
    pub(crate) fn changed(&self, random: &mut Random) -> Self {
        let mut other = self.clone();
        match random.below(3) {
            0 => other.caps = if random.percent(50) { 100 } else { 30 },
            1 => other.limits = if random.percent(50) { 100 } else { 50 },
            _ => other.crossed = !self.crossed,
        }
        other
    }

    /// Everybody who takes part.
    pub(crate) fn participants(&self, plan: &Plan) -> Vec<ParticipantRecord> {
        let operators = plan.operators.iter().map(|party| (party, true));
        let all = operators.chain(plan.destinations.iter().map(|party| (party, false)));
        let here = all.filter(|(party, _)| !self.removed.contains(&party.number));
        here.map(|(party, originates)| self.record(plan, party, originates)).collect()
    }

    fn record(&self, plan: &Plan, party: &Party, originates: bool) -> ParticipantRecord {
        let cap = |planned: i128| Total::from_minor(planned * i128::from(self.caps) / 100);
        let mut limits = limits();
        for (_, limits) in limits.iter_mut().flat_map(|(_, limits)| &mut limits.currencies) {
            *limits = self.in_percent(*limits);
        }
        ParticipantRecord {
            number: party.number,
            name: format!("participant-{}", party.number),
            originates,
            // Operators could be destinations, too, and never sign on as such.
            receives: true,
            caps: vec![(euro(), cap(1_000_000_000)), (pound(), cap(plan.tight_cap))],
            limits,
        }
    }

    fn in_percent(&self, limits: CurrencyLimits) -> CurrencyLimits {
        let part = |planned: u64| planned * self.limits / 100;
        CurrencyLimits {
            amount: limits.amount.and_then(|limit| Amount::from_minor(part(limit.minor()))),
            daily_amount: limits
                .daily_amount
                .map(|limit| Total::from_minor(limit.minor() * i128::from(self.limits) / 100)),
            daily_count: limits.daily_count.map(part),
        }
    }

    /// The limits of an originator; none where the level is not agreed.
    pub(crate) fn limits_at(
        &self,
        plan: &Plan,
        who: ParticipantNumber,
        level: SecurityLevel,
    ) -> Option<CurrencyLimits> {
        let party = plan.operators.iter().find(|party| party.number == who)?;
        let (_, limits) = self.record(plan, party, true).limits.into_iter().find(|(of, _)| *of == level)?;
        Some(limits.of(euro()))
    }

    /// The cap of a participant.
    pub(crate) fn cap(
        &self,
        plan: &Plan,
        who: ParticipantNumber,
        currency: holdfast_protocol::Currency,
    ) -> Option<Total> {
        let record = self.participants(plan).into_iter().find(|record| record.number == who)?;
        record.caps.into_iter().find(|(of, _)| *of == currency).map(|(_, cap)| cap)
    }

    /// Where payment IDs lead.
    pub(crate) fn routes(&self, plan: &Plan) -> Vec<Route> {
        let mut routes = plan.routes.clone();
        if self.crossed
            && let [first, second, ..] = &mut routes[..plan.destinations.len()]
        {
            // Who owes whom is an agreement with the destination, and goes with it.
            std::mem::swap(&mut first.mps, &mut second.mps);
        }
        routes.retain(|route| !self.removed.contains(&route.destination));
        routes
    }

    /// Where a payment ID leads, and who carries the hold.
    pub(crate) fn leads(
        &self,
        plan: &Plan,
        to: PaymentId,
        kind: Kind,
    ) -> Option<(ParticipantNumber, Debtor)> {
        let routes = self.routes(plan);
        let route = routes.iter().find(|route| route.mps == to.mps)?;
        Some((route.destination, route.debtor(kind)))
    }
}

/// The operator that comes and goes.
pub(crate) fn guest_operator() -> ParticipantNumber {
    number(9)
}

/// The destination that comes and goes.
pub(crate) fn guest_destination() -> ParticipantNumber {
    number(19)
}
