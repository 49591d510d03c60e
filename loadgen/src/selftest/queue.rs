//! The measurement itself, measured in real time: a switch whose p99 is known.

use toml::Table;

use super::server::Server;
use super::{scene, spoiled};
use crate::cli::SelftestArguments;
use crate::exit::Exit;
use crate::measure::kinds::Figure;
use crate::run::{RunError, keep_options};
use crate::trials::Trials;

/// Arrivals by what the server can do.
const LOAD: f64 = 0.5;

/// Makes one run against the queue and says whether the interval holds its p99.
///
/// # Errors
/// Where the run could not begin or a file could not be written.
pub(super) fn run(
    arguments: &SelftestArguments,
    options: Table,
    served_per_s: f64,
) -> Result<Exit, RunError> {
    let directory = tempfile::tempdir().map_err(RunError::io("directory for certificates"))?;
    let seed = arguments.seed.unwrap_or_else(crate::run::chosen_seed);
    let server = Server::new(served_per_s, seed);
    let (switch, mut load) = scene(arguments, directory.path(), Some(server))?;
    load.traffic.seed = Some(seed);
    let mut trials = Trials::new(&load, &arguments.to, &[], arguments.warmup, arguments.duration);
    if let Some(output) = &arguments.to.output {
        keep_options(output, options, seed)?;
    }
    let rate_per_s = served_per_s * LOAD;
    if !arguments.to.quiet {
        eprintln!(
            "seed {seed}: {rate_per_s:.0}/s into a queue of {served_per_s:.0}/s for {:?}",
            arguments.duration
        );
    }
    let report = trials.run(rate_per_s)?;
    drop(switch);
    if let Some(exit) = spoiled(&report) {
        return Ok(exit);
    }
    let truth_ms = p99_us(rate_per_s, served_per_s) / 1_000.0;
    let response = report.summary.latency_us.get(Figure::Response.name());
    let interval = response.and_then(|response| response.intervals.get("p99").copied());
    let ms = |micros: u32| f64::from(micros) / 1_000.0;
    let Some((low, high)) = interval else {
        println!("true p99 {truth_ms:.2} ms; the run is too short for an interval");
        return Ok(Exit::Invalid);
    };
    let holds = (ms(low)..=ms(high)).contains(&truth_ms);
    let word = if holds { "holds it" } else { "DOES NOT HOLD IT" };
    println!("true p99 {truth_ms:.2} ms; the interval {:.2} to {:.2} ms {word}", ms(low), ms(high));
    for remark in &report.summary.verdict.remarks {
        println!("  {remark}");
    }
    Ok(if holds { Exit::Pass } else { Exit::Missed })
}

/// The time that a client of an M/M/1 queue spends in it is exponential.
fn p99_us(arrivals_per_s: f64, served_per_s: f64) -> f64 {
    100_f64.ln() / (served_per_s - arrivals_per_s) * 1e6
}
