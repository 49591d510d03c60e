//! What the parties of a payment see over real links, and what the books say after it.

mod inquiries;
mod limits;
mod links;
mod refunds;
mod reservations;
mod restarts;
mod reversals;
mod singles;
