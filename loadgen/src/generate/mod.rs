//! `loadgen gen`: writes a trace, of what `run` would send or of what a journal holds, or says what is in one.

mod dump;
mod mapping;
mod recorded;

use std::collections::BTreeMap;
use std::path::Path;

use toml::Table;

use crate::cli::{Format, GenArguments};
use crate::exit::Exit;
use crate::results::place::make_room_for_file;
use crate::results::tell;
use crate::run::{RunError, nanos, text_of};
use crate::trace::{Description, Header, Trace, TraceWriter};
use crate::traffic::schedule::Schedule;
use crate::traffic::{complete, schedule_settings};

/// Options of the command that say nothing about what is in the trace.
const ABOUT_THE_CALL: [&str; 7] = ["output", "describe", "from-dump", "format", "quiet", "seed", "currency"];

/// Writes or describes a trace.
///
/// # Errors
/// Where the arguments contradict each other, a trace is not right, or a file cannot be written.
pub fn run(arguments: &GenArguments, options: &Table) -> Result<Exit, RunError> {
    let path = match (&arguments.describe, &arguments.output) {
        (Some(path), _) => path,
        (None, Some(path)) => {
            make_room_for_file(path, arguments.force)?;
            match &arguments.from_dump {
                Some(dump) => write_recorded(arguments, dump, path)?,
                None => write(arguments, options, path)?,
            }
            path
        }
        (None, None) => return Err(RunError::Usage("--output says where to write the trace".to_owned())),
    };
    // What was just written is read again as a reader would.
    let trace = Trace::open(path)?;
    let description = Description::of(&trace);
    match arguments.format {
        _ if arguments.quiet && arguments.describe.is_none() => {}
        Format::Text => tell(&description.to_string()).map_err(RunError::Output)?,
        Format::Json => {
            let text =
                serde_json::to_string_pretty(&description).expect("a description is texts and numbers");
            tell(&format!("{text}\n")).map_err(RunError::Output)?;
        }
    }
    Ok(Exit::Pass)
}

/// What would be written: the resolved options, checked.
///
/// # Errors
/// Where the options contradict each other.
pub fn dry(arguments: &GenArguments, options: Table) -> Result<String, RunError> {
    let mut traffic = arguments.traffic.clone();
    let completed = complete(&mut traffic, &arguments.timing())?;
    let remarks: String = completed.remarks.iter().map(|remark| format!("# {remark}\n")).collect();
    let of_dump = arguments.from_dump.is_some().then(|| seed_of_dump(arguments));
    Ok(remarks + &text_of(options, of_dump.unwrap_or(completed.seed)))
}

fn write(arguments: &GenArguments, options: &Table, path: &Path) -> Result<(), RunError> {
    let mut traffic = arguments.traffic.clone();
    let timing = arguments.timing();
    let completed = complete(&mut traffic, &timing)?;
    let settings = schedule_settings(&traffic, &timing, completed.seed);
    let header = Header {
        seed: completed.seed,
        currency: completed.currency.code().to_owned(),
        operators: traffic.operators,
        acquirers: traffic.acquirers,
        merchants: traffic.merchants,
        length_ns: settings.duration_ns,
        warmup_ns: nanos(arguments.warmup),
        flat: settings.shape.is_flat(),
        scenarios: Header::all_scenarios(),
        made_from: made_from(options),
    };
    if !arguments.quiet {
        for remark in &completed.remarks {
            eprintln!("loadgen: {remark}");
        }
    }
    let cannot = |source| RunError::Io { what: path.display().to_string(), source };
    let mut writer = TraceWriter::begin(path, &header).map_err(cannot)?;
    for operator in 0..traffic.operators {
        writer.operator(Schedule::new(&settings, operator)).map_err(cannot)?;
    }
    writer.finish().map_err(cannot)
}

/// A dump has no seed; the same dump gives the same bytes unless one is given.
fn seed_of_dump(arguments: &GenArguments) -> u64 {
    arguments.traffic.seed.unwrap_or(0)
}

fn write_recorded(arguments: &GenArguments, dump: &Path, path: &Path) -> Result<(), RunError> {
    let (header, operators) = recorded::arrivals(dump, seed_of_dump(arguments))?;
    let cannot = |source| RunError::Io { what: path.display().to_string(), source };
    let mut writer = TraceWriter::begin(path, &header).map_err(cannot)?;
    for arrivals in operators {
        writer.operator(arrivals.into_iter()).map_err(cannot)?;
    }
    writer.finish().map_err(cannot)
}

/// The options that shaped the trace, as text.
fn made_from(options: &Table) -> BTreeMap<String, String> {
    let shaping = options.iter().filter(|(name, _)| !ABOUT_THE_CALL.contains(&name.as_str()));
    shaping.filter_map(|(name, value)| Some((name.clone(), value.as_str().map(str::to_owned)?))).collect()
}

#[cfg(test)]
mod tests;
