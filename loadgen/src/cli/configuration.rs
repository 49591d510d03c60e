//! Options from a file and from the environment, and what they all came to.
//!
//! A flag counts before its variable in the environment (`LOADGEN_RATE` for `--rate`), that before the file of `--config`, the file
//! before the default.
//! In the file a key is a long option; keys at the top count for every command that has such an option, a table `[run]`
//! only for that command. What an option finally is, a run directory keeps as `config.toml`, which `--config` takes again.

use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, CommandFactory, FromArgMatches};
use toml::{Table, Value};

use super::Arguments;

/// A command line with what stood behind it.
#[derive(Debug)]
pub struct Resolved {
    /// What is to be done.
    pub arguments: Arguments,
    /// Every option of the command with its value.
    pub options: Table,
}

/// Reads the command line, the environment and the file.
///
/// # Errors
/// What `clap` says about a wrong value, wherever it stood; and a file that cannot be read.
pub fn resolve(
    words: impl IntoIterator<Item = OsString>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<Resolved, clap::Error> {
    let mut words: Vec<OsString> = words.into_iter().collect();
    let command = Arguments::command();
    // A first look, for what was given as a flag; what is wrong is said at the second.
    let given = command.clone().ignore_errors(true).try_get_matches_from(&words).ok();
    if let Some((name, flags)) = given.as_ref().and_then(ArgMatches::subcommand)
        && let Some(subcommand) = command.find_subcommand(name)
    {
        let file = match path_of_file(flags, &environment) {
            Some(path) => read(&path)?,
            None => Table::new(),
        };
        check_keys(&file)?;
        let own = file.get(name).and_then(Value::as_table);
        for option in options_of(subcommand) {
            if flags.value_source(option.get_id().as_str()) == Some(ValueSource::CommandLine) {
                continue;
            }
            let long = option.get_long().unwrap_or_default();
            let variable = environment(&variable_of(long));
            let value = own.and_then(|own| own.get(long)).or_else(|| file.get(long));
            match (variable, value) {
                (Some(text), _) => append(&mut words, option, &text.to_string_lossy()),
                (None, Some(Value::Array(values))) => {
                    values.iter().for_each(|value| append(&mut words, option, &text_of(value)));
                }
                (None, Some(value)) => append(&mut words, option, &text_of(value)),
                (None, None) => {}
            }
        }
    }
    let matches = command.clone().try_get_matches_from(words)?;
    let options = match matches.subcommand() {
        Some((name, flags)) => command.find_subcommand(name).map(|c| table_of(c, flags)).unwrap_or_default(),
        None => Table::new(),
    };
    Ok(Resolved { arguments: Arguments::from_arg_matches(&matches)?, options })
}

/// Options that a file or the environment may set.
fn options_of(command: &clap::Command) -> impl Iterator<Item = &Arg> {
    let about_the_call = ["help", "version", "config", "dry-run", "force"];
    command
        .get_arguments()
        .filter(move |arg| arg.get_long().is_some_and(|long| !about_the_call.contains(&long)))
}

fn variable_of(long: &str) -> String {
    format!("LOADGEN_{}", long.replace('-', "_").to_uppercase())
}

fn path_of_file(flags: &ArgMatches, environment: &impl Fn(&str) -> Option<OsString>) -> Option<OsString> {
    let flag =
        flags.try_get_raw("config").ok().flatten().and_then(|mut values| values.next()).map(OsString::from);
    flag.or_else(|| environment("LOADGEN_CONFIG"))
}

fn wrong(text: String) -> clap::Error {
    Arguments::command().error(clap::error::ErrorKind::InvalidValue, text)
}

fn read(path: &OsString) -> Result<Table, clap::Error> {
    let shown = path.to_string_lossy();
    let text = std::fs::read_to_string(path).map_err(|error| wrong(format!("{shown}: {error}")))?;
    text.parse().map_err(|error| wrong(format!("{shown}: {error}")))
}

/// A key that no command knows is a mistake.
fn check_keys(file: &Table) -> Result<(), clap::Error> {
    let command = Arguments::command();
    let knows =
        |subcommand: &clap::Command, key: &str| options_of(subcommand).any(|o| o.get_long() == Some(key));
    for (key, value) in file {
        match (command.find_subcommand(key), value) {
            (Some(subcommand), Value::Table(table)) => {
                if let Some(unknown) = table.keys().find(|key| !knows(subcommand, key)) {
                    return Err(wrong(format!(
                        "the file has {unknown:?} in [{key}], which has no such option"
                    )));
                }
            }
            _ if command.get_subcommands().any(|subcommand| knows(subcommand, key)) => {}
            _ => return Err(wrong(format!("the file has {key:?}, which is no option"))),
        }
    }
    Ok(())
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn append(words: &mut Vec<OsString>, option: &Arg, text: &str) {
    let long = option.get_long().unwrap_or_default();
    match option.get_action() {
        ArgAction::SetTrue if matches!(text, "false" | "0" | "") => {}
        ArgAction::SetTrue => words.push(format!("--{long}").into()),
        _ => words.push(format!("--{long}={text}").into()),
    }
}

/// What every option came to.
fn table_of(command: &clap::Command, flags: &ArgMatches) -> Table {
    let mut table = Table::new();
    for option in options_of(command) {
        let id = option.get_id().as_str();
        let long = option.get_long().unwrap_or_default().to_owned();
        if matches!(option.get_action(), ArgAction::SetTrue) {
            table.insert(long, Value::Boolean(flags.get_flag(id)));
            continue;
        }
        let Ok(Some(values)) = flags.try_get_raw(id) else { continue };
        let mut values: Vec<Value> =
            values.map(|v| Value::String(v.to_string_lossy().into_owned())).collect();
        match option.get_action() {
            ArgAction::Append => table.insert(long, Value::Array(values)),
            _ => values.pop().and_then(|value| table.insert(long, value)),
        };
    }
    table
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Command, Rate, RunArguments};
    use super::*;

    const LINE: &str = "loadgen run --switch 127.0.0.1:1 --certs c --no-admin";

    fn resolved(
        line: &str,
        file: Option<&Path>,
        variables: &[(&str, &str)],
    ) -> Result<Resolved, clap::Error> {
        let mut words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        words.extend(file.map(|path| format!("--config={}", path.display()).into()));
        let variable =
            |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, text)| (*text).into());
        resolve(words, variable)
    }

    fn run_of(resolved: Resolved) -> RunArguments {
        let Command::Run(run) = resolved.arguments.command else { panic!("it is a run") };
        *run
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn a_flag_counts_before_the_environment_and_that_before_the_file() {
        let file = file(
            "rate = 300\nduration = \"7s\"\nslo = [\"p99<1s\"]\nquiet = true\n[run]\nwarmup = \"1s\"\nwindow = 9",
        );
        let all = |line: &str, variables: &[(&str, &str)]| {
            run_of(resolved(&format!("{LINE} {line}"), Some(file.path()), variables).unwrap())
        };
        let from_file = all("", &[]);
        assert_eq!(from_file.rate, Rate::PerSecond(300.0));
        assert_eq!((from_file.duration.as_secs(), from_file.warmup.as_secs()), (7, 1));
        assert_eq!(
            (from_file.load.place.window, from_file.objectives.len(), from_file.to.quiet),
            (9, 1, true)
        );
        assert_eq!(all("", &[("LOADGEN_RATE", "max")]).rate, Rate::Max);
        assert_eq!(all("-r 5", &[("LOADGEN_RATE", "max")]).rate, Rate::PerSecond(5.0));
        assert_eq!(
            all("--slo max<2s --slo p50<1s", &[]).objectives.len(),
            2,
            "a flag replaces the list of the file"
        );
    }

    #[test]
    fn what_a_file_requires_need_not_be_a_flag() {
        let file = file("switch = \"127.0.0.1:9\"\ncerts = \"c\"\n");
        assert_eq!(
            run_of(resolved("loadgen run", Some(file.path()), &[]).unwrap()).load.place.switch.port(),
            9
        );
    }

    #[test]
    fn mistakes_in_a_file_are_named() {
        for (text, named) in [
            ("ratte = 3", "ratte"),
            ("[run]\nkey = 1", "key"),
            ("rate = ", "rate"),
            ("rate = \"fast\"", "fast"),
            ("[wun]\nrate = 1", "wun"),
        ] {
            let file = file(text);
            let error = resolved(LINE, Some(file.path()), &[]).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{text}");
            assert!(error.to_string().contains(named), "{text}: {error}");
        }
        assert_eq!(resolved(LINE, Some(Path::new("/nowhere/at/all")), &[]).unwrap_err().exit_code(), 2);
    }

    #[test]
    fn the_resolved_options_are_a_configuration_again() {
        let once = resolved(&format!("{LINE} -r 77 --slo p99<5ms"), None, &[]).unwrap();
        let text = toml::to_string(&once.options).unwrap();
        let file = file(&text);
        let again = resolved("loadgen run", Some(file.path()), &[]).unwrap();
        assert_eq!(once.options, again.options);
        assert_eq!(again.options["rate"].as_str(), Some("77"));
        assert_eq!(again.options["no-admin"].as_bool(), Some(true));
        assert!(!again.options.contains_key("seed"), "none was chosen yet");
    }
}
