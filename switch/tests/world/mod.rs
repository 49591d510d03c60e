//! A driver with its links in memory: a log that syncs when told, or a journal on a disk that fails, and peers that read
//! what they were written.

mod disk;

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use crossbeam::channel::{Sender, unbounded};
use holdfast::driver::{Driver, DriverSettings, Event, Progress};
use holdfast::session::inbound::Agreed;
use holdfast::session::spread::{Part, spread};
use holdfast::session::{Inbound, Member, Outbound, Received};
use holdfast::telemetry::Telemetry;
use holdfast_core::registry::{Debtor, MerchantPattern, ParticipantRecord, Route};
use holdfast_core::view::SessionId;
use holdfast_core::{Core, From, Input, Settings};
use holdfast_journal::{Appended, Batch, Log, NotTaken};
use holdfast_protocol::{
    Amount, Answer, ApprovalCode, Authorize, Channel, Currency, DecidedBy, Epoch, Extensions, FrameReader,
    Instance, InstrumentReference, Kind, LaneOpen, Message, MpsId, Outcome, ParticipantNumber, Partition,
    Reason, Refund, RequestId, SecurityLevel, Sequence, SignOn, State, Total, UnixMillis,
};

pub(crate) use disk::Disk;

/// When every world begins.
pub(crate) const START: u64 = 1_790_000_000_000;

/// Longer than any disk here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Syncs when told to, and takes so many batches before it is full.
#[derive(Debug)]
pub(crate) struct ManualLog {
    pub(crate) batches: RefCell<Vec<Batch>>,
    pub(crate) durable: Cell<Sequence>,
    pub(crate) room_for: Cell<usize>,
    pub(crate) full: Cell<bool>,
}

impl ManualLog {
    pub(crate) fn last(&self) -> Sequence {
        self.batches.borrow().last().map_or(Sequence(0), Batch::last)
    }
}

impl Log for ManualLog {
    fn epoch(&self) -> Epoch {
        Epoch(1)
    }

    fn append(&self, _: Epoch, expected: Sequence, batch: Batch) -> Result<(), NotTaken> {
        if self.room_for.get() == 0 {
            return Err(NotTaken::Full(batch));
        }
        assert_eq!(expected, self.last(), "batches come in order and without gaps");
        self.room_for.set(self.room_for.get() - 1);
        self.batches.borrow_mut().push(batch);
        Ok(())
    }

    fn appended(&self, _: Sequence) -> Appended {
        Appended::Waiting
    }

    fn durable(&self) -> Sequence {
        self.durable.get()
    }

    fn unsynced_bytes(&self) -> u64 {
        0
    }

    fn is_full(&self) -> bool {
        self.full.get()
    }

    fn take_buffer(&self) -> Vec<u8> {
        Vec::new()
    }
}

pub(crate) struct Peer {
    pub(crate) from: From,
    pub(crate) outbound: Arc<Outbound>,
    inbound: Inbound,
    frames: FrameReader,
}

pub(crate) struct World<L = ManualLog> {
    pub(crate) driver: Driver<L>,
    pub(crate) now: UnixMillis,
    events: Sender<Event>,
    sessions: u64,
}

impl World {
    /// Operators 1 and 2, acquirer 11 behind MPS `acq`.
    pub(crate) fn new() -> Self {
        Self::with(DriverSettings::default())
    }

    pub(crate) fn with(settings: DriverSettings) -> Self {
        Self::with_core(settings, Settings::default())
    }

    pub(crate) fn with_core(settings: DriverSettings, core: Settings) -> Self {
        let log = ManualLog {
            batches: RefCell::default(),
            durable: Cell::default(),
            room_for: Cell::new(usize::MAX),
            full: Cell::new(false),
        };
        let mut world = Self::over(settings, Core::new(core), log);
        world.settle();
        world
    }

    /// Everything handed in becomes durable, and the driver turns until nothing is left to do.
    pub(crate) fn settle(&mut self) {
        loop {
            let progress = self.driver.turn(self.now, Instant::now());
            let log = self.driver.log();
            let done = log.durable.get() == log.last();
            log.durable.set(log.last());
            if done && progress == Progress::Idle {
                return;
            }
        }
    }
}

