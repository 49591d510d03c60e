//! Measures the journal alone: frames of a given size, each synced before the next is handed in, then many under way,
//! then reading it all back.
//!
//! `cargo run --profile testrelease -p holdfast-journal --example append_rate -- DIRECTORY [KIB] [SECONDS]`

use std::path::Path;
use std::time::{Duration, Instant};

use holdfast_journal::{Batch, Handle, Log, Settings, open};
use holdfast_protocol::{Sequence, UnixMillis};

/// About what a payment's two facts take.
const FACT_BYTES: usize = 128;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or("usage: append_rate DIRECTORY [KIB] [SECONDS]")?;
    let kib: usize = arguments.next().map_or(Ok(64), |text| text.parse())?;
    let seconds: u64 = arguments.next().map_or(Ok(5), |text| text.parse())?;
    for under_way in [1, 8] {
        append(Path::new(&directory), kib * 1_024 - 128, Duration::from_secs(seconds), under_way)?;
    }
    let started = Instant::now();
    let mut facts = 0;
    let recovered = open(Path::new(&directory), Settings::default(), UnixMillis::default(), &mut |frame| {
        facts += u64::from(frame.count);
        Ok(())
    })?;
    let took = started.elapsed();
    println!(
        "recovery: {facts} facts, {:?} of journal in {took:?}",
        recovered.report().map(|r| r.fact_bytes)
    );
    Ok(())
}

fn append(
    directory: &Path,
    bytes: usize,
    duration: Duration,
    under_way: u64,
) -> Result<(), Box<dyn std::error::Error>> {
    let recovered = open(directory, Settings::default(), UnixMillis::default(), &mut |_| Ok(()))?;
    let mut last = recovered.last_sequence().0;
    let (sender, synced) = std::sync::mpsc::sync_channel(1);
    let notify = Box::new(move || sender.try_send(()).unwrap_or_default());
    let handle = Handle::start(recovered, notify, Box::new(|failure| eprintln!("{failure}")))?;
    let count = u32::try_from(bytes / FACT_BYTES)?;
    let (started, first) = (Instant::now(), last);
    while started.elapsed() < duration {
        while handle.durable().0 + u64::from(count) * under_way <= last {
            synced.recv()?;
        }
        let mut body = handle.take_buffer();
        body.resize(bytes, 7);
        let batch = Batch { bytes: body, first: Sequence(last + 1), count, time: UnixMillis::default() };
        handle.try_submit(batch).map_err(|_| "the queue is full")?;
        last += u64::from(count);
    }
    let statistics = handle.statistics();
    handle.stop().map_err(|failure| failure.to_string())?;
    let took = started.elapsed();
    let counts = statistics.counts();
    let per_second = |n: u64| u128::from(n) * 1_000_000 / took.as_micros();
    println!(
        "{under_way} under way: {} syncs/s, {} MB/s, {} facts/s, mean sync {} us, waited for {} segments",
        per_second(counts.syncs),
        per_second(counts.bytes) / 1_000_000,
        per_second(last - first),
        counts.sync_us_sum / counts.syncs.max(1),
        counts.blocked,
    );
    println!(
        "  sync latency, buckets of {:?} us: {:?}",
        holdfast_journal::SYNC_BUCKETS_US,
        counts.sync_buckets
    );
    Ok(())
}
