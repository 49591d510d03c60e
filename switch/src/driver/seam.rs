//! Where a test stands between the driver and what it drives.
//!
//! Invariant: the shipped form, [`Shipped`], has no size and does nothing of its own. A simulator puts in its place one that
//! watches what is decided and let go, or one that does a known wrong, which its checkers must then find. It is a type
//! parameter, so that no build of the program can have any other.

use holdfast_core::{Core, Effect, Input, Output, View};
use holdfast_protocol::{Sequence, UnixMillis};

use super::outbox::{Outbox, Waiting};

/// What happens at the four places where the driver hands something on.
pub trait Seam {
    /// An input is decided.
    fn step(&mut self, core: &mut Core, now: UnixMillis, input: &Input, view: &View, out: &mut Output) {
        core.step(now, input, view, out);
    }

    /// The effects of a turn begin to wait.
    fn push(&mut self, outbox: &mut Outbox, turn: Waiting) {
        outbox.push(turn);
    }

    /// The next turn whose effects may leave.
    fn pop_ready(&mut self, outbox: &mut Outbox, durable: Sequence) -> Option<Waiting> {
        outbox.pop_ready(durable)
    }

    /// An effect leaves; `None` where it does not after all.
    fn let_go(&mut self, effect: Effect) -> Option<Effect> {
        Some(effect)
    }
}

/// Nothing stands between.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shipped;

impl Seam for Shipped {}
