//! What it costs to write and to read each message, in batches of 64 as they come off a stream.

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use holdfast_protocol::{FrameReader, Message};

#[path = "../../protocol/tests/wire/samples.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "the samples of the protocol's own tests")]
mod samples;

const BATCH: usize = 64;

fn chunk(message: &Message) -> Bytes {
    let mut out = BytesMut::new();
    for _ in 0..BATCH {
        message.encode(&mut out);
    }
    out.freeze()
}

fn codec(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("codec");
    group.throughput(Throughput::Elements(BATCH as u64));
    for (name, message) in samples::all() {
        let chunk = chunk(&message);
        let mut out = BytesMut::with_capacity(2 * chunk.len());
        group.bench_function(format!("write/{name}"), |bencher| {
            bencher.iter(|| {
                out.clear();
                for _ in 0..BATCH {
                    black_box(&message).encode(&mut out);
                }
                black_box(&out);
            });
        });
        let mut reader = FrameReader::default();
        group.bench_function(format!("read/{name}"), |bencher| {
            bencher.iter_batched_ref(
                || (chunk.clone(), Vec::with_capacity(BATCH)),
                |(chunk, messages)| {
                    reader.push(std::mem::take(chunk));
                    while let Some(frame) = reader.next_frame().expect("it was written by us") {
                        messages.push(Message::decode(&frame).expect("it was written by us"));
                    }
                    assert_eq!(messages.len(), BATCH);
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, codec);
criterion_main!(benches);
