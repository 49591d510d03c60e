//! One audit from its inputs to its report.

mod dumped;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::course::Course;
use crate::finding::{Class, Evidence, Findings};
use crate::history::form::{Clocks, contradiction};
use crate::history::record::flag;
use crate::history::{FileError, History, Kind, Message, Role};
use crate::journal::{DumpError, Fact};
use crate::positions::{Positions, compare_status, nets_to_zero};
use crate::refunds::Refunds;
use crate::report::{Report, Tally};
use crate::rules::{self, Case};
use crate::shard::{Key, Shards};
use crate::status::{Status, StatusError};
use crate::transaction::{Context, Source, Transaction};
use dumped::Journal;

/// What is to be audited, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory of a run: its histories are in `history/`.
    pub directory: PathBuf,
    /// The JSON lines of `holdfast journal dump`: of the whole journal, or one file for each of its partitions.
    pub journal_dumps: Vec<PathBuf>,
    /// The JSON of the switch's `/status`.
    pub status: Option<PathBuf>,
    /// Nothing is in flight any more, whatever the histories say of themselves.
    pub drained: bool,
    /// By how much the clocks of writers may differ from the switch's.
    pub skew_ms: u64,
    /// How many findings of each class are listed; all are counted.
    pub list: usize,
    /// This one transaction is shown as everybody wrote it down.
    pub transaction: Option<Key>,
    /// How much memory entries may take before they go to temporary files.
    pub memory_bytes: usize,
}

impl Options {
    /// The usual options for a run.
    pub fn new(directory: impl Into<PathBuf>, journal_dump: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            journal_dumps: vec![journal_dump.into()],
            status: None,
            drained: false,
            skew_ms: 1_000,
            list: 20,
            transaction: None,
            memory_bytes: 2 << 30,
        }
    }
}

