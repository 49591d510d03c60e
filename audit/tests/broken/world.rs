//! A small world whose histories and journal agree: one operator, one destination, one of every course of events.
//!
//! Tests break it record by record.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use holdfast_audit::history::record::{flag, payment_id_digest};
use holdfast_audit::history::{Header, Kind, Message, Record, Role};
use holdfast_audit::{Options, Report, Unwatched, id_text, run};
use serde_json::{Map, Value, json};

mod courses;
mod refunds;

pub(crate) type Line = Map<String, Value>;

pub(crate) const OPERATOR: u16 = 1;
pub(crate) const DESTINATION: u16 = 11;
pub(crate) const START_MS: u64 = 1_795_305_600_000;
const DEADLINE_MS: u64 = 5_000;
const HOLD_MS: u64 = 30_000;
const PAYMENT_ID: &str = "shop-7@ACQ1";
const CURRENCY: u16 = 978;

/// Everything that was written down.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) operator: Vec<Record>,
    pub(crate) destination: Vec<Record>,
    pub(crate) journal: Vec<Line>,
    /// When the histories begin, as their headers say.
    pub(crate) begun_ms: u64,
    /// No history of the operator was kept.
    pub(crate) without_operator: bool,
    /// The last sequence of each partition as the status tells it; empty where there is one partition.
    pub(crate) ends: Vec<u64>,
    now_ms: u64,
    epoch: u32,
    next_id: u128,
    facts: u64,
    lane_answers: u64,
    /// By participant: held, debits, credits.
    pub(crate) positions: BTreeMap<u16, [i64; 3]>,
}

/// A transaction being played.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transaction {
    pub(crate) id: u128,
    pub(crate) amount: u64,
    pub(crate) kind: u8,
    /// Of a refund: the id of its original.
    pub(crate) refund_of: u128,
    deliveries: u16,
}

impl World {
    /// A world in which nothing has happened.
    pub(crate) fn new() -> Self {
        let mut world = Self { now_ms: START_MS, begun_ms: START_MS, epoch: 1, ..Self::default() };
        for (number, name) in [(OPERATOR, "operator-1"), (DESTINATION, "acquirer-1")] {
            world.fact("participant_configured", json!({"participant": number, "name": name}));
        }
        world
    }

    /// Everything that can happen, and everybody drained at the end.
    pub(crate) fn everything() -> Self {
        let mut world = Self::new();
        world.pay_approved();
        world.pay_declined();
        world.pay_timed_out_with_a_late_approval();
        world.pay_repeated();
        world.pay_given_up_and_asked_for();
        world.pay_refused();
        world.pay_declined_at_once();
        world.epoch = 2;
        world.reserve_captured_in_parts();
        world.reserve_captured_whole_in_parts();
        world.reserve_released();
        world.reserve_expired();
        world.reserve_captured_and_reversed();
        world.reserve_reversed_while_pending();
        world.pay_reversed_before_it_came();
        world.capture_declined();
        world.verify_released();
        world.pay_refunded();
        world.pay_refunded_and_reversed();
        world.fact("cut_over", json!({"business_date": "2026-11-23"}));
        world.drained();
        world
    }

    fn tick(&mut self) -> u64 {
        self.now_ms += 1;
        self.now_ms
    }

    /// Time passes.
    pub(crate) fn wait(&mut self, ms: u64) {
        self.now_ms += ms;
    }

    /// What was written down until now is another run's; the histories of this one begin so much later.
    pub(crate) fn histories_begin_after(&mut self, ms: u64) {
        self.operator.clear();
        self.destination.clear();
        self.lane_answers = 0;
        self.wait(ms);
        self.begun_ms = self.now_ms;
    }

    pub(crate) fn id(&mut self) -> u128 {
        self.next_id += 1;
        (u128::from(self.now_ms) << 80) | (7 << 76) | (2 << 62) | self.next_id
    }

    fn record(&mut self, kind: Kind, message: Message, original: u128, id: u128) -> Record {
        let time_ms = self.tick();
        let monotonic_ns = (time_ms - START_MS) * 1_000_000;
        let (originator, attempt) = (OPERATOR, 0);
        Record { time_ms, monotonic_ns, originator, attempt, id, original, ..Record::new(kind, message) }
    }

    /// Writes a fact; returns its sequence.
    pub(crate) fn fact(&mut self, kind: &str, fields: Value) -> u64 {
        let sequence = self.journal.len() as u64 + 1;
        let mut line = Line::new();
        line.insert("sequence".to_owned(), sequence.into());
        line.insert("epoch".to_owned(), self.epoch.into());
        line.insert("time".to_owned(), self.tick().into());
        line.insert("kind".to_owned(), kind.into());
        line.extend(fields.as_object().cloned().unwrap_or_default());
        self.journal.push(line);
        self.facts = sequence;
        sequence
    }

    fn fact_of(&mut self, kind: &str, t: &Transaction, id: u128, fields: Value) -> u64 {
        let mut all = json!({"originator": OPERATOR, "original": id_text(t.id), "id": id_text(id)});
        let map = all.as_object_mut().unwrap();
        map.extend(fields.as_object().cloned().unwrap_or_default());
        self.fact(kind, all)
    }

