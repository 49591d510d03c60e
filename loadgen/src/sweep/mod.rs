//! `loadgen sweep`: latency and throughput at many rates, in shuffled order, and what the curve says.

pub mod answer;
pub mod knee;
pub mod order;
pub mod scalability;

use toml::Table;

use crate::capacity::BETWEEN_S;
use crate::capacity::trial::{TrialStanding, judge};
use crate::cli::SweepArguments;
use crate::exit::Exit;
use crate::objective::Objectives;
use crate::page;
use crate::report::table::grouped;
use crate::results;
use crate::results::head::Head;
use crate::run::{RunError, Theatre, keep_options};
use crate::trials::{Spoiled, Trials};
use answer::{Answer, Point};

/// Tries every rate, says what was found, and how the program ends.
///
/// # Errors
/// Where a run could not begin or a file could not be written.
pub fn run(arguments: &SweepArguments, options: Table) -> Result<Exit, RunError> {
    let rates = arguments.rates().map_err(RunError::Usage)?;
    let a = arguments;
    let mut trials = Trials::new(&a.load, &a.to, &a.objectives, a.warmup, a.duration);
    trials.can_judge(rates[0])?;
    if let Some(output) = &a.to.output {
        keep_options(output, a.to.force, options, trials.seed)?;
    }
    let order = order::shuffled(&rates, a.repeats, trials.seed);
    if !a.to.quiet {
        eprintln!("seed {}: {} runs of {}", trials.seed, order.len(), a.load.traffic.mix);
    }
    let planned = order.len();
    let mut theatre = Theatre::open()?;
    let (mut points, mut spoiled) = (Vec::new(), None);
    trials.show("sweep");
    for rate in order {
        trials.say(|| format!("run {} of {planned} at {}/s", points.len() + 1, grouped(rate.round() as u64)));
        let report = match trials.run(&mut theatre, rate) {
            Ok(report) => report,
            Err(error) if points.is_empty() => return Err(error),
            Err(error) => {
                spoiled = Some(Spoiled::by(&error));
                break;
            }
        };
        match judge(&report, rate) {
            Ok(trial) => {
                let point = Point { in_flight: report.in_flight(), trial };
                if !a.to.quiet {
                    eprintln!("{}", answer::line(points.len() + 1, &point));
                }
                points.push(point);
            }
            Err(why) => {
                spoiled = Some(why);
                break;
            }
        }
    }
    let head = Head::new(trials.seed, a.load.place.is_colocated()).of_switch(trials.switch_build);
    let head = head.until(spoiled.as_ref());
    let answer =
        Answer::new(points, planned, Objectives::of(&a.objectives), &a.load.traffic.mix.to_string(), head);
    publish(a, &answer)?;
    if let Some(Spoiled { exit, why }) = spoiled {
        eprintln!("loadgen: the sweep broke off: {why}");
        return Ok(exit);
    }
    let usable = |point: &Point| point.trial.standing != TrialStanding::Discarded;
    Ok(if answer.points.iter().any(usable) { Exit::Pass } else { Exit::Invalid })
}

/// What a sweep will do, in words: its rates, in the order of the first round, and how long it takes.
///
/// # Errors
/// Where its runs cannot answer what is asked.
pub fn plan_in_words(a: &SweepArguments, seed: u64) -> Result<String, RunError> {
    let rates = a.rates().map_err(RunError::Usage)?;
    let trials = Trials::new(&a.load, &a.to, &a.objectives, a.warmup, a.duration);
    trials.can_judge(rates[0])?;
    let order = order::shuffled(&rates, a.repeats, seed);
    let named = |rates: &[f64]| rates.iter().map(|rate| format!("{rate:.0}")).collect::<Vec<_>>().join(", ");
    let each = trials.length().as_secs_f64();
    Ok(format!(
        "{} runs of {each} s, {} of each rate ({}/s), first {}: about {:.1} minutes",
        order.len(),
        a.repeats,
        named(&rates),
        named(&order[..rates.len()]),
        order.len() as f64 * (each + BETWEEN_S) / 60.0
    ))
}

fn publish(arguments: &SweepArguments, answer: &Answer) -> Result<(), RunError> {
    results::publish(&arguments.to, "sweep.json", answer, &answer.text())?;
    if let Some(output) = &arguments.to.output {
        page::make(output)?;
    }
    Ok(())
}
