//! The journal as `holdfast journal dump` prints it: one JSON object a line, described in `docs/JOURNAL.md`.

pub mod dump;
pub mod fact;
pub mod leases;
mod line;
pub mod partitions;

pub use dump::{Dump, DumpError, Participant};
pub use fact::{Debtor, Fact, FactKind};
pub use leases::Leases;
pub(crate) use line::parse_id;
pub use partitions::{Part, Partitions, Progress};
