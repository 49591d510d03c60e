//! What `loadgen` plays, against the real switch, and whether its records join with the journal.

mod dumps;
mod interrupts;
mod refunds;
mod scene;
mod sides;
mod starved;
mod terminal;
mod traces;
mod unwritable;
