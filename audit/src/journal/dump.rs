//! Reads dumps line by line and checks what can be seen without joining: that nothing is missing between the lines.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use iso_currency::Currency;

use super::fact::{Debtor, Fact, FactKind};
use super::leases::{Entry, Leases, Moved};
use super::line::{Line, parse_id};
use super::partitions::{Partitions, Progress};
use crate::history::Message;
use crate::history::record::payment_id_digest;
use crate::refunds::Refunds;
use crate::shard::Key;

const READ_BYTES: usize = 1 << 20;
/// No fact is longer: an authorize with 2 KiB of extensions is not printed with them.
const LINE_BYTES_MAX: usize = 1 << 20;

/// Why a dump cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The operating system says so.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What it says.
        source: io::Error,
    },
    /// A line is no fact.
    #[error("{path}: line {line}: {what}")]
    Line {
        /// Which file.
        path: PathBuf,
        /// Counted from one.
        line: u64,
        /// What is wrong.
        what: String,
    },
    /// They are not all partitions of one journal.
    #[error("the journal dumps: {0}")]
    Partitions(String),
}

/// A participant as the journal configured it last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    /// Its name.
    pub name: String,
}

/// Dumps being read, one after the other.
#[derive(Debug)]
pub struct Dump {
    paths: Vec<PathBuf>,
    /// Which of them is read.
    at: usize,
    reader: Option<BufReader<File>>,
    /// Those after it.
    waiting: std::vec::IntoIter<File>,
    buffer: Vec<u8>,
    line: u64,
    bytes: u64,
    partitions: Partitions,
    leases: Leases,
    participants: BTreeMap<u16, Participant>,
    currencies: BTreeMap<String, u16>,
    refunds: Refunds,
}

/// What one line holds.
#[derive(Debug)]
pub struct Read {
    /// In which partition's journal it stands.
    pub partition: u16,
    /// Where in that.
    pub sequence: u64,
    /// Whether it follows the line before.
    pub progress: Progress,
    /// The fact, where it is about a transaction.
    pub fact: Option<Fact>,
}

impl Dump {
    /// Opens all dumps of a journal: one, or one of each partition.
    ///
    /// # Errors
    /// [`DumpError::Io`].
    pub fn open(paths: &[PathBuf]) -> Result<Self, DumpError> {
        let open = |path: &PathBuf| File::open(path).map_err(|source| unreadable(path, source));
        let mut waiting = paths.iter().map(open).collect::<Result<Vec<File>, _>>()?.into_iter();
        Ok(Self {
            paths: paths.to_vec(),
            at: 0,
            reader: next_of(&mut waiting),
            waiting,
            buffer: Vec::new(),
            line: 0,
            bytes: 0,
            partitions: Partitions::default(),
            leases: Leases::default(),
            participants: BTreeMap::new(),
            currencies: BTreeMap::new(),
            refunds: Refunds::default(),
        })
    }

    /// Who takes part, as far as was read.
    pub fn participants(&self) -> &BTreeMap<u16, Participant> {
        &self.participants
    }

    /// What links refunds with their originals, as far as was read.
    pub fn take_refunds(&mut self) -> Refunds {
        std::mem::take(&mut self.refunds)
    }

    /// Which partitions it is of, as far as was read.
    pub const fn partitions(&self) -> &Partitions {
        &self.partitions
    }

    /// What moved between partitions, as far as was read.
    pub fn leases(&self) -> &Leases {
        &self.leases
    }

    /// How many bytes were read, of all dumps.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next line, `None` at the end.
    ///
    /// # Errors
    /// [`DumpError`].
    pub fn next_line(&mut self) -> Result<Option<Read>, DumpError> {
        loop {
            self.buffer.clear();
            let Some(reader) = &mut self.reader else { return Ok(None) };
            let mut limited = io::Read::take(reader, LINE_BYTES_MAX as u64);
            let got = limited
                .read_until(b'\n', &mut self.buffer)
                .map_err(|source| unreadable(&self.paths[self.at], source))?;
            if got == 0 {
                self.reader = next_of(&mut self.waiting);
                (self.at, self.line) = (self.at + 1, 0);
                continue;
            }
            self.line += 1;
            self.bytes += got as u64;
            if got == LINE_BYTES_MAX {
                return Err(self.wrong("it is longer than any fact".to_owned()));
            }
            if !self.buffer.trim_ascii().is_empty() {
                break;
            }
        }
        let buffer = std::mem::take(&mut self.buffer);
        let read = self.read(&buffer).map_err(|what| self.wrong(what));
        self.buffer = buffer;
        read.map(Some)
    }

    fn wrong(&self, what: String) -> DumpError {
        DumpError::Line { path: self.paths[self.at].clone(), line: self.line, what }
    }

    fn read(&mut self, bytes: &[u8]) -> Result<Read, String> {
        let line: Line<'_> = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        let partition = line.partition.unwrap_or(0);
        let progress = self.partitions.take(self.at, &line).map_err(|other| {
            let other = self.paths[other].display();
            format!("{other} holds lines of partition {partition} already: each is given once")
        })?;
        let fact = match FactKind::from_name(line.kind) {
            Some(kind) => {
                let mut fact = self.fact(kind, &line)?;
                let refund_of = line.refund_of.map(|text| parse_id(text).ok_or("refund_of is no request id"));
                self.refunds.take(&mut fact, refund_of.transpose()?);
                Some(fact)
            }
            None => {
                self.about_the_switch(&line)?;
                None
            }
        };
        Ok(Read { partition, sequence: line.sequence, progress, fact })
    }

