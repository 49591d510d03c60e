//! Joins what operators and destinations wrote down with the facts of the journal, and says where they disagree.
//!
//! Shares no code with the switch, the protocol or the load generator, so that it cannot share their errors: numbers
//! of the protocol are written down here a second time.

pub mod history;