    fn content(&self, t: &Transaction) -> Value {
        if t.kind == 4 {
            return Self::refund_content(t);
        }
        let kind = ["", "pay", "reserve", "verify"][usize::from(t.kind)];
        let hold_until = if t.kind == 1 { 0 } else { self.now_ms + HOLD_MS };
        json!({"payment_kind": kind, "payment_id": PAYMENT_ID, "amount": t.amount, "currency": "EUR",
               "hold_until": hold_until, "partial_allowed": t.kind == 2, "captures_many": t.kind == 2})
    }

    /// The operator sends an authorize.
    pub(crate) fn authorize(&mut self, kind: u8, amount: u64) -> Transaction {
        let t = Transaction { id: self.id(), amount, kind, refund_of: 0, deliveries: 0 };
        self.send_authorize(&t, 1);
        t
    }

    fn digest(t: &Transaction) -> u64 {
        if t.kind == 4 { payment_id_digest(&id_text(t.refund_of)) } else { payment_id_digest(PAYMENT_ID) }
    }

    fn authorize_flags(t: &Transaction) -> u8 {
        if t.kind == 2 { flag::PARTIAL_ALLOWED | flag::CAPTURES_MANY } else { 0 }
    }

    fn money(t: &Transaction, record: Record) -> Record {
        Record { currency: CURRENCY, payment_kind: t.kind, amount: t.amount, ..record }
    }

    pub(crate) fn send_authorize(&mut self, t: &Transaction, attempt: u8) {
        let base = Self::money(t, self.record(Kind::Sent, Message::Authorize, t.id, t.id));
        let flags = Self::authorize_flags(t) | u8::from(attempt > 1);
        self.operator.push(Record { attempt, flags, sequence: Self::digest(t), ..base });
    }

    /// The switch accepts and the destination receives.
    pub(crate) fn forward(&mut self, t: &Transaction) {
        self.reserve(t);
        self.receive(t, 1);
    }

    pub(crate) fn reserve(&mut self, t: &Transaction) {
        let mut fields = self.content(t);
        // The refunds of this world are of payments.
        let debtor = ["", "originator", "destination", "outside", "destination"][usize::from(t.kind)];
        let more =
            json!({"destination": DESTINATION, "debtor": debtor, "deadline": self.now_ms + DEADLINE_MS});
        fields.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        let kind = if t.kind == 4 { "refund_reserved" } else { "reserved" };
        self.fact_of(kind, t, t.id, fields);
    }

    pub(crate) fn receive(&mut self, t: &Transaction, attempt: u8) {
        let base = Self::money(t, self.record(Kind::Received, Message::Authorize, t.id, t.id));
        let applied = if attempt == 1 { flag::APPLIED } else { flag::REPEAT };
        let flags = Self::authorize_flags(t) | applied;
        self.destination.push(Record { attempt, flags, sequence: Self::digest(t), ..base });
    }

    /// The destination answers.
    pub(crate) fn answer(&mut self, t: &Transaction, outcome: u8, reason: u16, amount: u64) {
        let base = Self::money(t, self.record(Kind::Answered, Message::Authorize, t.id, t.id));
        self.lane_answers += 1;
        let (epoch, lane, sequence) = (1, 1, self.lane_answers);
        self.destination.push(Record { outcome, reason, amount, epoch, lane, sequence, ..base });
    }

    /// The destination is told that its answers are decided.
    pub(crate) fn assure(&mut self) {
        let base = self.record(Kind::DecidedThrough, Message::None, 0, 0);
        let sequence = self.lane_answers;
        self.destination.push(Record { originator: 0, epoch: 1, lane: 1, sequence, ..base });
    }

    /// The operator hears what a fact decided.
    #[allow(clippy::too_many_arguments, reason = "an answer has that many fields")]
    pub(crate) fn hear(&mut self, t: &Transaction, message: Message, id: u128, said: Said, place: u64) {
        let base = self.record(Kind::Heard, message, t.id, id);
        let epoch = if said.outcome == 3 { 0 } else { self.epoch };
        self.operator.push(Record {
            attempt: 1,
            outcome: said.outcome,
            reason: said.reason,
            state: said.state,
            decided_by: said.by,
            amount: said.amount,
            sequence: place,
            epoch,
            ..base
        });
    }

    /// The operator sends a follow-up.
    pub(crate) fn follow_up(&mut self, t: &Transaction, message: Message, amount: u64, last: bool) -> u128 {
        let id = self.id();
        let base = self.record(Kind::Sent, message, t.id, id);
        let capture = message == Message::Capture;
        let currency = if capture { CURRENCY } else { 0 };
        let flags = if last { flag::LAST } else { 0 };
        self.operator.push(Record { attempt: 1, amount, currency, flags, ..base });
        id
    }

