//! Measures how long a start takes: from a snapshot, and from the first fact.
//!
//! Makes a journal of payments, each a reservation and its approval, spread over the seconds given, and a snapshot of it;
//! then opens it as a start does, once from the snapshot and once without. Nothing is read from the page cache.
//!
//! With `--since-times`, payments go on at the same rate after the snapshot, and seconds are forgotten as new ones come,
//! until so many times its length was sealed: with 1.5, more than a switch seals before the next snapshot is there (it is
//! due after [`SnapshotSettings::percent_of_its_size`], and is made meanwhile).
//!
//! With `--more-snapshots`, after each so many times another snapshot is made, and what it took of the processor is told by
//! its parts, for each fact that was folded.
//!
//! `cargo run --release -p holdfast-benches --bin recovery -- --ids 10000000 --since-times 1.5`

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Parser;
use holdfast_benches::room;
use holdfast_benches::traffic::{self, START, approval, from, view};
use holdfast_core::effect::Effect;
use holdfast_core::leaving::Recents;
use holdfast_core::{Core, Input, Output, Settings, View};
use holdfast_journal::{
    Batch, Handle, Log, News, RecordWriter, Recovered, SnapshotSettings, SnapshotStep, Snapshotter, open_core,
};
use holdfast_protocol::{Sequence, UnixMillis};
use rustix::time::{ClockId, clock_gettime};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long a start takes.
#[derive(Debug, Parser)]
struct Arguments {
    /// Ids that are remembered.
    #[arg(long, default_value_t = 10_000_000)]
    ids: u64,
    /// Seconds in which they were created.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// After the snapshot, payments go on until so many times its length was sealed: 1.5, say.
    #[arg(long = "since-times", value_parser = hundredths, default_value = "0")]
    since_hundredths: u64,
    /// After that so many snapshots more are made, with as much sealed between them.
    #[arg(long, default_value_t = 0)]
    more_snapshots: u64,
    /// Length of a segment in MiB.
    #[arg(long, default_value_t = 64)]
    segment_mib: u64,
    /// Where the journal is made, and removed afterwards. The directory must not exist.
    #[arg(long, default_value = "recovery-journal")]
    directory: PathBuf,
}

/// A number with up to two digits behind the point.
fn hundredths(text: &str) -> Result<u64, String> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let wrong = || format!("expected a number such as 1.5, found {text:?}");
    let digits = (1..=2).contains(&part.len()).then(|| format!("{whole}{part:0<2}")).ok_or_else(wrong)?;
    digits.parse().map_err(|_| wrong())
}

type Failure = Box<dyn std::error::Error>;

/// Payments in one batch.
const BATCH: u64 = 256;

impl Arguments {
    fn settings(&self) -> Settings {
        let rate = (self.ids / self.seconds.max(1)).max(1);
        Settings {
            window_max_ms: self.seconds * 1_000,
            expected_rate_per_s: u32::try_from(rate).unwrap_or(u32::MAX),
            ..Settings::default()
        }
    }

    /// How many segments are sealed after a snapshot of this length.
    fn since(&self, bytes: u64) -> u64 {
        (bytes * self.since_hundredths / 100).div_ceil(self.segment_mib << 20)
    }

    fn journal_settings(&self) -> holdfast_journal::Settings {
        let bytes = self.segment_mib << 20;
        holdfast_journal::Settings { segment_bytes: bytes, full_reserve_bytes: 0, ..Default::default() }
    }
}

fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    if arguments.directory.exists() {
        return Err("the directory exists already".into());
    }
    let hundredths = arguments.since_hundredths.saturating_mul(arguments.more_snapshots.saturating_add(1));
    let an_id = hundredths.saturating_add(600);
    room::require(&arguments.directory, arguments.ids.saturating_mul(an_id))?;
    let measured = measure(&arguments);
    // Where nothing was made, only why counts.
    if arguments.directory.exists() {
        std::fs::remove_dir_all(&arguments.directory)?;
    }
    measured
}

