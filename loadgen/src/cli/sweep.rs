//! `loadgen sweep`.

use std::time::Duration;

use clap::Parser;

use super::load::LoadArguments;
use super::output::OutputArguments;
use super::values::{parse_duration, parse_rate_per_s};
use crate::objective::Objective;
use crate::sweep::order::geometric;

/// What `loadgen sweep` takes.
#[derive(Clone, Debug, Parser)]
pub struct SweepArguments {
    /// The lowest rate, operations a second over all operators
    #[arg(long, value_name = "RATE", value_parser = parse_rate_per_s, default_value = "1000")]
    pub from: f64,
    /// The highest rate
    #[arg(long, value_name = "RATE", value_parser = parse_rate_per_s, default_value = "64000")]
    pub top: f64,
    /// How many rates from the lowest to the highest, each the same factor above the one before
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(2..=100))]
    pub steps: u32,
    /// These rates instead, as in 1000,5000,20000
    #[arg(long, value_name = "RATE,...", value_delimiter = ',', value_parser = parse_rate_per_s)]
    pub rates: Vec<f64>,
    /// Runs of each rate
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub repeats: u32,
    /// Objectives to mark the runs with, as in 'p99<10ms'; repeatable
    #[arg(long = "slo", value_name = "OBJECTIVE")]
    pub objectives: Vec<Objective>,
    /// How long each run measures
    #[arg(short, long, value_parser = parse_duration, default_value = "5s")]
    pub duration: Duration,
    /// How long each run sends before it measures
    #[arg(short, long, value_parser = parse_duration, default_value = "1s")]
    pub warmup: Duration,
    /// What is played.
    #[command(flatten)]
    pub load: LoadArguments,
    /// What becomes of the results.
    #[command(flatten)]
    pub to: OutputArguments,
}

impl SweepArguments {
    /// The rates, ascending.
    ///
    /// # Errors
    /// Where the lowest is above the highest.
    pub fn rates(&self) -> Result<Vec<f64>, String> {
        if !self.rates.is_empty() {
            let mut rates = self.rates.clone();
            rates.sort_by(f64::total_cmp);
            rates.dedup();
            return Ok(rates);
        }
        if self.from >= self.top {
            return Err("--from must be below --top".to_owned());
        }
        Ok(geometric(self.from, self.top, self.steps))
    }
}

/// Examples and exit codes, below the options.
pub(super) const EXAMPLES: &str = "\
Examples:
  loadgen sweep --switch 127.0.0.1:7070 --certs demo/certs \\
      --admin 127.0.0.1:7071 --from 2000 --top 128000 -o out
  loadgen sweep --config site.toml --rates 5000,10000,15000,20000,25000 \\
      --repeats 5 -d 10s --mix pay:1

Exit code: 0 done, 1 run error, 2 usage, 4 the generator was the limit in every run, 5 books do not close, 130 interrupted.";
