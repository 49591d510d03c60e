//! The figures of `scripts/bench.sh`, joined from the raw outputs it left in a directory.
//!
//! A figure that was not measured is null and never a guess. What counts is the median of the runs, with the rest of
//! what that run had; of the peers the best setting.

mod laboratory;
mod peers;
mod runs;
mod table;

use std::path::Path;

use serde_json::{Value, json};

pub use laboratory::Laboratory;
pub use peers::{Pairs, peers};
pub use runs::{Relay, Run};

/// The share of the laboratory's relay that ours must reach for its ratio to count.
pub const RELAY_SHARE_MIN: f64 = 0.9;

/// Everything that was measured in one go.
#[derive(Debug)]
pub struct Figures {
    /// What was asked for: `bench.json`.
    pub asked: Value,
    /// The raw relay over the links of Holdfast, one for each round.
    pub relays: Vec<Relay>,
    /// The same with one link a side.
    pub one_link: Vec<Relay>,
    /// Holdfast with its journal in memory.
    pub volatile: Vec<Run>,
    /// Holdfast, the headline work, saturated.
    pub durable: Vec<Run>,
    /// Holdfast at half that rate.
    pub half: Option<Run>,
    /// Holdfast, one request at a time.
    pub single: Option<Run>,
    /// What one would pick instead.
    pub peers: Vec<Pairs>,
    /// What was skipped, and why.
    pub skipped: Vec<String>,
    /// What the laboratory found in the same minutes.
    pub laboratory: Option<Laboratory>,
}

/// The middle of some values by a key; the lower of the two in the middle.
fn median_by<T>(values: &[T], key: impl Fn(&T) -> f64) -> Option<&T> {
    let mut sorted: Vec<&T> = values.iter().collect();
    sorted.sort_by(|a, b| key(a).total_cmp(&key(b)));
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

/// Of one thing by another; nothing where either is missing.
fn ratio(of: Option<f64>, by: Option<f64>) -> Option<f64> {
    let (of, by) = (of?, by?);
    (by > 0.0).then(|| (of / by * 1_000.0).round() / 1_000.0)
}

impl Figures {
    /// Reads what lies in `raw`, and the laboratory's lines where there are any.
    ///
    /// # Errors
    /// What cannot be read, and where.
    pub fn read(raw: &Path, laboratory: Option<&Path>) -> Result<Self, String> {
        let skipped = std::fs::read_to_string(raw.join("skipped.txt")).unwrap_or_default();
        Ok(Self {
            asked: runs::json_of(&raw.join("bench.json"))?,
            relays: runs::relays(raw, "relay-", 1..=5)?,
            one_link: runs::relays(raw, "relay-one-link-", 1..=5)?,
            volatile: runs::runs(raw, "volatile-", 1..=5)?,
            durable: runs::runs(raw, "durable-", 1..=5)?,
            half: Run::read(&raw.join("half"))?,
            single: Run::read(&raw.join("single"))?,
            peers: peers(raw)?,
            skipped: skipped.lines().map(str::to_owned).collect(),
            laboratory: laboratory.map(Laboratory::read).transpose()?,
        })
    }

    /// Half of the rate at which Holdfast was saturated.
    pub fn half_rate(&self) -> Option<u64> {
        let rate = (self.durable()?.rate_per_s / 2.0).floor();
        (rate >= 1.0).then_some(rate as u64)
    }

    fn durable(&self) -> Option<&Run> {
        median_by(&self.durable, |run| run.rate_per_s)
    }

    fn volatile(&self) -> Option<&Run> {
        median_by(&self.volatile, |run| run.rate_per_s)
    }

    fn relay(&self) -> Option<&Relay> {
        median_by(&self.relays, |relay| relay.rate_per_s)
    }

    fn best(&self, system: &str) -> Option<&Pairs> {
        let of_it = self.peers.iter().filter(|pairs| pairs.system == system);
        of_it.max_by(|a, b| a.pairs_per_s.total_cmp(&b.pairs_per_s))
    }

    /// Our relay with one link a side by the laboratory's.
    pub fn relay_by_laboratory(&self) -> Option<f64> {
        let ours = median_by(&self.one_link, |relay| relay.rate_per_s).map(|relay| relay.rate_per_s);
        ratio(ours, self.laboratory.as_ref()?.relay_per_s)
    }

    /// Holdfast by the raw relay.
    pub fn durable_to_relay(&self) -> Option<f64> {
        ratio(self.durable().map(|run| run.rate_per_s), self.relay().map(|relay| relay.rate_per_s))
    }

    /// The runs of Holdfast whose measurement the generator itself calls invalid.
    pub fn invalid(&self) -> Vec<&Run> {
        let runs = self.volatile.iter().chain(&self.durable).chain(&self.half).chain(&self.single);
        runs.filter(|run| run.measurement == "invalid").collect()
    }

    /// The figures for programs.
    pub fn to_json(&self) -> Value {
        let (durable, volatile) = (self.durable(), self.volatile());
        let per_s = durable.map(|run| run.rate_per_s);
        let pairs = |system: &str| self.best(system).map(|pairs| pairs.pairs_per_s);
        let of = |figure: fn(&Run) -> &Value| durable.map_or(Value::Null, |run| figure(run).clone());
        let mut figures = json!({
            "relay_per_s": self.relay().map(|relay| relay.rate_per_s),
            "volatile_per_s": volatile.map(|run| run.rate_per_s),
            "durable_per_s": per_s,
            "half_load": self.half.as_ref().map(|run| json!({
                "rate_per_s": run.rate_per_s, "p50_us": run.p50_us, "p99_us": run.p99_us, "p999_us": run.p999_us,
            })),
            "single": self.single.as_ref().map(|run| json!({ "p50_us": run.p50_us, "p99_us": run.p99_us })),
            "redis_pairs_per_s": pairs("Redis"),
            "postgres_pairs_per_s": pairs("PostgreSQL"),
            "ratio_durable_to_relay": self.durable_to_relay(),
            "ratio_durable_to_redis": ratio(per_s, pairs("Redis")),
            "ratio_durable_to_postgres": ratio(per_s, pairs("PostgreSQL")),
            "mtu": self.asked["mtu"],
            "mix": self.asked["mix"],
            "real_time_priority": self.asked["real_time_priority"],
            "window_s": self.asked["window_s"],
            "remembered": durable.and_then(|run| run.remembered),
            "syncs_per_s": of(|run| &run.syncs_per_s),
            "journal_bytes_per_s": of(|run| &run.journal_bytes_per_s),
            "generator_cpu": of(|run| &run.generator_cpu),
            "switch_cpu": durable.and_then(|run| run.switch_cpu),
            "rss_bytes": durable.and_then(|run| run.rss_bytes),
            "host": of(|run| &run.host),
            "commit": of(|run| &run.commit),
        });
        if let Some(laboratory) = &self.laboratory {
            figures["toy_per_s"] = json!(laboratory.toy_per_s);
            figures["toy_half_load"] =
                json!(laboratory.toy_paced.map(|(rate, p99)| json!({ "rate_per_s": rate, "p99_us": p99 })));
            figures["toy_single"] = json!(laboratory.toy_single_p50_us.map(|p50| json!({ "p50_us": p50 })));
            figures["ratio_durable_to_toy"] = json!(ratio(per_s, laboratory.toy_per_s));
        }
        figures
    }

    /// The figures for people.
    pub fn to_table(&self) -> String {
        table::table(self)
    }
}

#[cfg(test)]
mod tests;
