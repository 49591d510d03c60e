//! `loadgen check`: the auditor over what a run left behind, and a trial of the auditor itself.
//!
//! A check that has never found anything may be blind. `--mutate` damages a copy of the histories as a lost, doubled or
//! altered message would have, and the damage must be found; what lies in the directory is never touched.

mod mutation;

use std::fs;
use std::io;
use std::path::Path;

use holdfast_audit::finding::Class;
use holdfast_audit::{AuditError, Options, Report, Unwatched, counted};

use crate::cli::{CheckArguments, Format};
use crate::exit::Exit;
use crate::results::tell;
pub use mutation::{Damage, Mutation};
use mutation::{MutationError, damage};

/// Where the dump of the journal and the switch's report lie in the directory of a run.
pub(crate) const JOURNAL: &str = "journal.jsonl";
pub(crate) const STATUS: &str = "status.json";

/// Why nothing was checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// An input cannot be read.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// What it looks at is not there.
    #[error("{0}")]
    Missing(String),
    /// The histories cannot be damaged.
    #[error(transparent)]
    Mutation(#[from] MutationError),
    /// The report cannot be written.
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
}

/// Checks, prints what was found, and says how the program ends.
///
/// # Errors
/// Where an input cannot be read.
pub fn run(arguments: &CheckArguments) -> Result<Exit, CheckError> {
    let Some(mutation) = arguments.mutate else {
        let report = audit(&arguments.directory, arguments)?;
        print(&report, arguments.format)?;
        if !report.is_clean() && report.findings_total == of_other_times(&report) {
            eprintln!(
                "nothing else was found: where the journal is known to hold other runs, --other-times takes that for no finding"
            );
        }
        return Ok(if report.is_clean() { Exit::Pass } else { Exit::BooksOpen });
    };
    let before = audit(&arguments.directory, arguments)?;
    let copy = tempfile::tempdir().map_err(MutationError::from)?;
    let damage = damage(&arguments.directory, copy.path(), mutation, arguments.seed)?;
    let after = audit(copy.path(), arguments)?;
    print(&after, arguments.format)?;
    eprintln!("{damage}");
    if after.findings_total > before.findings_total {
        let found = counted(after.findings_total);
        eprintln!("found: {found}, {} without the damage", before.findings_total);
        Ok(Exit::BooksOpen)
    } else {
        eprintln!("loadgen: the damage was NOT found: this check cannot be trusted");
        Ok(Exit::RunError)
    }
}

fn audit(directory: &Path, arguments: &CheckArguments) -> Result<Report, CheckError> {
    let beside = |name| arguments.directory.join(name);
    let status = arguments.status.clone().unwrap_or_else(|| beside(STATUS));
    let mut options = Options::new(directory, beside(JOURNAL));
    if !arguments.journal_dumps.is_empty() {
        options.journal_dumps.clone_from(&arguments.journal_dumps);
    }
    for dump in &options.journal_dumps {
        require(&arguments.directory, dump)?;
    }
    options.status = (arguments.status.is_some() || fs::exists(&status)?).then_some(status);
    let report = holdfast_audit::run(&options, &mut Unwatched)?;
    Ok(if arguments.other_times { report.excuse_other_times() } else { report })
}

/// Says what is missing, and what makes it.
fn require(directory: &Path, dump: &Path) -> Result<(), CheckError> {
    let missing = |text: String| Err(CheckError::Missing(text));
    if !directory.join("history").is_dir() {
        return missing(format!(
            "{}: no directory history in it; give the one that `loadgen run -o DIR` or `loadgen drill -o DIR` wrote, or that of \
             `scripts/demo.sh --out DIR`",
            directory.display()
        ));
    }
    if !dump.is_file() {
        return missing(format!(
            "{}: no such file; end the switch, write it with `holdfast journal dump JOURNAL > {}`, or name it with --journal-dump",
            dump.display(),
            dump.display()
        ));
    }
    Ok(())
}

/// Audits a directory that holds all that an audit takes.
///
/// # Errors
/// Where an input cannot be read.
pub(crate) fn look(directory: &Path) -> Result<Report, CheckError> {
    let mut options = Options::new(directory, directory.join(JOURNAL));
    options.status = Some(directory.join(STATUS)).filter(|status| status.exists());
    Ok(holdfast_audit::run(&options, &mut Unwatched)?)
}

/// Findings that say no more than that the journal holds other times, too, of which no history knows.
pub(crate) fn of_other_times(report: &Report) -> u64 {
    report.findings_by_class.get(Class::NotCovered.name()).copied().unwrap_or(0)
}

fn print(report: &Report, format: Format) -> io::Result<()> {
    match format {
        Format::Text => tell(&report.to_string()),
        Format::Json => tell(&format!("{}\n", serde_json::to_string_pretty(report)?)),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use holdfast_protocol::{ParticipantNumber, UnixMillis};

    use super::*;
    use crate::history::record::{At, EventKind, Record, Role, Stored, header};

    #[test]
    fn a_dump_of_each_partition_is_audited_and_a_part_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let begun = UnixMillis::new(1).unwrap();
        let mut history =
            header(Role::Operator, ParticipantNumber::new(1).unwrap(), 0, begun, "operator-1").to_vec();
        let closed = Record::new(EventKind::Closed, At { time: begun, monotonic_ns: 0 });
        history.extend_from_slice(Stored::from(closed).renumber(0));
        fs::create_dir(directory.path().join("history")).unwrap();
        fs::write(directory.path().join("history/operator-1.operator.history"), history).unwrap();
        let dump = |partition: u16| {
            let path = directory.path().join(format!("partition-{partition}.jsonl"));
            let line = format!(
                r#"{{"partition":{partition},"sequence":1,"epoch":1,"time":1,"kind":"founded","partitions":2}}"#
            );
            fs::write(&path, line).unwrap();
            path
        };
        let (first, second) = (dump(0), dump(1));
        let check = |dumps: &[&Path]| {
            let options = dumps.iter().flat_map(|dump| [Path::new("--journal-dump"), dump]);
            let line = [Path::new("check"), directory.path()].into_iter().chain(options);
            audit(directory.path(), &CheckArguments::try_parse_from(line).unwrap())
        };
        let report = check(&[&first, &second]).unwrap();
        assert!(report.is_clean() && report.tally.facts == 2, "{report}");
        let refused = check(&[&first]).unwrap_err().to_string();
        assert!(refused.contains("partition 1 of 2 is missing"), "{refused}");
        let missing = check(&[&first, &directory.path().join("partition-2.jsonl")]).unwrap_err().to_string();
        assert!(missing.contains("partition-2.jsonl: no such file"), "{missing}");
    }

    #[test]
    fn what_is_missing_is_named_with_what_makes_it() {
        let directory = tempfile::tempdir().unwrap();
        let dump = directory.path().join(JOURNAL);
        let said = || require(directory.path(), &dump).unwrap_err().to_string();
        assert!(
            said().contains("no directory history") && said().contains("loadgen run -o DIR"),
            "{}",
            said()
        );
        fs::create_dir(directory.path().join("history")).unwrap();
        assert!(said().contains("journal.jsonl: no such file; end the switch, write it with"), "{}", said());
        fs::write(&dump, "").unwrap();
        assert!(require(directory.path(), &dump).is_ok());
    }
}
