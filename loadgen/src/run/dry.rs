//! `--dry-run`: what a command would do, with every option that it would do it with; and nothing is done.

use std::path::Path;
use std::sync::Arc;

use toml::Table;

use super::{Plan, RunError, chosen_seed, text_of};
use crate::cli::{Command, OperatorArguments, RunArguments};
use crate::trace::Trace;
use crate::trials::Trials;
use crate::{capacity, generate, sweep};

/// What a command would do: its resolved options, checked, and nothing done.
///
/// # Errors
/// Where the options contradict each other.
pub fn dry(command: &Command, options: Table) -> Result<String, RunError> {
    let (plan, seed) = match command {
        Command::Run(run) => {
            let plan = Plan::new(RunArguments::clone(run))?;
            let seed = plan.seed;
            (plan, seed)
        }
        Command::Replay(replay) => {
            let plan = Plan::replay(replay, Arc::new(Trace::open(&replay.trace)?))?;
            let seed = plan.seed;
            (plan, seed)
        }
        Command::Operator(operator) => {
            let plan = Plan::operator(OperatorArguments::clone(operator))?;
            let seed = plan.seed;
            (plan, seed)
        }
        Command::Acquirer(acquirer) => {
            Plan::acquirer(acquirer)?;
            return Ok(options.to_string());
        }
        Command::Gen(arguments) => return generate::dry(arguments, options),
        Command::Capacity(a) => {
            let (mut plan, seed) = first_of(&Trials::of_capacity(a), a.from)?;
            plan.remarks = vec![capacity::plan_in_words(a)?];
            (plan, seed)
        }
        Command::Sweep(a) => {
            let rates = a.rates().map_err(RunError::Usage)?;
            let trials = Trials::new(&a.load, &a.to, &a.objectives, a.warmup, a.duration);
            let (mut plan, seed) = first_of(&trials, rates[0])?;
            plan.remarks = vec![sweep::plan_in_words(a, seed)?];
            (plan, seed)
        }
        Command::Selftest(selftest) => {
            let load = selftest.load(Path::new("."));
            first_of(&Trials::new(&load, &selftest.to, &[], selftest.warmup, selftest.duration), 1.0)?
        }
        Command::Drill(drill) => {
            let plan = crate::drill::Plan::new(drill, drill.to.output.as_deref().unwrap_or(Path::new(".")))?;
            let seed = plan.run.seed;
            (plan.run, seed)
        }
        Command::Compare(compare) => {
            let few = if compare.a.is_dir() { None } else { crate::compare::too_few_to_come(compare) };
            let few = few.map_or_else(String::new, |words| format!("# WARNING: {words}\n"));
            return Ok(few + &text_of(options, compare.seed.unwrap_or_else(chosen_seed)));
        }
        Command::Check(_) | Command::Report(_) => return Ok(options.to_string()),
    };
    let remarks: String = plan.remarks.iter().map(|remark| format!("# {remark}\n")).collect();
    Ok(remarks + &text_of(options, seed))
}

/// The first of several runs, and the seed that all of them follow from.
fn first_of(trials: &Trials, rate_per_s: f64) -> Result<(Plan, u64), RunError> {
    Ok((Plan::new(trials.arguments(rate_per_s))?, trials.seed))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Arguments;

    fn said(line: &str) -> Result<String, RunError> {
        let line = format!("loadgen {line} --switch 127.0.0.1:1 --certs c --no-admin --seed 4 --dry-run");
        dry(&Arguments::try_parse_from(line.split_whitespace()).unwrap().command, Table::new())
    }

    #[test]
    fn a_sweep_lists_its_rates_and_how_long_they_take() {
        let text = said("sweep --rates 500,1000,2000 --repeats 4 -d 9s -w 2s").unwrap();
        assert!(text.starts_with("# 12 runs of 11 s, 4 of each rate (500, 1000, 2000/s), first "), "{text}");
        assert!(text.contains(": about 3.0 minutes\n"), "{text}");
        assert!(said("sweep --rates 5 --slo p99<1s").is_err(), "such runs could not be judged");
    }

    #[test]
    fn a_search_says_where_it_begins_and_how_long_it_takes() {
        let text = said("capacity --slo p99<10ms --from 2000 --top 64000 -d 4s -w 1s").unwrap();
        assert!(text.starts_with("# trials of 5 s, from 2000/s, doubled up to 64000/s"), "{text}");
        assert!(text.contains("20 to 45 of them as a rule, 3 to 7 minutes\n"), "{text}");
        let wide = said("capacity --slo p99<10ms --from 2000 -d 4s -w 1s --width 20%").unwrap();
        assert!(wide.contains("14 to 30 of them as a rule, 3 to 5 minutes\n"), "{wide}");
        assert!(said("capacity --slo p99<10ms --from 10").is_err());
        let refused = |options: &str| match said(&format!("capacity --slo p99<10ms --from 2000 {options}")) {
            Err(RunError::Usage(why)) => why,
            other => panic!("{options}: {other:?}"),
        };
        assert!(refused("--top 1000").contains("--from must not be above --top"));
        assert!(refused("--top 8000 --planned 9000").contains("--planned must not be above --top"));
    }
}
