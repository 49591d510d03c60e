//! A destination's book: every promise of a destination (docs/PROTOCOL.md) as a state machine.
//!
//! Messages, decisions and time go in; what the handler is to do, what is to be written and what may be sent come out.
//! Nothing here blocks, and nothing is sent before the records it rests on are durable.
//!
//! Invariants: the handler is asked once for a transaction and once for a delivery, however often they come; an entry
//! is forgotten only after its window, and never while something of it is open.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use bytes::BytesMut;
use holdfast_protocol::{
    Complete, DeliveryNumber, Inquiry, Message, Outcome, ParticipantNumber, RequestId, TransactionKey,
    UnixMillis,
};

use super::coverage::LaneCoverage;
use super::entry::{Entry, Origin};
use super::forward::Forward;
use super::handler::{Delivery, Notice, Task};
use super::record::{Delivered, DeliveryEffect, Record};
use super::replies::acknowledge;
use super::terms::{Action, BookSettings, Contradiction, LinkTerms};

/// See the module's documentation.
#[derive(Debug)]
pub struct Book {
    pub(super) settings: BookSettings,
    /// The terms of the latest link; `None` before the first.
    terms: Option<LinkTerms>,
    pub(super) linked: bool,
    pub(super) entries: HashMap<TransactionKey, Entry>,
    pub(super) deciding: usize,
    /// By the second in which an entry may be forgotten.
    by_age: BTreeMap<u64, Vec<TransactionKey>>,
    /// When to ask the switch about what.
    pub(super) agenda: BTreeSet<(UnixMillis, TransactionKey)>,
    /// Inquiries on their way by correlation, and when they left.
    pub(super) inquiries: BTreeMap<u64, (TransactionKey, UnixMillis)>,
    pub(super) correlation: u64,
    lanes: Vec<LaneCoverage>,
    /// Records that the store does not have yet.
    records: Vec<Record>,
    /// How many records there have been, and how many of them are durable.
    recorded: u64,
    durable: u64,
    /// What may leave once so many records are durable; in order.
    outgoing: VecDeque<(u64, Message)>,
    pub(super) actions: VecDeque<Action>,
    pub(super) scratch: BytesMut,
}

impl Book {
    /// A book that begins with what a store kept.
    pub fn new(settings: BookSettings, records: &[Record]) -> Self {
        let mut book = Self {
            settings,
            terms: None,
            linked: false,
            entries: HashMap::new(),
            deciding: 0,
            by_age: BTreeMap::new(),
            agenda: BTreeSet::new(),
            inquiries: BTreeMap::new(),
            correlation: 0,
            lanes: Vec::new(),
            records: Vec::new(),
            recorded: 0,
            durable: 0,
            outgoing: VecDeque::new(),
            actions: VecDeque::new(),
            scratch: BytesMut::new(),
        };
        for record in records {
            let entry = book.entries.entry(record.key());
            entry.or_insert_with(|| Entry::new(Origin::DeliveryOnly, None)).apply(record);
        }
        book
    }

    /// A link is signed on. What the switch left unanswered it repeats; what it has not told us we ask for.
    pub fn link_up(&mut self, terms: LinkTerms, now: UnixMillis) {
        self.lanes = (0..terms.lanes).map(|_| LaneCoverage::default()).collect();
        self.linked = true;
        if self.terms.replace(terms).is_none() {
            let recovered: Vec<_> = self.entries.keys().copied().collect();
            for key in recovered {
                self.file(key);
                self.plan(key, now);
            }
        }
    }

    /// The link was lost. Answers that did not leave are not sent on another: the switch repeats, or we ask.
    pub fn link_lost(&mut self) {
        self.linked = false;
        self.outgoing.clear();
        self.lanes.clear();
        self.inquiries.clear();
    }

    /// Takes a message of the switch that is for a destination. Answers are not, and are left alone.
    ///
    /// # Errors
    /// The switch contradicts itself; the book stands as it was.
    pub fn receive(&mut self, lane: u8, message: Message, now: UnixMillis) -> Result<(), Contradiction> {
        match message {
            Message::Authorize(request) => self.forward(Forward::Authorize(Box::new(request)), now),
            Message::Refund(request) => self.forward(Forward::Refund(Box::new(request)), now),
            Message::Capture(m) => {
                let task = Task::Capture { amount: m.amount, currency: m.currency, last: m.last };
                self.delivery(m.originator.map(|o| key(o, m.original)), m.delivery, task);
            }
            Message::Release(m) => {
                let task = Task::Release { expired: m.expired };
                self.delivery(m.originator.map(|o| key(o, m.original)), m.delivery, task);
            }
            Message::Reverse(m) => {
                let task = Task::Reverse { payment_id: m.payment_id, reason: m.reason };
                self.delivery(m.originator.map(|o| key(o, m.original)), m.delivery, task);
            }
            Message::DecidedThrough(m) => return self.decided_through(lane, m.count, now),
            Message::Complete(m) => self.complete(m, now),
            Message::Status(m) => return self.status(&m, now),
            Message::Answer(_)
            | Message::Acknowledge(_)
            | Message::Inquiry(_)
            | Message::SignOn(_)
            | Message::Welcome(_)
            | Message::Echo(_)
            | Message::Window(_)
            | Message::Notice(_)
            | Message::Drain(_)
            | Message::SignOff(_)
            | Message::LaneOpen(_) => {}
        }
        Ok(())
    }

