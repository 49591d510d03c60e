//! `loadgen compare A B`: did it get better or worse?
//!
//! Promise: where two sets of the same kind are compared, a difference is seen as rarely as was asked for, over all metrics;
//! and "the same" is said only where the interval says so, never for want of runs.

pub mod metric;
mod runs;
pub mod significance;
pub mod verdict;

use std::fmt::{self, Write};

use serde::Serialize;
use toml::Table;

use crate::cli::CompareArguments;
use crate::exit::Exit;
use crate::page;
use crate::results;
use crate::results::head::Head;
use crate::run::{RunError, chosen_seed, keep_options};
use crate::trials::Spoiled;
use metric::{METRICS, Metric};
use verdict::{Compared, Question, Verdict, can_tell, compare, one_sided, runs_enough};

/// The content of `compare.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The program that compares, its machine, the seed.
    #[serde(flatten)]
    pub head: Head,
    /// Where the runs of A come from, and those of B.
    pub sides: (String, String),
    /// Runs of each that are compared.
    pub runs: (usize, usize),
    /// Runs whose measurement is invalid or that ended before their time, by name: they have no values.
    pub left_out: Vec<String>,
    /// What the two do not have in common.
    pub warnings: Vec<String>,
    /// Every metric that enough runs know.
    pub metrics: Vec<Compared>,
    /// Metrics that too few runs know.
    pub not_known: Vec<&'static str>,
    /// Of those, metrics that enough runs of one side know.
    pub one_sided: Vec<&'static str>,
    /// Whether there are metrics, and each is known to so many runs that they could show a difference at all.
    pub can_tell: bool,
    /// What was asked.
    pub alpha: f64,
    /// See above.
    pub same_within: f64,
}

/// Compares, says what was found, and how the program ends.
///
/// # Errors
/// Where a run could not begin, or a file could not be read or written.
pub fn run(arguments: &CompareArguments, options: Table) -> Result<Exit, RunError> {
    let a = arguments;
    let seed = a.seed.unwrap_or_else(chosen_seed);
    for (side, path) in [("A", &a.a), ("B", &a.b)] {
        if !path.exists() {
            return Err(RunError::Usage(format!(
                "{side} is {}, and there is no such file or directory: give two directories with runs that `loadgen run -o DIR` wrote, or two \
                 configurations of `loadgen run`",
                path.display()
            )));
        }
    }
    let given = match (a.a.is_dir(), a.b.is_dir()) {
        (true, true) => {
            runs::are_apart(&a.a, &a.b)?;
            if let Some(output) = &a.to.output {
                runs::is_beside(output, [&a.a, &a.b])?;
            }
            Some([runs::read(&a.a)?, runs::read(&a.b)?])
        }
        (false, false) => None,
        _ => {
            let text = "A and B must both be directories with runs, or both be configuration files";
            return Err(RunError::Usage(text.to_owned()));
        }
    };
    if let Some(output) = &a.to.output {
        keep_options(output, a.to.force, options, seed)?;
    }
    let (sides, spoiled) = match given {
        Some(sides) => (sides, None),
        None => {
            too_few_to_come(a).iter().for_each(|words| eprintln!("WARNING: {words}"));
            runs::make(a, seed)?
        }
    };
    let comparison = Comparison::of(a, seed, sides, spoiled.as_ref());
    results::publish(&a.to, "compare.json", &comparison, &comparison.text())?;
    if let Some(output) = &a.to.output {
        page::make(output)?;
    }
    Ok(match spoiled {
        Some(Spoiled { exit, why }) => {
            eprintln!("loadgen: the comparison broke off: {why}");
            exit
        }
        None => comparison.exit_code(),
    })
}

/// That the runs that are asked for will be too few, said before the first of them is made.
pub(crate) fn too_few_to_come(a: &CompareArguments) -> Option<String> {
    let repeats = a.repeats as usize;
    (!can_tell(repeats, repeats, a.alpha)).then(|| {
        let enough = enough("--repeats ", a.alpha);
        format!(
            "--repeats {repeats} cannot show that anything got worse or better at --alpha {}{enough}",
            a.alpha
        )
    })
}

/// How many runs of each side would do.
fn enough(option: &str, alpha: f64) -> String {
    runs_enough(alpha).map_or_else(String::new, |runs| format!(": {option}{runs} of each side are enough"))
}

/// What so few runs could not show, in words: a line for all metrics that as many runs know.
fn too_few(metrics: &[Compared], runs: (usize, usize), alpha: f64) -> Vec<String> {
    let few = |(a, b): (usize, usize)| {
        format!("{a} and {b} runs are too few to see any difference at {alpha}{}", enough("", alpha))
    };
    if !can_tell(runs.0, runs.1, alpha) {
        return vec![few(runs)];
    }
    let blind = metrics.iter().filter(|compared| !compared.can_tell).map(|c| (c.metric, c.runs));
    alike(blind).into_iter().map(|(names, runs)| format!("{names}: {}", few(runs))).collect()
}

