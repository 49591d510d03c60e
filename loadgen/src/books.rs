//! Whether the books close: what operators count, what destinations count, and what the switch's positions say.
//!
//! Operators and destinations must agree pair by pair on what was captured and neither reversed nor refunded. The change of each
//! position between start and end must be exactly what the operators' captures, reversals and refunds make of it. Whose position
//! owes, for payments and for reservations, is a setting of the switch's routes that nobody tells us: of the nine ways
//! there are, one must explain every position of every participant at once.

use std::collections::BTreeMap;
use std::fmt;

use crate::admin::Positions;
use crate::flows::Flow;

/// Who owes whom on a kind of route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Debtor {
    /// The operator owes the destination.
    Originator,
    /// The destination owes the operator.
    Destination,
    /// No position moves.
    Outside,
}

impl Debtor {
    const ALL: [Self; 3] = [Self::Originator, Self::Destination, Self::Outside];
}

impl fmt::Display for Debtor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Originator => "originator",
            Self::Destination => "destination",
            Self::Outside => "outside",
        })
    }
}

/// Flows between operators and destinations, as one side counts them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// By name of the operator and of the destination.
    pub flows: BTreeMap<(String, String), Flow>,
}

/// Why the books are open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Open {
    /// Operator and destination disagree on what was captured and neither reversed nor refunded.
    #[error(
        "{operator} and {destination}: {by_operator} by the operator, {by_destination} by the destination"
    )]
    Pair {
        /// Who sent.
        operator: String,
        /// Who answered.
        destination: String,
        /// Minor units.
        by_operator: i128,
        /// Minor units.
        by_destination: i128,
    },
    /// No way to read the routes explains the positions. The figures are those of the way that comes closest.
    #[error("position of {participant}: {what} changed by {by_switch}, expected {expected}")]
    Position {
        /// Whose.
        participant: String,
        /// Debits, credits or held.
        what: &'static str,
        /// Minor units.
        by_switch: i128,
        /// Minor units.
        expected: i128,
    },
}

/// Where operators and destinations disagree.
pub fn compare_sides(operators: &Ledger, destinations: &Ledger) -> Vec<Open> {
    let mut pairs: Vec<_> = operators.flows.keys().chain(destinations.flows.keys()).collect();
    pairs.sort_unstable();
    pairs.dedup();
    let net = |ledger: &Ledger, pair| ledger.flows.get(pair).map_or(0, Flow::net);
    pairs
        .into_iter()
        .filter(|pair| net(operators, pair) != net(destinations, pair))
        .map(|pair| Open::Pair {
            operator: pair.0.clone(),
            destination: pair.1.clone(),
            by_operator: net(operators, pair),
            by_destination: net(destinations, pair),
        })
        .collect()
}

/// What the flows make of each position, if the routes say so: debits and credits by name.
fn expected(operators: &Ledger, pay: Debtor, reserve: Debtor) -> BTreeMap<&str, (i128, i128)> {
    let mut positions: BTreeMap<&str, (i128, i128)> = BTreeMap::new();
    for ((operator, destination), flow) in &operators.flows {
        let kinds = [
            // A refund moves what its payment moved, the other way, and its reversal moves it back (rules 15 and 28).
            (pay, flow.pay_captured + flow.refund_reversed, flow.pay_reversed + flow.refunded),
            (reserve, flow.reserve_captured, flow.reserve_reversed),
        ];
        for (debtor, captured, reversed) in kinds {
            let (owes, is_owed) = match debtor {
                Debtor::Originator => (operator, destination),
                Debtor::Destination => (destination, operator),
                Debtor::Outside => continue,
            };
            // Undoing what was captured books the opposite movement; it never subtracts (rule 22).
            let position = positions.entry(owes).or_default();
            position.0 += captured;
            position.1 += reversed;
            let position = positions.entry(is_owed).or_default();
            position.0 += reversed;
            position.1 += captured;
        }
    }
    positions
}

/// Where the change of the positions is not what the operators' flows make of it.
pub fn compare_positions(operators: &Ledger, before: &Positions, after: &Positions) -> Vec<Open> {
    let ways = Debtor::ALL.into_iter().flat_map(|pay| Debtor::ALL.map(|reserve| (pay, reserve)));
    let differences = ways.map(|(pay, reserve)| differences(operators, before, after, pay, reserve));
    differences.min_by_key(Vec::len).unwrap_or_default()
}

