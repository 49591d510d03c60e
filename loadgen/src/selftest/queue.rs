//! The measurement itself, measured in real time: a switch whose p99 is known.

use std::path::Path;

use serde::Serialize;
use toml::Table;

use super::scene;
use super::server::Server;
use crate::cli::SelftestArguments;
use crate::exit::Exit;
use crate::measure::kinds::Figure;
use crate::results;
use crate::results::head::Head;
use crate::run::{RunError, Theatre, chosen_seed, keep_options};
use crate::trials::{Spoiled, Trials};

/// What the measurement said of a queue whose p99 is known.
#[derive(Clone, Debug, Serialize)]
struct Known {
    /// Program, machine, seed.
    #[serde(flatten)]
    head: Head,
    /// What the server can do, operations a second.
    served_per_s: f64,
    /// Arrivals by that.
    load: f64,
    /// The p99 as it follows from both, in microseconds.
    true_p99_us: f64,
    /// The 95 % interval that was reported; `None` where the run was too short for one.
    interval_us: Option<(u32, u32)>,
    /// Whether it holds the true p99; `None` where there is none, or the run broke off.
    holds: Option<bool>,
    /// What was wrong with the measurement, in words.
    remarks: Vec<String>,
}

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
    let seed = arguments.seed.unwrap_or_else(chosen_seed);
    if let Some(output) = &arguments.to.output {
        keep_options(output, arguments.to.force, options, seed)?;
    }
    let (known, spoiled) = measure(arguments, directory.path(), served_per_s, seed)?;
    results::publish(&arguments.to, "selftest.json", &known, &known.text())?;
    Ok(match (spoiled, known.holds) {
        (Some(spoiled), _) => spoiled.exit,
        (None, Some(true)) => Exit::Pass,
        (None, Some(false)) => Exit::Missed,
        (None, None) => Exit::Invalid,
    })
}

fn measure(
    arguments: &SelftestArguments,
    certificates: &Path,
    served_per_s: f64,
    seed: u64,
) -> Result<(Known, Option<Spoiled>), RunError> {
    let (switch, mut load) = scene(arguments, certificates, Some(Server::new(served_per_s, seed)))?;
    load.traffic.seed = Some(seed);
    let mut trials = Trials::new(&load, &arguments.to, &[], arguments.warmup, arguments.duration);
    let rate_per_s = served_per_s * arguments.queue_load;
    if !arguments.to.quiet {
        let length = arguments.duration.as_secs_f64();
        eprintln!("seed {seed}: {rate_per_s:.0}/s into a queue of {served_per_s:.0}/s for {length} s");
    }
    let report = trials.run(&mut Theatre::open()?, rate_per_s)?;
    drop(switch);
    let spoiled = Spoiled::of(&report, "the run");
    let true_p99_us = p99_us(rate_per_s, served_per_s);
    let response = report.summary.latency_us.get(Figure::Response.name());
    let interval_us = response.and_then(|response| response.intervals.get("p99").copied());
    let holds = |(low, high): (u32, u32)| (f64::from(low)..=f64::from(high)).contains(&true_p99_us);
    let known = Known {
        head: Head::new(seed, true).until(spoiled.as_ref()),
        served_per_s,
        load: arguments.queue_load,
        true_p99_us,
        interval_us,
        holds: interval_us.map(holds).filter(|_| spoiled.is_none()),
        remarks: report.summary.verdict.remarks,
    };
    Ok((known, spoiled))
}

impl Known {
    fn text(&self) -> String {
        let ms = |micros: f64| format!("{:.2} ms", micros / 1_000.0);
        let said = match self.interval_us {
            None => "the run is too short for an interval".to_owned(),
            Some((low, high)) => {
                let word = match self.holds {
                    Some(true) => " holds it",
                    Some(false) => " DOES NOT HOLD IT",
                    None => "",
                };
                format!("the interval {} to {}{word}", ms(low.into()), ms(high.into()))
            }
        };
        let mut text = format!("load {}, true p99 {}; {said}\n", self.load, ms(self.true_p99_us));
        self.remarks.iter().for_each(|remark| text += &format!("  {remark}\n"));
        if let Some(why) = &self.head.broken_off {
            text += &format!("  nothing is judged; the run broke off: {why}\n");
        }
        text
    }
}

/// The time that a client of an M/M/1 queue spends in it is exponential.
fn p99_us(arrivals_per_s: f64, served_per_s: f64) -> f64 {
    100_f64.ln() / (served_per_s - arrivals_per_s) * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::selftest_arguments;
    use crate::run::IN_TURN;

    #[test]
    fn the_queue_is_loaded_as_it_was_asked_to_be() {
        let _turn = IN_TURN.blocking_lock();
        let directory = tempfile::tempdir().unwrap();
        let of = |line: &str| {
            let line = format!("--queue 400 -d 300ms -w 0s --operators 2 --acquirers 2 --seed 3 -q {line}");
            measure(&selftest_arguments(&line), directory.path(), 400.0, 3).unwrap().0
        };
        let (half, more) = (of(""), of("--queue-load 0.8"));
        assert_eq!((half.load, more.load), (0.5, 0.8));
        assert!((half.true_p99_us - 23_025.85).abs() < 0.01, "{half:?}");
        assert!((more.true_p99_us / half.true_p99_us - 2.5).abs() < 1e-9, "a fifth of the server is free");
        assert!(more.text().contains("load 0.8, true p99 57.56 ms; the run is too short"), "{}", more.text());
        let known = Known { interval_us: Some((50_000, 60_000)), holds: Some(true), ..more };
        assert!(known.text().contains("50.00 ms to 60.00 ms holds it"), "{}", known.text());
    }

    #[test]
    fn a_load_that_no_queue_has_an_answer_for_is_refused() {
        use crate::cli::Arguments;
        use clap::Parser;
        for load in ["0", "1", "1.2", "0.99", "x"] {
            let words = ["loadgen", "selftest", "--queue", "100", "--queue-load", load];
            assert!(Arguments::try_parse_from(words).is_err(), "{load}");
        }
    }
}
