//! Which partitions a journal has: a fact, written first in each and for ever, before anything else is decided in any.
//!
//! A partition's directory that is missing while others know payments is never made anew: what it remembered would be paid twice. So
//! all are founded, durably, before the first is configured; a start that finds one without a founding fact may found it only where
//! no other has decided anything.

use std::path::Path;
use std::thread;

use holdfast_journal::FileStorage;
use holdfast_protocol::{Partition, Sequence, UnixMillis};
use tracing::{Dispatch, dispatcher};

use super::ServeError;
use super::recover::{Found, recover};
use super::threads::in_span;
use crate::config::Config;

/// The first fact of a partition's journal is its founding.
const FOUNDING: Sequence = Sequence(1);

/// Recovers all partitions of a configuration, and makes those that are missing where none may be lost.
pub(super) fn recover_all(config: &Config, now: UnixMillis) -> Result<Vec<Found>, ServeError> {
    let journal = &config.journal;
    let all: Vec<Partition> = (0..journal.partitions).map(Partition).collect();
    let other = if journal.partitions == 1 {
        journal.directory.join("partition-0")
    } else {
        journal.directory.clone()
    };
    if FileStorage::is_in(&other)? {
        return Err(ServeError::Partitions(format!(
            "{} holds a journal of {}, and journal.partitions is {}: a journal keeps the number it was made with",
            journal.directory.display(),
            if journal.partitions == 1 { "several partitions" } else { "one partition" },
            journal.partitions
        )));
    }
    let mut missing = Vec::new();
    let mut there = Vec::new();
    for partition in all {
        let list =
            if FileStorage::is_in(&journal.of_partition(partition))? { &mut there } else { &mut missing };
        list.push(partition);
    }
    let mut found = recover_these(config, &there, now)?;
    if let Some(lost) = missing.first()
        && found.iter().any(|found| found.core.sequence() > FOUNDING)
    {
        return Err(ServeError::Partitions(lost_in_words(&journal.of_partition(*lost))));
    }
    found.extend(recover_these(config, &missing, now)?);
    found.sort_by_key(|found| found.partition);
    check(config, &found)?;
    Ok(found)
}

/// Each on a thread of its own: they have nothing to do with each other, and a start takes as long as the longest.
fn recover_these(config: &Config, these: &[Partition], now: UnixMillis) -> Result<Vec<Found>, ServeError> {
    let log = dispatcher::get_default(Dispatch::clone);
    thread::scope(|scope| {
        let recovering = |partition: &Partition| {
            let (partition, log) = (*partition, log.clone());
            scope.spawn(move || {
                dispatcher::with_default(&log, || {
                    in_span(config, partition, || recover(config, partition, now))
                })
            })
        };
        let threads: Vec<_> = these.iter().map(recovering).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or(Err(ServeError::Thread))).collect()
    })
}

fn check(config: &Config, all: &[Found]) -> Result<(), ServeError> {
    let partitions = config.journal.partitions;
    let decided = all.iter().any(|found| found.core.sequence() > FOUNDING);
    for found in all {
        let directory = config.journal.of_partition(found.partition);
        let (is, of) = (found.core.partition(), found.core.partitions());
        if found.core.sequence() == Sequence(0) {
            // An epoch began in it and nothing was decided: as good as missing.
            if decided && partitions > 1 {
                return Err(ServeError::Partitions(lost_in_words(&directory)));
            }
        } else if (is, of) != (found.partition, partitions) {
            return Err(ServeError::Partitions(format!(
                "{} is the journal of partition {} of {of}, not of {} of {partitions}: the number of partitions is that of the \
                 journal for ever (journal.partitions), and so is the place of each",
                directory.display(),
                is.0,
                found.partition.0
            )));
        }
    }
    Ok(())
}

fn lost_in_words(directory: &Path) -> String {
    format!(
        "{} holds nothing, and other partitions know payments: is its disk mounted? What was in it must be there again before the \
         switch can start, for what it remembered would be paid twice",
        directory.display()
    )
}
