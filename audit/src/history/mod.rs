//! The histories that operators and destinations write: fixed records, described byte by byte in `docs/HISTORY.md`.

pub mod file;
pub mod form;
pub mod record;

pub use file::{FileError, Header, History, Role};
pub use record::{Kind, Message, Record};
