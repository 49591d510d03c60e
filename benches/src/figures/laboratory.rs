//! What the limits laboratory found: lines of JSON, one for each of its runs.

use std::path::Path;

use serde_json::Value;

use super::median_by;

/// The laboratory's figures; where a run was made several times, the middle one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Laboratory {
    /// Its raw relay.
    pub relay_per_s: Option<f64>,
    /// Its toy of a switch with a journal.
    pub toy_per_s: Option<f64>,
    /// The toy at a rate of its own: what it reached, and the p99 in microseconds.
    pub toy_paced: Option<(f64, f64)>,
    /// The toy, one request at a time: p50 in microseconds.
    pub toy_single_p50_us: Option<f64>,
}

impl Laboratory {
    /// Reads a file of its lines.
    ///
    /// # Errors
    /// Where it cannot be read, or a line is not of this form.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// The same of its lines. A run that failed has a name and nothing else, and does not count.
    ///
    /// # Errors
    /// Which line is not of this form.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lines = Vec::new();
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let value: Value = serde_json::from_str(line).map_err(|e| format!("line {}: {e}", at + 1))?;
            let name = value["name"].as_str().ok_or(format!("line {} has no name", at + 1))?.to_owned();
            if let Some(rate) = value["rps"].as_f64() {
                lines.push((name, rate, value));
            }
        }
        let middle = |begins: &str| {
            let named: Vec<_> = lines.iter().filter(|(name, _, _)| name.starts_with(begins)).collect();
            median_by(&named, |(_, rate, _)| *rate).map(|(_, rate, line)| (*rate, line))
        };
        Ok(Self {
            relay_per_s: middle("raw relay").map(|(rate, _)| rate),
            toy_per_s: middle("toy, forward and reply held").map(|(rate, _)| rate),
            toy_paced: middle("toy, paced").and_then(|(rate, line)| Some((rate, line["p99"].as_f64()?))),
            toy_single_p50_us: middle("toy, one in flight").and_then(|(_, line)| line["p50"].as_f64()),
        })
    }
}