    fn delivery(&mut self, key: Option<TransactionKey>, number: Option<DeliveryNumber>, task: Task) {
        let (Some(key), Some(number)) = (key, number) else { return };
        let unknown = !self.entries.contains_key(&key);
        if unknown {
            // Rule 11: remembered although its forward is unknown; the forward, if it comes, is refused.
            self.file(key);
        }
        let entry = self.entries.entry(key).or_insert_with(|| Entry::new(Origin::DeliveryOnly, None));
        if entry.has(number) {
            self.send(acknowledge(key, number));
        } else if !entry.expects(number) {
            let known = entry.origin != Origin::DeliveryOnly;
            entry.waiting.push_back(Delivery { key, number, known, task });
            self.deliver_next(key);
        }
    }

    /// Hands the next waiting delivery over, one at a time and never while the handler is still deciding.
    pub(super) fn deliver_next(&mut self, key: TransactionKey) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        if entry.applying.is_none()
            && entry.origin != Origin::Deciding
            && let Some(next) = entry.waiting.pop_front()
        {
            entry.applying = Some(next.clone());
            self.actions.push_back(Action::Deliver(next));
        }
    }

    /// The handler has carried a delivery out. It is acknowledged once its record is durable.
    pub fn delivered(&mut self, key: TransactionKey, number: DeliveryNumber, now: UnixMillis) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let Some(delivery) = entry.applying.take_if(|delivery| delivery.number == number) else { return };
        let effect = effect_of(delivery.task);
        self.record(Record::Delivered(key, Delivered { number, effect }));
        self.send(acknowledge(key, number));
        self.deliver_next(key);
        self.plan(key, now);
    }

    fn decided_through(&mut self, lane: u8, count: u64, now: UnixMillis) -> Result<(), Contradiction> {
        let lane = self.lanes.get_mut(usize::from(lane)).ok_or(Contradiction::DecidedThroughAhead)?;
        let newly: Vec<_> = lane.through(count).ok_or(Contradiction::DecidedThroughAhead)?.collect();
        newly.into_iter().for_each(|key| self.cover(key, now));
        Ok(())
    }

    /// The switch has decided on an answer.
    pub(super) fn cover(&mut self, key: TransactionKey, now: UnixMillis) {
        if self.entries.get(&key).is_some_and(|entry| entry.approval().is_some() && !entry.covered) {
            self.record(Record::Covered(key));
            self.actions.push_back(Action::Notice(Notice::Covered(key)));
            self.plan(key, now);
        }
    }

    fn complete(&mut self, complete: Complete, now: UnixMillis) {
        let key = key(complete.originator, complete.original);
        if self.entries.get(&key).is_some_and(|entry| !entry.complete) {
            self.record(Record::Complete(key));
            self.actions.push_back(Action::Notice(Notice::Complete(key)));
            self.plan(key, now);
        }
    }

    /// Lets go what is old and closed, and asks what is due to be asked.
    pub fn handle_time(&mut self, now: UnixMillis) {
        self.forget(now);
        self.give_up_inquiries(now);
        self.ask(now);
    }

    fn forget(&mut self, now: UnixMillis) {
        while let Some(oldest) = self.by_age.first_entry() {
            if oldest.key().saturating_mul(1_000) >= now.get() {
                break;
            }
            for key in oldest.remove() {
                let open = self.entries.get(&key).is_some_and(Entry::is_open);
                let young = now <= self.remembered_until(key);
                if open || young {
                    // Looked at again in a minute, or when its window ends by what the switch says now.
                    let later = self.remembered_until(key).get().max(now.plus(60_000).get());
                    self.by_age.entry(later / 1_000 + 1).or_default().push(key);
                } else if let Some(entry) = self.entries.remove(&key)
                    && let Some(ask_at) = entry.ask_at
                {
                    self.agenda.remove(&(ask_at, key));
                }
            }
        }
    }

    /// Notes when an entry may be forgotten.
    pub(super) fn file(&mut self, key: TransactionKey) {
        let second = self.remembered_until(key).get() / 1_000 + 1;
        self.by_age.entry(second).or_default().push(key);
    }

    /// Follows from the id alone, so forgetting can never let a duplicate through (rule 5).
    pub(super) fn remembered_until(&self, key: TransactionKey) -> UnixMillis {
        let (window, skew) = self.terms.map_or((0, 0), |terms| (terms.window_max_ms, terms.skew_max_ms));
        key.id.created().plus(u64::from(window) + u64::from(skew))
    }

    pub(super) fn record(&mut self, record: Record) {
        if let Some(entry) = self.entries.get_mut(&record.key()) {
            entry.apply(&record);
        }
        self.recorded += 1;
        self.records.push(record);
    }

    /// Lets a message leave once every record so far is durable.
    pub(super) fn send(&mut self, message: Message) {
        if self.linked {
            self.outgoing.push_back((self.recorded, message));
        }
    }

    pub(super) fn send_inquiry(&mut self, key: TransactionKey, correlation: u64) {
        let originator = Some(key.originator);
        self.send(Message::Inquiry(Inquiry { id: key.id, originator, correlation }));
    }

    /// What the embedder is to do next.
    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The records that the store does not have yet; with them durable, [`Self::durable_through`] this number.
    pub fn take_records(&mut self) -> (Vec<Record>, u64) {
        (std::mem::take(&mut self.records), self.recorded)
    }

    /// The store has kept so many records.
    pub const fn durable_through(&mut self, count: u64) {
        if count > self.durable {
            self.durable = count;
        }
    }

    /// The next message that may leave; after it was pushed, [`Self::sent`].
    pub fn next_send(&self) -> Option<&Message> {
        let (needs, message) = self.outgoing.front()?;
        (*needs <= self.durable).then_some(message)
    }

    /// The message of [`Self::next_send`] was pushed on a lane.
    pub fn sent(&mut self, lane: u8) {
        let Some((_, Message::Answer(answer))) = self.outgoing.pop_front() else { return };
        // A refusal counts on the lane, but it covers no approval.
        let key = answer.originator.filter(|_| answer.outcome != Outcome::Refused).map(|o| key(o, answer.id));
        if let Some(lane) = self.lanes.get_mut(usize::from(lane)) {
            lane.sent(key);
        }
    }

    /// When [`Self::handle_time`] is due.
    pub fn next_deadline(&self) -> Option<UnixMillis> {
        let forget = self.by_age.first_key_value().map(|(second, _)| UnixMillis::MAX.min(millis(*second)));
        let room = self.inquiries.len() < self.settings.inquiries_max;
        let given_up = |(_, sent): &(TransactionKey, UnixMillis)| sent.plus(self.settings.inquire_again_ms);
        let ask = match self.inquiries.first_key_value() {
            Some((_, inquiry)) if !room => Some(given_up(inquiry)),
            _ => self.agenda.first().map(|(at, _)| *at),
        };
        forget.into_iter().chain(ask.filter(|_| self.linked)).min()
    }

    /// The records of everything remembered, for compacting a store. A forward that is being decided has none yet.
    pub fn live_records(&self) -> Vec<Record> {
        self.entries.iter().flat_map(|(key, entry)| entry.records(*key)).collect()
    }

    /// Whether everything the switch sent is decided, carried out, written and sent, and every answer on this link was
    /// decided by the switch.
    pub fn is_settled(&self) -> bool {
        self.deciding == 0
            && self.records.is_empty()
            && self.outgoing.is_empty()
            && self.actions.is_empty()
            && self.lanes.iter().all(LaneCoverage::is_settled)
    }

    /// How many transactions are remembered.
    pub fn remembered(&self) -> usize {
        self.entries.len()
    }
}

fn millis(second: u64) -> UnixMillis {
    UnixMillis::from_48_bits(0).plus(second.saturating_mul(1_000) + 1)
}

const fn key(originator: ParticipantNumber, id: RequestId) -> TransactionKey {
    TransactionKey { originator, id }
}

const fn effect_of(task: Task) -> DeliveryEffect {
    match task {
        Task::Capture { last: false, .. } => DeliveryEffect::CapturedPart,
        Task::Capture { last: true, .. } => DeliveryEffect::CapturedLast,
        Task::Release { .. } => DeliveryEffect::Released,
        Task::Reverse { .. } => DeliveryEffect::Reversed,
    }
}
