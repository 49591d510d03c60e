//! The `audit` program: `audit DIR --journal-dump FILE`.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use holdfast_audit::{Key, Options, Report, Watcher, run};
use indicatif::{ProgressBar, ProgressStyle};

const EXIT_UNREADABLE: u8 = 1;
const EXIT_FINDINGS: u8 = 5;

/// Version and commit.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("AUDIT_COMMIT"), ")");

/// Joins the histories of operators and destinations with the journal of the switch, transaction by transaction, and
/// lists where they disagree.
#[derive(Debug, Parser)]
#[command(name = "audit", version = VERSION, after_help = EXAMPLES)]
struct Arguments {
    /// The directory of a run; its histories are DIR/history/*.history
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// What `holdfast journal dump` printed: of the whole journal, or given once for each of its partitions
    #[arg(long = "journal-dump", value_name = "FILE", required = true)]
    journal_dumps: Vec<PathBuf>,
    /// The JSON of the switch's /status: its positions are compared too
    #[arg(long, value_name = "FILE")]
    status: Option<PathBuf>,
    /// Nothing was in flight any more: what is unanswered or unacknowledged is a finding. So it is without this option
    /// where every history says that it was drained
    #[arg(long)]
    drained: bool,
    /// By how much the writers' clocks may differ from the switch's
    #[arg(long, value_name = "MS", default_value_t = 1_000)]
    skew_ms: u64,
    /// How many findings of each class to list; all are counted
    #[arg(long, value_name = "N", default_value_t = 20)]
    list: usize,
    /// How much memory may be used before temporary files are
    #[arg(long, value_name = "MIB", default_value_t = 2_048)]
    memory_mib: usize,
    /// Show one transaction as everybody wrote it down
    #[arg(long, value_name = "ORIGINATOR/ID")]
    transaction: Option<Key>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Show no progress
    #[arg(long)]
    quiet: bool,
}

const EXAMPLES: &str = "\
Examples:
  holdfast journal dump run/journal > run/journal.jsonl
  audit run --journal-dump run/journal.jsonl
  audit run --journal-dump run/journal.jsonl --status run/status.json \\
      --drained
  audit run --journal-dump run/journal.jsonl \\
      --transaction 1/019f0000-0000-7000-8000-000000000001
  audit run --journal-dump run/journal.jsonl --json | jq .findings_by_class
  audit run --journal-dump run/partition-0.jsonl \\
      --journal-dump run/partition-1.jsonl

Exit codes: 0 clean, 5 findings, 1 an input cannot be read, 2 usage.";

/// A bar on standard error, where somebody looks at it.
struct Bar {
    bar: ProgressBar,
}

impl Bar {
    fn new(quiet: bool) -> Self {
        let shown = !quiet && io::stderr().is_terminal();
        let bar = if shown { ProgressBar::new(0) } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{msg:40} {bar:40} {percent:>3}% {elapsed}");
        bar.set_style(style.expect("the template is constant and lawful"));
        Self { bar }
    }
}

impl Watcher for Bar {
    fn begin(&mut self, phase: &str, steps: u64) {
        self.bar.set_position(0);
        self.bar.set_length(steps.max(1));
        self.bar.set_message(phase.to_owned());
    }

    fn advance(&mut self, done: u64) {
        self.bar.set_position(done);
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let options = Options {
        directory: arguments.directory,
        journal_dumps: arguments.journal_dumps,
        status: arguments.status,
        drained: arguments.drained,
        skew_ms: arguments.skew_ms,
        list: arguments.list,
        transaction: arguments.transaction,
        memory_bytes: arguments.memory_mib.saturating_mul(1 << 20),
    };
    let mut bar = Bar::new(arguments.quiet || arguments.json);
    let result = run(&options, &mut bar);
    bar.bar.finish_and_clear();
    let report = match result {
        Ok(report) => report,
        Err(error) => {
            eprintln!("audit: {error}");
            return ExitCode::from(EXIT_UNREADABLE);
        }
    };
    if let Err(error) = print(&report, arguments.json) {
        eprintln!("audit: standard output: {error}");
        return ExitCode::from(EXIT_UNREADABLE);
    }
    if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_FINDINGS) }
}

fn print(report: &Report, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, report)?;
        writeln!(out)
    } else {
        write!(out, "{report}")
    }
}
