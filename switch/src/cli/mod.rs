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

mod client;
mod dump;
mod journal;
mod show;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use holdfast_journal::OpenError;
use holdfast_protocol::{BusinessDate, PaymentId, RequestId};

use crate::admin::credentials;
use crate::certs;
use crate::config::{Config, ConfigError};
use crate::logging::{self, LogFormat};
use client::Client;

/// The authorization switch for mobile payments.
#[derive(Debug, Parser)]
#[command(name = "holdfast", version = crate::build::TEXT, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    /// What to log: a level, or levels by module, as in info or holdfast=debug,warn.
    #[arg(long, env = "HOLDFAST_LOG", default_value = "info", global = true, value_name = "FILTER")]
    log: String,
    /// The form of log lines, on standard error.
    #[arg(long, value_enum, default_value = "text", global = true)]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  holdfast check-config /etc/holdfast/holdfast.toml
  holdfast certs /etc/holdfast/certs --config /etc/holdfast/holdfast.toml
  holdfast serve --config /etc/holdfast/holdfast.toml
  holdfast status
  holdfast participant drain acquirer-1
  holdfast transaction operator-1/019f0000-0000-7000-8000-000000000001
  holdfast route explain shop-1@acq1
  holdfast cutover 2026-11-23
  holdfast journal verify /var/lib/holdfast/journal

Exit codes: 0 done, 1 failed, 2 usage, 3 configuration wrong, 4 switch not reached, 5 refused by the
switch, 6 journal corrupt.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the switch until SIGTERM; SIGHUP reloads participants, limits, routes and certificates.
    Serve {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Check a configuration file: every fault with line, key and what was expected.
    CheckConfig {
        /// The configuration file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Make a development authority and a certificate for the switch and each configured participant.
    Certs {
        /// Where to write ca.pem, switch.pem, switch.key, NAME.pem and NAME.key.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Replace what is there.
        #[arg(long)]
        force: bool,
    },
    /// Read the journal of a switch that does not run.
    #[command(subcommand)]
    Journal(JournalCommand),
    /// Show how everything stands: participants, links, positions, deliveries, queues.
    Status(Target),
    /// Suspend, resume or drain a participant.
    #[command(subcommand)]
    Participant(ParticipantCommand),
    /// Give new work this business date; the days before it close when nothing of them is pending.
    Cutover {
        /// YYYY-MM-DD.
        #[arg(value_name = "DATE")]
        date: BusinessDate,
        #[command(flatten)]
        target: Target,
    },
    /// Show one transaction: from the memory of a running switch, or its whole life from a journal.
    Transaction {
        /// The originator's name or number, and the id of its authorize.
        #[arg(value_name = "PARTICIPANT/ID", value_parser = transaction_name)]
        transaction: (String, RequestId),
        /// Read this journal of a switch that does not run instead: every fact, as JSON lines.
        #[arg(long, value_name = "DIR", conflicts_with_all = ["admin", "config"])]
        journal: Option<PathBuf>,
        #[command(flatten)]
        target: Target,
    },
    /// Ask where payment IDs lead.
    #[command(subcommand)]
    Route(RouteCommand),
    /// Make a running switch read its configuration and certificates again, and say what changed.
    Reload(Target),
}

#[derive(Debug, Subcommand)]
enum JournalCommand {
    /// Check every frame: checksums, chain, order. Exit code 6 where something is corrupt.
    Verify {
        /// The journal's directory.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
    /// Print every fact as a JSON line, as docs/JOURNAL.md describes.
    Dump {
        /// The journal's directory.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum ParticipantCommand {
    /// Refuse its requests, other than reversals, and send it no new work; what is in flight finishes.
    Suspend(Named),
    /// Let it take part again.
    Resume(Named),
    /// No new work from it or to it; what is in flight finishes and reversals still flow.
    Drain(Named),
}

#[derive(Debug, Args)]
struct Named {
    /// The participant's name or number.
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum RouteCommand {
    /// Show where a payment ID leads, which routes were considered, and whether it would be forwarded now.
    Explain {
        /// MERCHANT@MPS.
        #[arg(value_name = "PAYMENT-ID")]
        payment_id: PaymentId,
        #[command(flatten)]
        target: Target,
    },
}

/// Which running switch.
#[derive(Debug, Args)]
struct Target {
    /// The address of its admin interface [default: that of --config, or 127.0.0.1:7071].
    #[arg(long, value_name = "ADDR")]
    admin: Option<SocketAddr>,
    /// The configuration file it runs.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

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

fn transaction_name(text: &str) -> Result<(String, RequestId), String> {
    let (participant, id) = text.rsplit_once('/').ok_or("expected PARTICIPANT/ID")?;
    if participant.is_empty() {
        return Err("expected a participant before the '/'".to_owned());
    }
    Ok((participant.to_owned(), id.parse().map_err(|error| format!("{error}"))?))
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
            serve(Config::load(&config)?).map_err(|error| not_served(error.as_ref()))
        }
        Command::CheckConfig { file } => check_config(&Config::load(&file)?),
        Command::Certs { directory, config, force } => {
            let config = Config::load(&config)?;
            let written =
                certs::issue(&directory, &config, force).map_err(|e| Failure::Failed(e.to_string()))?;
            show::lines(written.iter().map(|file| file.display().to_string()))
        }
        Command::Journal(JournalCommand::Verify { directory }) => journal::verify(&directory),
        Command::Journal(JournalCommand::Dump { directory }) => journal::dump(&directory),
        Command::Status(target) => show::status(target.client()?.get("/status")?, target.json),
        Command::Participant(command) => participant(command),
        Command::Cutover { date, target } => {
            let answer = target.client()?.post(&format!("/cutover/{date}"))?;
            show::answer(&answer, target.json, || format!("new work has the business date {date}"))
        }
        Command::Transaction { transaction: (participant, id), journal: Some(directory), .. } => {
            let Ok(originator) = participant.parse();
            journal::life(&directory, &originator, id)
        }
        Command::Transaction { transaction: (participant, id), journal: None, target } => {
            let path = format!("/transaction/{participant}/{id}");
            show::transaction(target.client()?.get(&path)?, target.json)
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
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) {
        return Err(Failure::Refused(format!("{name:?} is no name of a participant")));
    }
    let answer = target.client()?.post(&format!("/participant/{name}/{order}"))?;
    show::answer(&answer, target.json, || format!("{name} {done}"))
}

fn check_config(config: &Config) -> Result<(), Failure> {
    // What the file says is right; whether the files it names are there is another question, so only a remark.
    if let Err(error) = credentials(config) {
        eprintln!("holdfast: remark: {error}");
    }
    let (participants, routes) = (config.participants.len(), config.routes.len());
    let file = config.file.display();
    show::lines([format!("{file}: right, {participants} participants, {routes} routes")])
}

/// A corrupt journal has an exit code of its own: starting again cannot help, somebody has to look.
fn not_served(error: &(dyn std::error::Error + 'static)) -> Failure {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let corrupt = |error: &(dyn std::error::Error + 'static)| {
        matches!(error.downcast_ref(), Some(OpenError::Corrupt { .. } | OpenError::Facts { .. }))
    };
    if causes.into_iter().any(corrupt) {
        Failure::Corrupt(with_causes(error))
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

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
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
        assert_eq!(not_served(&corrupt).exit_code(), 6);
        assert_eq!(not_served(&Starting(corrupt)).exit_code(), 6, "also as a cause");
        assert_eq!(not_served(&OpenError::Io(std::io::Error::other("disk"))).exit_code(), 1);
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
