//! The command line: a file for each command.

mod acquirer;
mod capacity;
mod check;
mod compare;
pub mod configuration;
mod drill;
mod generate;
mod load;
mod operator;
mod output;
mod place;
mod replay;
mod report;
mod run;
mod selftest;
mod sweep;
mod traffic;
mod values;

use clap::{Parser, Subcommand};

pub use acquirer::AcquirerArguments;
pub use capacity::CapacityArguments;
pub use check::CheckArguments;
pub use compare::CompareArguments;
pub use drill::DrillArguments;
pub use generate::GenArguments;
pub use load::LoadArguments;
pub use operator::OperatorArguments;
pub use output::OutputArguments;
pub use place::PlaceArguments;
pub use replay::ReplayArguments;
pub use report::ReportArguments;
pub use run::RunArguments;
pub use selftest::SelftestArguments;
pub use sweep::SweepArguments;
pub use traffic::TrafficArguments;
pub(crate) use values::parse_duration;
pub use values::{Format, Rate};

/// What the program is asked to do.
#[derive(Debug, Parser)]
#[command(name = "loadgen", version = crate::build::TEXT, about, long_about = None, arg_required_else_help = true)]
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
    /// Writes what `run` would send, or what a journal holds, into a trace; or says what is in one.
    #[command(after_help = generate::EXAMPLES)]
    Gen(Box<GenArguments>),
    /// Sends a trace, measured, judged and reported as `run` is.
    #[command(after_help = replay::EXAMPLES)]
    Replay(Box<ReplayArguments>),
    /// Plays one operator alone, for load from several machines; the other side is played elsewhere.
    #[command(after_help = operator::EXAMPLES)]
    Operator(Box<OperatorArguments>),
    /// Plays one acquirer alone: answers until it is stopped.
    #[command(after_help = acquirer::EXAMPLES)]
    Acquirer(Box<AcquirerArguments>),
    /// Finds the highest rate that meets the objectives.
    #[command(after_help = capacity::EXAMPLES)]
    Capacity(Box<CapacityArguments>),
    /// Latency and throughput at many rates, in shuffled order: the curve, its knee, the Universal Scalability Law.
    #[command(after_help = sweep::EXAMPLES)]
    Sweep(Box<SweepArguments>),
    /// Kills, freezes, restarts or cuts off under load, then checks that nothing was lost and nothing done twice.
    #[command(after_help = drill::EXAMPLES)]
    Drill(Box<DrillArguments>),
    /// Says whether B is better or worse than A, or that the runs cannot tell.
    #[command(after_help = compare::EXAMPLES)]
    Compare(Box<CompareArguments>),
    /// Measures the generator itself, against a switch that decides nothing.
    Selftest(Box<SelftestArguments>),
    /// Joins what operators, destinations and the journal wrote down, and says where they disagree.
    #[command(after_help = check::EXAMPLES)]
    Check(CheckArguments),
    /// Draws what a run, a drill, a search, a sweep or a comparison found: one HTML file that opens anywhere.
    #[command(after_help = report::EXAMPLES)]
    Report(ReportArguments),
}

impl Command {
    /// What becomes of the results, where it makes any.
    pub const fn output(&self) -> Option<&OutputArguments> {
        match self {
            Self::Run(run) => Some(&run.to),
            Self::Replay(replay) => Some(&replay.to),
            Self::Operator(operator) => Some(&operator.run.to),
            Self::Acquirer(acquirer) => Some(&acquirer.to),
            Self::Capacity(capacity) => Some(&capacity.to),
            Self::Selftest(selftest) => Some(&selftest.to),
            Self::Sweep(sweep) => Some(&sweep.to),
            Self::Compare(compare) => Some(&compare.to),
            Self::Drill(drill) => Some(&drill.to),
            Self::Gen(_) | Self::Check(_) | Self::Report(_) => None,
        }
    }

    /// Whether it only says what it would do.
    pub fn is_dry_run(&self) -> bool {
        if let Self::Gen(generate) = self {
            return generate.dry_run;
        }
        self.output().is_some_and(|output| output.dry_run)
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use tests::{
    compare as compare_arguments, drill as drill_arguments, run as run_arguments,
    selftest as selftest_arguments,
};