impl<L: Log> World<L> {
    /// Over any log; nothing is durable yet.
    pub(crate) fn over(settings: DriverSettings, core: Core, log: L) -> Self {
        let (events, receiver) = unbounded();
        let driver = Driver::new(core, log, settings, receiver, Telemetry::default());
        let mut world = Self { driver, now: UnixMillis::new(START).unwrap(), events, sessions: 0 };
        let mut participants: Vec<_> = [1, 2].map(|n| participant(n, true)).into();
        participants.push(participant(11, false));
        let route = Route {
            mps: MpsId::from_text("acq").unwrap(),
            merchants: MerchantPattern::Default,
            destination: number(11),
            pay_debtor: Debtor::Originator,
            reserve_debtor: Debtor::Destination,
        };
        let now = world.now;
        world.driver.command(now, &Input::Configure(participants, vec![route]));
        if world.driver.core().business_date().is_none() {
            world.driver.command(now, &Input::CutOver("2026-11-22".parse().unwrap()));
        }
        world
    }

    /// Turns until it is so.
    pub(crate) fn turn_until(&mut self, what: &str, mut is_so: impl FnMut(&Driver<L>) -> bool) {
        let begun = Instant::now();
        while !is_so(&self.driver) {
            assert!(begun.elapsed() < PATIENCE, "turned in vain until {what}");
            self.driver.turn(self.now, Instant::now());
            std::thread::yield_now();
        }
    }

    pub(crate) fn connect(&mut self, participant: u16, instance: u16) -> Peer {
        self.connect_with(participant, instance, 1_000)
    }

    /// With the number of forwards that it takes unanswered.
    pub(crate) fn connect_with(&mut self, participant: u16, instance: u16, window: u32) -> Peer {
        let receives = participant > 10;
        self.sessions += 1;
        let session = SessionId((self.sessions << 16) | self.sessions);
        let from = From { participant: number(participant), instance: Instance(instance), session };
        let outbound = Arc::new(Outbound::default());
        let sign_on = SignOn {
            version_min: 1,
            version_max: 1,
            instance: from.instance,
            originates: !receives,
            receives,
            shared_deduplication: false,
            lanes: 2,
            window,
        };
        self.events
            .send(Event::Up {
                from,
                sign_on,
                address: ([127, 0, 0, 1], 1).into(),
                outbound: Arc::clone(&outbound),
            })
            .unwrap();
        let member =
            Arc::new(Member::new(participant.to_string(), from.participant, !receives, receives, 10));
        let agreed = Agreed { originates: !receives, receives, window: 1_000, retry_after_ms: 100 };
        let mut inbound = Inbound::new(from, member, Arc::clone(&outbound), agreed, 0);
        inbound
            .receive(encoded(&[LaneOpen { lane: 0 }.into()]), Instant::now(), &mut Received::default())
            .unwrap();
        self.driver.turn(self.now, Instant::now());
        Peer { from, outbound, inbound, frames: FrameReader::default() }
    }

    pub(crate) fn disconnect(&mut self, peer: &Peer) {
        self.events.send(Event::Down { from: peer.from }).unwrap();
        self.driver.turn(self.now, Instant::now());
    }

    /// The peer wants no new work.
    pub(crate) fn drain(&mut self, peer: &Peer) {
        self.events.send(Event::Drain(peer.from)).unwrap();
        self.driver.turn(self.now, Instant::now());
    }

    /// The peer takes another number of unanswered forwards.
    pub(crate) fn window(&mut self, peer: &Peer, window: u32) {
        self.events.send(Event::Window(peer.from, window)).unwrap();
        self.driver.turn(self.now, Instant::now());
    }

