//! What Redis, PostgreSQL and TigerBeetle did, from the outputs of their own tools.

use std::fs;
use std::path::Path;

use super::runs::json_of;

/// One setting of one of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Pairs {
    /// Which.
    pub system: &'static str,
    /// Its setting, in words.
    pub setting: String,
    /// Pairs of hold and commit in a second.
    pub pairs_per_s: f64,
    /// Median and p99 of a pair in microseconds, where the tool says so.
    pub latency_us: Option<(f64, f64)>,
}

/// All that lie in `raw`.
///
/// # Errors
/// Which file is not what its tool writes.
pub fn peers(raw: &Path) -> Result<Vec<Pairs>, String> {
    let mut found = Vec::new();
    for pipeline in [1, 16, 64, 256] {
        let path = raw.join(format!("redis-{pipeline}.json"));
        if path.exists() {
            let json = json_of(&path)?;
            let us = |name: &str| json["latency_us"][name].as_f64();
            found.push(Pairs {
                system: "Redis",
                setting: format!("AOF fsync always, 32 connections, pipeline {pipeline}"),
                pairs_per_s: json["pairs_per_s"].as_f64().ok_or(format!("{}: no rate", path.display()))?,
                latency_us: us("p50").zip(us("p99")),
            });
        }
    }
    for clients in [8, 32, 64] {
        let path = raw.join(format!("postgres-{clients}.txt"));
        if let Ok(text) = fs::read_to_string(&path) {
            found.push(Pairs {
                system: "PostgreSQL",
                setting: format!("synchronous commit, prepared, {clients} clients"),
                pairs_per_s: number_after(&text, "tps = ").ok_or(format!("{}: no tps", path.display()))?,
                latency_us: None,
            });
        }
    }
    let path = raw.join("tigerbeetle.txt");
    if let Some(transfers) =
        fs::read_to_string(path).ok().and_then(|text| number_after(&text, "load accepted = "))
    {
        found.push(Pairs {
            system: "TigerBeetle",
            setting: "its own benchmark; half of its transfers".to_owned(),
            pairs_per_s: (transfers / 2.0).round(),
            latency_us: None,
        });
    }
    Ok(found)
}

/// The number that follows these words.
fn number_after(text: &str, words: &str) -> Option<f64> {
    let (_, rest) = text.split_once(words)?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    rest[..end].parse().ok()
}
