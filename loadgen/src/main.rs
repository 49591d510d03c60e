//! The `loadgen` program.

use std::process::ExitCode;

use holdfast_loadgen::capacity;
use holdfast_loadgen::check;
use holdfast_loadgen::cli::Command;
use holdfast_loadgen::cli::configuration::{Resolved, resolve};
use holdfast_loadgen::exit::Exit;
use holdfast_loadgen::generate;
use holdfast_loadgen::page;
use holdfast_loadgen::results::tell;
use holdfast_loadgen::run::{self, RunError};
use holdfast_loadgen::{compare, drill, selftest, sweep};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Made ready whole at its first byte, a huge page delays what is measured by milliseconds. What it starts, a
    // drilled switch, has none either.
    rustix::thread::disable_transparent_huge_pages(true).ok();
    let resolved =
        resolve(std::env::args_os(), |name| std::env::var_os(name)).unwrap_or_else(|error| error.exit());
    match carry_out(resolved) {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("loadgen: {error}");
            error.exit().into()
        }
    }
}

fn carry_out(resolved: Resolved) -> Result<Exit, RunError> {
    let Resolved { arguments, options } = resolved;
    if arguments.command.is_dry_run() {
        tell(&run::dry(&arguments.command, options)?).map_err(RunError::Output)?;
        return Ok(Exit::Pass);
    }
    match arguments.command {
        Command::Run(arguments) => {
            let report = run::run(*arguments, options)?;
            report.publish()?;
            Ok(report.exit_code())
        }
        Command::Gen(arguments) => generate::run(&arguments, &options),
        Command::Replay(arguments) => {
            let report = run::replay(&arguments, options)?;
            report.publish()?;
            Ok(report.exit_code())
        }
        Command::Operator(arguments) => {
            let report = run::operator(*arguments, options)?;
            report.publish()?;
            Ok(report.exit_code())
        }
        Command::Acquirer(arguments) => run::answer(&arguments, options),
        Command::Capacity(arguments) => capacity::run(&arguments, options),
        Command::Sweep(arguments) => sweep::run(&arguments, options),
        Command::Drill(arguments) => drill::run(&arguments, options),
        Command::Compare(arguments) => compare::run(&arguments, options),
        Command::Selftest(arguments) => selftest::run(&arguments, options),
        Command::Check(arguments) => Ok(check::run(&arguments)?),
        Command::Report(arguments) => {
            let page = page::make(&arguments.directory)?;
            tell(&format!("{}\n", page.display())).map_err(RunError::Output)?;
            Ok(Exit::Pass)
        }
    }
}