    /// The peer sends, and the driver turns once; nothing becomes durable.
    pub(crate) fn send(&mut self, peer: &mut Peer, messages: &[Message]) {
        let mut received = Received::default();
        peer.inbound.receive(encoded(messages), Instant::now(), &mut received).unwrap();
        let at = Instant::now();
        for (_, Part { first, answers, work }) in spread(received, 1, 0, &peer.outbound) {
            self.events.send(Event::Received { from: peer.from, lane: 0, at, first, answers, work }).unwrap();
        }
        self.driver.turn(self.now, Instant::now());
    }

    pub(crate) fn pass(&mut self, millis: u64) {
        self.now = self.now.plus(millis);
        self.driver.turn(self.now, Instant::now());
    }
}

impl Peer {
    /// What it was written since it last read.
    pub(crate) fn read(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        let mut chunks = Vec::new();
        for stream in 0..=2 {
            self.outbound.take(stream, &mut chunks);
            for chunk in chunks.drain(..) {
                self.outbound.written(chunk.len());
                self.frames.push(chunk);
                while let Some(frame) = self.frames.next_frame().unwrap() {
                    messages.push(Message::decode(&frame).unwrap());
                }
            }
        }
        messages
    }
}

fn encoded(messages: &[Message]) -> bytes::Bytes {
    let mut bytes = BytesMut::new();
    for message in messages {
        message.encode(&mut bytes);
    }
    bytes.freeze()
}

pub(crate) fn number(n: u16) -> ParticipantNumber {
    ParticipantNumber::new(n).unwrap()
}

fn participant(n: u16, originates: bool) -> ParticipantRecord {
    ParticipantRecord {
        number: number(n),
        name: format!("participant-{n}"),
        originates,
        receives: !originates,
        caps: vec![(Currency::from_code("EUR").unwrap(), Total::from_minor(1_000_000_000))],
        limits: vec![(SecurityLevel::Two, holdfast_core::registry::Limits::default())],
    }
}

pub(crate) fn id(n: u16) -> RequestId {
    RequestId::new(UnixMillis::new(START).unwrap(), u128::from(n))
}

pub(crate) fn pay(n: u16, minor: u64) -> Message {
    Message::Authorize(Authorize {
        id: id(n),
        originator: None,
        kind: Kind::Pay,
        payment_id: "shop-1@acq".parse().unwrap(),
        instrument: InstrumentReference::NONE,
        amount: Amount::from_minor(minor).unwrap(),
        currency: Currency::from_code("EUR").unwrap(),
        security_level: SecurityLevel::Two,
        channel: Channel::Ussd,
        expires: UnixMillis::new(START + 30_000).unwrap(),
        hold_until: UnixMillis::default(),
        budget_ms: 5_000,
        partial_allowed: false,
        captures_many: false,
        repeat: false,
        attempt: 1,
        settlement_date: None,
        extensions: Extensions::NONE,
    })
}

pub(crate) fn refund(n: u16, original: u16, minor: u64) -> Message {
    Message::Refund(Refund {
        id: id(n),
        original: id(original),
        originator: None,
        amount: Amount::from_minor(minor).unwrap(),
        currency: Currency::from_code("EUR").unwrap(),
        expires: UnixMillis::new(START + 30_000).unwrap(),
        budget_ms: 5_000,
        repeat: false,
        attempt: 1,
        settlement_date: None,
        extensions: Extensions::NONE,
    })
}

pub(crate) fn approve(n: u16, originator: u16, minor: u64) -> Message {
    answer(n, originator, Reason::None, minor)
}

pub(crate) fn decline(n: u16, originator: u16) -> Message {
    answer(n, originator, Reason::DoNotHonour, 0)
}

fn answer(n: u16, originator: u16, reason: Reason, minor: u64) -> Message {
    Message::Answer(Answer {
        id: id(n),
        originator: Some(number(originator)),
        outcome: if reason == Reason::None { Outcome::Approved } else { Outcome::Declined },
        state: State::None,
        reason,
        decided_by: DecidedBy::Destination,
        amount: Amount::from_minor(minor).unwrap(),
        approval_code: ApprovalCode::NONE,
        settlement_date: None,
        partition: Partition(0),
        epoch: Epoch(0),
        sequence: Sequence(0),
        retry_after_ms: 0,
        extensions: Extensions::NONE,
    })
}
