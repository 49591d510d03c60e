//! The journal on the disk of the build directory: appending until durable, and reading it all back.
//!
//! The facts are those of payments, encoded as the driver does it.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use holdfast_benches::is_test_run;
use holdfast_benches::traffic::{self, Pays, START};
use holdfast_core::{Core, Effect, Input, Output, Settings};
use holdfast_journal::record::{self, RecordWriter};
use holdfast_journal::{Batch, Handle, Log, open};
use holdfast_protocol::{Epoch, Sequence};

/// The facts of one turn of a busy driver.
struct Turn {
    bytes: Vec<u8>,
    count: u32,
}

/// Makes turns whose facts follow each other.
struct Turns {
    core: Core,
    pays: Pays,
    records: RecordWriter,
}

impl Turns {
    fn new() -> Self {
        let core = traffic::core(Settings::default());
        Self { core, pays: Pays::default(), records: RecordWriter::default() }
    }

    /// So many payments, two facts each.
    fn next(&mut self, payments: usize) -> Turn {
        let (view, mut out) = (traffic::view(), Output::default());
        for _ in 0..payments {
            let (operator, pay) = self.pays.next(START);
            self.core.step(START, &Input::Authorize(traffic::from(operator), pay), &view, &mut out);
        }
        for effect in std::mem::take(&mut out.effects) {
            if let Effect::Forward { to, request, .. } = effect {
                let acquirer =
                    traffic::from(u16::try_from(to.0).expect("an acquirer's session has its number"));
                let answer = Input::Answer(acquirer, traffic::approval(&request));
                self.core.step(START, &answer, &view, &mut out);
            }
        }
        let mut bytes = Vec::new();
        for fact in &out.facts {
            self.records.write(fact, &mut bytes);
        }
        assert_eq!(out.facts.len(), payments * 2, "each payment is reserved and approved");
        Turn { bytes, count: u32::try_from(out.facts.len()).expect("a turn is small") }
    }
}

/// A journal that can be written, and word from its thread.
struct Writing {
    handle: Handle,
    synced: Receiver<()>,
    last: Sequence,
}

impl Writing {
    fn open(directory: &Path) -> Self {
        let settings = holdfast_journal::Settings::default();
        let recovered = open(directory, settings, START, &mut |_| Ok(())).expect("the directory is ours");
        let last = recovered.last_sequence();
        let (sender, synced) = sync_channel(1);
        let notify = Box::new(move || sender.try_send(()).unwrap_or_default());
        let handle = Handle::start(recovered, notify, Box::new(|failure| panic!("{failure}")))
            .expect("the system gives threads");
        Self { handle, synced, last }
    }

    fn append(&mut self, turn: &Turn) {
        let mut bytes = self.handle.take_buffer();
        bytes.clear();
        bytes.extend_from_slice(&turn.bytes);
        let batch = Batch { bytes, first: self.last.next(), count: turn.count, time: START };
        self.last = batch.last();
        self.handle.try_submit(batch).expect("there is room in the queue");
    }

    fn wait_until_durable(&self, through: Sequence) {
        while self.handle.durable() < through {
            self.synced.recv().expect("the journal's thread runs");
        }
    }

    fn stop(self) {
        self.handle.stop().expect("everything is written");
    }
}

fn directory() -> PathBuf {
    let made = tempfile::Builder::new().prefix("journal-").tempdir_in(env!("CARGO_TARGET_TMPDIR"));
    made.expect("the build directory can be written").keep()
}

fn append(criterion: &mut Criterion) {
    let directory = directory();
    let mut group = criterion.benchmark_group("journal");
    for payments in [1, 256] {
        let turn = Turns::new().next(payments);
        group.throughput(Throughput::Elements(u64::from(turn.count)));
        let mut writing = Writing::open(&directory);
        // One turn after the other, each waiting for the disk.
        group.bench_function(format!("durable/{}_facts", turn.count), |bencher| {
            bencher.iter(|| {
                writing.append(&turn);
                writing.wait_until_durable(writing.last);
            });
        });
        // Sixteen turns under way, as when deciding and syncing overlap.
        group.bench_function(format!("overlapped/{}_facts", turn.count), |bencher| {
            bencher.iter(|| {
                let behind = u64::from(turn.count) * 16;
                writing.append(&turn);
                writing.wait_until_durable(Sequence(writing.last.0.saturating_sub(behind)));
            });
        });
        writing.stop();
    }
    group.finish();
    std::fs::remove_dir_all(directory).expect("it is ours");
}

/// Reads a journal back, once alone and once into a core.
fn recovery(criterion: &mut Criterion) {
    let directory = directory();
    let turns = if is_test_run() { 8 } else { 2_000 };
    let (mut made, mut writing) = (Turns::new(), Writing::open(&directory));
    for _ in 0..turns {
        let turn = made.next(256);
        writing.append(&turn);
        writing.wait_until_durable(Sequence(writing.last.0.saturating_sub(u64::from(turn.count) * 16)));
    }
    let facts = writing.last.0;
    writing.stop();

    let mut group = criterion.benchmark_group("journal");
    group.sample_size(10).throughput(Throughput::Elements(facts));
    group.bench_function("recovery/read", |bencher| {
        bencher.iter(|| {
            let mut read = 0;
            let mut visit = |facts: holdfast_journal::Facts<'_>| {
                read += u64::from(facts.count);
                Ok(())
            };
            open(&directory, holdfast_journal::Settings::default(), START, &mut visit).expect("it is whole");
            assert_eq!(read, facts);
        });
    });
    group.bench_function("recovery/apply", |bencher| {
        bencher.iter(|| {
            let mut core: Core = traffic::core(Settings::default());
            let mut visit = |facts: holdfast_journal::Facts<'_>| {
                let mut body = facts.body;
                for _ in 0..facts.count {
                    let fact = record::read(&mut body)?;
                    core.apply_recovered(&fact);
                }
                Ok(())
            };
            open(&directory, holdfast_journal::Settings::default(), START, &mut visit).expect("it is whole");
            core.resume(START, Epoch(2));
            core
        });
    });
    group.finish();
    std::fs::remove_dir_all(directory).expect("it is ours");
}

criterion_group!(benches, append, recovery);
criterion_main!(benches);
