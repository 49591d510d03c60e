//! The whole switch in memory: bytes of payments in, forwards out, answers in, outcomes out.
//!
//! Sessions, driver, core and outbox are those of the switch; the log says at once that everything is durable, so this
//! is what a payment costs the switch without transport and disk.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use crossbeam::channel::{Sender, unbounded};
use holdfast::driver::{Driver, DriverSettings, Event, Progress};
use holdfast::session::inbound::Agreed;
use holdfast::session::spread::{Part, spread};
use holdfast::session::{Inbound, Member, Outbound, Received};
use holdfast::telemetry::Telemetry;
use holdfast_core::{Core, From, Output, Settings};
use holdfast_journal::{Appended, Batch, Log, NotTaken};
use holdfast_protocol::{
    Authorize, Epoch, FrameReader, Kind, LaneOpen, Message, Sequence, SignOn, UnixMillis,
};

use crate::traffic::{self, Crowd, Pays, START};

/// Payments of one turn.
pub const TURN: usize = 768;

/// Everything is durable at once.
#[derive(Debug, Default)]
struct MemoryLog {
    last: AtomicU64,
}

impl MemoryLog {
    fn last(&self) -> Sequence {
        Sequence(self.last.load(Ordering::Relaxed))
    }
}

impl Log for MemoryLog {
    fn epoch(&self) -> Epoch {
        Epoch(1)
    }

    fn append(&self, _: Epoch, expected: Sequence, batch: Batch) -> Result<(), NotTaken> {
        assert_eq!(expected, self.last());
        self.last.store(batch.last().0, Ordering::Relaxed);
        Ok(())
    }

    fn appended(&self, through: Sequence) -> Appended {
        if through <= self.last() { Appended::Committed } else { Appended::Waiting }
    }

    fn durable(&self) -> Sequence {
        self.last()
    }

    fn unsynced_bytes(&self) -> u64 {
        0
    }

    fn is_full(&self) -> bool {
        false
    }

    fn take_buffer(&self) -> Vec<u8> {
        Vec::with_capacity(256 << 10)
    }
}

/// The switch's side of a link with one lane.
#[derive(Debug)]
struct Peer {
    from: From,
    inbound: Inbound,
    outbound: Arc<Outbound>,
    frames: FrameReader,
}

impl Peer {
    fn sign_on(n: u16, originates: bool, events: &Sender<Event>) -> Self {
        let (from, outbound) = (traffic::from(n), Arc::new(Outbound::default()));
        let sign_on = SignOn {
            version_min: 1,
            version_max: 1,
            instance: from.instance,
            originates,
            receives: !originates,
            shared_deduplication: false,
            lanes: 1,
            window: u32::MAX,
        };
        let address = ([127, 0, 0, 1], 1).into();
        let up = Event::Up { from, sign_on, address, outbound: Arc::clone(&outbound) };
        events.send(up).expect("the driver is there");
        let member = Member::new(format!("participant-{n}"), from.participant, originates, !originates, 1);
        let agreed = Agreed { originates, receives: !originates, window: u32::MAX, retry_after_ms: 100 };
        let mut inbound = Inbound::new(from, Arc::new(member), Arc::clone(&outbound), agreed, 0);
        let open = encoded([LaneOpen { lane: 0 }.into()]);
        inbound.receive(open, Instant::now(), &mut Received::default()).expect("a lane is opened first");
        Self { from, inbound, outbound, frames: FrameReader::default() }
    }

    /// What the link's task does with a chunk.
    fn receive(&mut self, chunk: Bytes, events: &Sender<Event>) {
        let (mut received, at) = (Received::default(), Instant::now());
        self.inbound.receive(chunk, at, &mut received).expect("the messages are good");
        for (_, Part { first, answers, work }) in spread(received, 1, 0, &self.outbound) {
            let event = Event::Received { from: self.from, lane: 0, at, first, answers, work };
            events.send(event).expect("the driver is there");
        }
    }

    /// What the peer was written on its lane.
    fn written(&mut self) -> Vec<Message> {
        let (mut chunks, mut messages) = (Vec::new(), Vec::new());
        self.outbound.take(1, &mut chunks);
        for chunk in chunks {
            self.outbound.written(chunk.len());
            self.frames.push(chunk);
            while let Some(frame) = self.frames.next_frame().expect("the switch writes frames") {
                messages.push(Message::decode(&frame).expect("the switch writes messages"));
            }
        }
        messages
    }
}

