//! Turns of the whole driver in memory; see [`holdfast_benches::in_memory`].

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use holdfast_benches::in_memory::{InMemory, TURN};
use holdfast_benches::is_test_run;
use holdfast_benches::traffic::{Crowd, Pays};
use holdfast_core::Settings;

fn driver(criterion: &mut Criterion) {
    // A hundred thousand in a second, so that what is remembered stays within bounds.
    let mut switch = InMemory::new(&Crowd::default(), Settings::default(), 100_000);
    let mut pays = Pays::default();
    // A warm memory, unless it is only to be seen that it works.
    for _ in 0..if is_test_run() { 2 } else { 1_000 } {
        switch.payments(&mut pays);
    }
    let mut group = criterion.benchmark_group("driver");
    group.throughput(Throughput::Elements(TURN as u64));
    group.bench_function("payments", |bencher| {
        bencher.iter_custom(|turns| (0..turns).map(|_| switch.payments(&mut pays)).sum());
    });
    group.finish();
}

criterion_group!(benches, driver);
criterion_main!(benches);
