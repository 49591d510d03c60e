//! What stands on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use holdfast_protocol::{BusinessDate, PaymentId, RequestId};

use crate::logging::LogFormat;

/// The authorization switch for mobile payments.
#[derive(Debug, Parser)]
#[command(name = "holdfast", version = crate::build::TEXT, max_term_width = 100, after_help = EXAMPLES)]
pub(super) struct Cli {
    /// What to log: a level, or levels by module, as in info or holdfast=debug,warn.
    #[arg(long, env = "HOLDFAST_LOG", default_value = "info", global = true, value_name = "FILTER")]
    pub(super) log: String,
    /// The form of log lines, on standard error.
    #[arg(long, value_enum, default_value = "text", global = true)]
    pub(super) log_format: LogFormat,
    #[command(subcommand)]
    pub(super) command: Command,
}

pub(super) const EXAMPLES: &str = "\
Examples:
  holdfast check-config /etc/holdfast/holdfast.toml
  holdfast certs /etc/holdfast/certs --config /etc/holdfast/holdfast.toml
  holdfast serve --config /etc/holdfast/holdfast.toml
  holdfast status
  holdfast participant drain acquirer-1
  holdfast transaction operator-1/019f0000-0000-7000-8000-000000000001
  holdfast undelivered acquirer-1
  holdfast route explain shop-1@acq-1
  holdfast cutover 2026-11-23
  holdfast journal verify /var/lib/holdfast/journal
  holdfast journal repair /var/lib/holdfast/journal

Exit codes: 0 done, 1 failed, 2 usage, 3 configuration wrong, 4 switch not reached, 5 refused by the
switch, 6 journal corrupt.";

const OF_A_TRANSACTION: &str = "\
Examples:
  holdfast transaction operator-1/019f0000-0000-7000-8000-000000000001
  holdfast transaction 1/019f0000-0000-7000-8000-000000000001 --journal copy

An originator knows the ids of its requests, `holdfast undelivered` prints those that wait, and the journal has all: \
`holdfast journal dump DIR | grep reserved` of a switch that does not run, or of a copy.";

const OF_A_JOURNAL: &str = "\
Examples:
  holdfast journal verify /var/lib/holdfast/journal
  holdfast journal dump /var/lib/holdfast/journal | head
  holdfast journal repair /var/lib/holdfast/journal
  holdfast journal repair /var/lib/holdfast/journal --cut /var/lib/holdfast/cut-1
  holdfast journal reindex /var/lib/holdfast/journal

verify, dump, and repair without --cut change nothing; repair --cut and reindex write.

A journal of several partitions is in DIR/partition-0 and so on: verify, dump and reindex take DIR and go through all of them, \
or take one of them; repair takes one.";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the switch until SIGTERM; SIGHUP reloads participants, limits, routes and certificates.
    #[command(after_help = "Example: holdfast serve --config /etc/holdfast/holdfast.toml")]
    Serve {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Check a configuration file: every fault with line, key and what was expected; and the certificates it leads to.
    #[command(after_help = "Example: holdfast check-config /etc/holdfast/holdfast.toml")]
    CheckConfig {
        /// The configuration file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Make a development authority and a certificate for the switch and each configured participant.
    #[command(after_help = "Example: holdfast certs demo/certs --config demo/holdfast.toml")]
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
    /// Check or print the journal of a switch that does not run; cut it where it is corrupt (repair --cut), or make indexes again.
    #[command(subcommand, after_help = OF_A_JOURNAL)]
    Journal(JournalCommand),
    /// Show how everything stands: participants, links, positions, deliveries, queues.
    #[command(
        after_help = "Example: holdfast status --config /etc/holdfast/holdfast.toml\n         holdfast status --admin 127.0.0.1:7071 --json"
    )]
    Status(Target),
    /// Suspend, resume or drain a participant.
    #[command(subcommand, after_help = "Example: holdfast participant drain acquirer-1")]
    Participant(ParticipantCommand),
    /// Give new work this business date; the days before it close when nothing of them is pending.
    #[command(after_help = "Example: holdfast cutover 2026-11-23 --admin 127.0.0.1:7071")]
    Cutover {
        /// YYYY-MM-DD.
        #[arg(value_name = "DATE")]
        date: BusinessDate,
        #[command(flatten)]
        target: Target,
    },
    /// Show one transaction: what a running switch has in memory, or with --journal its whole life.
    #[command(after_help = OF_A_TRANSACTION)]
    Transaction {
        /// The originator's name or number, and the id of its authorize or refund, or of a capture, release or reversal that belongs to it.
        #[arg(value_name = "PARTICIPANT/ID", value_parser = transaction_name)]
        transaction: (String, RequestId),
        /// Tell its whole life from this journal, of a switch that does not run or a copy; --json: its facts as JSON lines. Of
        /// several partitions the directory of all, or that of the originator's home.
        #[arg(long, value_name = "DIR", conflicts_with_all = ["admin", "config"])]
        journal: Option<PathBuf>,
        #[command(flatten)]
        target: Target,
    },
    /// List what destinations have not acknowledged, what waits longest first.
    #[command(after_help = "Example: holdfast undelivered acquirer-1 --max 200 --admin 127.0.0.1:7071")]
    Undelivered {
        /// Of this destination only, by name or number.
        #[arg(value_name = "NAME")]
        name: Option<String>,
        /// Transactions to list at most, up to 1000.
        #[arg(long, value_name = "N", default_value_t = 50)]
        max: u16,
        #[command(flatten)]
        target: Target,
    },
    /// Ask where payment IDs lead.
    #[command(subcommand, after_help = "Example: holdfast route explain shop-1@acq-1")]
    Route(RouteCommand),
    /// Make a running switch read its configuration and certificates again, and say what changed.
    #[command(after_help = "Example: holdfast reload --config /etc/holdfast/holdfast.toml")]
    Reload(Target),
}

