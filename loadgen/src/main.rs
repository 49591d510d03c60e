//! The `loadgen` program.

use std::process::ExitCode;

use clap::Parser;
use holdfast_loadgen::arguments::Arguments;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    println!("{arguments:?}");
    ExitCode::SUCCESS
}
