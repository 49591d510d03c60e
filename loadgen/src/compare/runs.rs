//! Where the runs come from: directories of earlier runs, or configuration files that are run in turns.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::Value;
use toml::Table;

use super::metric::{METRICS, why_left_out};
use crate::cli::configuration::resolve;
use crate::cli::{Command, CompareArguments, RunArguments};
use crate::random::mix;
use crate::run::{Plan, RunError, Theatre, keep_options};
use crate::trials::Spoiled;

/// One run.
#[derive(Clone, Debug)]
pub(super) struct Made {
    /// Where it lies, or its number and side.
    pub(super) name: String,
    /// Its `summary.json`.
    pub(super) summary: Value,
}

/// What the sides are called.
const SIDES: [&str; 2] = ["a", "b"];

/// The runs of both sides.
pub(super) type Sides = [Vec<Made>; 2];

/// Takes the summaries of runs that measured something, and notes the others by name, and why.
pub(super) fn measured(runs: Vec<Made>, left_out: &mut Vec<(String, &'static str)>) -> Vec<Value> {
    let mut measured = Vec::new();
    for Made { name, summary } in runs {
        match why_left_out(&summary) {
            Some(why) => left_out.push((name, why)),
            None => measured.push(summary),
        }
    }
    measured
}

/// Makes sure that no run is on both sides.
///
/// # Errors
/// [`RunError::Usage`] where one directory is the other, or lies in it.
pub(super) fn are_apart(a: &Path, b: &Path) -> Result<(), RunError> {
    let whole = |path: &Path| path.canonicalize().map_err(RunError::io(path.display().to_string()));
    let (whole_a, whole_b) = (whole(a)?, whole(b)?);
    let how = if whole_a == whole_b {
        "are the same directory"
    } else if whole_a.starts_with(&whole_b) || whole_b.starts_with(&whole_a) {
        "lie one within the other"
    } else {
        return Ok(());
    };
    Err(RunError::Usage(format!(
        "A {} and B {} {how}: a run compared with itself shows nothing. How much runs of one kind differ by chance shows where \
         one configuration file is given twice",
        a.display(),
        b.display()
    )))
}

/// Makes sure that what is compared is not where the answer goes: earlier results there may be removed.
///
/// # Errors
/// [`RunError::Usage`] where the output is one of the sides, holds one, or lies in one.
pub(super) fn is_beside(output: &Path, sides: [&PathBuf; 2]) -> Result<(), RunError> {
    let Ok(whole) = output.canonicalize() else { return Ok(()) };
    for side in sides {
        let other = side.canonicalize().map_err(RunError::io(side.display().to_string()))?;
        if whole.starts_with(&other) || other.starts_with(&whole) {
            return Err(RunError::Usage(format!(
                "-o {}: the runs in {} are to be compared, and what is in the way of the answer could be removed: give a directory \
                 beside them",
                output.display(),
                side.display()
            )));
        }
    }
    Ok(())
}

/// Reads every `summary.json` in a directory and in its directories, in the order of their paths.
///
/// # Errors
/// Where one cannot be read.
pub(super) fn read(directory: &Path) -> Result<Vec<Made>, RunError> {
    let mut files = Vec::new();
    find(directory, &mut files).map_err(RunError::io(directory.display().to_string()))?;
    if files.is_empty() {
        let text = format!(
            "{}: no summary.json in it or below; `loadgen run -o DIR` writes one",
            directory.display()
        );
        return Err(RunError::Usage(text));
    }
    files.sort();
    let parse = |file: &PathBuf| {
        let text = std::fs::read_to_string(file)?;
        let summary = serde_json::from_str(&text).map_err(std::io::Error::other)?;
        Ok(Made { name: file.parent().unwrap_or(directory).display().to_string(), summary })
    };
    files.iter().map(|file| parse(file).map_err(RunError::io(file.display().to_string()))).collect()
}

fn find(directory: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, files)?;
        } else if path.file_name().is_some_and(|name| name == "summary.json") {
            files.push(path);
        }
    }
    Ok(())
}

