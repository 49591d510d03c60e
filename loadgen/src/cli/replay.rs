//! `loadgen replay`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use super::output::OutputArguments;
use super::place::PlaceArguments;
use super::values::{parse_duration, parse_speed};
use crate::objective::Objective;

/// What `loadgen replay` takes.
#[derive(Clone, Debug, Parser)]
pub struct ReplayArguments {
    /// What `loadgen gen` wrote
    #[arg(value_name = "FILE")]
    pub trace: PathBuf,
    /// How many times faster than it was made: 1 as it was, 10 ten times as fast, 0.5 half as fast
    #[arg(long, value_name = "K", value_parser = parse_speed, default_value = "1")]
    pub speed: f64,
    /// Sends only what comes in so much time after the warm-up; all of it where it is not given
    #[arg(short, long, value_parser = parse_duration)]
    pub duration: Option<Duration>,
    /// How long operations are sent before the measurement begins; that of the trace, at this speed, where it is not given
    #[arg(short, long, value_parser = parse_duration)]
    pub warmup: Option<Duration>,
    /// What must hold, as in 'p99<50ms', 'service.p999<=80ms', 'errors<0.01%' or 'goodput>20000'; times with us, ms or s, shares
    /// with %; repeatable
    #[arg(long = "slo", value_name = "OBJECTIVE")]
    pub objectives: Vec<Objective>,
    /// Writes no history (for saturation runs)
    #[arg(long)]
    pub no_history: bool,
    /// Where to.
    #[command(flatten)]
    pub place: PlaceArguments,
    /// What becomes of the results.
    #[command(flatten)]
    pub to: OutputArguments,
}

/// Examples and exit codes, below the options.
pub(super) const EXAMPLES: &str = "\
Examples:
  loadgen replay monday.trace --switch 127.0.0.1:7070 --certs demo/certs \\
      --admin 127.0.0.1:7071 --slo 'p99<50ms' -o out
  loadgen replay monday.trace --config site.toml --speed 10 -d 60s

It is measured, judged and reported as `loadgen run` is. The trace says how many operators and acquirers there are, which currency, \
and how long; it is checked before anything is sent. docs/TRACE.md says what a trace is.

Exit code: 0 pass, 1 run error, 2 usage, or the trace is damaged, truncated or of another version, 3 objective missed, \
4 measurement invalid, 5 books do not close, 130 interrupted.";
