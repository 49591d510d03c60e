//! The end of a run: the summary, the exit code, the files, and a table for people.

mod files;
mod table;

use std::time::Duration;

use serde_json::json;

use crate::accounting::Accounting;
use crate::admin::JournalCounters;
use crate::arguments::{Format, Rate};
use crate::latency::{Latencies, Measure};
use crate::machine::Host;
use crate::run::{Closing, Plan, RunError};
use crate::stage::Stage;
use crate::summary::{
    Audit, Books, Build, CountsSummary, Generator, JournalRates, LatencySummary, Percentiles, Rates,
    SCHEMA_VERSION, Summary, Verdict,
};
use crate::verdict::{Evidence, Measurement, judge};

/// What was measured besides operations.
#[derive(Debug)]
pub struct Measured {
    /// Length of the measured time.
    pub seconds: f64,
    /// Processor time in it.
    pub cpu_seconds: f64,
    /// Datagrams dropped in it.
    pub udp_drops: u64,
    /// The longest oversleep in it.
    pub hiccup_us: u64,
    /// What the journal did; `None` where it could not be read.
    pub journal: Option<JournalSpan>,
    /// Latencies second by second, with when each interval began.
    pub intervals: Vec<(Duration, Latencies)>,
}

/// The journal's counters at two moments.
#[derive(Clone, Copy, Debug)]
pub struct JournalSpan {
    /// At the earlier one.
    pub start: JournalCounters,
    /// At the later one.
    pub end: JournalCounters,
    /// Between them.
    pub seconds: f64,
}

/// Everything about a run.
#[derive(Debug)]
pub struct Report {
    /// For programs.
    pub summary: Summary,
    latencies: Latencies,
    intervals: Vec<(Duration, Latencies)>,
    closing: Closing,
    accounting: Accounting,
    /// Contradictions outside any operation.
    strays: u64,
    broken_links: u64,
    examples: Vec<String>,
    /// What ended the run early.
    broken: Option<String>,
    interrupted: bool,
    closed_loop: bool,
    colocated: bool,
    admin_read: bool,
    journal_read: bool,
    format: Format,
    output: Option<std::path::PathBuf>,
}

impl Report {
    /// Puts together what a run brought.
    pub fn new(
        plan: &Plan,
        stage: &Stage,
        closing: Closing,
        measured: Measured,
        broken: Option<String>,
        interrupted: bool,
    ) -> Self {
        let mut latencies = Latencies::default();
        for (_, interval) in &measured.intervals {
            latencies.add(interval);
        }
        let faults = std::mem::take(&mut *stage.faults.borrow_mut());
        let accounting = closing.accounting.clone();
        let (measurement, mut remarks) =
            judge(&evidence(plan, stage, &closing, &measured, &latencies, interrupted));
        remarks.splice(0..0, plan.remarks.iter().cloned());
        let summary = summary(plan, &closing, &measured, &latencies, measurement, remarks);
        Self {
            summary,
            latencies,
            journal_read: measured.journal.is_some(),
            intervals: measured.intervals,
            closing,
            accounting,
            strays: faults.strays,
            broken_links: faults.broken_links,
            examples: faults.examples,
            broken,
            interrupted,
            closed_loop: plan.arguments.rate == Rate::Max,
            colocated: plan.arguments.switch.ip().is_loopback(),
            admin_read: plan.arguments.admin_address().is_some(),
            format: plan.arguments.format,
            output: plan.output.clone(),
        }
    }

    /// Whether something went wrong that is neither the books nor the measurement.
    pub fn has_run_error(&self) -> bool {
        self.broken.is_some() || self.strays > 0 || self.accounting.total().errors_in_all() > 0
    }

    /// 0 pass, 1 run error, 4 measurement invalid, 5 books do not close, 130 interrupted.
    pub fn exit_code(&self) -> u8 {
        if self.interrupted {
            130
        } else if self.broken.is_some() {
            // It broke off before the books could be closed.
            1
        } else if self.summary.verdict.books == Books::Open {
            5
        } else if self.has_run_error() {
            1
        } else if self.summary.verdict.measurement == Measurement::Invalid {
            4
        } else {
            0
        }
    }

    /// Writes the files and prints the report.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn publish(&self) -> Result<(), RunError> {
        if let Some(output) = &self.output {
            files::write(self, output).map_err(RunError::io(output.display().to_string()))?;
        }
        match self.format {
            Format::Text => print!("{}", table::text(self)),
            Format::Json => {
                let text = serde_json::to_string_pretty(&self.summary).expect("a summary is plain data");
                println!("{text}");
            }
        }
        Ok(())
    }
}