fn differences(
    operators: &Ledger,
    before: &Positions,
    after: &Positions,
    pay: Debtor,
    reserve: Debtor,
) -> Vec<Open> {
    let expected = expected(operators, pay, reserve);
    let names: std::collections::BTreeSet<&str> =
        before.keys().chain(after.keys()).map(String::as_str).chain(expected.keys().copied()).collect();
    let mut open = Vec::new();
    for name in names {
        let (debits, credits) = expected.get(name).copied().unwrap_or_default();
        let then = before.get(name).copied().unwrap_or_default();
        let now = after.get(name).copied().unwrap_or_default();
        for (what, by_switch, expected) in [
            ("debits", now.debits - then.debits, debits),
            ("credits", now.credits - then.credits, credits),
            ("held", now.held - then.held, 0),
        ] {
            if by_switch != expected {
                open.push(Open::Position { participant: name.to_owned(), what, by_switch, expected });
            }
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::Position;

    fn ledger() -> Ledger {
        let flow = Flow { pay_captured: 1_000, reserve_captured: 70, pay_reversed: 300, ..Flow::default() };
        let other = Flow { pay_captured: 11, ..Flow::default() };
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        Ledger { flows: [(pair("op", "acq"), flow), (pair("op", "op-2"), other)].into() }
    }

    fn positions(values: &[(&str, i128, i128, i128)]) -> Positions {
        values
            .iter()
            .map(|(name, held, debits, credits)| {
                ((*name).to_owned(), Position { held: *held, debits: *debits, credits: *credits })
            })
            .collect()
    }

    #[test]
    fn books_close_where_every_position_moved_as_the_flows_say() {
        let before = positions(&[("op", 5, 100, 0), ("acq", 0, 0, 0), ("op-2", 0, 0, 0)]);
        // Payments: the operator owes. Reservations: the destination owes.
        let after = positions(&[("op", 5, 1_111, 370), ("acq", 0, 370, 1_000), ("op-2", 0, 0, 11)]);
        assert_eq!(compare_positions(&ledger(), &before, &after), []);
    }

    #[test]
    fn one_unit_in_one_position_opens_the_books() {
        let before = Positions::new();
        let after = positions(&[("op", 0, 1_012, 370), ("acq", 0, 370, 1_000), ("op-2", 0, 0, 11)]);
        let open = compare_positions(&ledger(), &before, &after);
        assert_eq!(open.len(), 1);
        assert_eq!(open[0].to_string(), "position of op: debits changed by 1012, expected 1011");
    }

    #[test]
    fn a_refund_moves_both_positions_back_and_its_reversal_forth_again() {
        let pair = ("op".to_owned(), "acq".to_owned());
        let flow = Flow { pay_captured: 100, refunded: 40, refund_reversed: 10, ..Flow::default() };
        assert_eq!(flow.net(), 70);
        let operators = Ledger { flows: [(pair, flow)].into() };
        let closed = positions(&[("op", 0, 110, 40), ("acq", 0, 40, 110)]);
        assert_eq!(compare_positions(&operators, &Positions::new(), &closed), []);
        let netted = positions(&[("op", 0, 70, 0), ("acq", 0, 0, 70)]);
        assert_ne!(compare_positions(&operators, &Positions::new(), &netted), []);
    }

    #[test]
    fn a_hold_that_nobody_owns_opens_the_books() {
        let before = Positions::new();
        let after = positions(&[("op", 1, 1_081, 300), ("acq", 0, 300, 1_070), ("op-2", 0, 0, 11)]);
        assert_eq!(compare_positions(&ledger(), &before, &after).len(), 1);
    }

    #[test]
    fn operators_and_destinations_must_agree_pair_by_pair() {
        let mut destinations = ledger();
        assert_eq!(compare_sides(&ledger(), &destinations), []);
        // Approved too late and reversed: both gross sums differ, the net does not.
        let pair = ("op".to_owned(), "acq".to_owned());
        let flow = destinations.flows.get_mut(&pair).unwrap();
        flow.pay_captured += 50;
        flow.pay_reversed += 50;
        assert_eq!(compare_sides(&ledger(), &destinations), []);
        destinations.flows.get_mut(&pair).unwrap().pay_captured += 1;
        assert_eq!(compare_sides(&ledger(), &destinations).len(), 1);
    }
}
