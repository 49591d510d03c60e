//! The destination's side: an acquirer, or an MPS that takes payments for its clients.
//!
//! [`Book`] keeps the promises of a destination as a state machine; a [`DedupStore`] keeps its records; a [`Handler`]
//! decides. What a destination promises stands in docs/PROTOCOL.md.

mod asking;
mod book;
mod coverage;
mod entry;
mod file;
mod forward;
mod handler;
mod record;
mod replies;
mod store;
mod terms;

pub use book::Book;
pub use file::FileDedup;
pub use handler::{Decision, Delivery, Handler, Notice, Task};
pub use record::{Decided, Delivered, DeliveryEffect, Record};
pub use store::{DedupStore, MemoryDedup, StoreError};
pub use terms::{Action, BookSettings, Contradiction, LinkTerms};

#[cfg(test)]
mod tests;
