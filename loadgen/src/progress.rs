//! What a person sees while a run goes on: the live screen or a bar on a terminal, plain lines elsewhere, nothing when quiet. On
//! standard error, so that the report can be piped.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::accounting::Counts;
use crate::live::{self, Errand, Live, Phase, Setting, Snapshot};
use crate::machine::{HiccupMeter, this_thread};
use crate::measure::bins::{Distribution, Sum};
use crate::measure::kinds::{Figure, Measure};
use crate::measure::slices::{Group, Slice};
use crate::run::Plan;
use crate::steering::{Order, Steering};

/// How often something new is shown.
const INTERVAL_NS: u64 = 1_000_000_000;

/// See the module.
#[derive(Debug)]
pub struct Progress {
    live: Option<Live>,
    errand: Option<Errand>,
    bar: ProgressBar,
    lines: bool,
    total: Duration,
    warmup: Duration,
    ended_before: u64,
    /// Responses since something was shown, and since when.
    responses: Sum,
    since_ns: u64,
}

/// One slice of a run, and what was counted until its end.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// Nanoseconds since the run began.
    pub ns: u64,
    /// Whether operations are still sent.
    pub sending: bool,
    /// How the load was changed by hand.
    pub steering: Steering,
    /// Endings so far.
    pub total: &'a Counts,
    /// What happened since the last look.
    pub slice: &'a Slice,
}

impl Progress {
    /// Begins to show; to be called by the thread that plays.
    pub fn begin(plan: &Plan, meter: &HiccupMeter) -> Self {
        let a = &plan.arguments;
        let total = a.warmup + a.duration;
        if !a.to.quiet {
            eprintln!(
                "seed {}: {} + {} of {}",
                plan.seed,
                seconds(a.warmup),
                seconds(a.duration),
                a.load.traffic.mix
            );
        }
        // A command that makes several runs says its own lines, and has asked already whether somebody looks.
        let interactive = plan.errand.is_some() || live::is_wanted(&a.to);
        let live = interactive.then(|| Live::begin(setting(plan, meter))).and_then(|begun| match begun {
            Ok(live) => Some(live),
            Err(error) => {
                eprintln!("no live screen: {error}");
                None
            }
        });
        let terminal = std::io::stderr().is_terminal() && !a.to.plain;
        let bar = if a.to.quiet || !terminal || live.is_some() {
            ProgressBar::hidden()
        } else {
            let bar = ProgressBar::with_draw_target(Some(millis(total)), ProgressDrawTarget::stderr());
            let template = "{bar:30} {msg}";
            bar.with_style(
                ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
            )
        };
        Self {
            live,
            errand: plan.errand.clone(),
            bar,
            lines: !a.to.quiet && !terminal,
            total,
            warmup: a.warmup,
            ended_before: 0,
            responses: Sum::default(),
            since_ns: 0,
        }
    }

    /// What the person asks for; `None` where nothing was asked for since the last time.
    pub fn order(&self) -> Option<Order> {
        self.live.as_ref()?.order()
    }

    /// Takes one slice: the screen shows each, the lines a second of them.
    pub fn show(&mut self, look: &Look<'_>) {
        if let Some(live) = &self.live {
            return live.show(self.snapshot(look));
        }
        let ns = look.ns;
        self.responses.add(&look.slice.of(Figure::Response, Group::All));
        let passed_ns = ns.saturating_sub(self.since_ns);
        if passed_ns < INTERVAL_NS {
            return;
        }
        self.since_ns = ns;
        let ended = look.total.ended();
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

    fn snapshot(&self, look: &Look<'_>) -> Snapshot {
        let slice = look.slice;
        let phase = match (look.sending, Duration::from_nanos(look.ns) < self.warmup) {
            (false, _) => Phase::Draining,
            (true, true) => Phase::WarmUp,
            (true, false) => Phase::Measuring,
        };
        let mut lag = Distribution::default();
        slice.operators.iter().for_each(|operator| lag.merge(operator.of(Measure::Lag)));
        Snapshot {
            at_ns: look.ns,
            length_ns: slice.length_ns,
            phase,
            errand: self.errand.as_ref().map_or_else(String::new, Errand::line),
            steering: look.steering,
            offered: slice.offered,
            completed: slice.completed,
            responses: slice.of(Figure::Response, Group::All).into_owned(),
            lag,
            total: look.total.clone(),
            in_flight: look.total.sent.saturating_sub(look.total.ended()),
        }
    }

    /// Shows that the sending is over.
    pub fn drain(&self, in_flight: u64) {
        self.bar.set_message(format!("draining, {in_flight} in flight"));
    }

    /// Takes the bar or the screen away.
    pub fn finish(&mut self) {
        if let Some(live) = &mut self.live {
            live.finish();
        }
        self.bar.finish_and_clear();
    }
}

fn setting(plan: &Plan, meter: &HiccupMeter) -> Setting {
    let a = &plan.arguments;
    Setting {
        command: plan.command,
        switch: a.load.place.switch,
        admin: a.load.place.admin_address(),
        seed: plan.seed,
        warmup: a.warmup,
        duration: a.duration,
        rate: plan.rate_by(),
        hiccup_us: meter.shared(),
        player: this_thread(),
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

    #[test]
    fn a_percentile_of_nothing_is_not_shown_as_zero() {
        assert_eq!(p99(&Sum::default(), true), "");
        assert_eq!(p99(&Sum::default(), false), "  p99 -");
        assert_eq!(p99(&Sum::of([&Distribution::of([1_500])]), false), "  p99 1.50 ms");
    }
}
