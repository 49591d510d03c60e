//! Which journals a directory holds: one, or one of each partition.

use std::path::{Path, PathBuf};

use holdfast_protocol::Partition;

use super::Failure;

/// The directory itself, or those of its partitions.
///
/// # Errors
/// Where one is missing between them.
pub(super) fn of(directory: &Path) -> Result<Vec<(Option<Partition>, PathBuf)>, Failure> {
    let named = |number: u16| directory.join(format!("partition-{number}"));
    let mut numbers: Vec<u16> = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_string_lossy().strip_prefix("partition-")?.parse().ok())
        .collect();
    numbers.sort_unstable();
    if numbers.is_empty() {
        return Ok(vec![(None, directory.to_path_buf())]);
    }
    if let Some(missing) =
        (0..).zip(&numbers).find_map(|(expected, number)| (expected != *number).then_some(expected))
    {
        return Err(Failure::Failed(format!(
            "{}: there is no such partition, but later ones",
            named(missing).display()
        )));
    }
    Ok(numbers.into_iter().map(|number| (Some(Partition(number)), named(number))).collect())
}

/// For what is done with one journal at a time.
///
/// # Errors
/// Where there are several: what to name instead.
pub(super) fn only(directory: &Path) -> Result<(), Failure> {
    match of(directory)?.as_slice() {
        [(None, _)] | [] => Ok(()),
        [.., (_, last)] => Err(Failure::Failed(format!(
            "{} is the journal of several partitions: name one of them, up to {}",
            directory.display(),
            last.display()
        ))),
    }
}
