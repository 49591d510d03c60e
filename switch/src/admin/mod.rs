//! The admin interface: what the people who run the switch see and do, over HTTP on loopback and from the command line.
//!
//! Invariant: it has its own thread and reaches the driver only through a bounded channel, so that nothing asked here
//! can slow a payment. Only this machine reaches it; a page in somebody's browser cannot give orders.
//!
//! Absent on purpose: anything that moves money. Positions are changed by payments alone.

pub mod command;
mod guard;
pub mod reload;
pub mod report;
mod server;
mod thread;

pub use command::{Command, CommandError, CommandReceiver, CommandSender, Who, channel};
pub use guard::HEADER;
pub use reload::credentials;
pub(crate) use thread::who_has_it;
pub use thread::{AdminError, AdminThread};