/// Runs both configurations in turns; with why it broke off, where it did.
///
/// # Errors
/// Where the first run could not begin.
pub(super) fn make(arguments: &CompareArguments, seed: u64) -> Result<(Sides, Option<Spoiled>), RunError> {
    let sides = [configured(&arguments.a)?, configured(&arguments.b)?];
    let mut theatre = Theatre::open()?;
    let mut made = Sides::default();
    for pair in 0..arguments.repeats {
        // A first, then B first: neither always follows the other.
        let order = if pair % 2 == 0 { [0, 1] } else { [1, 0] };
        for side in order {
            let plan = plan(arguments, &sides[side], side, seed, pair)?;
            let name = SIDES[side];
            let what = format!("run {} of {name}", pair + 1);
            let report = match theatre.perform(plan) {
                Ok(report) => report,
                Err(error) if made.iter().all(Vec::is_empty) => return Err(error),
                Err(error) => {
                    let why = format!("{what}: {error}");
                    return Ok((made, Some(Spoiled { why, ..Spoiled::by(&error) })));
                }
            };
            if let Err(error) = report.write() {
                let why = format!("{what}: {error}");
                return Ok((made, Some(Spoiled { why, ..Spoiled::by(&error) })));
            }
            if let Some(spoiled) = Spoiled::of(&report, &what) {
                return Ok((made, Some(spoiled)));
            }
            let summary = serde_json::to_value(&report.summary).expect("a summary is plain data");
            if !arguments.to.quiet {
                eprintln!("pair {:>3} {name}  {}", pair + 1, line(&summary));
            }
            made[side].push(Made { name: format!("{name} {:02}", pair + 1), summary });
        }
    }
    Ok((made, None))
}

/// One run of a side; where results are kept, with what makes it again by itself, as its report says.
fn plan(
    arguments: &CompareArguments,
    configured: &(RunArguments, Table),
    side: usize,
    seed: u64,
    pair: u32,
) -> Result<Plan, RunError> {
    let (mut run, mut options) = configured.clone();
    let pair_seed = mix(seed.wrapping_add(u64::from(pair))) >> 32;
    run.load.traffic.seed = Some(pair_seed);
    run.to.quiet = true;
    run.to.output =
        arguments.to.output.as_ref().map(|output| output.join(SIDES[side]).join(format!("{:02}", pair + 1)));
    if let Some(output) = &run.to.output {
        // Made again, it must not write over what the configuration itself names.
        options.remove("output");
        keep_options(output, false, options, pair_seed)?;
    }
    Plan::new(run)
}

/// What a run brought, as far as it will be compared, and whether it can be believed.
fn line(summary: &Value) -> String {
    let p99 = METRICS.into_iter().find(|metric| metric.name == "response p99").and_then(|m| m.of(summary));
    let p99 = p99.map_or_else(|| "n/a".to_owned(), |micros| format!("{:.2} ms", micros / 1_000.0));
    let goodput = summary.pointer("/rate/goodput_per_s").and_then(Value::as_f64).unwrap_or(0.0);
    let measurement = summary.pointer("/verdict/measurement").and_then(Value::as_str).unwrap_or_default();
    format!("goodput {goodput:>9.0}/s  p99 {p99:>10}  {measurement}")
}

/// The arguments of `loadgen run --config FILE`, and nothing else; and every option of it.
fn configured(file: &Path) -> Result<(RunArguments, Table), RunError> {
    let words = ["loadgen".into(), "run".into(), "--config".into(), OsString::from(file)];
    let usage = |text: String| RunError::Usage(format!("{}: {text}", file.display()));
    let resolved = resolve(words, |_| None).map_err(|error| usage(error.to_string()))?;
    match resolved.arguments.command {
        Command::Run(run) => Ok((*run, resolved.options)),
        Command::Gen(_)
        | Command::Replay(_)
        | Command::Operator(_)
        | Command::Acquirer(_)
        | Command::Capacity(_)
        | Command::Selftest(_)
        | Command::Sweep(_)
        | Command::Compare(_)
        | Command::Check(_)
        | Command::Drill(_)
        | Command::Report(_) => Err(usage("it is no configuration of a run".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_summary_below_a_directory_is_read() {
        let directory = tempfile::tempdir().unwrap();
        for (name, seed) in [("a-02", 2), ("a-01", 1)] {
            std::fs::create_dir(directory.path().join(name)).unwrap();
            std::fs::write(directory.path().join(name).join("summary.json"), format!("{{\"seed\": {seed}}}"))
                .unwrap();
        }
        let seeds: Vec<_> =
            read(directory.path()).unwrap().iter().map(|run| run.summary["seed"].as_u64()).collect();
        assert_eq!(seeds, [Some(1), Some(2)]);
        std::fs::write(directory.path().join("summary.json"), "{").unwrap();
        assert!(read(directory.path()).is_err());
        let empty = tempfile::tempdir().unwrap();
        let said = read(empty.path()).unwrap_err().to_string();
        assert!(said.contains("no summary.json in it or below"), "{said}");
    }

    #[test]
    fn a_configuration_is_that_of_a_run() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.toml");
        std::fs::write(&file, "switch = \"127.0.0.1:9\"\ncerts = \"c\"\nrate = 77\n").unwrap();
        assert_eq!(configured(&file).unwrap().0.load.place.switch.port(), 9);
        std::fs::write(&file, "rate = 77\n").unwrap();
        assert!(matches!(configured(&file), Err(RunError::Usage(_))), "no switch is named");
    }
}
