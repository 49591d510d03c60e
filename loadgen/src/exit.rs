//! How the program ends: one code for each thing that a script may want to know.

use std::process::ExitCode;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything was done and holds.
    Pass = 0,
    /// The run broke off, or an operation ended as an error.
    RunError = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// An objective was missed, or something got worse.
    Missed = 3,
    /// The measurement says nothing.
    Invalid = 4,
    /// The books do not close.
    BooksOpen = 5,
    /// The user cut it short; nothing was judged.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
