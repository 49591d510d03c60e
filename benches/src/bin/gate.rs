//! Compares instruction counts, as gungraun prints them, with the committed baseline; `scripts/bench-gate.sh` calls it.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use holdfast_benches::gate::{Baseline, Machine, compare, counts_of};

/// Reads counts from standard input.
#[derive(Parser)]
struct Options {
    /// The file of the baseline.
    #[arg(long)]
    baseline: PathBuf,
    /// What `rustc -V` says.
    #[arg(long)]
    compiler: String,
    /// Makes these counts the baseline.
    #[arg(long)]
    accept: bool,
}

fn main() -> ExitCode {
    match gate(&Options::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bench-gate: {error}");
            ExitCode::FAILURE
        }
    }
}

fn gate(options: &Options) -> Result<ExitCode, String> {
    let mut printed = String::new();
    std::io::stdin().read_to_string(&mut printed).map_err(|error| error.to_string())?;
    let (counts, machine) = (counts_of(&printed)?, Machine::this(&options.compiler));
    if options.accept {
        let text = Baseline { machine, counts }.to_text();
        std::fs::write(&options.baseline, &text).map_err(|error| error.to_string())?;
        print!("{text}");
        return Ok(ExitCode::SUCCESS);
    }
    if !options.baseline.exists() {
        for (name, count) in &counts {
            println!("{name:<28} {count:>12}");
        }
        println!("there is no baseline at {}: --accept makes these it", options.baseline.display());
        return Ok(ExitCode::SUCCESS);
    }
    let comparison = compare(&Baseline::read(&options.baseline)?, &machine, &counts);
    for line in &comparison.lines {
        println!("{line}");
    }
    for failure in &comparison.failures {
        eprintln!("bench-gate: FAILED: {failure}");
    }
    Ok(if comparison.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
