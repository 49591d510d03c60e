//! Plays the whole switch from seeds, with everything that can go wrong, and says what does not hold.

use std::io::{IsTerminal, Write};
use std::process::{Command, ExitCode};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use holdfast_tests::sim::hunt::{Hunt, hunt};
use holdfast_tests::sim::{Failure, Planted, Telling, play, played, said};
use indicatif::{ProgressBar, ProgressStyle};

/// Seeds within which a planted wrong must be found.
const FOUND_WITHIN: u64 = 200;

/// Plays the whole switch in virtual time: real core, journal, driver and sessions; simulated disk, network and clock;
/// operators, destinations and faults from a seed.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  sim --seeds 200                    the first two hundred seeds
  sim --seeds 2000 --from 10000      others
  sim --seed 17 --trace              one, with everything that happens
  sim --break late-approval-delivered    plants a known wrong and hunts it
  sim --breaks                       plants each, one after the other")]
struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 200, conflicts_with = "seed")]
    seeds: u64,
    /// The first of them; without it 1, or a random one where something is planted.
    #[arg(long)]
    from: Option<u64>,
    /// This one alone.
    #[arg(long)]
    seed: Option<u64>,
    /// Prints everything that happens.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Plants a known wrong, which must be found.
    #[arg(long = "break", value_name = "NAME", value_parser = planted)]
    planted: Option<Planted>,
    /// Plants each known wrong; fails unless every one is found.
    #[arg(long, conflicts_with_all = ["seed", "planted"])]
    breaks: bool,
    /// Prints how often each cell of the two tables and each reason was reached.
    #[arg(long)]
    coverage: bool,
    /// Fails where something reachable was not reached.
    #[arg(long)]
    complete: bool,
    /// Seeds played at once; without it as many as there are processors.
    #[arg(long)]
    threads: Option<usize>,
}

fn planted(name: &str) -> Result<Planted, String> {
    Planted::named(name).ok_or_else(|| {
        let names: Vec<&str> = Planted::ALL.iter().map(|planted| planted.name()).collect();
        format!("one of {}", names.join(", "))
    })
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tell_of_panics(arguments.from.unwrap_or(0));
    if arguments.breaks {
        return breaks(arguments.threads);
    }
    match (arguments.seed, arguments.planted) {
        (Some(seed), planted) => one(seed, planted, &arguments),
        (None, Some(planted)) => hunt_planted(planted, &arguments),
        (None, None) => many(&arguments),
    }
}

/// An assertion of the switch stops the process: it says of which seed it was, and of what was planted.
fn tell_of_panics(from: u64) {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        usual(panic);
        let Some((seed, planted)) = played() else { return };
        let text = &said(panic.payload());
        match planted {
            Some(planted) => {
                println!("{}", found_line(planted, "assertion", seed.wrapping_sub(from) + 1, text))
            }
            None => eprintln!("seed {seed}: assertion: {text}\nagain: sim --seed {seed} --trace"),
        }
        if let Err(error) = std::io::stdout().flush() {
            eprintln!("standard output: {error}");
        }
    }));
}

fn found_line(planted: Planted, checker: &str, seeds: u64, what: &str) -> String {
    let what: String = what.chars().take(100).collect();
    format!("{:<30} found by {checker:<10} after {seeds:>3} seeds: {what}", planted.name())
}

fn threads(arguments: &Arguments) -> usize {
    arguments.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

fn fail(failure: &Failure) -> ExitCode {
    eprintln!("{failure}");
    ExitCode::FAILURE
}

fn one(seed: u64, planted: Option<Planted>, arguments: &Arguments) -> ExitCode {
    let telling = if arguments.trace { Telling::Aloud } else { Telling::Quiet };
    match play(seed, planted, telling) {
        Ok(course) => {
            println!(
                "seed {seed}: {} steps, {} requests, {} facts",
                course.steps, course.operations, course.facts
            );
            print!("{}", course.faults);
            if arguments.coverage {
                print!("{}", course.coverage);
            }
            println!("digest {}", course.digest);
            ExitCode::SUCCESS
        }
        Err(failure) => fail(&failure),
    }
}

fn many(arguments: &Arguments) -> ExitCode {
    let (from, seeds) = (arguments.from.unwrap_or(1), arguments.seeds);
    let started = Instant::now();
    let bar = progress(seeds);
    let (summary, failure) =
        hunt(Hunt { from, seeds, planted: None, threads: threads(arguments) }, |_| bar.inc(1));
    bar.finish_and_clear();
    if arguments.coverage {
        print!("{}", summary.coverage);
    }
    println!("{summary}");
    println!("{:.1} s, seeds {from} to {}", started.elapsed().as_secs_f64(), from + seeds - 1);
    if let Some(failure) = failure {
        return fail(&failure);
    }
    let missing = summary.coverage.missing();
    for what in &missing {
        println!("not reached: {what}");
    }
    if arguments.complete && !missing.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// A line of progress, on a terminal only.
fn progress(seeds: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} seeds, {per_sec}, {eta} left");
    ProgressBar::new(seeds).with_style(style.expect("a known template"))
}

fn hunt_planted(planted: Planted, arguments: &Arguments) -> ExitCode {
    let from = arguments.from.unwrap_or_else(random_seed);
    // One after the other, so that the number of seeds says how hard it was to find.
    let (_, failure) =
        hunt(Hunt { from, seeds: arguments.seeds, planted: Some(planted), threads: 1 }, |_| {});
    match failure {
        Some(failure) => {
            let seeds = failure.seed.wrapping_sub(from) + 1;
            println!("{}", found_line(planted, failure.violation.checker, seeds, &failure.violation.what));
            ExitCode::SUCCESS
        }
        None => {
            println!("{:<30} NOT FOUND in {} seeds from {from}", planted.name(), arguments.seeds);
            ExitCode::FAILURE
        }
    }
}

fn random_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    u64::from(since) << 20 | u64::from(std::process::id())
}

/// Each in a process of its own: some are found by an assertion, which ends the process.
fn breaks(threads: Option<usize>) -> ExitCode {
    let started = Instant::now();
    let threads = threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let mut missed = 0;
    for batch in Planted::ALL.chunks(threads.max(1)) {
        let lines: Vec<Option<String>> = std::thread::scope(|scope| {
            let hunts: Vec<_> = batch.iter().map(|planted| scope.spawn(|| in_a_child(*planted))).collect();
            hunts.into_iter().map(|hunt| hunt.join().ok().flatten()).collect()
        });
        for (planted, line) in batch.iter().zip(lines) {
            match line {
                Some(line) => println!("{line}"),
                None => {
                    missed += 1;
                    println!("{:<30} MISSED: {}", planted.name(), planted.text());
                }
            }
        }
    }
    println!("{} planted, {missed} missed, {:.1} s", Planted::ALL.len(), started.elapsed().as_secs_f64());
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The line that says how it was found.
fn in_a_child(planted: Planted) -> Option<String> {
    let from = random_seed().to_string();
    let program = std::env::current_exe().ok()?;
    let output = Command::new(program)
        .args(["--break", planted.name(), "--from", &from, "--seeds", &FOUND_WITHIN.to_string()])
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().find(|line| line.contains(" found by ")).map(str::to_owned)
}
