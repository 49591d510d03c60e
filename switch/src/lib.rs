//! The Holdfast authorization switch: a library with a thin program around it.
//!
//! Data flows one way: transport, session, driver, core, journal, outbox, session, transport. What this crate adds to
//! the core and the journal is everything that touches the outside: sockets, the clock, the file system, the operator.

mod access;
pub mod admin;
pub mod build;
pub mod certs;
pub mod cli;
pub mod clock;
pub mod config;
pub mod driver;
pub mod logging;
pub mod serve;
pub mod session;
pub mod telemetry;
pub mod transport;
