//! `loadgen run`.

use std::time::Duration;

use clap::Parser;

use super::load::LoadArguments;
use super::output::OutputArguments;
use super::values::{Rate, parse_duration, parse_rate, parse_share};
use crate::objective::Objective;
use crate::traffic::Timing;
use crate::traffic::shape::Shape;

/// What `loadgen run` takes.
#[derive(Clone, Debug, Parser)]
pub struct RunArguments {
    /// Operations a second over all operators, or `max`
    #[arg(short, long, value_name = "RATE|max", value_parser = parse_rate, default_value = "10000")]
    pub rate: Rate,
    /// How the rate changes after the warm-up: poisson and constant keep it, at random or evenly; ramp, step, spike and day
    /// multiply it, and take a number: ramp:FROM, step:COUNT, spike:FACTOR
    #[arg(long, default_value_t = Shape::default())]
    pub shape: Shape,
    /// How much later than the one before it each operator is in the shape, as a share of its length, 0 to 1: with `--shape day` and
    /// 0.25 the second operator begins at six in the morning, the third at noon
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = parse_share)]
    pub phase: f64,
    /// How long operations are sent after the warm-up, as in 500ms, 10s, 2m
    #[arg(short, long, value_parser = parse_duration, default_value = "10s")]
    pub duration: Duration,
    /// How long operations are sent before the measurement begins; latencies count from later on where MSER-5 finds that too short,
    /// and objectives hold for everything after it all the same
    #[arg(short, long, value_parser = parse_duration, default_value = "2s")]
    pub warmup: Duration,
    /// What must hold, as in 'p99<50ms', 'service.p999<=80ms', 'errors<0.01%' or 'goodput>20000'; times with us, ms or s, shares
    /// with %; repeatable
    #[arg(long = "slo", value_name = "OBJECTIVE")]
    pub objectives: Vec<Objective>,
    /// Writes no history (for saturation runs)
    #[arg(long)]
    pub no_history: bool,
    /// What is played.
    #[command(flatten)]
    pub load: LoadArguments,
    /// What becomes of the results.
    #[command(flatten)]
    pub to: OutputArguments,
}

impl RunArguments {
    /// When how much of it comes.
    pub fn timing(&self) -> Timing {
        Timing {
            rate: self.rate,
            shape: self.shape.clone(),
            phase: self.phase,
            warmup: self.warmup,
            duration: self.duration,
        }
    }
}

impl RunArguments {
    /// A run in which nothing is sent, with the place and the results of an acquirer alone.
    pub(crate) fn answering(a: &super::AcquirerArguments) -> Self {
        let load = super::LoadArguments { place: a.place.clone(), ..super::LoadArguments::of_payments() };
        Self {
            rate: Rate::Max,
            shape: Shape::default(),
            phase: 0.0,
            duration: a.duration.unwrap_or(Duration::MAX).max(Duration::from_nanos(1)),
            warmup: Duration::ZERO,
            objectives: vec![],
            no_history: a.no_history,
            load,
            to: a.to.clone(),
        }
    }
}

/// Examples and exit codes, below the options.
pub(super) const EXAMPLES: &str = "\
Examples:
  loadgen run --switch 127.0.0.1:7070 --certs demo/certs \\
      --admin 127.0.0.1:7071 -r 20000 -d 10s --slo 'p99<50ms'
  loadgen run --switch 127.0.0.1:7070 --certs demo/certs \\
      --admin 127.0.0.1:7071 -r max --window 4096 --mix pay:1 --no-history
  loadgen run --switch 127.0.0.1:7070 --certs demo/certs --no-admin \\
      -r 5000 -d 60s --decline-rate 0.05 --silent-rate 0.01 \\
      --late-rate 0.01 --tolerate-restarts --seed 7 -o out
  loadgen run --config site.toml -r 2000 -d 10m --shape day --phase 0.25 \\
      --amounts lognormal:2500,0.8 --payers zipf --payees zipf

Addresses are the usual ones; `scripts/demo.sh --serve demo` prints its own. \
Accounting covers the whole run, warm-up included, because the books do. Rates and latencies cover what was meant to be \
sent after the warm-up. Latency is counted from the intended time of sending (open loop), so a switch that stalls cannot \
hide it; with -r max there is no schedule and no lag. docs/LOADGEN.md says how each figure is made.

Exit code: 0 pass, 1 run error, 2 usage, 3 objective missed, 4 measurement invalid, 5 books do not close, \
130 interrupted (what was measured is written, objectives are not judged).";
