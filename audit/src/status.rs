//! The switch's own positions, as `/status` prints them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use iso_currency::Currency;
use serde::Deserialize;

use crate::positions::Position;

/// Why a status cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// The operating system says so.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What it says.
        source: io::Error,
    },
    /// It is not the JSON of `/status`.
    #[error("{path}: {what}")]
    Content {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

/// What the auditor reads of a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The last decided fact.
    pub sequence: u64,
    /// By participant and ISO 4217 number of the currency.
    pub positions: BTreeMap<(u16, u16), Position>,
}

#[derive(Deserialize)]
struct Document {
    sequence: u64,
    positions: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    number: u16,
    currency: String,
    held: String,
    debits: String,
    credits: String,
}

impl Status {
    /// Reads a file that holds the JSON of `/status`.
    ///
    /// # Errors
    /// [`StatusError`].
    pub fn read(path: &Path) -> Result<Self, StatusError> {
        let text = fs::read(path).map_err(|source| StatusError::Io { path: path.to_owned(), source })?;
        Self::parse(&text).map_err(|what| StatusError::Content { path: path.to_owned(), what })
    }

    fn parse(text: &[u8]) -> Result<Self, String> {
        let document: Document = serde_json::from_slice(text).map_err(|e| e.to_string())?;
        let mut positions = BTreeMap::new();
        for line in document.positions {
            let currency = Currency::from_code(&line.currency)
                .ok_or_else(|| format!("no currency {:?}", line.currency))?;
            let sum = |text: &str| text.parse::<i128>().map_err(|e| format!("{text:?}: {e}"));
            let position =
                Position { held: sum(&line.held)?, debits: sum(&line.debits)?, credits: sum(&line.credits)? };
            positions.insert((line.number, currency.numeric()), position);
        }
        Ok(Self { sequence: document.sequence, positions })
    }
}
