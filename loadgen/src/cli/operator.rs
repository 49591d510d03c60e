//! `loadgen operator`.

use clap::Parser;

use super::run::RunArguments;

/// What `loadgen operator` takes: what `loadgen run` takes, and which of the operators it is.
#[derive(Clone, Debug, Parser)]
pub struct OperatorArguments {
    /// Which operator: its name, which is that of its certificate
    #[arg(long, value_name = "NAME", default_value = "operator-1")]
    pub name: String,
    /// The rest. The rate is that of this operator alone; how many operators and acquirers there are says who can be paid.
    #[command(flatten)]
    pub run: RunArguments,
}

/// Examples and exit codes, below the options.
pub(super) const EXAMPLES: &str = "\
Examples:
  loadgen operator --name operator-1 --switch 10.0.0.7:7070 --certs certs \\
      --no-admin -r 5000 -d 60s -o out-1
  loadgen operator --name operator-2 --config site.toml -r 5000 -d 60s \\
      --seed 7 -o out-2

It offers the traffic that `loadgen run` has for this operator with the same seed, and answers what other operators pay to it. It is \
measured and reported as `loadgen run` is, but the books are not compared: the other side is played elsewhere (`loadgen acquirer`), \
and `summary.json` says \"not_compared\". What the switch and the destinations took for themselves cannot be told apart. To compare, \
put the files of every side's history/ into one directory and run `loadgen check` there.

Exit code: 0 pass, 1 run error, 2 usage, 3 objective missed, 4 measurement invalid, 5 operations without an ending, \
130 interrupted.";