#[derive(Debug, Subcommand)]
pub(super) enum JournalCommand {
    /// Check every frame: checksums, chain, order; of several partitions each, and that all are there. Exit code 6 where
    /// something is corrupt.
    #[command(after_help = "Example: holdfast journal verify /var/lib/holdfast/journal")]
    Verify {
        /// The journal's directory.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
    /// Print every fact as a JSON line, as docs/JOURNAL.md describes; of several partitions one after the other.
    #[command(after_help = "Example: holdfast journal dump /var/lib/holdfast/journal | head")]
    Dump {
        /// The journal's directory.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
    /// Say what keeps a switch from starting with a journal, and exactly what would be lost if it were cut there. Without
    /// --cut nothing is changed, and the exit code is 6 where something is corrupt.
    #[command(after_help = "Example: holdfast journal repair /var/lib/holdfast/journal")]
    Repair {
        /// The journal's directory; of several partitions that of one.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
        /// Cut there: what participants were told of is lost. Everything that is removed is first copied into this new
        /// directory.
        #[arg(long, value_name = "COPY")]
        cut: Option<PathBuf>,
    },
    /// Make the indexes of the archive again that are missing or damaged, as far back as the journal reaches. Changes nothing
    /// else; the switch must not run.
    #[command(after_help = "Example: holdfast journal reindex /var/lib/holdfast/journal")]
    Reindex {
        /// The journal's directory.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum ParticipantCommand {
    /// Refuse its requests, other than reversals, and send it no new work; what is in flight finishes.
    #[command(after_help = "Example: holdfast participant suspend acquirer-1 --admin 127.0.0.1:7071")]
    Suspend(Named),
    /// Let it take part again.
    #[command(after_help = "Example: holdfast participant resume acquirer-1 --admin 127.0.0.1:7071")]
    Resume(Named),
    /// No new work from it or to it; what is in flight finishes and reversals still flow.
    #[command(after_help = "Example: holdfast participant drain acquirer-1 --admin 127.0.0.1:7071")]
    Drain(Named),
}

#[derive(Debug, Args)]
pub(super) struct Named {
    /// The participant's name or number.
    #[arg(value_name = "NAME")]
    pub(super) name: String,
    #[command(flatten)]
    pub(super) target: Target,
}

#[derive(Debug, Subcommand)]
pub(super) enum RouteCommand {
    /// Show where a payment ID leads, which routes were considered, and whether it would be forwarded now.
    #[command(after_help = "Example: holdfast route explain shop-1@acq-1 --admin 127.0.0.1:7071")]
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
pub(super) struct Target {
    /// The address of its admin interface, HOST:PORT or IP:PORT [default: that of --config, or 127.0.0.1:7071].
    #[arg(long, value_name = "ADDR", value_parser = super::client::admin_address)]
    pub(super) admin: Option<SocketAddr>,
    /// The configuration file it runs.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Print the answer as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

fn transaction_name(text: &str) -> Result<(String, RequestId), String> {
    let (participant, id) = text.rsplit_once('/').ok_or("expected PARTICIPANT/ID")?;
    if participant.is_empty() {
        return Err("expected a participant before the '/'".to_owned());
    }
    Ok((participant.to_owned(), id.parse().map_err(|error| format!("{error}"))?))
}
