//! Which journals a directory holds: one, or one of each partition.

use std::path::{Path, PathBuf};

use holdfast_journal::FileStorage;
use holdfast_protocol::Partition;

use super::{Failure, with_causes};

const PREFIX: &str = "partition-";

/// Where one of several partitions stands in the directory of all.
pub(super) fn place(directory: &Path, partition: u16) -> PathBuf {
    directory.join(format!("{PREFIX}{partition}"))
}

/// Which partition a directory is by its name: that is all that says it once its founding fact went to an archive.
pub(super) fn named(directory: &Path) -> Option<Partition> {
    let name = directory.canonicalize().ok()?;
    let digits = name.file_name()?.to_str()?.strip_prefix(PREFIX)?;
    let number: u16 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(Partition(number))
}

/// The directory itself, or those of its partitions.
///
/// # Errors
/// Where it cannot be read, or one is missing between them.
pub(super) fn of(directory: &Path) -> Result<Vec<(Option<Partition>, PathBuf)>, Failure> {
    let itself = || Ok(vec![(None, directory.to_path_buf())]);
    if FileStorage::is_in(directory).map_err(|error| Failure::Failed(with_causes(&error)))? {
        return itself();
    }
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let directories = entries.filter_map(|entry| Some(entry.ok()?.path()).filter(|path| path.is_dir()));
    let mut partitions: Vec<Partition> = directories.filter_map(|one| named(&one)).collect();
    partitions.sort_unstable_by_key(|partition| partition.0);
    if partitions.is_empty() {
        return itself();
    }
    if let Some(missing) = (0..).zip(&partitions).find_map(|(n, partition)| (n != partition.0).then_some(n)) {
        return Err(Failure::Failed(format!(
            "{}: there is no such partition, but later ones",
            place(directory, missing).display()
        )));
    }
    Ok(partitions.into_iter().map(|partition| (Some(partition), place(directory, partition.0))).collect())
}

/// Does something with each partition, also where it fails with one; then the worst failure is that of all.
///
/// # Errors
/// As what is done.
pub(super) fn each(
    directory: &Path,
    act: impl Fn(Option<Partition>, &Path) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut failures = Vec::new();
    for (partition, directory) in of(directory)? {
        if let Some(partition) = partition {
            super::show::lines([format!("partition    {} ({})", partition.0, directory.display())])?;
        }
        failures.extend(act(partition, &directory).err());
    }
    failures.sort_by_key(Failure::exit_code);
    let worst = failures.pop();
    for failure in &failures {
        eprintln!("holdfast: {failure}");
    }
    worst.map_or(Ok(()), Err)
}

/// Looks for something in one partition after the other until one has it.
///
/// # Errors
/// Where none has it: that of a partition that could not be read, or else what is said then.
pub(super) fn find(
    directory: &Path,
    mut look: impl FnMut(Option<Partition>, &Path) -> Result<bool, Failure>,
    nothing: impl FnOnce() -> Failure,
) -> Result<(), Failure> {
    let mut unread = None;
    for (partition, directory) in of(directory)? {
        match look(partition, &directory) {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(failure) => unread = unread.or(Some(failure)),
        }
    }
    Err(unread.unwrap_or_else(nothing))
}

/// For what is done with one journal at a time.
///
/// # Errors
/// Where there are several: what to name instead.
pub(super) fn only(directory: &Path) -> Result<(), Failure> {
    match of(directory)?.as_slice() {
        [(None, _)] | [] => Ok(()),
        [(_, first), .., (_, last)] => Err(Failure::Failed(format!(
            "{} is the journal of several partitions: name one of them, {} to {}",
            directory.display(),
            first.display(),
            last.display()
        ))),
        [(_, one)] => Err(Failure::Failed(format!(
            "{} is the journal of several partitions, of which only {} is there: name that",
            directory.display(),
            one.display()
        ))),
    }
}
