//! `loadgen selftest`: what the generator itself can do on this machine.
//!
//! It plays against a switch that decides nothing, on loopback, with certificates of its own. A figure of a real switch
//! that comes near says more about the generator than about the switch. Promise: nothing here knows of the generator's
//! insides; it is the same run as any other.

mod certificates;
mod null_switch;
mod queue;
mod server;

use holdfast_participant::{Credentials, LinkSettings};
use serde::Serialize;
use toml::Table;

use crate::capacity::search::{Found, Goal, Search, Step, Vote};
use crate::cli::{LoadArguments, Rate, RunArguments, SelftestArguments};
use crate::exit::Exit;
use crate::measure::kinds::Figure;
use crate::report::table::grouped;
use crate::results;
use crate::results::head::Head;
use crate::results::summary::Summary;
use crate::run::{Plan, RunError, Theatre, keep_options};
use crate::traffic::payees::fill;
use crate::trials::{Spoiled, Trials};
use null_switch::NullSwitch;

/// What the generator can do.
#[derive(Clone, Debug, Serialize)]
pub struct Ceiling {
    /// Program, machine, seed.
    #[serde(flatten)]
    pub head: Head,
    /// Payments a second in a closed loop; `None` where it broke off before.
    pub closed_loop_per_s: Option<f64>,
    /// The highest rate, open loop, that it keeps up with; operations a second.
    pub open_loop_kept_up_per_s: Option<f64>,
    /// The lowest that it does not.
    pub open_loop_too_much_per_s: Option<f64>,
    /// Of the response at the highest rate that it keeps up with, in microseconds: what generator and links add to every figure.
    pub p50_us: Option<u32>,
    /// See above.
    pub p99_us: Option<u32>,
    /// Every trial of the open loop, in the order they were made.
    pub trials: Vec<Kept>,
}

/// A trial of the open loop.
#[derive(Clone, Debug, Serialize)]
pub struct Kept {
    /// Operations a second.
    pub rate_per_s: f64,
    /// Why the generator did not keep up; `None` where it did.
    pub fell_behind: Option<String>,
    /// Of the response, in microseconds.
    pub p50_us: Option<u32>,
    /// See above.
    pub p99_us: Option<u32>,
}

/// How wide the bracket of the open loop may be.
const WIDTH: f64 = 0.2;
const FIRST_PER_S: f64 = 10_000.0;
const TOP_PER_S: f64 = 4_000_000.0;
/// A thread that runs longer than this share of the time has no room for a burst.
const BUSY_MAX: f64 = 0.85;
/// Arrivals that must come, and be answered, as shares. A short run misses a few by chance.
const KEPT_UP_MIN: f64 = 0.97;

/// Measures, says what was found, and how the program ends.
///
/// # Errors
/// Where the first run could not begin or a file could not be written.
pub fn run(arguments: &SelftestArguments, options: Table) -> Result<Exit, RunError> {
    if let Some(served_per_s) = arguments.queue {
        return queue::run(arguments, options, served_per_s);
    }
    let directory = tempfile::tempdir().map_err(RunError::io("directory for certificates"))?;
    let (switch, load) = scene(arguments, directory.path(), None)?;
    let trials = Trials::new(&load, &arguments.to, &[], arguments.warmup, arguments.duration);
    let seed = trials.seed;
    if let Some(output) = &arguments.to.output {
        keep_options(output, arguments.to.force, options, seed)?;
    }
    let mut trying =
        Trying { trials, theatre: Theatre::open()?, quiet: arguments.to.quiet, made: Vec::new() };
    trying.say(&format!("seed {seed}: the generator against a switch that decides nothing"));
    let closed = trying.closed_loop()?;
    let (closed_loop_per_s, end) = match closed {
        Ok(per_s) => (Some(per_s), trying.open_loop()),
        Err(spoiled) => (None, Err(spoiled)),
    };
    drop(switch);
    let (valid, suspect) = match end {
        Ok(Found::Bracket(valid, suspect)) => (Some(valid), Some(suspect)),
        Ok(Found::AtLeast(valid) | Found::GeneratorLimited(valid)) => (Some(valid), None),
        Ok(Found::Below(suspect)) => (None, Some(suspect)),
        Ok(Found::Unknown | Found::Unsettled) | Err(_) => (None, None),
    };
    let [p50_us, p99_us] = valid.map_or([None; 2], |valid| response_at(valid, &trying.made));
    let spoiled = end.err();
    let ceiling = Ceiling {
        head: Head::new(seed, true).until(spoiled.as_ref()),
        closed_loop_per_s,
        open_loop_kept_up_per_s: valid,
        open_loop_too_much_per_s: suspect,
        p50_us,
        p99_us,
        trials: trying.made,
    };
    results::publish(&arguments.to, "selftest.json", &ceiling, &text(&ceiling))?;
    Ok(match spoiled {
        Some(Spoiled { exit, why }) => {
            eprintln!("loadgen: the selftest broke off: {why}");
            exit
        }
        None if valid.is_some() => Exit::Pass,
        None => Exit::Invalid,
    })
}

/// The runs, and what they came to.
struct Trying {
    trials: Trials,
    theatre: Theatre,
    quiet: bool,
    made: Vec<Kept>,
}

impl Trying {
    fn say(&self, text: &str) {
        if !self.quiet {
            eprintln!("{text}");
        }
    }

