//! Which partitions of a journal the dumps hold, and whether they hold all of them.
//!
//! Each partition has its own order of sequence, epoch and time. What they say of their number must agree, and none may be missing
//! or there twice: a part of a journal is not judged.

use std::collections::BTreeMap;

use super::line::Line;

/// What the order of the lines shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// This line follows the one before it.
    Follows,
    /// The sequence, the epoch or the time does not follow from the line before.
    Breaks {
        /// Which: `sequence`, `epoch` or `time`.
        what: &'static str,
        /// What the line before said.
        before: u64,
        /// What this line says.
        now: u64,
    },
}

/// What was read of one partition.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// The sequence of its first line: one, unless what came before went to an archive.
    pub first: u64,
    /// The highest sequence.
    pub end: u64,
    /// When its last fact was journaled.
    pub end_ms: u64,
    /// Of how many partitions it is one, where its first fact is there to say it.
    of: Option<u16>,
    /// Which of the dumps holds it.
    file: usize,
    /// Sequence, epoch and time of its last line.
    last: (u64, u32, u64),
}

impl Part {
    /// Whether nothing is missing before its first line.
    pub const fn is_whole(&self) -> bool {
        self.first == 1
    }
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Partitions(BTreeMap<u16, Part>);

impl Partitions {
    /// Takes the next line of a dump.
    ///
    /// # Errors
    /// Another dump that holds lines of the same partition.
    pub(super) fn take(&mut self, file: usize, line: &Line<'_>) -> Result<Progress, usize> {
        let now = (line.sequence, line.epoch, line.time);
        let Some(part) = self.0.get_mut(&line.partition.unwrap_or(0)) else {
            self.begin(file, line);
            // The first line that is kept may be any, once old segments go to an archive.
            return Ok(Progress::Follows);
        };
        if part.file != file {
            return Err(part.file);
        }
        part.end = part.end.max(line.sequence);
        part.end_ms = part.end_ms.max(line.time);
        let before = std::mem::replace(&mut part.last, now);
        Ok(progress(before, now))
    }

    fn begin(&mut self, file: usize, line: &Line<'_>) {
        let of = match (line.kind, line.sequence) {
            ("founded", _) => line.partitions,
            // The journal of the only partition is never founded.
            (_, 1) => Some(1),
            _ => None,
        };
        let (first, end_ms) = (line.sequence, line.time);
        let last = (line.sequence, line.epoch, line.time);
        self.0.insert(line.partition.unwrap_or(0), Part { first, end: first, end_ms, of, file, last });
    }

    /// What was read of each.
    pub const fn parts(&self) -> &BTreeMap<u16, Part> {
        &self.0
    }

    /// How many partitions the journal has. Where the first facts of all are gone, as many as there are.
    ///
    /// # Errors
    /// In words, where the dumps are not all partitions of one journal.
    pub fn count(&self) -> Result<u16, String> {
        let mut told: Option<(u16, u16)> = None;
        for (partition, part) in &self.0 {
            let Some(of) = part.of else { continue };
            if of <= *partition {
                return Err(format!("there is a partition {partition}, and it is said to be one of {of}"));
            }
            if let Some((other, said)) = told
                && said != of
            {
                return Err(format!(
                    "partition {other} is one of {said} and partition {partition} one of {of}: they are not of one journal"
                ));
            }
            told = told.or(Some((*partition, of)));
        }
        let last = self.0.keys().last().copied().unwrap_or(0);
        let count = match told {
            Some((other, of)) if of <= last => {
                return Err(format!("there is a partition {last}, and partition {other} is one of {of}"));
            }
            Some((_, of)) => of,
            None => last.saturating_add(1),
        };
        match (0..count).find(|partition| !self.0.contains_key(partition)) {
            Some(missing) if !self.0.is_empty() => Err(format!(
                "partition {missing} of {count} is missing: give the dump of the directory that holds them all, or one for each"
            )),
            _ => Ok(count),
        }
    }
}

fn progress(before: (u64, u32, u64), now: (u64, u32, u64)) -> Progress {
    let breaks = |what, before, now| Progress::Breaks { what, before, now };
    if now.0 != before.0 + 1 {
        breaks("sequence", before.0, now.0)
    } else if now.1 < before.1 {
        breaks("epoch", before.1.into(), now.1.into())
    } else if now.2 < before.2 {
        breaks("time", before.2, now.2)
    } else {
        Progress::Follows
    }
}
