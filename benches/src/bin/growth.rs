//! Shows whether a payment costs more where more is signed on, remembered or open: one table and one picture.
//!
//! Sessions, driver, core and outbox of the switch in memory, without transport and disk. All sizes are made first and
//! then measured in turns, so that what drifts with the minutes meets all alike.
//!
//! `cargo run --release -p holdfast-benches --bin growth -- --svg docs/growth.svg`

use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use holdfast_benches::growth::{Line, Point, picture, table};
use holdfast_benches::in_memory::{InMemory, TURN};
use holdfast_benches::traffic::{Crowd, Pays};
use holdfast_core::Settings;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a payment costs the switch while something grows.
#[derive(Debug, Parser)]
#[command(after_help = "Example, all sizes, with a picture (needs 3 GiB of memory and a minute):\n  \
    cargo run --release -p holdfast-benches --bin growth -- --svg growth.svg")]
struct Arguments {
    /// Draw a picture.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Sizes above this are left out.
    #[arg(long, default_value_t = 10_000_000)]
    largest: u64,
    /// Turns of 768 payments that are measured at each size.
    #[arg(long, default_value_t = 600)]
    turns: usize,
}

/// Where nothing else is said, so many payments come in a second.
const RATE: u64 = 10_000;
/// Payments are remembered for so long.
const WINDOW_S: u64 = 60;
/// Turns of one size before the next size has its.
const AT_ONCE: usize = 20;

/// A switch of one size, and the payments that it gets.
struct Place {
    line: usize,
    size: u64,
    switch: InMemory,
    pays: Pays,
    turns: Vec<f64>,
}

const NAMES: [&str; 4] = [
    "participants signed on, six of them busy",
    "participants signed on, all of them busy",
    "ids remembered",
    "reservations open",
];

fn switch(crowd: &Crowd, rate: u64) -> InMemory {
    let settings = Settings {
        expected_rate_per_s: u32::try_from(rate).unwrap_or(u32::MAX),
        window_max_ms: WINDOW_S * 1_000,
        hash_seed: 0x5eed,
        ..Settings::default()
    };
    InMemory::new(crowd, settings, rate)
}

/// Fills the window of what is remembered.
fn fill(switch: &mut InMemory, pays: &mut Pays, ids: u64) {
    for _ in 0..ids.div_ceil(TURN as u64) {
        switch.payments(pays);
    }
}

fn place(line: usize, size: u64) -> Place {
    let (crowd, rate) = match line {
        0 | 1 => (Crowd::of(u16::try_from(size).expect("participants have 16 bits")), RATE),
        2 => (Crowd::default(), size / WINDOW_S),
        _ => (Crowd::default(), RATE),
    };
    let mut switch = switch(&crowd, rate);
    let mut pays = if line == 1 { Pays::among(&crowd) } else { Pays::default() };
    if line == 3 {
        while switch.open() < size {
            switch.reservations(&mut pays);
        }
    }
    fill(&mut switch, &mut pays, rate * WINDOW_S);
    let size = match line {
        2 => switch.remembered(),
        3 => switch.open(),
        _ => size,
    };
    Place { line, size, switch, pays, turns: Vec::new() }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let sizes: [&[u64]; 4] = [
        &[10, 100, 1_000, 10_000],
        &[10, 100, 1_000, 10_000],
        &[10_000, 100_000, 1_000_000, 10_000_000],
        &[1_000, 10_000, 100_000, 1_000_000],
    ];
    let started = Instant::now();
    let mut places = Vec::new();
    for (line, sizes) in sizes.into_iter().enumerate() {
        for size in sizes.iter().filter(|size| **size <= arguments.largest) {
            places.push(place(line, *size));
            eprintln!("{:>4} s  {size} {}", started.elapsed().as_secs(), NAMES[line]);
        }
    }
    for _ in 0..arguments.turns.div_ceil(AT_ONCE) {
        for place in &mut places {
            // What another size left in the caches is not this one's matter.
            place.switch.payments(&mut place.pays);
            for _ in 0..AT_ONCE {
                let took = place.switch.payments(&mut place.pays);
                place.turns.push(took.as_nanos() as f64 / TURN as f64);
            }
        }
    }
    let mut lines = NAMES.map(|name| Line { name: name.to_owned(), points: Vec::new() });
    for place in places {
        lines[place.line].points.push(Point::of(place.size, place.turns));
    }
    print!("{}", table(&lines));
    if let Some(file) = &arguments.svg {
        picture(&lines, "What a payment costs the switch, without transport and disk", file)?;
        println!("drawn: {}", file.display());
    }
    Ok(())
}