    /// Payments a second in a closed loop.
    fn closed_loop(&mut self) -> Result<Result<f64, Spoiled>, RunError> {
        let plan = Plan::new(RunArguments { rate: Rate::Max, ..self.trials.arguments(FIRST_PER_S) })?;
        let report = self.theatre.perform(plan)?;
        if let Some(spoiled) = Spoiled::of(&report, "the closed loop") {
            return Ok(Err(spoiled));
        }
        let per_s = report.summary.rate.achieved_per_s;
        self.say(&format!("closed loop {per_s:>9.0}/s"));
        Ok(Ok(per_s))
    }

    /// The rate that the generator keeps up with, and the one that it does not.
    fn open_loop(&mut self) -> Result<Found, Spoiled> {
        let mut search = Search::new(Goal { first: FIRST_PER_S, top: TOP_PER_S, width: WIDTH });
        loop {
            let rate = match search.next() {
                Step::Try(rate) => rate,
                Step::Done(found) => return Ok(found),
            };
            let report = self.trials.run(&mut self.theatre, rate).map_err(|error| Spoiled::by(&error))?;
            if let Some(spoiled) = Spoiled::of(&report, &format!("the trial at {rate:.0}/s")) {
                return Err(spoiled);
            }
            let fell_behind = falls_behind(&report.summary);
            self.say(&format!("open loop {rate:>11.0}/s  {}", fell_behind.as_deref().unwrap_or("keeps up")));
            search.note(rate, if fell_behind.is_none() { Vote::Passed } else { Vote::Failed });
            let response = report.summary.latency_us.get(Figure::Response.name());
            let observed = |name| response.and_then(|response| response.observed(name));
            let (p50_us, p99_us) = (observed("p50"), observed("p99"));
            self.made.push(Kept { rate_per_s: rate, fell_behind, p50_us, p99_us });
        }
    }
}

/// The p50 and p99 of the trials at this rate that kept up: of the one in the middle by its p50. A higher rate that kept up once and
/// was found too much is no answer.
fn response_at(rate: f64, trials: &[Kept]) -> [Option<u32>; 2] {
    let at = trials.iter().filter(|kept| kept.rate_per_s == rate && kept.fell_behind.is_none());
    let mut there: Vec<_> = at.map(|kept| [kept.p50_us, kept.p99_us]).collect();
    there.sort();
    there.get(there.len() / 2).copied().unwrap_or([None; 2])
}

/// The switch that decides nothing, and the load that goes to it.
fn scene(
    a: &SelftestArguments,
    directory: &std::path::Path,
    server: Option<server::Server>,
) -> Result<(NullSwitch, LoadArguments), RunError> {
    let mut load = a.load(directory);
    let operators = (1..=load.traffic.operators)
        .map(|n| (fill(&load.place.operator_name, n), fill(&load.place.operator_mps, n)));
    let acquirers = (1..=load.traffic.acquirers)
        .map(|n| (fill(&load.place.acquirer_name, n), fill(&load.place.acquirer_mps, n)));
    let members: Vec<_> = operators.chain(acquirers).collect();
    let names: Vec<String> = members.iter().map(|(name, _)| name.clone()).collect();
    certificates::write(directory, &names)?;
    let credentials = Credentials::from_directory(directory, "switch")
        .map_err(|error| RunError::Certificate { name: "switch".to_owned(), reason: error.to_string() })?;
    let settings = LinkSettings { mtu: load.place.mtu, ..LinkSettings::default() };
    let switch = NullSwitch::start(credentials, settings, members, server)?;
    load.place.switch = switch.address;
    Ok((switch, load))
}

/// Why the generator does not keep up with a rate; `None` where it does. Lag is no reason here: beside a switch that takes no
/// time any lag is a large share of the response, and the percentiles say how much it is.
fn falls_behind(s: &Summary) -> Option<String> {
    let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 1.0 };
    let planned = s.generator.offered_of_planned.unwrap_or(1.0);
    let answered = share(s.rate.achieved_per_s, s.rate.offered_per_s);
    if s.generator.ran_share > BUSY_MAX {
        Some(format!("its thread ran {:.0} % of the time", s.generator.ran_share * 100.0))
    } else if planned < KEPT_UP_MIN {
        Some(format!("{:.1} % of the plan was offered", planned * 100.0))
    } else if answered < KEPT_UP_MIN {
        Some(format!("{:.1} % of what was offered was answered", answered * 100.0))
    } else {
        None
    }
}

fn text(c: &Ceiling) -> String {
    let rate = |rate: Option<f64>| {
        rate.map_or_else(|| "-".to_owned(), |rate| format!("{}/s", grouped(rate.round() as u64)))
    };
    let ms = |micros: Option<u32>| {
        micros.map_or_else(|| "n/a".to_owned(), |us| format!("{:.2} ms", f64::from(us) / 1_000.0))
    };
    let why = c.head.broken_off.as_ref();
    let end =
        why.map_or_else(String::new, |why| format!("  nothing is judged; the selftest broke off: {why}\n"));
    format!(
        "\n{}\n{}; the switch that decides nothing shares them\n\n  \
         closed loop: {}\n  open loop: keeps up with {}, no longer with {}\n  response there: p50 {}, p99 {}: generator and \
         links add that to every figure\n{end}",
        c.head.program(),
        c.head.machine(),
        rate(c.closed_loop_per_s),
        rate(c.open_loop_kept_up_per_s),
        rate(c.open_loop_too_much_per_s),
        ms(c.p50_us),
        ms(c.p99_us),
    )
}

#[cfg(test)]
mod tests;
