//! `loadgen report`.

use std::path::PathBuf;

use clap::Parser;

/// What `loadgen report` takes.
#[derive(Clone, Debug, Parser)]
pub struct ReportArguments {
    /// The directory that `run`, `capacity` or `sweep` wrote with -o
    pub directory: PathBuf,
}

/// Shown below the options.
pub(super) const EXAMPLES: &str = "Examples:
  loadgen run --switch 127.0.0.1:7070 --certs demo/certs \\
      --admin 127.0.0.1:7071 -r 20000 -d 30s -o results
  loadgen report results           writes results/report.html again, as `run -o` did

Addresses are the usual ones; `scripts/demo.sh --serve demo` prints its own.";
