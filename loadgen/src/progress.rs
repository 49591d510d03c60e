//! What a person sees while a run goes on: a bar on a terminal, plain lines elsewhere, nothing when quiet. On standard
//! error, so that the report can be piped.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::measure::bins::Sum;
use crate::measure::kinds::Figure;
use crate::measure::slices::{Group, Slice};
use crate::run::Plan;

/// How often something new is shown.
const INTERVAL_NS: u64 = 1_000_000_000;

/// See the module.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    lines: bool,
    total: Duration,
    warmup: Duration,
    ended_before: u64,
    /// Responses since something was shown, and since when.
    responses: Sum,
    since_ns: u64,
}

impl Progress {
    /// Begins to show.
    pub fn begin(plan: &Plan) -> Self {
        let a = &plan.arguments;
        let total = a.warmup + a.duration;
        let terminal = std::io::stderr().is_terminal() && !a.to.plain;
        let bar = if a.to.quiet || !terminal {
            ProgressBar::hidden()
        } else {
            let bar = ProgressBar::with_draw_target(Some(millis(total)), ProgressDrawTarget::stderr());
            let template = "{bar:30} {msg}";
            bar.with_style(
                ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
            )
        };
        if !a.to.quiet {
            eprintln!(
                "seed {}: {} + {} of {}",
                plan.seed,
                seconds(a.warmup),
                seconds(a.duration),
                a.load.traffic.mix
            );
        }
        Self {
            bar,
            lines: !a.to.quiet && !terminal,
            total,
            warmup: a.warmup,
            ended_before: 0,
            responses: Sum::default(),
            since_ns: 0,
        }
    }

    /// Takes one slice, and shows a second of them.
    pub fn show(&mut self, ns: u64, ended: u64, slice: &Slice) {
        self.responses.add(&slice.of(Figure::Response, Group::All));
        let passed_ns = ns.saturating_sub(self.since_ns);
        if passed_ns < INTERVAL_NS {
            return;
        }
        self.since_ns = ns;
        let rate = (ended.saturating_sub(self.ended_before)) as f64 * 1e9 / passed_ns as f64;
        self.ended_before = ended;
        let at = Duration::from_nanos(ns);
        let p99 = p99(&self.responses, at < self.warmup);
        self.responses.clear();
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
fn p99(responses: &Sum, warming_up: bool) -> String {
    match (responses.quantile(0.99, 0), warming_up) {
        (None, true) => String::new(),
        (None, false) => "  p99 -".to_owned(),
        (Some(p99), _) => format!("  p99 {:.2} ms", f64::from(p99) / 1_000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::bins::Distribution;

    #[test]
    fn a_percentile_of_nothing_is_not_shown_as_zero() {
        assert_eq!(p99(&Sum::default(), true), "");
        assert_eq!(p99(&Sum::default(), false), "  p99 -");
        assert_eq!(p99(&Sum::of([&Distribution::of([1_500])]), false), "  p99 1.50 ms");
    }
}
