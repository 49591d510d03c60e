//! Turns of the whole driver in memory: bytes of 256 pays in, forwards out, answers in, outcomes out.
//!
//! Sessions, driver, core and outbox are those of the switch; the log says at once that everything is durable, so this
//! is what a payment costs the switch without transport and disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use crossbeam::channel::{Sender, unbounded};
use holdfast::driver::{Driver, DriverSettings, Event, Progress};
use holdfast::session::inbound::Agreed;
use holdfast::session::{Inbound, Member, Outbound, Received};
use holdfast::telemetry::Telemetry;
use holdfast_benches::is_test_run;
use holdfast_benches::traffic::{self, ACQUIRERS, OPERATORS, Pays, START};
use holdfast_core::{From, Settings};
use holdfast_journal::{Appended, Batch, Log, NotTaken};
use holdfast_protocol::{Epoch, FrameReader, LaneOpen, Message, Sequence, SignOn, UnixMillis};

const BATCH: usize = 256;

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
        let Received { first, work, answers, .. } = received;
        let event = Event::Received { from: self.from, lane: 0, at, first, answers, work };
        events.send(event).expect("the driver is there");
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

struct Switch {
    driver: Driver<MemoryLog>,
    events: Sender<Event>,
    operators: Vec<Peer>,
    acquirers: Vec<Peer>,
    pays: Pays,
    now: UnixMillis,
}

impl Switch {
    fn new() -> Self {
        let (events, receiver) = unbounded();
        let core = traffic::core(Settings::default());
        let log = MemoryLog { last: AtomicU64::new(core.sequence().0) };
        let driver = Driver::new(core, log, DriverSettings::default(), receiver, Telemetry::default());
        let operators = OPERATORS.map(|n| Peer::sign_on(n, true, &events)).into();
        let acquirers = ACQUIRERS.map(|n| Peer::sign_on(n, false, &events)).into();
        Self { driver, events, operators, acquirers, pays: Pays::default(), now: START }
    }

    fn turn(&mut self) {
        while self.driver.turn(self.now, Instant::now()) == Progress::More {}
    }

    /// A batch of payments from each operator to the end; the time that the switch took.
    fn payments(&mut self) -> Duration {
        // As if a hundred thousand came in a second, so that what is remembered stays within bounds.
        self.now = self.now.plus(3 * BATCH as u64 / 100);
        let mut chunks: [Vec<Message>; 3] = std::array::from_fn(|_| Vec::with_capacity(BATCH));
        while chunks.iter().map(Vec::len).sum::<usize>() < 3 * BATCH {
            let (operator, pay) = self.pays.next(self.now);
            chunks[usize::from(operator) - 1].push(pay.into());
        }
        let chunks = chunks.map(encoded);

        let started = Instant::now();
        for (operator, chunk) in self.operators.iter_mut().zip(chunks) {
            operator.receive(chunk, &self.events);
        }
        self.turn();
        let mut took = started.elapsed();

        let answers: Vec<Bytes> =
            self.acquirers.iter_mut().map(|acquirer| encoded(answers(acquirer))).collect();
        let started = Instant::now();
        for (acquirer, chunk) in self.acquirers.iter_mut().zip(answers) {
            acquirer.receive(chunk, &self.events);
        }
        self.turn();
        took += started.elapsed();

        let outcomes: usize = self.operators.iter_mut().map(|operator| operator.written().len()).sum();
        assert_eq!(outcomes, 3 * BATCH, "each payment has its outcome");
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

fn driver(criterion: &mut Criterion) {
    let mut switch = Switch::new();
    switch.turn();
    // A warm memory, unless it is only to be seen that it works.
    for _ in 0..if is_test_run() { 2 } else { 1_000 } {
        switch.payments();
    }
    let mut group = criterion.benchmark_group("driver");
    group.throughput(Throughput::Elements(3 * BATCH as u64));
    group.bench_function("payments", |bencher| {
        bencher.iter_custom(|turns| (0..turns).map(|_| switch.payments()).sum());
    });
    group.finish();
}

criterion_group!(benches, driver);
criterion_main!(benches);
