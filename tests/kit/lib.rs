//! The kit of the end-to-end tests. The tests themselves are in `tests/tests`.
//!
//! It knows every crate, and no crate knows it.

pub mod deliveries;
pub mod dialler;
pub mod evidence;
pub mod fixture;
pub mod fuzz;
pub mod metronome;
pub mod parties;
pub mod party;
pub mod peer;
pub mod processes;
pub mod requests;
pub mod sim;
pub mod skipped;
pub mod small_disk;
pub mod wait;
pub mod watch;