/// The metrics that as many runs of both sides know, together.
fn alike<'a>(known: impl Iterator<Item = (&'a str, (usize, usize))>) -> Vec<(String, (usize, usize))> {
    let mut together: Vec<(String, (usize, usize))> = Vec::new();
    for (name, runs) in known {
        match together.iter_mut().find(|(_, others)| *others == runs) {
            Some((names, _)) => *names = format!("{names}, {name}"),
            None => together.push((name.to_owned(), runs)),
        }
    }
    together
}

impl Comparison {
    /// Of these runs. What broke off compares the runs until then, and judges nothing.
    fn of(a: &CompareArguments, seed: u64, sides: runs::Sides, spoiled: Option<&Spoiled>) -> Self {
        let mut left_out = Vec::new();
        let [runs_a, runs_b] = sides.map(|runs| runs::measured(runs, &mut left_out));
        let one_sided = one_sided(&runs_a, &runs_b);
        let question = Question { alpha: a.alpha, same_within: a.same_within, seed };
        let mut metrics = compare(&runs_a, &runs_b, question);
        if spoiled.is_some() {
            metrics.iter_mut().for_each(|compared| compared.verdict = Verdict::NotJudged);
        }
        let is_pair = !runs_a.is_empty() && !runs_b.is_empty();
        // Of no runs at all nothing differs, and of a comparison that broke off nothing is judged.
        let mut warnings = if is_pair { metric::differences(&runs_a, &runs_b) } else { vec![] };
        warnings.extend(left_out.iter().map(|(name, why)| format!("{name}: {why}, left out")));
        if spoiled.is_none() {
            warnings.extend(too_few(&metrics, (runs_a.len(), runs_b.len()), a.alpha));
            let one_sided = is_pair.then(|| alike(one_sided.iter().copied())).into_iter().flatten();
            warnings.extend(one_sided.map(|(names, (of_a, of_b))| {
                format!(
                    "{names}: known to {of_a} runs of A and {of_b} of B, so whether it changed cannot be told"
                )
            }));
        }
        let is_known = |metric: &Metric| metrics.iter().any(|compared| compared.metric == metric.name);
        Self {
            head: Head::new(seed, false).until(spoiled),
            sides: (a.a.display().to_string(), a.b.display().to_string()),
            runs: (runs_a.len(), runs_b.len()),
            left_out: left_out.into_iter().map(|(name, _)| name).collect(),
            warnings,
            not_known: METRICS.iter().filter(|m| !is_known(m)).map(|m| m.name).collect(),
            one_sided: one_sided.iter().map(|(name, _)| *name).collect(),
            can_tell: !metrics.is_empty()
                && one_sided.is_empty()
                && metrics.iter().all(|compared| compared.can_tell),
            metrics,
            alpha: a.alpha,
            same_within: a.same_within,
        }
    }

    /// How the program ends.
    pub fn exit_code(&self) -> Exit {
        let any = |found: fn(&Compared) -> bool| self.metrics.iter().any(found);
        if any(|compared| compared.verdict == Verdict::Regressed) {
            Exit::Missed
        } else if self.metrics.is_empty()
            || !self.one_sided.is_empty()
            || any(|c| !c.can_tell && c.verdict == Verdict::Inconclusive)
        {
            // That nothing got worse was not to be seen in so few runs.
            Exit::Invalid
        } else {
            Exit::Pass
        }
    }

    /// The text for people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out).expect("a string takes what is written to it");
        out
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        let ((a, b), (runs_a, runs_b)) = (&self.sides, self.runs);
        writeln!(out, "\nA {a}, {runs_a} runs; B {b}, {runs_b} runs; seed {}\n", self.head.seed)?;
        writeln!(
            out,
            "  {:<16}{:>9}{:>20}{:>12}{:>9}  verdict",
            "B by A", "ratio", "95 %", "A by itself", "p"
        )?;
        for c in &self.metrics {
            let noise =
                c.noise_floor.map_or_else(|| "n/a".to_owned(), |floor| format!("±{:.1} %", floor * 100.0));
            let interval = format!("{:.3} to {:.3}", c.interval.0, c.interval.1);
            let verdict = match c.verdict {
                Verdict::Regressed => "REGRESSED".to_owned(),
                Verdict::Improved => "improved".to_owned(),
                Verdict::Same => format!("same within ±{:.0} %", self.same_within * 100.0),
                Verdict::Inconclusive => "inconclusive".to_owned(),
                Verdict::NotJudged => "not judged".to_owned(),
            };
            writeln!(
                out,
                "  {:<16}{:>9.3}{interval:>20}{noise:>12}{:>9.4}  {verdict}",
                c.metric, c.ratio, c.p_corrected
            )?;
        }
        if !self.not_known.is_empty() {
            let names = self.not_known.join(", ");
            writeln!(out, "  not known to {} runs of each side: {names}", verdict::RUNS_MIN)?;
        }
        writeln!(
            out,
            "    A by itself: halves of A's runs differ by more once in twenty times; p: corrected for all metrics"
        )?;
        self.warnings.iter().try_for_each(|warning| writeln!(out, "  WARNING: {warning}"))?;
        match &self.head.broken_off {
            Some(why) => writeln!(out, "  nothing is judged; the comparison broke off: {why}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
