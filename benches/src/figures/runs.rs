//! Runs of the raw relay and of Holdfast under the load generator.

use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use serde_json::Value;

/// A run of the raw relay.
#[derive(Clone, Debug, PartialEq)]
pub struct Relay {
    /// Payments in a second.
    pub rate_per_s: f64,
    /// Microseconds.
    pub p50_us: Option<f64>,
    /// Microseconds.
    pub p99_us: Option<f64>,
}

/// A run of Holdfast.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The directory's name.
    pub name: String,
    /// Payments approved in time, in a second.
    pub rate_per_s: f64,
    /// Microseconds to the outcome from when it was to be sent, as this run had it; who had none counts as longest, and
    /// where the percentile is one of those there is none.
    pub p50_us: Option<f64>,
    /// The same.
    pub p99_us: Option<f64>,
    /// The same.
    pub p999_us: Option<f64>,
    /// "valid", "suspect" or "invalid", as the generator says.
    pub measurement: String,
    /// Why, in its words.
    pub remarks: Vec<String>,
    /// Syncs of the journal in a second.
    pub syncs_per_s: Value,
    /// Bytes that the journal wrote in a second.
    pub journal_bytes_per_s: Value,
    /// Processors that the generator took.
    pub generator_cpu: Value,
    /// Processors that the switch took in the measured time.
    pub switch_cpu: Option<f64>,
    /// The most memory that the switch had in that time.
    pub rss_bytes: Option<u64>,
    /// Ids that the switch remembered at the end.
    pub remembered: Option<u64>,
    /// The machine.
    pub host: Value,
    /// The build.
    pub commit: Value,
}

/// A file of JSON.
pub(super) fn json_of(path: &Path) -> Result<Value, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// The relay's runs of these rounds that were made.
pub(super) fn relays(raw: &Path, name: &str, rounds: RangeInclusive<u32>) -> Result<Vec<Relay>, String> {
    let paths = rounds.map(|round| raw.join(format!("{name}{round}.json"))).filter(|path| path.exists());
    let read = |path: std::path::PathBuf| {
        let json = json_of(&path)?;
        let rate_per_s = json["rate_per_s"].as_f64().ok_or(format!("{}: no rate", path.display()))?;
        let us = |name: &str| json["latency_us"][name].as_f64();
        Ok(Relay { rate_per_s, p50_us: us("p50"), p99_us: us("p99") })
    };
    paths.map(read).collect()
}

/// The runs of Holdfast of these rounds that were made.
pub(super) fn runs(raw: &Path, name: &str, rounds: RangeInclusive<u32>) -> Result<Vec<Run>, String> {
    rounds.filter_map(|round| Run::read(&raw.join(format!("{name}{round}"))).transpose()).collect()
}

impl Run {
    /// A run's directory; `None` where it has no summary, because the run was not made.
    pub(super) fn read(directory: &Path) -> Result<Option<Self>, String> {
        let path = directory.join("summary.json");
        if !path.exists() {
            return Ok(None);
        }
        let summary = json_of(&path)?;
        let wrong = |what: &str| format!("{}: {what}", path.display());
        if summary["verdict"]["books"] != "closed" {
            return Err(wrong("the books do not close, so nothing of it counts"));
        }
        let rate_per_s = summary["rate"]["goodput_per_s"].as_f64().ok_or(wrong("no goodput"))?;
        let us = |name: &str| summary["latency_us"]["response"]["observed"][name].as_f64();
        let window = |name: &str| summary["window"][name].as_f64();
        let samples = fs::read_to_string(directory.join("samples.txt")).unwrap_or_default();
        let (switch_cpu, rss_bytes) = switch_took(&samples, window("from_s"), window("until_s"));
        let status = json_of(&directory.join("status.json")).unwrap_or_default();
        let remarks = summary["verdict"]["remarks"].as_array().into_iter().flatten();
        Ok(Some(Self {
            name: directory.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            rate_per_s: rate_per_s.round(),
            p50_us: us("p50"),
            p99_us: us("p99"),
            p999_us: us("p999"),
            measurement: summary["verdict"]["measurement"].as_str().ok_or(wrong("no verdict"))?.to_owned(),
            remarks: remarks.filter_map(Value::as_str).map(str::to_owned).collect(),
            syncs_per_s: summary["journal"]["syncs_per_s"].clone(),
            journal_bytes_per_s: summary["journal"]["bytes_per_s"].clone(),
            generator_cpu: summary["generator"]["cpu_share"].clone(),
            switch_cpu,
            rss_bytes,
            remembered: remembered(&status),
            host: summary["host"].clone(),
            commit: summary["build"]["commit"].clone(),
        }))
    }
}

/// Wherever in its status the switch says it.
fn remembered(status: &Value) -> Option<u64> {
    match status {
        Value::Object(fields) => {
            fields.get("remembered").and_then(Value::as_u64).or_else(|| fields.values().find_map(remembered))
        }
        _ => None,
    }
}

/// The processors that the switch took between two moments of the run, and the most memory it had then. A sample is the time,
/// ticks of processor time so far, and pages; the first was taken when the run began.
fn switch_took(samples: &str, from_s: Option<f64>, until_s: Option<f64>) -> (Option<f64>, Option<u64>) {
    let mut lines = samples.lines();
    let mut first = lines.next().unwrap_or_default().split(' ').skip(1).step_by(2);
    let mut units = || first.next()?.parse::<f64>().ok();
    let (Some(ticks_per_s), Some(page_bytes)) = (units(), units()) else { return (None, None) };
    let numbers = |line: &str| -> Option<[f64; 3]> {
        let numbers: Vec<f64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
        numbers.try_into().ok()
    };
    let all: Vec<[f64; 3]> = lines.filter_map(numbers).collect();
    let Some([began, _, _]) = all.first().copied() else { return (None, None) };
    let (Some(from_s), Some(until_s)) = (from_s, until_s) else { return (None, None) };
    let measured: Vec<_> = all.iter().filter(|[at, ..]| (from_s..=until_s).contains(&(at - began))).collect();
    let (Some([from, ticks_from, _]), Some([until, ticks_until, _])) = (measured.first(), measured.last())
    else {
        return (None, None);
    };
    let pages = measured.iter().map(|[_, _, pages]| *pages).fold(0.0, f64::max);
    let took = (until > from).then(|| (ticks_until - ticks_from) / ticks_per_s / (until - from));
    (took.map(|took| (took * 1_000.0).round() / 1_000.0), Some((pages * page_bytes) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_that_of_the_measured_time() {
        let samples = "ticks_per_s 100 page_bytes 4096\n\
                       100.0 0 1\n101.0 100 10\n102.0 180 30\n103.0 260 20\n104.0 261 90\n";
        assert_eq!(switch_took(samples, Some(1.0), Some(3.0)), (Some(0.8), Some(30 * 4_096)));
        assert_eq!(
            switch_took(samples, Some(1.0), Some(1.4)),
            (None, Some(10 * 4_096)),
            "one sample is no time"
        );
        assert_eq!(switch_took("", Some(1.0), Some(3.0)), (None, None));
    }
}
