//! The auditor is handed histories and journals with something removed, doubled, changed or invented, and finds it.

#![expect(clippy::unwrap_used, reason = "a test stops at what cannot be")]

mod mutations;
mod neighbours;
mod partitions;
mod stories;
mod world;