    fn about_the_switch(&mut self, line: &Line<'_>) -> Result<(), String> {
        match line.kind {
            "participant_configured" => {
                let number = line.participant.ok_or("participant is missing")?;
                let name = line.name.as_deref().unwrap_or_default().to_owned();
                self.participants.insert(number, Participant { name });
                Ok(())
            }
            // A removed participant still owns what it did.
            "participant_removed"
            | "participant_status_set"
            | "routes_configured"
            | "cut_over"
            | "day_closed"
            | "founded"
            | "forgotten" => Ok(()),
            "lease_given" | "lease_taken" => self.lease(line),
            "recalled" => {
                if let (Some(refunded), Some(originator)) = (line.refunded, line.originator) {
                    let original = line.original.and_then(parse_id).ok_or("original is no request id")?;
                    self.refunds.recalled(Key { originator, original }, refunded);
                }
                Ok(())
            }
            // A kind that nobody described here could move money.
            other => Err(format!("a fact of the unknown kind {other:?}")),
        }
    }

    fn lease(&mut self, line: &Line<'_>) -> Result<(), String> {
        let given = line.kind == "lease_given";
        let other = if given { line.to } else { line.from }.ok_or("the other partition is missing")?;
        let total = line.total.and_then(|text| text.parse().ok()).ok_or("total is no sum")?;
        let currency = self.currency(line.currency.ok_or("currency is missing")?)?;
        let debtor = line.participant.ok_or("participant is missing")?;
        let own = line.partition.unwrap_or(0);
        let (giver, taker) = if given { (own, other) } else { (other, own) };
        let entry = Entry { given, total, sequence: line.sequence, time_ms: line.time };
        self.leases.note(Moved { debtor, currency, giver, taker }, entry);
        Ok(())
    }

    fn fact(&mut self, kind: FactKind, line: &Line<'_>) -> Result<Fact, String> {
        let id = |text: Option<&str>, name: &str| {
            parse_id(text.ok_or_else(|| format!("{name} is missing"))?)
                .ok_or_else(|| format!("{name} is no request id"))
        };
        let original = id(line.original, "original")?;
        let needs_amount = matches!(
            kind,
            FactKind::Reserved | FactKind::DeclinedAtOnce | FactKind::Approved | FactKind::Captured
        );
        if needs_amount && line.amount.is_none() {
            return Err("amount is missing".to_owned());
        }
        let is_refund = line.payment_kind == Some("refund");
        if is_refund && line.refund_of.is_none() {
            return Err("refund_of is missing".to_owned());
        }
        if kind == FactKind::Reserved && (line.destination.is_none() || line.currency.is_none()) {
            return Err("destination or currency is missing".to_owned());
        }
        Ok(Fact {
            partition: line.partition.unwrap_or(0),
            sequence: line.sequence,
            epoch: line.epoch,
            time_ms: line.time,
            kind,
            originator: line.originator.ok_or("originator is missing")?,
            original,
            id: if line.id.is_some() { id(line.id, "id")? } else { original },
            payment_kind: choose(line.payment_kind, &["pay", "reserve", "verify", "refund"], "payment_kind")?,
            debtor: match choose(line.debtor, &["originator", "destination", "outside"], "debtor")? {
                1 => Debtor::Originator,
                2 => Debtor::Destination,
                _ => Debtor::Outside,
            },
            decided_by: choose(line.decided_by, &["destination", "switch", "stand_in"], "decided_by")?,
            partial_allowed: line.partial_allowed,
            captures_many: line.captures_many,
            last: line.last,
            reversal: line.reversal,
            approved: line.approved,
            goes_on: false,
            payment_digest: line.payment_id.or(line.refund_of).map_or(0, payment_id_digest),
            amount: line.amount.unwrap_or(0),
            currency: line.currency.map_or(Ok(0), |code| self.currency(code))?,
            destination: line.destination.unwrap_or(0),
            hold_until: line.hold_until.unwrap_or(0),
            deadline: line.deadline.unwrap_or(0),
            reason: line.reason.unwrap_or(0),
            delivery: line.delivery.unwrap_or(0),
            superseded_from: line.superseded_from.unwrap_or(0),
            request: match choose(line.request, &["capture", "release", "reverse"], "request")? {
                1 => Message::Capture,
                2 => Message::Release,
                3 => Message::Reverse,
                _ => Message::None,
            },
        })
    }

    fn currency(&mut self, code: &str) -> Result<u16, String> {
        if let Some(number) = self.currencies.get(code) {
            return Ok(*number);
        }
        let currency = Currency::from_code(code).ok_or_else(|| format!("no currency {code:?}"))?;
        self.currencies.insert(code.to_owned(), currency.numeric());
        Ok(currency.numeric())
    }
}

/// The place of `text` in `names`, counted from one; zero where there is no text.
fn choose(text: Option<&str>, names: &[&str], field: &str) -> Result<u8, String> {
    let Some(text) = text else { return Ok(0) };
    let at = names.iter().position(|name| *name == text);
    at.and_then(|at| u8::try_from(at + 1).ok()).ok_or_else(|| format!("{field} is {text:?}"))
}

fn next_of(waiting: &mut std::vec::IntoIter<File>) -> Option<BufReader<File>> {
    waiting.next().map(|file| BufReader::with_capacity(READ_BYTES, file))
}

fn unreadable(path: &Path, source: io::Error) -> DumpError {
    DumpError::Io { path: path.to_owned(), source }
}
