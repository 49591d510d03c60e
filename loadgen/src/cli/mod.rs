//! The command line: a file for each command.

pub mod configuration;
mod load;
mod output;
mod run;
mod values;

use clap::{Parser, Subcommand};

pub use load::LoadArguments;
pub use output::OutputArguments;
pub use run::RunArguments;
pub(crate) use values::parse_duration;
pub use values::{Format, Rate};

/// What the program is asked to do.
#[derive(Debug, Parser)]
#[command(name = "loadgen", version = crate::build::VERSION, about, long_about = None, arg_required_else_help = true)]
pub struct Arguments {
    /// The task.
    #[command(subcommand)]
    pub command: Command,
}

/// The tasks.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Plays operators and destinations against a switch, measures latency, and closes the books.
    #[command(after_help = run::EXAMPLES)]
    Run(Box<RunArguments>),
}

impl Command {
    /// What becomes of the results.
    pub const fn output(&self) -> &OutputArguments {
        match self {
            Self::Run(run) => &run.to,
        }
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use tests::run as run_arguments;