fn encoded(messages: impl IntoIterator<Item = Message>) -> Bytes {
    let mut bytes = BytesMut::new();
    for message in messages {
        message.encode(&mut bytes);
    }
    bytes.freeze()
}

/// A switch, and links of all its participants.
#[derive(Debug)]
pub struct InMemory {
    driver: Driver<MemoryLog>,
    events: Sender<Event>,
    operators: BTreeMap<u16, Peer>,
    acquirers: BTreeMap<u16, Peer>,
    now: UnixMillis,
    /// Of a turn's time, nanoseconds that `now` has not been moved by yet.
    rest_ns: u64,
    turn_ns: u64,
}

impl InMemory {
    /// A switch to which all of `crowd` are signed on, and where payments come at `rate_per_s`.
    pub fn new(crowd: &Crowd, settings: Settings, rate_per_s: u64) -> Self {
        let (events, receiver) = unbounded();
        let mut core = Core::new(settings);
        traffic::configure(&mut core, crowd, &mut Output::default());
        core.prepare();
        let log = MemoryLog { last: AtomicU64::new(core.sequence().0) };
        let driver = Driver::new(core, log, DriverSettings::default(), receiver, Telemetry::default());
        let sign_on = |numbers: &[u16], originates| {
            numbers.iter().map(|n| (*n, Peer::sign_on(*n, originates, &events))).collect()
        };
        let (operators, acquirers) = (sign_on(&crowd.operators, true), sign_on(&crowd.acquirers, false));
        let turn_ns = TURN as u64 * 1_000_000_000 / rate_per_s.max(1);
        let mut switch = Self { driver, events, operators, acquirers, now: START, rest_ns: 0, turn_ns };
        switch.turn();
        switch
    }

    /// Ids that the core remembers.
    pub fn remembered(&self) -> u64 {
        self.driver.core().remembered()
    }

    /// Transactions that are open.
    pub fn open(&self) -> u64 {
        self.driver.core().open()
    }

    /// [`TURN`] reservations that are approved and stay open for days.
    pub fn reservations(&mut self, pays: &mut Pays) {
        self.pass_time();
        let (now, hold_until) = (self.now, self.now.plus(5 * 86_400_000));
        let reserve =
            |(operator, request)| (operator, Authorize { kind: Kind::Reserve, hold_until, ..request });
        self.requests((0..TURN).map(|_| reserve(pays.next(now))));
    }

    fn turn(&mut self) {
        while self.driver.turn(self.now, Instant::now()) == Progress::More {}
    }

    fn pass_time(&mut self) {
        self.rest_ns += self.turn_ns;
        self.now = self.now.plus(self.rest_ns / 1_000_000);
        self.rest_ns %= 1_000_000;
    }

    /// [`TURN`] payments to the end, and the time that the switch took for them.
    pub fn payments(&mut self, pays: &mut Pays) -> Duration {
        self.pass_time();
        let now = self.now;
        self.requests((0..TURN).map(|_| pays.next(now)))
    }

    /// Requests to the end: each is forwarded and approved.
    fn requests(&mut self, requests: impl Iterator<Item = (u16, Authorize)>) -> Duration {
        let (mut chunks, mut sent) = (BTreeMap::<u16, BytesMut>::new(), 0);
        for (operator, request) in requests {
            Message::from(request).encode(chunks.entry(operator).or_default());
            sent += 1;
        }

        let started = Instant::now();
        for (operator, chunk) in &mut chunks {
            let peer = self.operators.get_mut(operator).expect("who sends is signed on");
            peer.receive(chunk.split().freeze(), &self.events);
        }
        self.turn();
        let mut took = started.elapsed();

        let answers: Vec<(&mut Peer, Bytes)> = self
            .acquirers
            .values_mut()
            .map(|acquirer| (encoded(answers(acquirer)), acquirer))
            .filter(|(chunk, _)| !chunk.is_empty())
            .map(|(chunk, acquirer)| (acquirer, chunk))
            .collect();
        let started = Instant::now();
        for (acquirer, chunk) in answers {
            acquirer.receive(chunk, &self.events);
        }
        self.turn();
        took += started.elapsed();

        let outcomes: usize = chunks
            .keys()
            .map(|n| self.operators.get_mut(n).map_or(0, |operator| operator.written().len()))
            .sum();
        assert_eq!(outcomes, sent, "each has its outcome");
        took
    }
}

fn answers(acquirer: &mut Peer) -> Vec<Message> {
    let approve = |message| match message {
        Message::Authorize(request) => Some(traffic::approval(&request).into()),
        _ => None,
    };
    acquirer.written().into_iter().filter_map(approve).collect()
}
