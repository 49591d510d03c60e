//! The history of one start of a party. Whole batches are handed to the operating system before anything leaves, so a kill
//! loses nothing of them.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::time::Instant;

use holdfast_loadgen::history::record::{At, EventKind, RECORD_BYTES, Record, Role, header};
use holdfast_protocol::{MessageType, ParticipantNumber, RequestId, UnixMillis};

use super::{Party, Stopwatch};

/// Of docs/HISTORY.md: offsets and values of what is read back.
const KIND: usize = 4;
const FLAGS: usize = 6;
const ORIGINATOR: usize = 24;
const DELIVERY: usize = 26;
const ORIGINAL: usize = 48;
const APPLIED: u8 = 0x20;

/// See the module.
#[derive(Debug)]
pub(super) struct Diary {
    file: File,
    batch: Vec<u8>,
    number: u32,
    clock: Stopwatch,
}

impl Diary {
    pub(super) fn begin(party: &Party, role: Role, now: UnixMillis) -> io::Result<Self> {
        fs::create_dir_all(&party.history)?;
        let name = format!("{}.{}.{}.history", party.name, party.start, role.name());
        let mut file = File::create_new(party.history.join(name))?;
        file.write_all(&header(role, party.number, 1, now, &party.name))?;
        Ok(Self { file, batch: Vec::new(), number: 0, clock: Stopwatch(Instant::now()) })
    }

    /// A record of something that happens now.
    pub(super) fn record(&self, kind: EventKind, time: UnixMillis) -> Record {
        Record::new(kind, At { time, monotonic_ns: self.clock.nanos() })
    }

    pub(super) fn add(&mut self, record: Record) {
        self.batch.extend_from_slice(&record.finish(self.number));
        self.number = self.number.wrapping_add(1);
    }

    /// Hands over what was added.
    pub(super) fn write(&mut self) -> io::Result<()> {
        let written = self.file.write_all(&self.batch);
        self.batch.clear();
        written
    }

    /// The last record of a party that ends in good order.
    pub(super) fn close(&mut self, time: UnixMillis) -> io::Result<()> {
        let closed = self.record(EventKind::Closed, time);
        self.add(closed);
        self.write()
    }
}

/// What a destination has applied in all its starts.
#[derive(Debug, Default)]
pub(super) struct Applied {
    /// Forwards.
    pub(super) forwards: HashSet<(ParticipantNumber, RequestId)>,
    /// Captures, releases and reversals by their numbers.
    pub(super) deliveries: HashSet<(ParticipantNumber, RequestId, u16)>,
    /// Transactions that were reversed, whether their forward had come or not.
    pub(super) reversed: HashSet<(ParticipantNumber, RequestId)>,
}

impl Applied {
    /// From all histories of a destination. A record that is cut off was not handed over whole, so nothing followed it.
    pub(super) fn read(party: &Party) -> io::Result<Self> {
        let mut applied = Self::default();
        if !party.history.exists() {
            return Ok(applied);
        }
        for entry in fs::read_dir(&party.history)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.starts_with(&format!("{}.", party.name)) && name.ends_with(".destination.history") {
                for record in fs::read(&path)?.chunks_exact(RECORD_BYTES).skip(1) {
                    applied.add(record);
                }
            }
        }
        Ok(applied)
    }

    fn add(&mut self, record: &[u8]) {
        let number = |at: usize| u16::from_le_bytes([record[at], record[at + 1]]);
        let original: [u8; 16] = record[ORIGINAL..ORIGINAL + 16].try_into().expect("sixteen bytes");
        let (original, originator) =
            (RequestId::from_bytes(original), ParticipantNumber::new(number(ORIGINATOR)));
        let Some(originator) = originator.filter(|_| record[FLAGS] & APPLIED != 0) else { return };
        if record[KIND] == EventKind::Received as u8 {
            self.forwards.insert((originator, original));
        } else if record[KIND] == EventKind::Delivered as u8 {
            self.deliveries.insert((originator, original, number(DELIVERY)));
            if record[KIND + 1] == MessageType::Reverse.number() {
                self.reversed.insert((originator, original));
            }
        }
    }
}
