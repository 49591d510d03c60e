//! Reads the dump: facts go to the shards, and what the order of its lines and its partitions show is judged at once.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Audit, AuditError, STEPS, Watcher, file_bytes};
use crate::finding::{Class, Evidence};
use crate::journal::{Dump, Progress};

/// What the dump as a whole says.
pub(super) struct Journal {
    /// By partition.
    pub(super) parts: BTreeMap<u16, Part>,
    /// In which partition the facts of each originator stand.
    pub(super) homes: BTreeMap<u16, u16>,
    /// It begins with its first fact.
    pub(super) is_whole: bool,
    pub(super) participants: BTreeMap<u16, crate::journal::Participant>,
}

/// What the dump of one partition says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Part {
    pub(super) end: u64,
    pub(super) end_ms: u64,
}

impl Audit {
    pub(super) fn read_dump(
        &mut self,
        path: &Path,
        watcher: &mut dyn Watcher,
    ) -> Result<Journal, AuditError> {
        let mut dump = Dump::open(path)?;
        watcher.begin("journal dump", file_bytes(path));
        let participants = BTreeMap::new();
        let (parts, homes) = (BTreeMap::new(), BTreeMap::new());
        let mut journal = Journal { parts, homes, is_whole: true, participants };
        while let Some(line) = dump.next_line()? {
            let part = journal.parts.entry(line.partition).or_default();
            if part.end == 0 && line.sequence != 1 {
                self.notes.push(match line.partition {
                    0 => format!("the dump begins with sequence {}", line.sequence),
                    other => format!("the dump of partition {other} begins with sequence {}", line.sequence),
                });
                journal.is_whole = false;
            }
            self.tally.facts += 1;
            if let Progress::Breaks { what, before, now } = line.progress {
                self.findings.add(Class::JournalBroken, || {
                    let evidence = Evidence::Journal { sequence: line.sequence, fact: "line" };
                    (None, format!("{what} goes from {before} to {now}"), vec![evidence])
                });
            }
            part.end = part.end.max(line.sequence);
            part.end_ms = part.end_ms.max(line.time_ms);
            if let Some(fact) = line.fact {
                let home = *journal.homes.entry(fact.originator).or_insert(line.partition);
                if home != line.partition {
                    self.findings.add(Class::WrongPartition, || {
                        let evidence = Evidence::Journal { sequence: line.sequence, fact: "line" };
                        let what = format!(
                            "partition {} decides for participant {}, whose home is {home}",
                            line.partition, fact.originator
                        );
                        (None, what, vec![evidence])
                    });
                }
                self.shards.add_fact(fact).map_err(AuditError::Spill)?;
            }
            if self.tally.facts.is_multiple_of(STEPS) {
                watcher.advance(dump.bytes());
            }
        }
        for what in dump.leases().faults() {
            self.findings.add(Class::WrongPartition, || (None, what, Vec::new()));
        }
        journal.participants = dump.participants().clone();
        self.refunds = dump.take_refunds();
        Ok(journal)
    }
}
