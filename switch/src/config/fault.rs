//! What is wrong with a configuration: file, line, key, and what was expected. All of it at once.

use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Counted from one.
    pub line: usize,
    /// The key with its tables, as in `participants[2].caps.EUR`; empty where the file is no TOML.
    pub key: String,
    /// What was expected and what stands there.
    pub problem: String,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("{}: {source}{}", file.display(), crate::access::hint(file, source))]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is wrong; each fault on its own line, in the order of the file.
    #[error("{}", Listing(file, faults))]
    Wrong {
        /// Which.
        file: PathBuf,
        /// What; never empty.
        faults: Vec<Fault>,
    },
}

impl ConfigError {
    /// What is wrong, line by line; empty where the file could not be read.
    pub fn faults(&self) -> &[Fault] {
        match self {
            Self::Unreadable { .. } => &[],
            Self::Wrong { faults, .. } => faults,
        }
    }
}

struct Listing<'a>(&'a Path, &'a [Fault]);

impl fmt::Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.1.iter().enumerate() {
            let end = if i + 1 == self.1.len() { "" } else { "\n" };
            let colon = if fault.key.is_empty() { "" } else { ": " };
            write!(f, "{}:{}: {}{colon}{}{end}", self.0.display(), fault.line, fault.key, fault.problem)?;
        }
        Ok(())
    }
}

/// Collects faults while a file is read, so that all of them can be named at once.
#[derive(Debug)]
pub(super) struct Faults<'t> {
    text: &'t str,
    found: RefCell<Vec<Fault>>,
}

impl<'t> Faults<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self { text, found: RefCell::new(Vec::new()) }
    }

    /// Notes a fault at a place in the text.
    pub(super) fn add(&self, offset: usize, key: impl Into<String>, problem: impl Into<String>) {
        let fault = Fault { line: self.line(offset), key: key.into(), problem: problem.into() };
        self.found.borrow_mut().push(fault);
    }

    /// The line of a place in the text, from one.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
    }

    /// What was found, in the order of the file.
    pub(super) fn into_sorted(self) -> Vec<Fault> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|fault| fault.line);
        found
    }
}
