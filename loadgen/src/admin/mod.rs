//! What the switch says about itself over its admin address: its build, journal counters and positions.

mod http;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

pub use http::HttpError;

/// Why the switch's figures could not be read.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// No proper answer.
    #[error(
        "admin address {address}: {source}; --admin says where the switch that runs has it (`admin` in its configuration), --no-admin \
         goes without"
    )]
    Http {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: HttpError,
    },
    /// `/status` is not what it should be.
    #[error("admin address {address}: /status: {source}")]
    Status {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: serde_json::Error,
    },
    /// `/metrics` lacks a counter.
    #[error("admin address {address}: /metrics has no {metric}")]
    Metric {
        /// Where.
        address: SocketAddr,
        /// Which.
        metric: &'static str,
    },
}

/// The journal's counters since the switch started.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct JournalCounters {
    /// Syncs.
    pub syncs: f64,
    /// Bytes written.
    pub bytes: f64,
    /// Frames written.
    pub frames: f64,
    /// Facts written.
    pub facts: f64,
}

impl JournalCounters {
    /// Both together.
    pub fn plus(&self, other: &Self) -> Self {
        self.with(other, |a, b| a + b)
    }

    /// What was added since an earlier reading of the same process; nothing where that is not the same.
    pub fn since(&self, earlier: &Self) -> Self {
        self.with(earlier, |now, then| (now - then).max(0.0))
    }

    fn with(&self, other: &Self, of: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            syncs: of(self.syncs, other.syncs),
            bytes: of(self.bytes, other.bytes),
            frames: of(self.frames, other.frames),
            facts: of(self.facts, other.facts),
        }
    }
}

/// What a participant owes and is owed in one currency, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Held by open reservations.
    pub held: i128,
    /// Debited.
    pub debits: i128,
    /// Credited.
    pub credits: i128,
}

/// The profile of a build without optimizations.
pub const DEBUG: &str = "debug";

/// Which build of the switch was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SwitchBuild {
    /// Version of the package.
    pub version: String,
    /// Commit; `unknown` where the switch does not know it.
    pub commit: String,
    /// How it was compiled, `release` or `debug`; absent where the switch does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

impl SwitchBuild {
    /// As `/status` has it, `VERSION (COMMIT)` and the profile; `None` where that names no build.
    fn of(status: &str) -> Option<Self> {
        let status: serde_json::Value = serde_json::from_str(status).ok()?;
        let build = status.get("build")?.as_str()?.trim();
        let profile =
            status.get("profile").and_then(serde_json::Value::as_str).filter(|text| !text.is_empty());
        let (version, commit) = match build.split_once(" (") {
            Some((version, rest)) => (version, rest.strip_suffix(')')?),
            None => (build, "unknown"),
        };
        (!version.is_empty()).then(|| Self {
            version: version.to_owned(),
            commit: commit.to_owned(),
            profile: profile.map(str::to_owned),
        })
    }

    /// Whether it was compiled without optimizations.
    pub fn is_debug(&self) -> bool {
        self.profile.as_deref() == Some(DEBUG)
    }

    /// As people read it.
    pub fn text(&self) -> String {
        let profile = self.profile.as_ref().map_or_else(String::new, |profile| format!(", {profile}"));
        format!("switch {} ({}{profile})", self.version, self.commit)
    }
}

/// Positions in one currency by the participant's name.
pub type Positions = BTreeMap<String, Position>;

/// Reads the journal's counters.
///
/// # Errors
/// Where the address does not answer or a counter is missing.
pub async fn journal(address: SocketAddr) -> Result<JournalCounters, AdminError> {
    let text = http::get(address, "/metrics").await.map_err(|source| AdminError::Http { address, source })?;
    let counter = |metric| sum_of(&text, metric).ok_or(AdminError::Metric { address, metric });
    Ok(JournalCounters {
        syncs: counter("holdfast_journal_syncs_total")?,
        bytes: counter("holdfast_journal_bytes_total")?,
        frames: counter("holdfast_journal_frames_total")?,
        facts: counter("holdfast_journal_facts_total")?,
    })
}

/// Whether the switch takes new work.
pub async fn is_ready(address: SocketAddr) -> bool {
    http::get(address, "/readyz").await.is_ok()
}

/// The text of the switch's report about itself.
///
/// # Errors
/// Where the address does not answer.
pub async fn status(address: SocketAddr) -> Result<String, AdminError> {
    http::get(address, "/status").await.map_err(|source| AdminError::Http { address, source })
}

/// The directory of the switch's journal, as its report has it.
pub fn journal_directory(status: &str) -> Option<String> {
    let status: serde_json::Value = serde_json::from_str(status).ok()?;
    status.pointer("/journal/directory")?.as_str().map(str::to_owned)
}

/// How many ids a switch remembers and how many transactions are open there, as its report has it.
pub fn ledger(status: &str) -> Option<(u64, u64)> {
    let status: serde_json::Value = serde_json::from_str(status).ok()?;
    let queue = |name| status.pointer("/queues")?.get(name)?.as_u64();
    Some((queue("remembered")?, queue("open")?))
}

