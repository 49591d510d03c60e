//! `loadgen gen`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use super::traffic::TrafficArguments;
use super::values::{Format, Rate, parse_duration, parse_rate_per_s, parse_share};
use crate::traffic::Timing;
use crate::traffic::shape::Shape;

/// What `loadgen gen` takes.
#[derive(Clone, Debug, Parser)]
pub struct GenArguments {
    /// The trace to write
    #[arg(short, long, value_name = "FILE", required_unless_present = "describe")]
    pub output: Option<PathBuf>,
    /// Writes over a trace that has the name already; without it that is refused
    #[arg(long)]
    pub force: bool,
    /// Says what is in a trace, and writes none
    #[arg(long, value_name = "FILE")]
    pub describe: Option<PathBuf>,
    /// Makes the trace of what a journal holds: the lines that `holdfast journal dump` printed. Of the other options only --seed
    /// counts then, for accounts that the dump does not show. Takes about 400 bytes of memory for each transaction, which all are in it until
    /// the trace is written: 4 GB for ten million. More than twenty million are refused
    #[arg(long, value_name = "FILE")]
    pub from_dump: Option<PathBuf>,
    /// Operations a second over all operators
    #[arg(short, long, value_name = "RATE", value_parser = parse_rate_per_s, default_value = "10000")]
    pub rate: f64,
    /// How the rate changes after the warm-up, as for `loadgen run`
    #[arg(long, default_value_t = Shape::default())]
    pub shape: Shape,
    /// How much later than the one before it each operator is in the shape, as a share of its length, 0 to 1: with `--shape day` and
    /// 0.25 the second operator begins at six in the morning, the third at noon
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = parse_share)]
    pub phase: f64,
    /// How long operations come after the warm-up, as in 500ms, 10s, 2m
    #[arg(short, long, value_parser = parse_duration, default_value = "10s")]
    pub duration: Duration,
    /// How long operations come before the measurement begins
    #[arg(short, long, value_parser = parse_duration, default_value = "2s")]
    pub warmup: Duration,
    /// What is in it.
    #[command(flatten)]
    pub traffic: TrafficArguments,
    /// How the trace is described
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Does not describe what was written
    #[arg(short, long)]
    pub quiet: bool,
    /// Options from a TOML file, as for `loadgen run`
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Prints the resolved configuration and writes nothing
    #[arg(long)]
    pub dry_run: bool,
}

impl GenArguments {
    /// When how much of it comes.
    pub fn timing(&self) -> Timing {
        Timing {
            rate: Rate::PerSecond(self.rate),
            shape: self.shape.clone(),
            phase: self.phase,
            warmup: self.warmup,
            duration: self.duration,
        }
    }
}

/// Examples and exit codes, below the options.
pub(super) const EXAMPLES: &str = "\
Examples:
  loadgen gen -o day.trace -r 2000 -d 60s --shape day --payees zipf --seed 7
  loadgen gen -o busy.trace -r 500 -d 1h --amounts lognormal:2500,0.8 \\
      --payers zipf:1.2 --accounts 100000 --seed 7
  loadgen gen --describe day.trace
  loadgen replay day.trace --switch 127.0.0.1:7070 --certs demo/certs \\
      --admin 127.0.0.1:7071

  holdfast journal dump journal > yesterday.jsonl
  loadgen gen --from-dump yesterday.jsonl -o yesterday.trace
  loadgen replay yesterday.trace --config site.toml --speed 10

What `loadgen run` would send with these options and this seed: the same seed gives the same bytes. Each operator has random numbers \
of its own, so that one operator more (with the rate raised in proportion) leaves the others' traffic as it was; only that some \
of their intersystem payments go to the new one. docs/TRACE.md describes the file.

Exit code: 0 done, 1 the file cannot be written, 2 usage, the trace to \
describe is damaged, truncated or of another version, or a line of the dump is no fact.";
