//! The two tables of a transaction: its money and its deliveries.

pub mod delivery;
pub mod money;
