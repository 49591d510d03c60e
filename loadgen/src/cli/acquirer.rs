//! `loadgen acquirer`.

use std::time::Duration;

use clap::Parser;

use super::output::OutputArguments;
use super::place::PlaceArguments;
use super::values::parse_duration;

/// What `loadgen acquirer` takes.
#[derive(Clone, Debug, Parser)]
pub struct AcquirerArguments {
    /// Which acquirer: its name, which is that of its certificate
    #[arg(long, value_name = "NAME", default_value = "acquirer-1")]
    pub name: String,
    /// How long it answers; until it is stopped (SIGINT, SIGTERM) where it is not given
    #[arg(short, long, value_parser = parse_duration)]
    pub duration: Option<Duration>,
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
  loadgen acquirer --name acquirer-1 --switch 10.0.0.7:7070 --certs certs \\
      -o out-acquirer-1
  loadgen acquirer --name acquirer-2 --switch 10.0.0.7:7070 --certs certs \\
      -d 10m --tolerate-restarts -o out-acquirer-2

It answers what operators that loadgen plays anywhere pay to it, run after run. When it is to end it stays until its holds have ended and \
nothing more comes, for --drain at most. `summary.json` says what it booked with each participant; whether the operators booked the \
same it cannot know: put the files of every side's history/ into one directory and run `loadgen check` there.

Exit code: 0 it ended as it was told to, 1 run error: its link broke, or the switch contradicted itself, 2 usage.";
