//! Refunds: 5.00 euro of the pay are given back.

use holdfast_protocol::{Extensions, Message, Refund};

use super::{amount, at, euro, id, operator, pay_id, today};

fn refund() -> Refund {
    Refund {
        id: id(9_000, 0xa3),
        original: pay_id(),
        originator: None,
        amount: amount(500),
        currency: euro(),
        expires: at(39_000),
        budget_ms: 5_000,
        repeat: false,
        attempt: 1,
        settlement_date: None,
        extensions: Extensions::NONE,
    }
}

pub(super) fn all() -> Vec<(&'static str, Message)> {
    let forward =
        Refund { originator: Some(operator()), settlement_date: today(), budget_ms: 4_990, ..refund() };
    vec![
        ("refund", refund().into()),
        ("refund-forward", forward.clone().into()),
        ("refund-forward-repeat", Refund { repeat: true, attempt: 2, budget_ms: 3_000, ..forward }.into()),
    ]
}
