//! All that is known of one transaction: the journal's facts, what its operator and what its destination wrote down.

use std::collections::BTreeMap;

use crate::finding::Evidence;
use crate::history::{Kind, Message, Record, Role};
use crate::journal::Fact;
use crate::shard::{Key, id_text};

/// A record and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Which history.
    pub file: u16,
    /// Its place in it.
    pub place: u64,
    /// What it says.
    pub record: Record,
}

impl Seen {
    /// Whether this lies before `later`: within one history by place, between two as far as clocks can tell.
    pub fn precedes(&self, later: &Self, skew_ms: u64) -> bool {
        if self.file == later.file {
            self.place < later.place
        } else {
            self.record.time_ms <= later.record.time_ms + skew_ms
        }
    }
}

/// One transaction, facts in the order of the journal and records in the order of each history.
#[derive(Debug, Default)]
pub struct Transaction {
    /// Which.
    pub key: Key,
    /// From the journal.
    pub facts: Vec<Fact>,
    /// From histories, file after file.
    pub seen: Vec<Seen>,
}

impl Transaction {
    pub(crate) fn begin(&mut self, key: Key) {
        self.key = key;
        self.facts.clear();
        self.seen.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.facts.is_empty() && self.seen.is_empty()
    }

    pub(crate) fn add_record(&mut self, file: u16, place: u64, record: Record) {
        self.seen.push(Seen { file, place, record });
    }
}

/// A history that takes part in the audit.
#[derive(Clone, Debug)]
pub struct Source {
    /// The name of its file.
    pub file: String,
    /// On which side of the switch.
    pub role: Role,
    /// Whose it is.
    pub participant: u16,
    /// From when on it says what its participant did.
    pub started_ms: u64,
    /// Until when, where its writer finished.
    pub ended_ms: Option<u64>,
    /// When the earliest and the latest of the ids that its participant made here were made, as they say themselves.
    pub made_ms: Option<(u64, u64)>,
    /// How many records it has.
    pub records: u64,
    /// Whether its writer finished.
    pub closed: bool,
    /// Whether its writer had nothing in flight any more.
    pub drained: bool,
    /// Bytes after its last whole record.
    pub torn_bytes: usize,
    /// How many answers of each link and lane are decided.
    pub decided_through: std::collections::BTreeMap<(u32, u8), u64>,
}

impl Source {
    /// Notes an id that its participant made.
    pub(crate) fn note_made(&mut self, id: u128) {
        let at_ms = made_ms(id);
        let (first, last) = self.made_ms.unwrap_or((at_ms, at_ms));
        self.made_ms = Some((first.min(at_ms), last.max(at_ms)));
    }

    /// Whether it tells of this time: from its beginning to its end, or from the first to the last id that was made. One that was not
    /// closed may lack what came after.
    fn covers(&self, at_ms: u64) -> bool {
        let from = self.made_ms.map_or(self.started_ms, |(first, _)| first.min(self.started_ms));
        let until = self.ended_ms.map(|end| self.made_ms.map_or(end, |(_, last)| last.max(end)));
        from <= at_ms && until.is_none_or(|until| at_ms <= until)
    }
}

/// When an id was made: its first 48 bits, Unix milliseconds.
pub(crate) const fn made_ms(id: u128) -> u64 {
    (id >> 80) as u64
}

/// Everything that rules need beside the transaction.
#[derive(Clone, Debug)]
pub struct Context {
    /// The histories, in the order of [`Seen::file`].
    pub sources: Vec<Source>,
    /// Nothing is in flight any more.
    pub drained: bool,
    /// By how much the clocks of writers may differ from the switch's.
    pub skew_ms: u64,
    /// When the last fact of each partition was journaled.
    pub ends_ms: BTreeMap<u16, u64>,
    /// How many partitions the journal has.
    pub partitions: u16,
}

impl Context {
    /// The partition that decides for an originator, for ever.
    pub const fn home(&self, originator: u16) -> u16 {
        originator % self.partitions
    }

    /// When the last fact was journaled there.
    pub fn journal_end_ms(&self, originator: u16) -> u64 {
        self.ends_ms.get(&self.home(originator)).copied().unwrap_or(0)
    }

    /// Whether a participant's history of this role was given: without one, nothing can be said about what it saw.
    pub fn has(&self, role: Role, participant: u16) -> bool {
        self.sources.iter().any(|s| s.role == role && s.participant == participant)
    }

    /// Whether histories of a participant in this role were given, and none tells of this time.
    ///
    /// An id says when it was made, by the same clock as the beginning and the end of the history of who made it; so no margin is
    /// needed, and one would take what another run made within it for this run's.
    pub fn is_silent(&self, role: Role, participant: u16, at_ms: u64) -> bool {
        let mut sources = self.sources.iter().filter(|s| s.role == role && s.participant == participant);
        let given = self.has(role, participant);
        given && !sources.any(|source| source.covers(at_ms))
    }

    /// Whether a history of a participant in this role went on until nothing was in flight.
    pub fn is_drained(&self, role: Role, participant: u16) -> bool {
        self.sources.iter().any(|s| s.role == role && s.participant == participant && s.drained)
    }

    /// On which side a record was written.
    pub fn role(&self, seen: &Seen) -> Role {
        self.source(seen).role
    }

    /// Who wrote a record.
    pub fn participant(&self, seen: &Seen) -> u16 {
        self.source(seen).participant
    }

    /// The history a record stands in.
    pub fn source(&self, seen: &Seen) -> &Source {
        &self.sources[usize::from(seen.file)]
    }

    /// The records of a transaction of one role and kind.
    pub fn records<'t>(
        &'t self,
        transaction: &'t Transaction,
        role: Role,
        kind: Kind,
    ) -> impl Iterator<Item = &'t Seen> + Clone {
        transaction.seen.iter().filter(move |s| s.record.kind == kind && self.role(s) == role)
    }

    /// A record as evidence.
    pub fn evidence(&self, seen: &Seen) -> Evidence {
        let Seen { place, record, .. } = seen;
        let mut what = format!("{:?}", record.kind).to_lowercase();
        if record.message != Message::None {
            what.push_str(&format!(" {:?}", record.message).to_lowercase());
        }
        if record.id != record.original {
            what.push_str(&format!(" {}", id_text(record.id)));
        }
        Evidence::History { file: self.source(seen).file.clone(), record: *place, what }
    }
}

/// A fact as evidence.
pub fn fact_evidence(fact: &Fact) -> Evidence {
    Evidence::Journal { partition: fact.partition, sequence: fact.sequence, fact: fact.kind.name() }
}