fn measure(arguments: &Arguments) -> Result<(), Failure> {
    let started = Instant::now();
    let digest = make(arguments)?;
    println!("made in {:.1} s", started.elapsed().as_secs_f64());
    for from_snapshot in [true, false] {
        if !from_snapshot {
            remove_snapshots(&arguments.directory)?;
        }
        let prepared = Instant::now();
        let mut core = Core::new(arguments.settings());
        core.prepare();
        let prepare_s = prepared.elapsed().as_secs_f64();
        let begun = processor();
        let (core, took, loaded) = start(arguments, core)?;
        let worked = processor() - begun;
        assert_eq!(core.digest().to_string(), digest, "I7: the ledger is what it was");
        let way = loaded.map_or_else(
            || "from the first fact".to_owned(),
            |loaded| format!("from a snapshot, of which {:.2} s for the snapshot", loaded.as_secs_f64()),
        );
        println!(
            "{} remembered ids, {} facts: {:.2} s {way}, {:.2} s of the processor; memory made ready before in {prepare_s:.2} s",
            core.remembered(),
            core.sequence().0,
            took.as_secs_f64(),
            worked.as_secs_f64(),
        );
    }
    Ok(())
}

/// Opens the journal as a start does. How long it took, and how much of that the snapshot.
fn start(arguments: &Arguments, core: Core) -> Result<(Core, Duration, Option<Duration>), Failure> {
    let mut prepared = Some(core);
    let mut loaded = None;
    let started = Instant::now();
    let (mut core, recovered) = open_core(
        &arguments.directory,
        arguments.journal_settings(),
        START,
        &mut || prepared.take().unwrap_or_else(|| Core::new(arguments.settings())),
        &mut |news| {
            if let News::SnapshotLoaded(..) = news {
                loaded = Some(started.elapsed());
            }
        },
        &mut Recents::new(usize::MAX),
    )?;
    core.resume(recovered.last_time(), recovered.epoch());
    let took = started.elapsed();
    drop(recovered);
    Ok((core, took, loaded))
}

fn remove_snapshots(directory: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "snapshot") {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Makes the journal and its snapshot. The digest of the ledger at the end.
fn make(arguments: &Arguments) -> Result<String, Failure> {
    let empty = &mut || Core::new(arguments.settings());
    let recents = &mut Recents::new(usize::MAX);
    let opened =
        open_core(&arguments.directory, arguments.journal_settings(), START, empty, &mut |_| {}, recents);
    let (mut core, recovered) = opened?;
    let mut snapshotter = snapshotter(arguments, &recovered);
    let log = Handle::start(recovered, Box::new(|| {}), Box::new(|failure| panic!("{failure}")))?;
    let (mut facts, mut out) = (RecordWriter::default(), Output::default());
    core.set_epoch(log.epoch());
    traffic::configure(&mut core, &traffic::Crowd::default(), &mut out);
    submit(&core, &log, &mut facts, &mut out, START);
    let mut going = Going { arguments, world: view(), pays: traffic::Pays::default(), made: 0 };
    while going.made < arguments.ids {
        going.on(&mut core, &log, &mut facts, &mut out);
    }
    let (mut bytes, mut folded) = snapshot(&mut snapshotter, &log, Sequence(0))?;
    for left in (0..=arguments.more_snapshots).rev() {
        let (before, more) = (log.sealed().through().0, arguments.since(bytes));
        while log.sealed().through().0 - before < more {
            going.on(&mut core, &log, &mut facts, &mut out);
        }
        if left > 0 {
            (bytes, folded) = snapshot(&mut snapshotter, &log, folded)?;
        }
    }
    let digest = core.digest().to_string();
    log.stop().map_err(|failure| failure.to_string())?;
    Ok(digest)
}

/// Payments at a steady rate.
struct Going<'a> {
    arguments: &'a Arguments,
    world: View,
    pays: traffic::Pays,
    made: u64,
}

