//! The checkers: one file for each invariant.
//!
//! What is checked when: I1 at every effect that leaves and everything that is heard; I2, I5 and I6 at everything that is
//! heard, and of everything ever told after each restart and at the end; I3, I4 and I8 after every step, with a full recount
//! that counts I5 again, too; I7 at each restart, for a digest reads the whole ledger; I9 and the times of requests at every fact that
//! records one.

pub(crate) mod i1;
pub(crate) mod i2;
pub(crate) mod i3;
pub(crate) mod i4;
pub(crate) mod i5;
pub(crate) mod i6;
pub(crate) mod i7;
pub(crate) mod i8;
pub(crate) mod i9;
pub(crate) mod timely;
