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
    /// The last decided fact of each partition.
    pub sequences: BTreeMap<u16, u64>,
    /// By participant and ISO 4217 number of the currency.
    pub positions: BTreeMap<(u16, u16), Position>,
}

#[derive(Deserialize)]
struct Document {
    sequence: u64,
    /// Where there are several.
    #[serde(default)]
    partitions: Vec<Partition>,
    positions: Vec<Line>,
}

#[derive(Deserialize)]
struct Partition {
    partition: u16,
    sequence: u64,
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

    /// The last decided fact of a partition when it was asked.
    pub fn sequence_of(&self, partition: u16) -> u64 {
        self.sequences.get(&partition).copied().unwrap_or(0)
    }

    /// Whether it tells of facts after these ends.
    pub fn is_newer_than(&self, end: impl Fn(u16) -> u64) -> bool {
        self.sequences.iter().any(|(partition, sequence)| *sequence > end(*partition))
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
        let mut sequences: BTreeMap<u16, u64> =
            document.partitions.iter().map(|one| (one.partition, one.sequence)).collect();
        sequences.entry(0).or_insert(document.sequence);
        Ok(Self { sequences, positions })
    }
}
