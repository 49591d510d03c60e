//! What the parts of a payment's path cost in instructions, counted by callgrind: `scripts/bench-gate.sh` compares them
//! with a committed baseline.
//!
//! Counts, unlike times, are the same on a busy machine. They say nothing about waits for memory. What a function is
//! given is made before, and what it returns is dropped after the counting.

use std::hint::black_box;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use gungraun::prelude::*;
use holdfast::driver::outbox::{Outbox, Waiting};
use holdfast_benches::traffic::{self, Pays, START};
use holdfast_core::fact::Fact;
use holdfast_core::{Core, Effect, Input, Output, Settings, View};
use holdfast_journal::record::RecordWriter;
use holdfast_protocol::{FrameReader, Inquiry, Message, RequestId, Sequence, UnixMillis};

/// Messages of one chunk, and inputs of one turn.
const BATCH: usize = 256;
/// Payments that the core remembers before it is counted.
const REMEMBERED: usize = 16 * 1_024;

fn requests() -> (Vec<Message>, BytesMut) {
    let mut pays = Pays::default();
    let messages = (0..BATCH).map(|_| pays.next(START).1.into()).collect();
    (messages, BytesMut::with_capacity(256 * BATCH))
}

fn answers() -> (Vec<Message>, BytesMut) {
    let mut pays = Pays::default();
    let messages = (0..BATCH).map(|_| traffic::approval(&pays.next(START).1).into()).collect();
    (messages, BytesMut::with_capacity(256 * BATCH))
}

fn encoded((messages, mut out): (Vec<Message>, BytesMut)) -> (FrameReader, Bytes, Vec<Message>) {
    for message in &messages {
        message.encode(&mut out);
    }
    (FrameReader::default(), out.freeze(), Vec::with_capacity(BATCH))
}

#[library_benchmark]
#[bench::authorize(requests())]
#[bench::answer(answers())]
fn encode((messages, mut out): (Vec<Message>, BytesMut)) -> (Vec<Message>, BytesMut) {
    for message in black_box(&messages) {
        message.encode(&mut out);
    }
    (messages, out)
}

#[library_benchmark]
#[bench::authorize(encoded(requests()))]
#[bench::answer(encoded(answers()))]
fn decode(
    (mut reader, chunk, mut messages): (FrameReader, Bytes, Vec<Message>),
) -> (FrameReader, Vec<Message>) {
    reader.push(black_box(chunk));
    while let Some(frame) = reader.next_frame().expect("it was written by us") {
        messages.push(Message::decode(&frame).expect("it was written by us"));
    }
    assert_eq!(messages.len(), BATCH);
    (reader, messages)
}

/// A core that remembers payments, and the inputs of its next turn.
struct Working {
    core: Core,
    view: View,
    out: Output,
    pays: Pays,
    now: UnixMillis,
    ids: Vec<RequestId>,
    inputs: Vec<Input>,
}

impl Working {
    fn new() -> Self {
        let settings = Settings { hash_seed: 0x5eed, expected_rate_per_s: 1_000, ..Settings::default() };
        let mut working = Self {
            core: traffic::core(settings),
            view: traffic::view(),
            out: Output::default(),
            pays: Pays::default(),
            now: START,
            ids: Vec::new(),
            inputs: Vec::new(),
        };
        working.core.prepare();
        for _ in 0..REMEMBERED / BATCH {
            working.next_authorizes();
            working.turn();
            working.next_answers();
            working.turn();
            working.now = working.now.plus(100);
        }
        working
    }

    /// Steps through the inputs as the driver does.
    fn turn(&mut self) {
        self.out.clear();
        self.core.warm(&self.inputs);
        for input in &self.inputs {
            self.core.step(self.now, input, &self.view, &mut self.out);
        }
    }

    fn next_authorizes(&mut self) {
        self.inputs.clear();
        for _ in 0..BATCH {
            let (operator, pay) = self.pays.next(self.now);
            self.ids.push(pay.id);
            self.inputs.push(Input::Authorize(traffic::from(operator), pay));
        }
    }