/// Why an audit could not be made.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The directory of histories cannot be listed.
    #[error("{path}: {source}")]
    Directory {
        /// Which.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// There is no history in it.
    #[error("{0}: no file ends in .history")]
    NoHistory(PathBuf),
    /// A history cannot be read.
    #[error(transparent)]
    History(#[from] FileError),
    /// The dump cannot be read.
    #[error(transparent)]
    Dump(#[from] DumpError),
    /// The status cannot be read.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// The status is of another switch.
    #[error("the status is of a switch with {status} partition{}, and the journal has {journal}", if *status == 1 { "" } else { "s" })]
    OtherStatus {
        /// As the status has it.
        status: usize,
        /// As the dumps have it.
        journal: u16,
    },
    /// Temporary files cannot be written or read.
    #[error("temporary files: {0}")]
    Spill(#[source] io::Error),
}

/// Who wants to know how far an audit is.
pub trait Watcher {
    /// A phase begins that has so many steps.
    fn begin(&mut self, phase: &str, steps: u64);
    /// So many steps of it are done.
    fn advance(&mut self, done: u64);
}

/// Nobody.
#[derive(Clone, Copy, Debug)]
pub struct Unwatched;

impl Watcher for Unwatched {
    fn begin(&mut self, _: &str, _: u64) {}
    fn advance(&mut self, _: u64) {}
}

/// Steps between two words to the watcher.
const STEPS: u64 = 1 << 14;

/// Reads everything, joins it and judges it.
///
/// # Errors
/// [`AuditError`]: what cannot be read in full is not judged.
pub fn run(options: &Options, watcher: &mut dyn Watcher) -> Result<Report, AuditError> {
    let status = options.status.as_deref().map(Status::read).transpose()?;
    let mut audit = Audit {
        refunds: Refunds::default(),
        skew_ms: options.skew_ms,
        shards: Shards::new(options.memory_bytes),
        findings: Findings::new(options.list),
        sources: Vec::new(),
        tally: Tally::default(),
        notes: Vec::new(),
    };
    for path in histories(&options.directory)? {
        audit.read_history(&path, watcher)?;
    }
    let journal = audit.read_dumps(&options.journal_dumps, watcher)?;
    if let Some(status) = &status
        && status.sequences.len() != usize::from(journal.partitions)
    {
        return Err(AuditError::OtherStatus { status: status.sequences.len(), journal: journal.partitions });
    }
    audit.note_what_is_missing();
    let all_drained = audit.sources.iter().all(|s| s.drained);
    let context = Context {
        drained: options.drained || all_drained,
        sources: std::mem::take(&mut audit.sources),
        skew_ms: options.skew_ms,
        ends_ms: journal.parts.iter().map(|(partition, part)| (*partition, part.end_ms)).collect(),
        partitions: journal.partitions,
    };
    audit.judge_leases(&journal, context.drained);
    let mut timeline = None;
    let look = |context: &Context, transaction: &Transaction| {
        if options.transaction == Some(transaction.key) {
            timeline = Some(crate::timeline::timeline(context, transaction));
        }
    };
    let mut report = audit.join(&context, &journal, status.as_ref(), look, watcher)?;
    report.timeline = timeline;
    Ok(report)
}

struct Audit {
    refunds: Refunds,
    skew_ms: u64,
    shards: Shards,
    findings: Findings,
    sources: Vec<Source>,
    tally: Tally,
    notes: Vec<String>,
}

fn histories(directory: &Path) -> Result<Vec<PathBuf>, AuditError> {
    let directory = directory.join("history");
    let failed = |source| AuditError::Directory { path: directory.clone(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(&directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "history") {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(AuditError::NoHistory(directory));
    }
    // The order of the operating system is nobody's: reports of the same files are to be equal.
    paths.sort();
    Ok(paths)
}

fn file_bytes(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

impl Audit {
    fn read_history(&mut self, path: &Path, watcher: &mut dyn Watcher) -> Result<(), AuditError> {
        let mut history = History::open(path)?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        watcher.begin(&name, file_bytes(path) / crate::history::record::RECORD_BYTES as u64);
        let file = u16::try_from(self.sources.len()).unwrap_or(u16::MAX - 1);
        let header = history.header().clone();
        let mut source = Source {
            file: name,
            role: header.role,
            participant: header.participant,
            started_ms: header.started_ms,
            ended_ms: None,
            made_ms: None,
            records: 0,
            closed: false,
            drained: false,
            torn_bytes: 0,
            decided_through: std::collections::BTreeMap::new(),
        };
        let mut answers: std::collections::BTreeMap<(u32, u8), u64> = std::collections::BTreeMap::new();
        let mut clocks = Clocks::default();
        while let Some((place, record)) = history.next_record()? {
            source.records += 1;
            let contradiction = contradiction(&header, &record)
                .or_else(|| clocks.contradiction(&record, self.skew_ms))
                .or_else(|| source.closed.then_some("it was written after the end"));
            if let Some(what) = contradiction {
                self.contradiction(&source, place, what);
            }
            if (record.kind, header.role) == (Kind::Sent, Role::Operator)
                && record.message != Message::Inquiry
            {
                source.note_made(record.id);
            }
            let lane = (record.epoch, record.lane);
            match record.kind {
                Kind::Closed => {
                    source.closed = true;
                    source.ended_ms = Some(record.time_ms);
                    source.drained = record.has(flag::DRAINED);
                }
                Kind::DecidedThrough => {
                    if record.sequence > answers.get(&lane).copied().unwrap_or(0) {
                        self.contradiction(&source, place, "more answers are decided than were given");
                    }
                    let through = source.decided_through.entry(lane).or_insert(0);
                    *through = record.sequence.max(*through);
                }
                _ => {
                    if record.kind == Kind::Answered && record.sequence > 0 {
                        let before = answers.insert(lane, record.sequence).unwrap_or(0);
                        if record.sequence != before + 1 {
                            self.contradiction(
                                &source,
                                place,
                                "answers of a lane are not counted one by one",
                            );
                        }
                    }
                    self.shards.add_record(file, place, &record).map_err(AuditError::Spill)?;
                }
            }
            if place.is_multiple_of(STEPS) {
                watcher.advance(place);
            }
        }
        source.torn_bytes = history.torn_bytes();
        self.tally.records += source.records;
        self.sources.push(source);
        Ok(())
    }

    fn contradiction(&mut self, source: &Source, place: u64, what: &str) {
        self.findings.add(Class::HistoryContradicts, || {
            let evidence =
                Evidence::History { file: source.file.clone(), record: place, what: "record".to_owned() };
            (None, what.to_owned(), vec![evidence])
        });
    }

    fn note_what_is_missing(&mut self) {
        for source in &self.sources {
            if source.torn_bytes > 0 {
                self.notes.push(format!("{} ends within a record: {} bytes", source.file, source.torn_bytes));
            }
            if !source.closed {
                self.notes.push(format!("{} was not closed: its last records may be missing", source.file));
            }
        }
    }

    fn join(
        mut self,
        context: &Context,
        journal: &Journal,
        status: Option<&Status>,
        mut look: impl FnMut(&Context, &Transaction),
        watcher: &mut dyn Watcher,
    ) -> Result<Report, AuditError> {
        let mut positions = Positions::default();
        let mut positions_then = Positions::default();
        // The status may be older than the dump: it is compared with what the facts until then make.
        let status = match status {
            Some(status)
                if status
                    .is_newer_than(|partition| journal.parts.get(&partition).map_or(0, |part| part.end)) =>
            {
                self.notes.push("the status is newer than the dump and was not compared".to_owned());
                None
            }
            other => other,
        };
        watcher.begin("transactions", self.shards.count() as u64);
        for shard in 0..self.shards.count() {
            let (findings, tally, refunds) = (&mut self.findings, &mut self.tally, &mut self.refunds);
            let judge = |transaction: &Transaction| {
                let course = Course::of(&transaction.facts);
                let case = Case { context, transaction, course: &course };
                rules::check(&case, findings);
                refunds.check(transaction, &course, findings);
                look(context, transaction);
                positions.book(transaction.key.originator, &course);
                if !case.is_uncovered() {
                    positions.compare(&case, findings);
                }
                tally.count(&case);
                if let Some(status) = status {
                    let then = |fact: &Fact| fact.sequence <= status.sequence_of(fact.partition);
                    let until = transaction.facts.partition_point(then);
                    if until == transaction.facts.len() {
                        positions_then.book(transaction.key.originator, &course);
                    } else {
                        let then = Course::of(&transaction.facts[..until]);
                        positions_then.book(transaction.key.originator, &then);
                    }
                }
            };
            self.shards.join(shard, judge).map_err(AuditError::Spill)?;
            watcher.advance(shard as u64 + 1);
        }
        if journal.is_whole() {
            self.refunds.check_missing(&mut self.findings);
        }
        if self.tally.not_covered > 0 {
            let n = self.tally.not_covered;
            self.findings.add(Class::NotCovered, || {
                let what = format!(
                    "the journal holds {n} transactions whose ids were made before or after the time of the given histories, and \
                     whose requests none has: give the histories of that time, too"
                );
                (None, what, Vec::new())
            });
        }
        if let Some(status) = status {
            compare_status(&positions_then, status, &mut self.findings);
        }
        nets_to_zero("the journal's", &positions.positions, &mut self.findings);
        let names = journal.participants.iter().map(|(number, p)| (*number, p.name.clone())).collect();
        Ok(Report::new(self.findings, self.tally, self.notes, context, positions, status, names))
    }
}
