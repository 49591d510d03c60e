//! The two tables of a transaction, printed and compared with the ones that reviewers read.

use std::fmt::Write;

use crate::transaction::{delivery, money};

fn compare(name: &str, printed: &str, reviewed: &str) {
    assert_eq!(printed.trim(), reviewed.trim(), "\nthe {name} table is now:\n\n{printed}\n");
}

#[test]
fn the_money_table_is_the_reviewed_one() {
    let mut printed = String::new();
    for state in money::Money::ALL {
        writeln!(printed, "{state:?}").unwrap();
        for event in money::Event::ALL {
            writeln!(printed, "  {:18}{:?}", format!("{event:?}"), money::next(state, event)).unwrap();
        }
    }
    compare("money", &printed, include_str!("grids/money.txt"));
}

#[test]
fn the_delivery_table_is_the_reviewed_one() {
    let mut printed = String::new();
    for state in delivery::Progress::ALL {
        writeln!(printed, "{state:?}").unwrap();
        for event in delivery::Event::ALL {
            writeln!(printed, "  {:22}{:?}", format!("{event:?}"), delivery::next(state, event)).unwrap();
        }
    }
    compare("delivery", &printed, include_str!("grids/delivery.txt"));
}
