//! The command line: what the `holdfast` program understands, and its exit codes.
//!
//! | code | meaning |
//! | --- | --- |
//! | 0 | done |
//! | 1 | it failed; the text says why |
//! | 2 | the command line was not understood |
//! | 3 | the configuration is wrong; every fault is listed with its line |
//! | 4 | the switch cannot be reached, or did not answer in time |
//! | 5 | the switch refused: unknown participant or transaction, or a reason of its own |
//! | 6 | the journal is corrupt |

mod arguments;
mod check;
mod client;
mod dump;
mod journal;
mod life;
mod partitions;
mod repair;
mod show;
mod time;
mod words;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use holdfast_journal::OpenError;

use crate::certs;
use crate::config::{Config, ConfigError};
use crate::logging;
use arguments::{Cli, Command, JournalCommand, Named, ParticipantCommand, RouteCommand, Target};
use client::Client;

impl Target {
    fn client(&self) -> Result<Client, Failure> {
        let address = match (self.admin, &self.config) {
            (Some(address), _) => address,
            (None, Some(file)) => Config::load(file)?.admin,
            (None, None) => crate::config::admin_default(),
        };
        Ok(Client::new(address))
    }
}

/// Why a command failed; its kind is the exit code.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Exit code 1.
    #[error("{0}")]
    Failed(String),
    /// Exit code 3.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Exit code 4.
    #[error("{0}")]
    Unreachable(String),
    /// Exit code 5.
    #[error("{0}")]
    Refused(String),
    /// Exit code 6.
    #[error("{0}")]
    Corrupt(String),
}

impl Failure {
    /// The exit code of the program.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Config(_) => 3,
            Self::Unreachable(_) => 4,
            Self::Refused(_) => 5,
            Self::Corrupt(_) => 6,
        }
    }
}

