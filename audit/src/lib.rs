//! Joins what operators and destinations wrote down with the facts of the journal, and says where they disagree.
//!
//! Shares no code with the switch, the protocol or the load generator, so that it cannot share their errors: the numbers
//! of the protocol are written down here a second time. Silence is unknown, never no: what was in flight at the end is
//! a finding only where the run was drained. What cannot be read in full is not judged.

mod audit;
pub mod course;
pub mod finding;
pub mod history;
pub mod journal;
pub mod numbers;
pub mod positions;
mod refunds;
pub mod report;
pub mod rules;
mod shard;
pub mod status;
pub mod timeline;
pub mod transaction;

pub use audit::{AuditError, Options, Unwatched, Watcher, run};
pub use report::{Report, counted};
pub use shard::{Key, ParseKeyError, id_text};