fn evidence(
    plan: &Plan,
    stage: &Stage,
    closing: &Closing,
    measured: &Measured,
    latencies: &Latencies,
    interrupted: bool,
) -> Evidence {
    let total = closing.accounting.total();
    Evidence {
        samples: latencies.of(Measure::Response).len(),
        open_loop: plan.rate_of_operator().is_some(),
        lag_p99_us: Percentiles::of(latencies.of(Measure::Lag)).p99,
        response_p99_us: Percentiles::of(latencies.of(Measure::Response)).p99,
        held_back: closing.sums.held_back,
        offered: closing.sums.offered_in_time,
        scheduled: total.scheduled,
        shed: total.shed,
        cpu_share: measured.cpu_seconds / measured.seconds,
        udp_drops: measured.udp_drops,
        messages: total.messages,
        max_hiccup_us: measured.hiccup_us,
        history_stalls: stage.history_stalls.get(),
        interrupted,
    }
}

fn summary(
    plan: &Plan,
    closing: &Closing,
    measured: &Measured,
    latencies: &Latencies,
    measurement: Measurement,
    mut remarks: Vec<String>,
) -> Summary {
    let total = closing.accounting.total();
    let mut closed = closing.open.is_empty() && closing.unread.is_none() && total.in_flight_at_end == 0;
    if let Err(imbalance) = total.check() {
        closed = false;
        remarks.push(imbalance.to_string());
    }
    remarks.extend(closing.unread.clone());
    let journal = journal_rates(measured);
    // A run that was cut short had less time than it was given.
    let seconds = plan.arguments.duration.as_secs_f64().min(measured.seconds);
    let per_second = |count: u64| count as f64 / seconds;
    Summary {
        schema_version: SCHEMA_VERSION,
        seed: plan.seed,
        config: config(plan),
        build: Build::this(),
        host: Host::this(),
        verdict: Verdict {
            measurement,
            books: if closed { Books::Closed } else { Books::Open },
            audit: Audit::NotRun,
            durable: journal.syncs_per_s > 0.0,
            remarks,
        },
        rate: Rates {
            offered_per_s: per_second(closing.sums.offered_in_time),
            achieved_per_s: per_second(closing.sums.completed_in_time),
            goodput_per_s: per_second(closing.sums.good_in_time),
        },
        latency_us: LatencySummary::of(latencies),
        accounting: CountsSummary::of(&total),
        scenarios: CountsSummary::of_scenarios(&closing.accounting),
        journal,
        generator: Generator {
            cpu_share: measured.cpu_seconds / measured.seconds,
            udp_drops: measured.udp_drops,
            max_hiccup_us: measured.hiccup_us,
        },
    }
}

fn journal_rates(measured: &Measured) -> JournalRates {
    let Some(JournalSpan { start, end, seconds }) = measured.journal else { return JournalRates::default() };
    // A switch that was restarted counts from zero again.
    let base = if end.syncs < start.syncs { JournalCounters::default() } else { start };
    let frames = end.frames - base.frames;
    JournalRates {
        syncs_per_s: (end.syncs - base.syncs) / seconds,
        bytes_per_s: (end.bytes - base.bytes) / seconds,
        batch_mean: if frames > 0.0 { (end.facts - base.facts) / frames } else { 0.0 },
    }
}

fn config(plan: &Plan) -> serde_json::Value {
    let a = &plan.arguments;
    json!({
        "switch": a.switch.to_string(),
        "admin": a.admin_address().map(|address| address.to_string()),
        "rate": match a.rate {
            Rate::PerSecond(rate) => json!(rate),
            Rate::Max => json!("max"),
        },
        "duration_s": a.duration.as_secs_f64(),
        "warmup_s": a.warmup.as_secs_f64(),
        "mix": a.mix.to_string(),
        "operators": a.operators,
        "acquirers": a.acquirers,
        "merchants": a.merchants,
        "decline_rate": a.decline_rate,
        "silent_rate": a.silent_rate,
        "late_rate": a.late_rate,
        "window": a.window,
        "budget_ms": u64::try_from(a.budget.as_millis()).unwrap_or(u64::MAX),
        "expires_ms": u64::try_from(a.expires.as_millis()).unwrap_or(u64::MAX),
        "currency": plan.currency.code(),
        "lanes": a.lanes,
        "mtu": a.mtu,
        "history": !a.no_history && plan.output.is_some(),
        "tolerate_restarts": a.tolerate_restarts,
        "colocated": a.switch.ip().is_loopback(),
    })
}

#[cfg(test)]
mod tests;
