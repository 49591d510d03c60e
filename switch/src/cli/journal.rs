//! Reads the journal of a switch that does not run: `holdfast journal verify`, `holdfast journal dump`, and the life of
//! a transaction that has left the memory of the switch.

use std::collections::HashMap;
use std::io::{BufWriter, Write};
use std::path::Path;

use holdfast_core::{Fact, Settings};
use holdfast_journal::{Facts, OpenError, SegmentNumber, Verified, VisitError, read_directory, record};
use holdfast_protocol::{ParticipantNumber, Partition, RequestId, Sequence, TransactionKey};

use super::dump::{Line, follow_up, transaction};
use super::life::Life;
use super::{Failure, partitions, with_causes};
use crate::admin::Who;

/// The lines could not be written.
#[derive(Debug, thiserror::Error)]
#[error("writing the lines")]
struct NotWritten(#[from] std::io::Error);

/// All partitions are gone through, also where one is corrupt.
pub(super) fn verify(directory: &Path) -> Result<(), Failure> {
    let count = partitions::of(directory)?.len();
    partitions::each(directory, |partition, one| {
        let founded = verify_one(partition, one)?;
        let (Some((is, of)), Some(partition)) = (founded, partition) else {
            let several = founded.filter(|(_, of)| *of > 1);
            return super::show::lines(several.map(|(is, of)| format!("partition    {} of {of}", is.0)));
        };
        if (is, usize::from(of)) == (partition, count) {
            return Ok(());
        }
        let (one, is, partition) = (one.display(), is.0, partition.0);
        Err(Failure::Failed(if is == partition && usize::from(of) > count {
            let missing = u16::try_from(count).expect("fewer than there should be");
            let missing = partitions::place(directory, missing);
            format!("{one} is one of {of} partitions, and {} is missing", missing.display())
        } else {
            format!("{one} is the journal of partition {is} of {of}, not of {partition} of {count}")
        }))
    })
}

/// Which partition it is of how many, where its first facts are there to say it.
fn verify_one(partition: Option<Partition>, directory: &Path) -> Result<Option<(Partition, u16)>, Failure> {
    let mut founded = None;
    let mut verified = read_one(partition, directory, &mut |line: Line<'_>| {
        if let Fact::Founded { partition, partitions } = line.fact {
            founded = Some((*partition, *partitions));
        }
        Ok(())
    })?;
    // The journal of the only partition is never founded.
    let begins = verified.first == SegmentNumber::FIRST && verified.report.facts > 0;
    let founded = founded.or(begins.then_some((Partition(0), 1)));
    let indexes = holdfast_journal::verify_indexes(directory, verified.journal);
    verified.indexes = indexes.map_err(|error| Failure::Failed(with_causes(&error)))?;
    super::show::lines([verified])?;
    Ok(founded)
}

/// Makes what is missing of the archive's indexes.
pub(super) fn reindex(directory: &Path) -> Result<(), Failure> {
    partitions::each(directory, |_, directory| reindex_one(directory))
}

fn reindex_one(directory: &Path) -> Result<(), Failure> {
    let settings = Settings { expected_rate_per_s: 0, ..Settings::default() };
    let none = || Failure::Failed(format!("{}: there is no journal", directory.display()));
    if !directory.is_dir() {
        return Err(none());
    }
    let done = holdfast_journal::reindex(directory, &settings).map_err(|error| {
        let text = format!("{}: {}", directory.display(), with_causes(error.as_ref()));
        match error.downcast_ref() {
            Some(OpenError::Corrupt { .. } | OpenError::Facts { .. }) => Failure::Corrupt(text),
            Some(OpenError::Locked { .. }) => in_use_to_write(&text),
            Some(_) | None => Failure::Failed(text),
        }
    })?;
    let done = done.ok_or_else(none)?;
    let mut page: Vec<String> =
        done.made.iter().map(|segment| format!("index of segment {segment} made")).collect();
    page.push(format!("{} made, {} were there and count", done.made.len(), done.kept));
    if let Some(first) = done.first.filter(|first| *first != SegmentNumber::FIRST) {
        page.push(format!("what left memory before segment {first} is in no segment any more"));
    }
    super::show::lines(page)
}

pub(super) fn dump(directory: &Path) -> Result<(), Failure> {
    let mut out = BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
    let read = read(directory, &mut |line| Ok(write_line(&mut out, &line)?));
    written(read, out.flush())
}

fn no_such_transaction() -> Failure {
    Failure::Refused("the journal holds no such transaction".to_owned())
}

/// The whole life of one transaction, for people.
pub(super) fn life(directory: &Path, originator: &Who, id: RequestId) -> Result<(), Failure> {
    let look = |partition, directory: &Path| {
        let life_of = |id| -> Result<Life, Failure> {
            let mut life = Life::new(originator, id);
            read_one(partition, directory, &mut |line| {
                life.take(line);
                Ok(())
            })?;
            Ok(life)
        };
        let mut life = life_of(id)?;
        if let Some(original) = life.original() {
            super::show::lines([super::show::named_by(id)])?;
            life = life_of(original)?;
        }
        let is_found = life.is_found();
        if is_found {
            life.print()?;
        }
        Ok(is_found)
    };
    partitions::find(directory, look, no_such_transaction)
}

/// Every fact about one transaction, as JSON lines. The id may be that of a capture, release or reversal of it.
pub(super) fn facts_of(directory: &Path, originator: &Who, id: RequestId) -> Result<(), Failure> {
    let look = |partition, directory: &Path| facts_in(partition, directory, originator, id);
    partitions::find(directory, look, no_such_transaction)
}

