//! I1: an effect leaves only when what was decided before it is durable.
//!
//! From inside, the seam compares each turn that is let go with what the journal really made durable. From outside,
//! whatever names its fact is compared when it is heard, and after each restart nothing heard may be missing.

use holdfast_protocol::Sequence;

use crate::sim::violation::{Verdict, ensure};

/// Somebody was told of a fact.
pub(crate) fn told(sequence: Sequence, durable: Sequence) -> Verdict {
    ensure!("I1", sequence <= durable, "{sequence:?} is told, and {durable:?} is durable");
    Ok(())
}

/// After a restart: all that anybody heard of is there.
pub(crate) fn recovered(heard_of: Sequence, recovered: Sequence) -> Verdict {
    ensure!("I1", heard_of <= recovered, "{heard_of:?} was told, {recovered:?} recovered");
    Ok(())
}
