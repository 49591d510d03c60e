//! Joins the raw outputs of `scripts/bench.sh` into one table, and into JSON.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use holdfast_benches::figures::Figures;

/// The figures of a directory that scripts/bench.sh left.
#[derive(Parser)]
struct Options {
    /// The directory.
    raw: PathBuf,
    /// Where to write the figures as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// JSON lines of the limits laboratory, of the same minutes.
    #[arg(long)]
    limits: Option<PathBuf>,
    /// Prints half of the rate that was reached, and nothing else.
    #[arg(long)]
    half_rate: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match show(&options) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("figures: {error}");
            ExitCode::FAILURE
        }
    }
}

fn show(options: &Options) -> Result<ExitCode, String> {
    let figures = Figures::read(&options.raw, options.limits.as_deref())?;
    if options.half_rate {
        println!("{}", figures.half_rate().ok_or("nothing was saturated yet")?);
        return Ok(ExitCode::SUCCESS);
    }
    print!("{}", figures.to_table());
    if let Some(path) = &options.json {
        write(path, &format!("{:#}\n", figures.to_json()))?;
    }
    Ok(if figures.invalid().is_empty() { ExitCode::SUCCESS } else { ExitCode::from(4) })
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
