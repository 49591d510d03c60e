//! `loadgen compare`.

use std::path::PathBuf;

use clap::Parser;

use super::output::OutputArguments;
use super::values::{parse_percent, parse_share};

/// What `loadgen compare` takes.
#[derive(Clone, Debug, Parser)]
pub struct CompareArguments {
    /// What was or is the measure: a directory with runs, or a configuration file of `loadgen run`
    #[arg(value_name = "A")]
    pub a: PathBuf,
    /// What is compared with it, of the same kind
    #[arg(value_name = "B")]
    pub b: PathBuf,
    /// Of configuration files: runs of each, in turns; seven are the fewest that can show a difference at the default --alpha
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(3..=1_000))]
    pub repeats: u32,
    /// How often a difference may be seen where there is none, over all metrics
    #[arg(long, value_name = "P", value_parser = parse_share, default_value = "0.01")]
    pub alpha: f64,
    /// A difference below this is none
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent, default_value = "5%")]
    pub same_within: f64,
    /// Seed of the runs and of the test; chosen and printed where it is not given
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// What becomes of the results.
    #[command(flatten)]
    pub to: OutputArguments,
}

/// Examples and exit codes, below the options.
pub(super) const EXAMPLES: &str = "\
Examples:
  loadgen compare runs/before runs/after
  loadgen compare old.toml new.toml --repeats 10 -o out

A directory is searched for summary.json, its own and those of its directories. Two configuration files are run in turns, \
A B, B A, A B ..., each pair with one seed, so that what drifts with time meets both.

Exit code: 0 nothing got worse, 1 run error, 2 usage, 3 something got worse, 4 too few valid runs to tell, \
5 books do not close, 130 interrupted.";
