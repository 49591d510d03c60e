//! The dumps of a journal into the shards, and what they say as a whole.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Audit, AuditError, STEPS, Watcher, file_bytes};
use crate::finding::{Class, Evidence};
use crate::journal::leases::Verdict;
use crate::journal::{Dump, DumpError, Leases, Part, Participant, Progress};

/// What the dumps as a whole say.
pub(super) struct Journal {
    /// How many there are.
    pub(super) partitions: u16,
    pub(super) parts: BTreeMap<u16, Part>,
    pub(super) participants: BTreeMap<u16, Participant>,
    leases: Leases,
}

impl Journal {
    /// Whether every partition begins with its first fact.
    pub(super) fn is_whole(&self) -> bool {
        self.parts.values().all(Part::is_whole)
    }
}

impl Audit {
    pub(super) fn read_dumps(
        &mut self,
        paths: &[PathBuf],
        watcher: &mut dyn Watcher,
    ) -> Result<Journal, AuditError> {
        let mut dump = Dump::open(paths)?;
        watcher.begin("journal dump", paths.iter().map(|path| file_bytes(path)).sum());
        while let Some(line) = dump.next_line()? {
            self.tally.facts += 1;
            if let Progress::Breaks { what, before, now } = line.progress {
                self.findings.add(Class::JournalBroken, || {
                    let (partition, sequence) = (line.partition, line.sequence);
                    let evidence = Evidence::Journal { partition, sequence, fact: "line" };
                    (None, format!("{what} goes from {before} to {now}"), vec![evidence])
                });
            }
            if let Some(fact) = line.fact {
                self.shards.add_fact(fact).map_err(AuditError::Spill)?;
            }
            if self.tally.facts.is_multiple_of(STEPS) {
                watcher.advance(dump.bytes());
            }
        }
        let partitions = dump.partitions().count().map_err(DumpError::Partitions)?;
        let parts = dump.partitions().parts().clone();
        for (partition, part) in parts.iter().filter(|(_, part)| !part.is_whole()) {
            self.notes.push(if partitions == 1 {
                format!("the dump begins with sequence {}", part.first)
            } else {
                format!("the dump of partition {partition} begins with sequence {}", part.first)
            });
        }
        self.refunds = dump.take_refunds();
        let (participants, leases) = (dump.participants().clone(), dump.leases().clone());
        Ok(Journal { partitions, parts, participants, leases })
    }

    /// Room under a cap is in one partition at a time, or leases would sum to more than it (I9).
    pub(super) fn judge_leases(&mut self, journal: &Journal, ended: bool) {
        for verdict in journal.leases.verdicts(&journal.parts, ended) {
            match verdict {
                Verdict::Fault(fault) => self.findings.add(Class::WrongPartition, || {
                    let (partition, sequence) = (fault.partition, fault.sequence);
                    let evidence = Evidence::Journal { partition, sequence, fact: "lease" };
                    (None, fault.what, vec![evidence])
                }),
                Verdict::Unknown(what) => self.notes.push(what),
            }
        }
    }
}
