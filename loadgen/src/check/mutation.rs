//! Damage to histories: one record gone, written twice, or altered, chosen by a seed.
//!
//! The damaged file is as well-formed as before (numbers and checksums are made anew), so that it is the content that
//! gives the damage away and nothing else.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::history::record::{EventKind, RECORD_BYTES, Stored};
use crate::random::Random;

/// What is done to a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mutation {
    /// A request that an operator sent is forgotten: the switch then did what nobody asked for
    Lose,
    /// A destination carried out a forward twice
    Dup,
    /// An operator heard another amount than was decided
    Flip,
}

impl Mutation {
    /// Whose histories have records that it can be done to.
    const fn file_suffix(self) -> &'static str {
        match self {
            Self::Lose | Self::Flip => ".operator.history",
            Self::Dup => ".destination.history",
        }
    }

    fn concerns(self, record: &Stored) -> bool {
        match self {
            Self::Lose => record.is(EventKind::Sent) && record.is_of_authorize() && !record.is_repeat(),
            Self::Dup => record.is(EventKind::Received) && record.is_applied(),
            Self::Flip => record.is(EventKind::Heard) && record.is_of_authorize() && record.is_approval(),
        }
    }

    /// What stands in its place.
    fn apply(self, mut record: Stored) -> Vec<Stored> {
        match self {
            Self::Lose => Vec::new(),
            Self::Dup => vec![record.clone(), record],
            Self::Flip => {
                record.flip_amount();
                vec![record]
            }
        }
    }
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    mutation: Mutation,
    file: PathBuf,
    number: u64,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = match self.mutation {
            Mutation::Lose => "left out",
            Mutation::Dup => "doubled",
            Mutation::Flip => "altered",
        };
        write!(f, "{done}: record {} of {}", self.number, self.file.display())
    }
}

/// Why there is no damaged copy.
#[derive(Debug, thiserror::Error)]
pub enum MutationError {
    /// A file could not be read or written.
    #[error("copy of the histories: {0}")]
    Io(#[from] io::Error),
    /// There is nothing to damage.
    #[error("no history in {} has a record that could be damaged so", .0.display())]
    Nothing(PathBuf),
}

/// Copies the histories of a run and damages one record of the copy.
///
/// # Errors
/// Where a file cannot be read or written, or no record is of the kind that is wanted.
pub(super) fn damage(
    run: &Path,
    copy: &Path,
    mutation: Mutation,
    seed: u64,
) -> Result<Damage, MutationError> {
    let (from, to) = (run.join("history"), copy.join("history"));
    fs::create_dir_all(&to)?;
    let mut files: Vec<PathBuf> = fs::read_dir(&from)?.map(|e| Ok(e?.path())).collect::<io::Result<_>>()?;
    files.sort();
    let mut counted = Vec::new();
    for file in files.iter().filter(|file| file.to_string_lossy().ends_with(mutation.file_suffix())) {
        let mut count = 0;
        each(file, |record| {
            count += u32::from(mutation.concerns(&record));
            Ok(())
        })?;
        counted.push((file.clone(), count));
    }
    let total = counted.iter().map(|(_, count)| *count).sum();
    if total == 0 {
        return Err(MutationError::Nothing(from));
    }
    let mut chosen = Random::new(seed, 0).below(total);
    let mut damaged = None;
    for file in &files {
        let target = to.join(file.file_name().expect("a listed file has a name"));
        match counted.iter().find(|(counted, _)| counted == file).map_or(0, |(_, count)| *count) {
            count if damaged.is_none() && chosen < count => {
                damaged = Some((file.clone(), rewrite(file, &target, mutation, chosen)?));
            }
            count => {
                chosen -= count.min(chosen);
                fs::copy(file, &target)?;
            }
        }
    }
    let (file, number) = damaged.expect("the chosen record was counted");
    Ok(Damage { mutation, file, number })
}

/// Copies a file and damages the record that is the chosen one of those concerned; its number.
fn rewrite(file: &Path, target: &Path, mutation: Mutation, chosen: u32) -> io::Result<u64> {
    let mut out = BufWriter::new(File::create(target)?);
    let mut header = [0; RECORD_BYTES];
    File::open(file)?.read_exact(&mut header)?;
    out.write_all(&header)?;
    let (mut concerned, mut read, mut number, mut written) = (0, 0, 0, 0_u64);
    each(file, |record| {
        let mut instead = vec![];
        if mutation.concerns(&record) {
            if concerned == chosen {
                number = read;
                instead = mutation.apply(record.clone());
            } else {
                instead.push(record.clone());
            }
            concerned += 1;
        } else {
            instead.push(record.clone());
        }
        read += 1;
        for mut record in instead {
            out.write_all(record.renumber(written))?;
            written += 1;
        }
        Ok(())
    })?;
    out.flush()?;
    Ok(number)
}

/// Each whole record of a history; one that a killed writer left unfinished is none.
fn each(file: &Path, mut take: impl FnMut(Stored) -> io::Result<()>) -> io::Result<()> {
    let mut reader = BufReader::new(File::open(file)?);
    let mut record = [0; RECORD_BYTES];
    reader.read_exact(&mut record)?;
    loop {
        match reader.read_exact(&mut record) {
            Ok(()) => take(Stored::from_bytes(record))?,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
