//! `loadgen capacity`.

use std::time::Duration;

use clap::Parser;

use super::load::LoadArguments;
use super::output::OutputArguments;
use super::values::{parse_duration, parse_percent, parse_rate_per_s};
use crate::objective::Objective;

/// What `loadgen capacity` takes.
#[derive(Clone, Debug, Parser)]
pub struct CapacityArguments {
    /// What must hold, as in 'p99<10ms' or 'errors<0.01%'; times with us, ms or s, shares with %; repeatable
    #[arg(long = "slo", value_name = "OBJECTIVE", required = true)]
    pub objectives: Vec<Objective>,
    /// The first rate to try, operations a second over all operators
    #[arg(long, value_name = "RATE", value_parser = parse_rate_per_s, default_value = "1000")]
    pub from: f64,
    /// The highest rate to try
    #[arg(long, value_name = "RATE", value_parser = parse_rate_per_s, default_value = "1000000")]
    pub top: f64,
    /// How wide the bracket may be
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent, default_value = "2.5%")]
    pub width: f64,
    /// The load that is planned: says how much room is above it, exit code 3 where there is none, 4 where that is not known
    #[arg(long, value_name = "RATE", value_parser = parse_rate_per_s)]
    pub planned: Option<f64>,
    /// How long each trial measures
    #[arg(short, long, value_parser = parse_duration, default_value = "5s")]
    pub duration: Duration,
    /// How long each trial sends before it measures
    #[arg(short, long, value_parser = parse_duration, default_value = "1s")]
    pub warmup: Duration,
    /// What is played.
    #[command(flatten)]
    pub load: LoadArguments,
    /// What becomes of the results.
    #[command(flatten)]
    pub to: OutputArguments,
}

/// Examples and exit codes, below the options.
pub(super) const EXAMPLES: &str = "\
Examples:
  loadgen capacity --switch 127.0.0.1:7070 --certs demo/certs \\
      --admin 127.0.0.1:7071 --slo 'p99<10ms' --slo 'errors<0.01%'
  loadgen capacity --config site.toml --slo 'p99<50ms' --planned 30000 \\
      -d 20s --mix pay:1 -o out

Rates grow by a factor of two until one fails; then the bracket is halved until it is narrow enough, and both of its ends are \
tried again until each leads by two votes. A trial in which the generator was the limit has no vote. docs/LOADGEN.md \
says more.

Exit code: 0 the answer is a bracket or \"at least\", 1 run error, 2 usage, 3 nothing passes or not what is planned, \
4 the generator was the limit everywhere or below what is planned, or the trials contradict each other, 5 books do not close, 130 interrupted.";
