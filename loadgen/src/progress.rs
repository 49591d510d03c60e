//! What a person sees while a run goes on: a bar on a terminal, plain lines elsewhere, nothing when quiet. On standard
//! error, so that the report can be piped.

use std::io::IsTerminal;
use std::time::Duration;

use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::latency::{Latencies, Measure};
use crate::run::Plan;

/// See the module.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    lines: bool,
    total: Duration,
    warmup: Duration,
    ended_before: u64,
}

impl Progress {
    /// Begins to show.
    pub fn begin(plan: &Plan) -> Self {
        let a = &plan.arguments;
        let total = a.warmup + a.duration;
        let terminal = std::io::stderr().is_terminal();
        let bar = if a.quiet || !terminal {
            ProgressBar::hidden()
        } else {
            let bar = ProgressBar::with_draw_target(Some(millis(total)), ProgressDrawTarget::stderr());
            let template = "{bar:30} {msg}";
            bar.with_style(
                ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
            )
        };
        if !a.quiet {
            eprintln!("seed {}: {} + {} of {}", plan.seed, seconds(a.warmup), seconds(a.duration), a.mix);
        }
        Self { bar, lines: !a.quiet && !terminal, total, warmup: a.warmup, ended_before: 0 }
    }

    /// Shows one interval.
    pub fn show(&mut self, ns: u64, ended: u64, length: Duration, latencies: &Latencies) {
        let rate = (ended.saturating_sub(self.ended_before)) as f64 / length.as_secs_f64().max(1e-9);
        self.ended_before = ended;
        let at = Duration::from_nanos(ns);
        let response = latencies.of(Measure::Response);
        let p99 = p99(response, at < self.warmup);
        let phase = if at < self.warmup { "warm-up" } else { "measuring" };
        let text = format!(
            "{phase} {:>5.1}/{:.0} s  {rate:>9.0}/s{p99}",
            at.min(self.total).as_secs_f64(),
            self.total.as_secs_f64(),
        );
        self.bar.set_position(millis(at.min(self.total)));
        if self.lines && at <= self.total + Duration::from_secs(1) {
            eprintln!("{text}");
        }
        self.bar.set_message(text);
    }

    /// Shows that the sending is over.
    pub fn drain(&self, in_flight: u64) {
        self.bar.set_message(format!("draining, {in_flight} in flight"));
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

/// Nothing of the warm-up is measured, so it has no percentile to show.
fn p99(response: &Histogram<u64>, warming_up: bool) -> String {
    match (response.is_empty(), warming_up) {
        (true, true) => String::new(),
        (true, false) => "  p99 -".to_owned(),
        (false, _) => format!("  p99 {:.2} ms", response.value_at_quantile(0.99) as f64 / 1_000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_of_nothing_is_not_shown_as_zero() {
        let mut response = crate::latency::histogram();
        assert_eq!(p99(&response, true), "");
        assert_eq!(p99(&response, false), "  p99 -");
        response.saturating_record(1_500);
        assert_eq!(p99(&response, false), "  p99 1.50 ms");
    }
}