impl Going<'_> {
    /// The next batch.
    fn on(&mut self, core: &mut Core, log: &Handle, facts: &mut RecordWriter, out: &mut Output) {
        let Arguments { ids, seconds, .. } = self.arguments;
        let now = START.plus(self.made * seconds * 1_000 / ids);
        core.step(now, &Input::Tick, &self.world, out);
        out.effects.clear();
        for _ in 0..BATCH {
            pay(core, &self.world, &mut self.pays, out, now);
        }
        self.made += BATCH;
        submit(core, log, facts, out, now);
    }
}

fn pay(core: &mut Core, world: &View, pays: &mut traffic::Pays, out: &mut Output, now: UnixMillis) {
    let (operator, request) = pays.next(now);
    core.step(now, &Input::Authorize(from(operator), request), world, out);
    let forward = out.effects.drain(..).find_map(|effect| match effect {
        Effect::Forward { to, request, .. } => Some((to, request)),
        _ => None,
    });
    let (to, request) = forward.expect("every payment is forwarded");
    let acquirer = u16::try_from(to.0).expect("a session has its participant's number");
    core.step(now, &Input::Answer(from(acquirer), approval(&request)), world, out);
    out.effects.clear();
}

/// Hands the facts of a batch to the journal, waiting where it is behind.
fn submit(core: &Core, log: &Handle, records: &mut RecordWriter, out: &mut Output, time: UnixMillis) {
    let count = u32::try_from(out.facts.len()).expect("a batch is small");
    let mut bytes = log.take_buffer();
    out.facts.iter().for_each(|fact| records.write(fact, &mut bytes));
    out.clear();
    let first = Sequence(core.sequence().0 + 1 - u64::from(count));
    let mut batch = Batch { bytes, first, count, time };
    while let Err(back) = log.try_submit(batch) {
        batch = back;
        std::thread::yield_now();
    }
}

fn snapshotter(
    arguments: &Arguments,
    recovered: &Recovered<holdfast_journal::FileStorage>,
) -> Snapshotter<holdfast_journal::FileStorage> {
    let settings =
        SnapshotSettings { segments_between: 1, percent_of_its_size: 0, ..SnapshotSettings::default() };
    Snapshotter::new(recovered.storage(), recovered.journal(), arguments.settings(), settings, None)
}

/// Processor time of the whole process: while a snapshot is made, or a start, nothing else goes on.
fn processor() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).expect("no processor time is negative")
}

/// Makes one snapshot of all that is sealed: its length, and the last fact in it. `before` is that of the one before.
fn snapshot(
    snapshotter: &mut Snapshotter<holdfast_journal::FileStorage>,
    log: &Handle,
    before: Sequence,
) -> Result<(u64, Sequence), Failure> {
    while log.unsynced_bytes() > 0 {
        std::thread::yield_now();
    }
    let sealed = log.sealed().through();
    let (started, mut parts) = (Instant::now(), [Duration::ZERO; 3]);
    loop {
        let begun = processor();
        let step = snapshotter.step(sealed, START)?;
        let took = processor() - begun;
        match step {
            SnapshotStep::Indexed(_) => parts[1] += took,
            SnapshotStep::More | SnapshotStep::Trimmed(_) | SnapshotStep::IndexTrimmed(_) => parts[0] += took,
            SnapshotStep::Idle => return Err("too little was sealed for a snapshot".into()),
            SnapshotStep::Made { sequence, bytes, .. } => {
                parts[2] += took;
                let facts = sequence.0 - before.0;
                let each = |part: Duration| part.as_secs_f64() * 1e9 / facts.max(1) as f64;
                println!(
                    "a snapshot, {} MiB, {facts} facts folded, made in {:.1} s; of the processor for each fact: {:.0} ns for \
                     loading, {:.0} for folding, {:.0} for writing, {:.0} in all",
                    bytes >> 20,
                    started.elapsed().as_secs_f64(),
                    each(parts[0]),
                    each(parts[1]),
                    each(parts[2]),
                    each(parts.iter().sum()),
                );
                return Ok((bytes, sequence));
            }
        }
    }
}
