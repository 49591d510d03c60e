//! `loadgen check`.

use std::path::PathBuf;

use clap::Parser;

use super::values::Format;
use crate::check::Mutation;

/// What `loadgen check` takes.
#[derive(Clone, Debug, Parser)]
pub struct CheckArguments {
    /// The directory of a run; its histories are DIR/history/*.history
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
    /// What `holdfast journal dump` printed: of the whole journal, or given once for each of its partitions; DIR/journal.jsonl where it
    /// is not given
    #[arg(long = "journal-dump", value_name = "FILE")]
    pub journal_dumps: Vec<PathBuf>,
    /// The JSON of the switch's /status: its positions are compared too; DIR/status.json where there is one
    #[arg(long, value_name = "FILE")]
    pub status: Option<PathBuf>,
    /// The journal also holds transactions from before or after the histories, as after a drill of cuts alone: that is no finding
    #[arg(long)]
    pub other_times: bool,
    /// Damages a copy of the histories, which must be found: a trial of the check itself
    #[arg(long, value_enum)]
    pub mutate: Option<Mutation>,
    /// Chooses the record that is damaged
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// What is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Shown below the options.
pub(super) const EXAMPLES: &str = "Examples:
  scripts/demo.sh --out results
  loadgen check results                   0: clean, 5: findings, 1: an input cannot be read
  loadgen check results --mutate lose     5: the damage was found, 1: it was not
  loadgen check results --journal-dump partition-0.jsonl --journal-dump partition-1.jsonl

What is counted and is no finding: unrecorded, sent by somebody and not known to the journal, because it was refused or never arrived; \
given up, requests whose answer the operator stopped waiting for, so that it does not know their outcome while the journal may. \
What is of another run on the same journal, by the time at which its ids were made, is one finding in all, not-covered; with --other-times it is none.";
