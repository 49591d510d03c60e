//! `loadgen drill`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, builder::PossibleValuesParser};

use super::load::LoadArguments;
use super::output::OutputArguments;
use super::values::{parse_duration, parse_rate_per_s};
use crate::drill::fault::{Fault, SWITCH, parse_cut, parse_freeze};
use crate::objective::Objective;

/// What `loadgen drill` takes.
#[derive(Clone, Debug, Parser)]
pub struct DrillArguments {
    /// Starts the switch, and starts it again after a kill: a program with its arguments, as a shell would read them; ready when
    /// /readyz of --admin says so
    #[arg(long, value_name = "COMMAND")]
    pub start: Option<String>,
    /// SIGKILL, then started again; the drill's only fault where none is named
    #[arg(long, value_name = SWITCH, value_parser = PossibleValuesParser::new([SWITCH]))]
    pub kill: Vec<String>,
    /// SIGSTOP, and SIGCONT after so long, as in switch:1s
    #[arg(long, value_name = "switch:TIME", value_parser = parse_freeze)]
    pub freeze: Vec<Fault>,
    /// SIGTERM, then started again once it has ended
    #[arg(long, value_name = SWITCH, value_parser = PossibleValuesParser::new([SWITCH]))]
    pub restart: Vec<String>,
    /// Cuts an operator or acquirer off for so long, as in operator-1:2s: its link goes dead without a goodbye
    #[arg(long, value_name = "NAME:TIME", value_parser = parse_cut)]
    pub cut: Vec<Fault>,
    /// Time from one fault to the next, give or take a fifth
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "5s")]
    pub every: Duration,
    /// How many faults in all, of whichever kind: cuts, freezes and restarts count as kills do; 5, or as many as fit into --duration
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub kills: Option<u32>,
    /// How long everything may take to end and the books to close, once the faults and the sending are over
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "30s")]
    pub resolve: Duration,
    /// How long the switch may take until it is ready, and to end when it is asked to
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "60s")]
    pub ready: Duration,
    /// Directory of the switch's journal; where /status says that it is, where it is not given
    #[arg(long, value_name = "DIR", conflicts_with = "dump")]
    pub journal: Option<PathBuf>,
    /// Prints the journal as `holdfast journal dump` does; that program beside this one, or in the PATH, where it is not given
    #[arg(long, value_name = "COMMAND")]
    pub dump: Option<String>,

    /// Operations a second over all operators, open loop throughout
    #[arg(short, long, value_name = "RATE", value_parser = parse_rate_per_s, default_value = "1000")]
    pub rate: f64,
    /// How long operations are sent after the warm-up; long enough for the faults where it is not given
    #[arg(short, long, value_parser = parse_duration)]
    pub duration: Option<Duration>,
    /// How long operations are sent before the first fault may come
    #[arg(short, long, value_parser = parse_duration, default_value = "2s")]
    pub warmup: Duration,
    /// What must hold over the whole drill, outages included, as in 'p99<2s' or 'errors<1%'; repeatable
    #[arg(long = "slo", value_name = "OBJECTIVE")]
    pub objectives: Vec<Objective>,
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
  loadgen drill --start 'holdfast serve --config demo/holdfast.toml' \\
      --switch 127.0.0.1:7070 --admin 127.0.0.1:7071 --certs demo/certs \\
      --kill switch --every 5s --kills 5 -r 2000 -o drill
  loadgen drill --start 'holdfast serve --config demo/holdfast.toml' \\
      --switch 127.0.0.1:7070 --admin 127.0.0.1:7071 --certs demo/certs \\
      --kill switch --freeze switch:1s --restart switch \\
      --cut acquirer-1:2s --every 8s -d 2m --seed 7
  loadgen check drill --mutate lose         tries the check itself on what the drill left

Several faults come in rounds, each round in an order from the seed. A participant cannot be killed, because loadgen plays it and \
would forget what it sent; it can be cut off. Afterwards the switch that was started is ended and its journal joined with what \
operators and destinations saw. --drain is --resolve here. docs/LOADGEN.md says how each figure is made.

Exit code: 0 clean, 1 the drill broke off, 2 usage, 3 objective missed, 4 VACUOUS: nothing was in flight at any fault, or fewer faults came than were planned, \
5 faulty: something was lost, done twice, contradictory or left open, 130 interrupted (what was started is ended).";