/// The whole program: reads the command line and carries it out. `serve` runs the switch until it is told to stop.
pub fn main(serve: impl FnOnce(Config) -> Result<(), Box<dyn std::error::Error>>) -> ExitCode {
    let cli = Cli::parse();
    match run(cli, serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("holdfast: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(
    cli: Cli,
    serve: impl FnOnce(Config) -> Result<(), Box<dyn std::error::Error>>,
) -> Result<(), Failure> {
    match cli.command {
        Command::Serve { config } => {
            logging::begin(&cli.log, cli.log_format).map_err(|e| Failure::Failed(e.to_string()))?;
            let config = Config::load(&config)?;
            let journal = config.journal.directory.clone();
            serve(config).map_err(|error| not_served(error.as_ref(), &journal))
        }
        Command::CheckConfig { file } => check::check_config(&Config::load(&file)?),
        Command::Certs { directory, config, force } => {
            let config = Config::load(&config)?;
            let written =
                certs::issue(&directory, &config, force).map_err(|e| Failure::Failed(e.to_string()))?;
            show::lines(written.iter().map(|file| file.display().to_string()))
        }
        Command::Journal(JournalCommand::Verify { directory }) => journal::verify(&directory),
        Command::Journal(JournalCommand::Dump { directory }) => journal::dump(&directory),
        Command::Journal(JournalCommand::Repair { directory, cut }) => {
            repair::repair(&directory, cut.as_deref())
        }
        Command::Journal(JournalCommand::Reindex { directory }) => journal::reindex(&directory),
        Command::Status(target) => show::status(target.client()?.get("/status")?, target.json),
        Command::Participant(command) => participant(command),
        Command::Cutover { date, target } => {
            let answer = target.client()?.post(&format!("/cutover/{date}"))?;
            show::answer(&answer, target.json, || format!("new work has the business date {date}"))
        }
        Command::Transaction { transaction: (participant, id), journal: Some(directory), target } => {
            let Ok(originator) = participant.parse();
            if target.json {
                journal::facts_of(&directory, &originator, id)
            } else {
                journal::life(&directory, &originator, id)
            }
        }
        Command::Transaction { transaction: (participant, id), journal: None, target } => {
            let path = format!("/transaction/{participant}/{id}");
            show::transaction(target.client()?.get(&path)?, target.json)
        }
        Command::Undelivered { name, max, target } => {
            let named = name.as_deref().map(is_name).transpose()?;
            let of = named.map_or_else(String::new, |name| format!("&destination={name}"));
            let answer = target.client()?.get(&format!("/undelivered?max={max}{of}"))?;
            show::undelivered(&answer, target.json)
        }
        Command::Route(RouteCommand::Explain { payment_id, target }) => {
            show::route(target.client()?.get(&format!("/route/{payment_id}"))?, target.json)
        }
        Command::Reload(target) => show::reload(&target.client()?.post("/reload")?, target.json),
    }
}

fn participant(command: ParticipantCommand) -> Result<(), Failure> {
    let (order, done, Named { name, target }) = match command {
        ParticipantCommand::Suspend(named) => ("suspend", "is suspended", named),
        ParticipantCommand::Resume(named) => ("resume", "takes part", named),
        ParticipantCommand::Drain(named) => ("drain", "is being drained", named),
    };
    let answer = target.client()?.post(&format!("/participant/{}/{order}", is_name(&name)?))?;
    show::participant(&answer, target.json, done)
}

/// What goes into a URL as it is.
fn is_name(name: &str) -> Result<&str, Failure> {
    let fits = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if fits { Ok(name) } else { Err(Failure::Refused(format!("{name:?} is no name of a participant"))) }
}

/// A corrupt journal has an exit code of its own: starting again cannot help, somebody has to look.
fn not_served(error: &(dyn std::error::Error + 'static), journal: &Path) -> Failure {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let corrupt = |error: &(dyn std::error::Error + 'static)| {
        matches!(error.downcast_ref(), Some(OpenError::Corrupt { .. } | OpenError::Facts { .. }))
    };
    if causes.into_iter().any(corrupt) {
        let (text, shown) = (with_causes(error), journal.display());
        let of_which = if partitions::only(journal).is_ok() {
            format!("`holdfast journal repair {shown}`")
        } else {
            format!(
                "`holdfast journal verify {shown}` says which partition it is, `holdfast journal repair` with its directory"
            )
        };
        Failure::Corrupt(format!(
            "{text}; {of_which} says what is damaged and what a cut there would lose, and changes nothing"
        ))
    } else {
        Failure::Failed(with_causes(error))
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::arguments::EXAMPLES;
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        let mut commands: Vec<clap::Command> = Cli::command().get_subcommands().cloned().collect();
        let mut count = 0;
        while let Some(command) = commands.pop() {
            commands.extend(command.get_subcommands().cloned());
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("holdfast "), "{} has no example: {help:?}", command.get_name());
            count += 1;
        }
        assert!(count > 15, "{count}");
    }

    #[test]
    fn every_command_of_the_examples_is_understood() {
        let examples = EXAMPLES.lines().filter(|line| line.starts_with("  holdfast"));
        let mut count = 0;
        for line in examples {
            count += 1;
            let parsed = Cli::try_parse_from(line.split_whitespace());
            assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
        }
        assert!(count >= 9);
    }

    #[test]
    fn every_command_of_the_handbook_is_understood() {
        let handbook = include_str!("../../../docs/OPERATIONS.md");
        let service = include_str!("../../../docs/holdfast.service");
        let in_blocks = handbook.lines().map(str::trim);
        let in_text = handbook.split('`').skip(1).step_by(2);
        let in_service =
            service.lines().filter_map(|line| line.split_once("=/usr/local/bin/").map(|(_, c)| c));
        let commands =
            in_blocks.chain(in_text).chain(in_service).filter(|text| text.starts_with("holdfast "));
        // A mention of a command by its name alone is no example of its use.
        let named = ["holdfast transaction", "holdfast check-config"];
        let mut count = 0;
        for command in commands.filter(|command| !named.contains(command)) {
            count += 1;
            let parsed = Cli::try_parse_from(command.split_whitespace());
            assert!(parsed.is_ok(), "{command}: {}", parsed.unwrap_err());
        }
        assert!(count > 25, "{count}");
    }

    #[derive(Debug, thiserror::Error)]
    #[error("starting")]
    struct Starting(#[source] OpenError);

    #[test]
    fn a_corrupt_journal_is_told_apart_from_other_failures() {
        let at = holdfast_journal::Position { segment: holdfast_journal::SegmentNumber(1), offset: 4_096 };
        let corrupt = OpenError::Corrupt { at, why: "a checksum".to_owned() };
        let journal = Path::new("/var/lib/journal");
        let failure = not_served(&corrupt, journal);
        assert_eq!(failure.exit_code(), 6);
        let text = failure.to_string();
        assert!(
            text.contains("a checksum") && text.contains("`holdfast journal repair /var/lib/journal`"),
            "{text}"
        );
        let several = tempfile::tempdir().unwrap();
        std::fs::create_dir(several.path().join("partition-0")).unwrap();
        let text = not_served(&corrupt, several.path()).to_string();
        assert!(
            text.contains(&format!("`holdfast journal verify {}` says which", several.path().display())),
            "{text}"
        );
        assert_eq!(not_served(&Starting(corrupt), journal).exit_code(), 6, "also as a cause");
        assert_eq!(not_served(&OpenError::Io(std::io::Error::other("disk")), journal).exit_code(), 1);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for line in [
            "holdfast",
            "holdfast serve",
            "holdfast cutover 2026-13-01",
            "holdfast transaction operator-1",
            "holdfast transaction /019f0000-0000-7000-8000-000000000001",
            "holdfast transaction operator-1/xyz",
            "holdfast route explain shop-1",
            "holdfast participant stop operator-1",
            "holdfast status --admin localhost",
            "holdfast --log-format xml status",
        ] {
            assert!(Cli::try_parse_from(line.split_whitespace()).is_err(), "{line}");
        }
    }

    #[test]
    fn the_version_names_the_commit() {
        let version = Cli::command().render_version();
        assert!(
            version.contains(crate::build::COMMIT) && version.contains(crate::build::VERSION),
            "{version}"
        );
    }
}
