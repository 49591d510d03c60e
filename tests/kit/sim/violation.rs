//! What a checker says when something does not hold.

use std::fmt;

/// Which promise was broken, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The checker: `I1` to `I9`, `auditor`, `table`, `recovery`, `liveness`, `protocol`.
    pub checker: &'static str,
    /// What was seen.
    pub what: String,
}

impl Violation {
    pub(crate) fn new(checker: &'static str, what: impl Into<String>) -> Self {
        Self { checker, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.checker, self.what)
    }
}

/// What a checker returns.
pub(crate) type Verdict<T = ()> = Result<T, Violation>;

/// A checker's name, what must hold, and what is said otherwise.
macro_rules! ensure {
    ($checker:expr, $holds:expr, $($otherwise:tt)+) => {
        if !$holds {
            return Err($crate::sim::violation::Violation::new($checker, format!($($otherwise)+)));
        }
    };
}
pub(crate) use ensure;