/// The sum of a metric over its labels in Prometheus' text form; `None` where it does not stand there.
fn sum_of(text: &str, metric: &str) -> Option<f64> {
    let values = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(metric)?;
        let rest = match rest.strip_prefix('{') {
            Some(labelled) => labelled.split_once('}')?.1,
            None => rest,
        };
        rest.strip_prefix(' ')?.split_whitespace().next()?.parse::<f64>().ok()
    });
    values.fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
}

#[derive(Deserialize)]
struct Status {
    positions: Vec<StatusPosition>,
}

#[derive(Deserialize)]
struct StatusPosition {
    participant: String,
    currency: String,
    held: Minor,
    debits: Minor,
    credits: Minor,
}

/// Minor units as a number or as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Minor {
    Number(i64),
    Text(String),
}

impl Minor {
    fn get(&self) -> Result<i128, serde_json::Error> {
        match self {
            Self::Number(number) => Ok(i128::from(*number)),
            Self::Text(text) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}

/// Reads the positions in one currency.
///
/// # Errors
/// Where the address does not answer or its report cannot be read.
pub async fn positions(address: SocketAddr, currency: &str) -> Result<Positions, AdminError> {
    Ok(state(address, currency).await?.0)
}

/// Reads the positions in one currency, and which build answers.
///
/// # Errors
/// Where the address does not answer or its report cannot be read.
pub async fn state(
    address: SocketAddr,
    currency: &str,
) -> Result<(Positions, Option<SwitchBuild>), AdminError> {
    let text = status(address).await?;
    let positions = positions_of(&text, currency).map_err(|source| AdminError::Status { address, source })?;
    Ok((positions, SwitchBuild::of(&text)))
}

fn positions_of(text: &str, currency: &str) -> Result<Positions, serde_json::Error> {
    let status: Status = serde_json::from_str(text)?;
    let ours = status.positions.into_iter().filter(|position| position.currency == currency);
    ours.map(|p| {
        let position = Position { held: p.held.get()?, debits: p.debits.get()?, credits: p.credits.get()? };
        Ok((p.participant, position))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_summed_over_their_labels() {
        let text = "# TYPE holdfast_journal_syncs_total counter\nholdfast_journal_syncs_total 12\n\
                    holdfast_journal_syncs_total_other 99\n\
                    a_total{x=\"1\"} 2\na_total{x=\"2\"} 3 1700000000\n";
        assert_eq!(sum_of(text, "holdfast_journal_syncs_total"), Some(12.0));
        assert_eq!(sum_of(text, "a_total"), Some(5.0));
        assert_eq!(sum_of(text, "b_total"), None);
    }

    #[test]
    fn a_build_has_a_version_and_a_commit_or_is_none() {
        let of = |status: &str| SwitchBuild::of(status).map(|build| (build.version, build.commit));
        let both = |version: &str, commit: &str| Some((version.to_owned(), commit.to_owned()));
        assert_eq!(of(r#"{"build":"0.1.0 (0a1b2c3d4e5f)"}"#), both("0.1.0", "0a1b2c3d4e5f"));
        assert_eq!(of(r#"{"build":"0.1.0"}"#), both("0.1.0", "unknown"));
        for nothing in [r#"{"name":"x"}"#, r#"{"build":""}"#, r#"{"build":7}"#, "", r#"{"build":"1 (a"}"#] {
            assert_eq!(of(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn a_build_says_its_profile_where_the_switch_does() {
        let of = |status: &str| SwitchBuild::of(status).unwrap();
        let build = of(r#"{"build":"0.1.0 (0a1b2c3d4e5f)","profile":"debug"}"#);
        assert_eq!(build.text(), "switch 0.1.0 (0a1b2c3d4e5f, debug)");
        assert!(build.is_debug());
        let older = of(r#"{"build":"0.1.0 (0a1b2c3d4e5f)"}"#);
        assert_eq!(older.text(), "switch 0.1.0 (0a1b2c3d4e5f)");
        assert!(!older.is_debug() && !of(r#"{"build":"0.1.0","profile":"release"}"#).is_debug());
    }

    #[test]
    fn positions_are_read_as_numbers_and_as_text() {
        let text = r#"{"name":"x","positions":[
            {"participant":"a","number":1,"currency":"EUR","held":"7","debits":"170141183460469231731687303715884105727",
             "credits":"-1","exposure":"0","open":1},
            {"participant":"b","number":2,"currency":"EUR","held":0,"debits":5,"credits":6,"open":0},
            {"participant":"b","number":2,"currency":"USD","held":9,"debits":9,"credits":9,"open":0}]}"#;
        let positions = positions_of(text, "EUR").unwrap();
        assert_eq!(positions.len(), 2);
        assert_eq!(positions["a"], Position { held: 7, debits: i128::MAX, credits: -1 });
        assert_eq!(positions["b"], Position { held: 0, debits: 5, credits: 6 });
        assert!(positions_of(r#"{"positions":[{"participant":"a"}]}"#, "EUR").is_err());
    }
}
