//! Sessions: one signed-on link each. They turn bytes into inputs that say who sent them, and effects into bytes.
//!
//! Invariant: who sent a message comes from the certificate and the sign-on of its link, never from the message.
//!
//! Absent on purpose: sockets. [`inbound`] and [`outbound`] work on bytes, so that a simulator runs the same code.

mod answers;
pub mod control;
pub mod directory;
pub mod inbound;
pub mod outbound;
pub mod spread;

pub use directory::{Directory, Member};
pub use inbound::{Inbound, Received};
pub use outbound::Outbound;