    /// The destination receives the next delivery, acknowledges it, and the journal notes it.
    pub(crate) fn deliver(
        &mut self,
        t: &mut Transaction,
        message: Message,
        id: u128,
        amount: u64,
        flags: u8,
    ) {
        t.deliveries += 1;
        let delivery = t.deliveries;
        for (attempt, flags) in [(1, flags | flag::APPLIED), (2, flags | flag::REPEAT)] {
            let base = self.record(Kind::Delivered, message, t.id, id);
            let currency = if message == Message::Capture { CURRENCY } else { 0 };
            self.destination.push(Record { delivery, amount, currency, flags, attempt, ..base });
            let base = self.record(Kind::Acknowledged, Message::None, t.id, t.id);
            self.destination.push(Record { delivery, ..base });
        }
        self.fact_of("acknowledged", t, t.id, json!({"delivery": delivery}));
    }

    pub(crate) fn complete(&mut self, t: &Transaction) {
        let record = self.record(Kind::Completed, Message::None, t.id, t.id);
        self.destination.push(record);
    }

    /// Both writers finish with nothing in flight.
    pub(crate) fn drained(&mut self) {
        for role in [Role::Operator, Role::Destination] {
            let base = self.record(Kind::Closed, Message::None, 0, 0);
            let closed = Record { originator: 0, flags: flag::DRAINED, ..base };
            self.records_mut(role).push(closed);
        }
    }

    /// Both writers finish while something is still in flight.
    pub(crate) fn closed(&mut self) {
        for role in [Role::Operator, Role::Destination] {
            let base = self.record(Kind::Closed, Message::None, 0, 0);
            self.records_mut(role).push(Record { originator: 0, ..base });
        }
    }

    pub(crate) fn records_mut(&mut self, role: Role) -> &mut Vec<Record> {
        match role {
            Role::Operator => &mut self.operator,
            Role::Destination => &mut self.destination,
        }
    }

    /// Books a movement; a reservation of this world is owed by its destination.
    fn book(&mut self, t: &Transaction, amount: i64) {
        let (debtor, creditor) = if t.kind == 1 { (OPERATOR, DESTINATION) } else { (DESTINATION, OPERATOR) };
        let (debtor, creditor) = if amount < 0 { (creditor, debtor) } else { (debtor, creditor) };
        self.positions.entry(debtor).or_default()[1] += amount.abs();
        self.positions.entry(creditor).or_default()[2] += amount.abs();
    }

    fn status(&self) -> Value {
        let line = |(number, [held, debits, credits]): (&u16, &[i64; 3])| {
            json!({"number": number, "currency": "EUR", "held": held.to_string(),
                   "debits": debits.to_string(), "credits": credits.to_string()})
        };
        let positions: Vec<Value> = self.positions.iter().map(line).collect();
        let Some(first) = self.ends.first() else {
            return json!({"sequence": self.facts, "positions": positions});
        };
        let partitions = (0_u16..).zip(&self.ends);
        let partitions: Vec<Value> =
            partitions.map(|(partition, end)| json!({"partition": partition, "sequence": end})).collect();
        json!({"sequence": first, "partitions": partitions, "positions": positions})
    }

    /// Writes the files of a run.
    pub(crate) fn write(&self, directory: &Path) -> Options {
        let history = directory.join("history");
        fs::create_dir_all(&history).unwrap();
        let headers = [
            (Role::Operator, OPERATOR, "operator-1", &self.operator),
            (Role::Destination, DESTINATION, "acquirer-1", &self.destination),
        ];
        let kept = headers.into_iter().filter(|(role, ..)| *role != Role::Operator || !self.without_operator);
        for (role, participant, name, records) in kept {
            let header =
                Header { role, participant, instance: 0, started_ms: self.begun_ms, name: name.to_owned() };
            let mut bytes = header.to_bytes().to_vec();
            for (place, record) in records.iter().enumerate() {
                bytes.extend_from_slice(&record.to_bytes(place as u64));
            }
            let word = if role == Role::Operator { "operator" } else { "destination" };
            fs::write(history.join(format!("{name}.{word}.history")), bytes).unwrap();
        }
        let dump = directory.join("journal.jsonl");
        let lines: String =
            self.journal.iter().map(|line| format!("{}\n", Value::Object(line.clone()))).collect();
        fs::write(&dump, lines).unwrap();
        let status = directory.join("status.json");
        fs::write(&status, self.status().to_string()).unwrap();
        Options { status: Some(status), ..Options::new(directory, dump) }
    }

    /// Audits it; `None` where it cannot even be read.
    pub(crate) fn audit(&self) -> Option<Report> {
        let directory = tempfile::tempdir().unwrap();
        run(&self.write(directory.path()), &mut Unwatched).ok()
    }
}

/// What an answer to an operator says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    pub(crate) outcome: u8,
    pub(crate) reason: u16,
    pub(crate) state: u8,
    pub(crate) by: u8,
    pub(crate) amount: u64,
}

const fn said(outcome: u8, reason: u16, state: u8, by: u8, amount: u64) -> Said {
    Said { outcome, reason, state, by, amount }
}
