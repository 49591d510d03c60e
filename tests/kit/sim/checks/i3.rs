//! I3: what positions hold is what is open. The full recount of the ledger, which also counts I4 and I5 again.

use holdfast_core::Core;
use holdfast_core::invariant::{Violation as Found, recount};

use crate::sim::violation::{Verdict, Violation};

pub(crate) fn check(core: &Core) -> Verdict {
    recount(core).map_err(|found| {
        let checker = match found {
            Found::NotZero(..) => "I4",
            Found::ClosedAndHeld(_) => "I5",
            _ => "I3",
        };
        Violation::new(checker, found.to_string())
    })
}
