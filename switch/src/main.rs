//! The `holdfast` program.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    holdfast::cli::main(|config| holdfast::serve::until_signal(config).map_err(Into::into))
}
