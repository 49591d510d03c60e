//! What every command does with what it finds.

use std::path::PathBuf;

use clap::Args;

use super::values::Format;

/// See the module.
#[derive(Clone, Debug, Args)]
pub struct OutputArguments {
    /// Directory for the results
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Removes the results of an earlier command from the directory of --output; without it such a directory is refused
    #[arg(long)]
    pub force: bool,
    /// What is printed at the end
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// No progress
    #[arg(short, long)]
    pub quiet: bool,
    /// Progress as plain lines even on a terminal
    #[arg(long)]
    pub plain: bool,
    /// Options from a TOML file, keys as the long options; a flag counts before its variable in the environment (LOADGEN_RATE for
    /// --rate, LOADGEN_NO_HISTORY for --no-history), that before the file, the file before the default
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Prints the resolved configuration, and what would be done, and does nothing else
    #[arg(long)]
    pub dry_run: bool,
}
