//! `loadgen capacity`: the highest rate that meets the objectives (LG-4).
//!
//! Promises: a trial in which the generator or its machine had a part in a failure is never held against the switch; the
//! answer is a bracket whose ends both lead by two votes, or says "at least", or that nothing is known.

pub mod answer;
pub mod search;
pub mod trial;

use toml::Table;

use crate::cli::CapacityArguments;
use crate::exit::Exit;
use crate::objective::Objectives;
use crate::page;
use crate::report::table::grouped;
use crate::results;
use crate::run::{RunError, Theatre, keep_options};
use crate::trials::{Spoiled, Trials};
use answer::{Answer, Asked};
use search::{Found, Goal, Search, SoFar, Step};
use trial::{Trial, TrialStanding, judge};

/// Searches, says what was found, and how the program ends.
///
/// # Errors
/// Where a trial could not begin or a file could not be written.
pub fn run(arguments: &CapacityArguments, options: Table) -> Result<Exit, RunError> {
    let mut trials = trials_of(arguments)?;
    if let Some(output) = &arguments.to.output {
        keep_options(output, arguments.to.force, options, trials.seed)?;
    }
    let mut asked = Asked {
        planned_per_s: arguments.planned,
        objectives: Objectives::of(&arguments.objectives),
        mix: arguments.load.traffic.mix.to_string(),
        seed: trials.seed,
        colocated: arguments.load.place.is_colocated(),
        switch_build: None,
    };
    let quiet = arguments.to.quiet;
    if !quiet {
        eprintln!(
            "seed {}: capacity of {} that keeps {}",
            trials.seed,
            asked.mix,
            asked.objectives.objectives.join(", ")
        );
    }
    let mut search = Search::new(Goal { first: arguments.from, top: arguments.top, width: arguments.width });
    let mut theatre = Theatre::open()?;
    let (mut made, mut failure) = (Vec::new(), None);
    trials.show("capacity");
    let end = find(&mut search, |so_far, rate| {
        trials.say(|| errand(made.len() + 1, so_far, rate));
        let report = trials.run(&mut theatre, rate).map_err(|error| {
            let spoiled = Spoiled::by(&error);
            failure = Some(error);
            spoiled
        })?;
        let trial = judge(&report, rate)?;
        if !quiet {
            eprintln!("{}", line(made.len() + 1, &trial));
        }
        made.push(trial.clone());
        Ok(trial)
    });
    if let Some(error) = failure.filter(|_| made.is_empty()) {
        return Err(error);
    }
    asked.switch_build = trials.switch_build;
    match end {
        Ok(found) => {
            let answer = Answer::new(found, asked, made);
            publish(arguments, &answer)?;
            Ok(answer.exit_code())
        }
        Err(spoiled) => {
            publish(arguments, &Answer::broken_off(&spoiled, search.so_far(), asked, made))?;
            eprintln!("loadgen: the search broke off: {}", spoiled.why);
            Ok(spoiled.exit)
        }
    }
}

/// The trials of a search that can answer what is asked.
fn trials_of(arguments: &CapacityArguments) -> Result<Trials, RunError> {
    if arguments.from > arguments.top {
        return Err(RunError::Usage("--from must not be above --top".to_owned()));
    }
    if arguments.planned.is_some_and(|planned| planned > arguments.top) {
        return Err(RunError::Usage("--planned must not be above --top: nothing higher is tried".to_owned()));
    }
    let trials = Trials::of_capacity(arguments);
    trials.can_judge(arguments.from)?;
    Ok(trials)
}

/// What a search will do, in words.
///
/// # Errors
/// Where its trials cannot answer what is asked.
pub fn plan_in_words(arguments: &CapacityArguments) -> Result<String, RunError> {
    let trials = trials_of(arguments)?;
    let (from, top) = (arguments.from, arguments.top);
    let each = trials.length().as_secs_f64();
    let minutes = |count: f64| (count * (each + BETWEEN_S) / 60.0).ceil();
    let halvings = search::halvings(arguments.width);
    let (few, many) = ((2.0 + 3.0 * halvings), (7.5 * halvings).ceil());
    Ok(format!(
        "trials of {each} s, from {from:.0}/s, doubled up to {top:.0}/s until one fails, then between: {few} to {many} of them as a rule, {:.0} to {:.0} minutes",
        minutes(few),
        minutes(many)
    ))
}

/// About what it takes from one trial to the next: what is in flight ends, holds expire, everybody leaves and signs on again.
pub(crate) const BETWEEN_S: f64 = 4.0;

/// Asks for trials until there is an answer.
fn find(
    search: &mut Search,
    mut attempt: impl FnMut(SoFar, f64) -> Result<Trial, Spoiled>,
) -> Result<Found, Spoiled> {
    loop {
        match search.next() {
            Step::Try(rate) => search.note(rate, attempt(search.so_far(), rate)?.standing.vote()),
            Step::Done(found) => return Ok(found),
        }
    }
}

/// The search as it stands, for the screen of the next trial.
fn errand(number: usize, so_far: SoFar, rate: f64) -> String {
    let per_second = |rate: f64| format!("{}/s", grouped(rate.round() as u64));
    let or_nothing = |rate: Option<f64>| rate.map_or_else(|| "nothing".to_owned(), per_second);
    let (passes, fails) = (or_nothing(so_far.passes_per_s), or_nothing(so_far.fails_per_s));
    format!("trial {number} at {}; so far {passes} passes, {fails} fails", per_second(rate))
}

fn line(number: usize, trial: &Trial) -> String {
    let p99 = match trial.p99_us {
        Some(p99) => format!("{:.2} ms", f64::from(p99) / 1_000.0),
        None if trial.is_p99_endless => "endless".to_owned(),
        None => "n/a".to_owned(),
    };
    let standing = match trial.standing {
        TrialStanding::Passed => "passed",
        TrialStanding::Failed => "failed",
        TrialStanding::Discarded => "discarded",
    };
    let remarks = trial.remarks.join("; ");
    let (rate, goodput) = (trial.rate_per_s, trial.goodput_per_s);
    format!(
        "trial {number:>3} {rate:>9.0}/s  {standing:<9}  goodput {goodput:>9.0}/s  p99 {p99:>10}  {remarks}"
    )
}

fn publish(arguments: &CapacityArguments, answer: &Answer) -> Result<(), RunError> {
    results::publish(&arguments.to, "capacity.json", answer, &answer.text())?;
    if let Some(output) = &arguments.to.output {
        page::make(output)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
