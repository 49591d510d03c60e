//! The ledger: a fold of facts and of nothing else (I7).

pub(crate) mod apply;
mod apply_follow_up;
pub(crate) mod content;
mod digest;
pub(crate) mod generation;
pub(crate) mod limits;
mod movement;
pub(crate) mod participants;
pub(crate) mod position;
pub(crate) mod record;
pub(crate) mod remembered;
mod slab;
pub(crate) mod state;

pub use digest::Digest;
pub(crate) use digest::digest;
pub(crate) use movement::in_doubt;
pub use position::{InDoubt, Position};
