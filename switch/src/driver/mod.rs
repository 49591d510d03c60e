//! The driver: the one owner of core and outbox.
//!
//! A turn takes what arrived, answers and reversals first, then new work round-robin; decides it; hands the facts to
//! the log as one batch; and lets go the effects whose facts are durable (I1). It is a state machine over inputs, time
//! and a [`holdfast_journal::Log`]: the shell in [`crate::serve`] runs it on the I/O thread or on a thread of its own, and tests and the
//! simulator run it in memory.
//!
//! Absent on purpose: sockets, clocks and files.

pub mod archive;
pub mod event;
pub mod outbox;
pub mod peers;
pub mod seam;
pub mod sessions;
pub mod settings;
mod shed;
pub mod turn;
pub mod work;

pub use archive::Door;
pub use event::Event;
pub use peers::Peers;
pub use seam::{Seam, Shipped};
pub use settings::{DriverSettings, Progress, Queues};
pub use turn::Driver;
