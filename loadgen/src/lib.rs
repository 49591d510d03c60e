//! The load generator: plays mobile payment operators and acquirers against a switch and measures it.
//!
//! It speaks the protocol that real participants speak, through the library that they embed, and shares no code with
//! the switch's core, so that it cannot share its bugs (LG-1 to LG-3). Promises:
//!
//! - the load is open loop: arrivals are a function of the seed, and latency counts from the intended time of sending;
//! - every operation that was scheduled is accounted for with exactly one ending;
//! - a run says when the generator itself was the limit, and is called durable only if the switch synced its journal.
//!
//! Absent on purpose: knowledge of how the switch decides; anything that would make a figure look better.

pub mod accounting;
pub mod admin;
pub mod alarm;
pub mod books;
pub mod build;
pub mod capacity;
pub mod check;
pub mod cli;
pub mod compare;
pub mod destination;
pub mod drill;
pub mod exit;
pub mod first_answers;
pub mod flows;
pub mod generate;
pub mod history;
pub mod live;
pub mod machine;
pub mod measure;
pub mod objective;
pub mod operation_id;
pub mod operator;
pub mod page;
pub mod player;
pub mod progress;
pub mod random;
pub mod report;
pub mod results;
pub mod run;
pub mod selftest;
pub mod stage;
pub mod steering;
pub mod sweep;
pub mod trace;
pub mod traffic;
pub mod trials;
pub mod verdict;
