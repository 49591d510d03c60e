//! What is in a trace, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;

use holdfast_protocol::Currency;
use serde::Serialize;

use super::{Trace, VERSION};
use crate::traffic::scenario::Scenario;

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Description {
    /// Which file.
    pub file: String,
    /// Of the format.
    pub version: u32,
    /// How long the file is.
    pub bytes: u64,
    /// Of what is at random in it.
    pub seed: u64,
    /// How long operations come, warm-up included.
    pub length_s: f64,
    /// As much of that is warm-up.
    pub warmup_s: f64,
    /// How long after that the last follow-up comes that has a time of its own.
    pub tail_s: f64,
    /// Of all operators.
    pub operations: u64,
    /// The mean.
    pub operations_per_s: f64,
    /// In the order of the operators.
    pub by_operator: Vec<u64>,
    /// By name, those that occur.
    pub by_scenario: BTreeMap<&'static str, u64>,
    /// To each acquirer, then to each operator.
    pub by_destination: Vec<u64>,
    /// How many of those are acquirers.
    pub acquirers: u32,
    /// Merchants of each destination.
    pub merchants: u32,
    /// Those that destinations decline, never answer, and answer too late.
    pub declined: u64,
    /// See above.
    pub silent: u64,
    /// See above.
    pub late: u64,
    /// Those whose follow-ups have times and amounts of their own.
    pub courses: u64,
    /// Of every amount.
    pub currency: String,
    /// In minor units.
    pub amount_min: u64,
    /// In minor units.
    pub amount_mean: f64,
    /// In minor units.
    pub amount_max: u64,
    /// Options that it was made from.
    pub made_from: BTreeMap<String, String>,
}

impl Description {
    /// Of this trace.
    pub fn of(trace: &Trace) -> Self {
        let (header, totals) = (&trace.header, &trace.totals);
        let seconds = |ns: u64| ns as f64 / 1e9;
        let counts = Scenario::ALL.into_iter().zip(totals.by_scenario).filter(|(_, count)| *count > 0);
        Self {
            file: trace.path.display().to_string(),
            version: VERSION,
            bytes: trace.bytes,
            seed: header.seed,
            length_s: seconds(header.length_ns),
            warmup_s: seconds(header.warmup_ns),
            tail_s: seconds(totals.tail_ns),
            operations: totals.arrivals,
            operations_per_s: totals.arrivals as f64 / seconds(header.length_ns),
            by_operator: totals.by_operator.clone(),
            by_scenario: counts.map(|(scenario, count)| (scenario.name(), count)).collect(),
            by_destination: totals.by_destination.clone(),
            acquirers: header.acquirers,
            merchants: header.merchants,
            declined: totals.declined,
            silent: totals.silent,
            late: totals.late,
            courses: totals.courses,
            currency: header.currency.clone(),
            amount_min: if totals.arrivals == 0 { 0 } else { totals.amount_min },
            amount_mean: totals.amount_sum as f64 / totals.arrivals.max(1) as f64,
            amount_max: totals.amount_max,
            made_from: header.made_from.clone(),
        }
    }

    /// Minor units as people write them.
    fn money(&self, minor: f64) -> String {
        let digits =
            Currency::from_code(&self.currency).map_or(0, |currency| currency.minor_digits() as usize);
        format!("{:.digits$}", minor / 10_f64.powi(digits as i32))
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |count: u64| 100.0 * count as f64 / self.operations.max(1) as f64;
        writeln!(f, "{}: version {}, {} bytes, every block checked", self.file, self.version, self.bytes)?;
        writeln!(
            f,
            "{} operations in {:.3} s ({:.1}/s), of which {:.3} s are warm-up; seed {}",
            self.operations, self.length_s, self.operations_per_s, self.warmup_s, self.seed
        )?;
        for (index, count) in self.by_operator.iter().enumerate() {
            writeln!(f, "  operator {:<3} {count:>12}  {:>5.1} %", index + 1, share(*count))?;
        }
        for (name, count) in &self.by_scenario {
            writeln!(f, "  {name:<12} {count:>12}  {:>5.1} %", share(*count))?;
        }
        for (index, count) in self.by_destination.iter().enumerate().filter(|(_, count)| **count > 0) {
            let acquirers = self.acquirers as usize;
            let (who, number) =
                if index < acquirers { ("acquirer", index + 1) } else { ("operator", index + 1 - acquirers) };
            writeln!(f, "  to {who} {number:<3} {count:>9}  {:>5.1} %", share(*count))?;
        }
        writeln!(
            f,
            "{} merchants a destination; amounts {} to {} {}, {} on average",
            self.merchants,
            self.money(self.amount_min as f64),
            self.money(self.amount_max as f64),
            self.currency,
            self.money(self.amount_mean),
        )?;
        writeln!(
            f,
            "destinations decline {}, never answer {}, answer too late {}",
            self.declined, self.silent, self.late
        )?;
        if self.courses > 0 {
            writeln!(
                f,
                "{} operations with follow-ups at times of their own, the last {:.3} s after the end",
                self.courses, self.tail_s
            )?;
        }
        for (name, value) in &self.made_from {
            writeln!(f, "  {name} = {value}")?;
        }
        Ok(())
    }
}