fn facts_in(
    partition: Option<Partition>,
    directory: &Path,
    originator: &Who,
    id: RequestId,
) -> Result<bool, Failure> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut names: HashMap<String, ParticipantNumber> = HashMap::new();
    let (mut lines, mut original) = (0_u64, None);
    let read = read_one(partition, directory, &mut |line| {
        if let Fact::ParticipantConfigured(record) = line.fact {
            names.insert(record.name.clone(), record.number);
        }
        let number = match originator {
            Who::Number(number) => Some(*number),
            Who::Name(name) => names.get(name).copied(),
        };
        let wanted = number.map(|originator| TransactionKey { originator, id });
        if wanted.is_some() && transaction(line.fact) == wanted {
            lines += 1;
            write_line(&mut out, &line)?;
        }
        if let Some((key, of)) = follow_up(line.fact)
            && wanted == Some(key)
        {
            original = Some(of);
        }
        Ok(())
    });
    written(read.map(|_| ()), out.flush())?;
    // What follows up a transaction is itself none: this ends after one step.
    match original.filter(|_| lines == 0) {
        Some(original) => {
            drop(out);
            facts_in(partition, directory, originator, original)
        }
        None => Ok(lines > 0),
    }
}

fn write_line(out: &mut impl Write, line: &Line<'_>) -> Result<(), NotWritten> {
    serde_json::to_writer(&mut *out, line).map_err(std::io::Error::from)?;
    Ok(out.write_all(b"\n")?)
}

/// That the reader of the lines has gone, as `head` does, is no failure, but there was no use going on.
fn written(read: Result<(), ReadError>, flushed: std::io::Result<()>) -> Result<(), Failure> {
    let not_written = match (read, flushed) {
        (Err(ReadError::Journal(failure)), _) => return Err(failure),
        (Err(ReadError::NotWritten(error)), _) | (Ok(()), Err(error)) => error,
        (Ok(()), Ok(())) => return Ok(()),
    };
    if not_written.kind() == std::io::ErrorKind::BrokenPipe {
        return Ok(());
    }
    Err(Failure::Failed(not_written.to_string()))
}

enum ReadError {
    Journal(Failure),
    NotWritten(std::io::Error),
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Journal(failure) => failure,
            ReadError::NotWritten(error) => Self::Failed(error.to_string()),
        }
    }
}

/// What to do where somebody has the journal that a command would read: most likely the switch itself.
pub(super) fn in_use_to_read(directory: &Path, error: &OpenError) -> Failure {
    Failure::Failed(format!(
        "{error}, perhaps the running switch: ask that (`holdfast status`, `holdfast undelivered`, `holdfast \
         transaction`), or copy the directory (`cp -rT --reflink=auto {} COPY`) and read the copy",
        directory.display()
    ))
}

/// The same for a command that would write.
pub(super) fn in_use_to_write(error: &str) -> Failure {
    Failure::Failed(format!(
        "{error}, perhaps the running switch (`holdfast status` tells): stop it first (`systemctl stop holdfast`); nothing was changed"
    ))
}

/// Reads every fact of all partitions, one after the other; the journals are checked on the way.
fn read(
    directory: &Path,
    visit: &mut dyn FnMut(Line<'_>) -> Result<(), VisitError>,
) -> Result<(), ReadError> {
    for (partition, directory) in partitions::of(directory).map_err(ReadError::Journal)? {
        read_one(partition, &directory, visit)?;
    }
    Ok(())
}

fn read_one(
    partition: Option<Partition>,
    directory: &Path,
    visit: &mut dyn FnMut(Line<'_>) -> Result<(), VisitError>,
) -> Result<Verified, ReadError> {
    let mut partition = partition;
    let read = read_directory(directory, &mut |facts: Facts<'_>| {
        if partition.is_none() && facts.first > Sequence(1) {
            partition = partitions::named(directory);
        }
        let mut bytes = facts.body;
        for sequence in (facts.first.0..).take(facts.count as usize) {
            let fact = record::read(&mut bytes)?;
            let (epoch, time) = (facts.epoch, facts.time);
            if let Fact::Founded { partition: own, .. } = fact {
                partition = Some(own);
            }
            visit(Line { partition, sequence: Sequence(sequence), epoch, time, fact: &fact })?;
        }
        if bytes.is_empty() { Ok(()) } else { Err("more bytes than facts".into()) }
    });
    let error = match read {
        Ok(Some(verified)) => return Ok(verified),
        Ok(None) => {
            let text = format!("{}: there is no journal", directory.display());
            return Err(ReadError::Journal(Failure::Failed(text)));
        }
        Err(error) => error,
    };
    Err(match error {
        OpenError::Corrupt { .. } => {
            ReadError::Journal(Failure::Corrupt(format!("{}: {error}", directory.display())))
        }
        OpenError::Facts { at, source } => match source.downcast::<NotWritten>() {
            Ok(not_written) => ReadError::NotWritten(not_written.0),
            Err(source) => ReadError::Journal(Failure::Corrupt(format!(
                "{}: the facts of the frame at {at} cannot be read: {source}",
                directory.display()
            ))),
        },
        OpenError::Locked { .. } => ReadError::Journal(in_use_to_read(directory, &error)),
        OpenError::Settings(_) | OpenError::Directory { .. } | OpenError::Io(_) | OpenError::Epoch(_) => {
            ReadError::Journal(Failure::Failed(with_causes(&error)))
        }
    })
}
