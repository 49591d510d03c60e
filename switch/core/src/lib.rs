//! Decisions about money.
//!
//! One entry point, [`Core::step`]: deciding reads the ledger and writes facts and effects; applying a fact is the only
//! thing that changes the ledger, and recovery and replicas call it too (I7).
//!
//! Invariant: the same inputs in the same order, with the same times and views, give the same facts and effects.
//!
//! Absent on purpose: clocks, sockets, files, threads, random numbers. Time comes in with each input.

#![deny(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::float_arithmetic,
    clippy::wildcard_enum_match_arm
)]

pub mod counters;
mod decide;
pub mod effect;
pub mod fact;
pub mod input;
pub mod invariant;
pub mod leaving;
pub mod ledger;
pub mod overview;
pub mod registry;
pub mod report;
mod route;
mod schedule;
pub mod settings;
pub mod snapshot;
pub mod step;
pub mod transaction;
pub mod view;
mod warm;

pub use counters::Counters;
pub use decide::participant::ConfigurationError;
pub use effect::Effect;
pub use fact::Fact;
pub use input::{From, Input};
pub use settings::Settings;
pub use step::{Core, Output};
pub use view::View;

#[cfg(test)]
mod tests;
