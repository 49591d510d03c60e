//! The `loadgen` program.

use std::process::ExitCode;

use clap::Parser;
use holdfast_loadgen::arguments::{Arguments, Command};
use holdfast_loadgen::run::{RunError, run};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Command::Run(arguments) = Arguments::parse().command;
    let result = run(*arguments).and_then(|report| report.publish().map(|()| report.exit_code()));
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("loadgen: {error}");
            ExitCode::from(match error {
                RunError::Usage(_) | RunError::Template(_) => 2,
                _ => 1,
            })
        }
    }
}
