//! The core, tested by scripts: only [`world::check`] touches its interface.

mod archive;
mod deliveries;
mod documented;
mod grids;
mod leases;
mod leases_random;
mod limits;
mod lines;
mod payments;
mod random;
mod recalls;
mod recovery;
mod refund_recalls;
mod refund_reversals;
mod refunds;
mod render;
mod reservations;
mod restart;
mod reversals;
mod snapshots;
mod world;
