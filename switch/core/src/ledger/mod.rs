//! The ledger: a fold of facts and of nothing else (I7).

pub(crate) mod apply;
mod apply_follow_up;
mod apply_refund;
pub(crate) mod content;
mod digest;
mod digested;
mod entries;
pub(crate) mod follow_up_record;
pub(crate) mod generation;
pub(crate) mod leases;
pub(crate) mod limits;
mod movement;
pub(crate) mod participants;
pub(crate) mod position;
pub(crate) mod record;
pub(crate) mod refunds;
pub(crate) mod remembered;
mod slab;
pub(crate) mod state;
mod staying;

pub(crate) use digest::digest;
pub use digest::{DIGEST_VERSION, Digest};
pub(crate) use entries::{may_come_back, restore, write};
pub(crate) use movement::in_doubt;
pub use position::{InDoubt, Position};
pub use refunds::Linked;