    fn next_answers(&mut self) {
        self.inputs.clear();
        for effect in &self.out.effects {
            if let Effect::Forward { to, request, .. } = effect {
                let acquirer = u16::try_from(to.0).expect("the session of an acquirer has its number");
                self.inputs.push(Input::Answer(traffic::from(acquirer), traffic::approval(request)));
            }
        }
        assert_eq!(self.inputs.len(), BATCH, "each payment is forwarded");
    }
}

fn before_authorizes() -> Working {
    let mut working = Working::new();
    working.next_authorizes();
    working
}

fn before_answers() -> Working {
    let mut working = before_authorizes();
    working.turn();
    working.next_answers();
    working.out.clear();
    working
}

/// Copies of payments that were decided.
fn before_repeats() -> Working {
    let mut working = Working::new();
    for n in 0..BATCH {
        let (operator, mut pay) = working.pays.again(working.ids[n * (REMEMBERED / BATCH)]);
        pay.repeat = true;
        working.inputs.push(Input::Authorize(traffic::from(operator), pay));
    }
    working.inputs.drain(..working.inputs.len() - BATCH);
    working
}

/// Questions about ids of the window that nobody sent.
fn before_unknown() -> Working {
    let mut working = Working::new();
    working.inputs.clear();
    for n in 0..BATCH as u64 {
        let (operator, pay) = working.pays.next(START.plus(n * 20));
        let inquiry = Inquiry { id: pay.id, originator: None, correlation: n };
        working.inputs.push(Input::Inquire(traffic::from(operator), inquiry));
    }
    working
}

#[library_benchmark]
#[bench::authorize(before_authorizes())]
#[bench::answer(before_answers())]
fn core_step(mut working: Working) -> Working {
    working.turn();
    assert_eq!(working.out.facts.len(), BATCH, "each input is decided");
    working
}

#[library_benchmark]
#[bench::hit(before_repeats())]
#[bench::miss(before_unknown())]
fn remembered(mut working: Working) -> Working {
    working.turn();
    assert!(
        working.out.facts.is_empty() && working.out.effects.len() == BATCH,
        "each is answered from memory"
    );
    working
}

fn facts_of(working: Working) -> (Vec<Fact>, RecordWriter, Vec<u8>) {
    let mut working = working;
    working.turn();
    (working.out.facts, RecordWriter::default(), Vec::with_capacity(512 * BATCH))
}

#[library_benchmark]
#[bench::reserved(facts_of(before_authorizes()))]
#[bench::approved(facts_of(before_answers()))]
fn journal_encode(
    (facts, mut records, mut bytes): (Vec<Fact>, RecordWriter, Vec<u8>),
) -> (Vec<Fact>, RecordWriter, Vec<u8>) {
    for fact in black_box(&facts) {
        records.write(fact, &mut bytes);
    }
    (facts, records, bytes)
}

/// The effects of sixteen turns, none of which is durable yet.
fn turns() -> (Outbox, Vec<Waiting>, Vec<Waiting>) {
    let mut working = before_authorizes();
    working.turn();
    let at = Instant::now();
    let turn = |n: u64| Waiting {
        until: Sequence(n * BATCH as u64),
        at,
        effects: working.out.effects.clone(),
        decided: Vec::new(),
    };
    (Outbox::default(), (1..=16).map(turn).collect(), Vec::with_capacity(16))
}

// Each turn is added, then asked for before and after its facts are durable.
#[library_benchmark]
#[bench::turns(turns())]
fn outbox((mut outbox, waiting, mut left): (Outbox, Vec<Waiting>, Vec<Waiting>)) -> Vec<Waiting> {
    for turn in waiting {
        outbox.push(turn);
    }
    for durable in 1..=16 {
        let facts = BATCH as u64;
        assert!(
            outbox.pop_ready(Sequence(durable * facts - 1)).is_none(),
            "I1: its last fact is not durable"
        );
        left.extend(outbox.pop_ready(Sequence(durable * facts)));
    }
    assert_eq!(left.len(), 16);
    left
}

library_benchmark_group!(
    name = payment,
    benchmarks = [encode, decode, core_step, remembered, journal_encode, outbox]
);
main!(library_benchmark_groups = payment);
