//! The simulator: the whole switch, everybody who takes part, the network, the disk and the clock in one thread and in
//! virtual time, everything a function of one seed.
//!
//! Real: core, driver, outbox, sessions, codec, the clock's arithmetic, journal writer and recovery. Simulated: links,
//! disk, time; operators and destinations are small models that share no code with the switch but the wire format. What
//! goes wrong is in [`faults`], who looks on in `checks` and `auditor`, and what must be reached in [`coverage`]. A known
//! wrong can be [`planted`], and one of the checkers must find it.
//!
//! Absent on purpose: threads. What each of the switch's threads does is done in a step of `world`, in an order that
//! follows from the seed.

mod archiving;
mod auditor;
mod checks;
mod configuration;
pub mod coverage;
mod crashes;
mod destination;
mod disk;
mod door;
pub mod faults;
pub mod hunt;
mod log;
mod misfortunes;
mod network;
mod operator;
mod partitions;
mod pipe;
mod plan;
pub mod planted;
mod random;
mod reckoning;
mod refunds;
mod rot;
mod scene;
mod seam;
mod shown;
pub mod summary;
mod switch;
mod told;
mod trace;
mod violation;
mod watch;
mod words;
mod world;

use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use coverage::Coverage;
pub use faults::{Fault, FaultCounts};
pub use planted::Planted;
pub use violation::Violation;

use trace::Trace;
use world::World;

/// What a run went through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    /// Whose run it was.
    pub seed: u64,
    /// Steps.
    pub steps: u64,
    /// New requests.
    pub operations: u64,
    /// Facts in the journal at the end.
    pub facts: u64,
    /// How much virtual time passed.
    pub simulated_ms: u64,
    /// What went wrong.
    pub faults: FaultCounts,
    /// What was reached.
    pub coverage: Coverage,
    /// Of the ledger at the end.
    pub digest: String,
}

/// A run in which something did not hold.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Whose run it was.
    pub seed: u64,
    /// At which step.
    pub step: u64,
    /// What did not hold.
    pub violation: Violation,
    /// What was planted.
    pub planted: Option<Planted>,
    /// What happened last, if it was kept.
    pub events: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, step {}: {}", self.seed, self.step, self.violation)?;
        for event in &self.events {
            writeln!(f, "  {event}")?;
        }
        let planted = self.planted.map_or(String::new(), |planted| format!(" --break {}", planted.name()));
        write!(
            f,
            "again: cargo run --release -p holdfast-tests --bin sim -- --seed {}{planted} --trace",
            self.seed
        )
    }
}

thread_local! {
    /// What is played on this thread, for whoever must tell of a panic.
    static PLAYED: Cell<Option<(u64, Option<Planted>)>> = const { Cell::new(None) };
}

/// What is played on this thread.
pub fn played() -> Option<(u64, Option<Planted>)> {
    PLAYED.get()
}

/// How a seed is played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Telling {
    /// Nothing is kept; what fails is played again to see its last events.
    #[default]
    Quiet,
    /// The last events are kept.
    Kept,
    /// Everything is printed as it happens.
    Aloud,
}

/// Plays a seed.
///
/// # Errors
/// The first thing that did not hold, an assertion of the switch included where panics unwind.
pub fn play(seed: u64, planted: Option<Planted>, telling: Telling) -> Result<Course, Box<Failure>> {
    let before = PLAYED.replace(Some((seed, planted)));
    let result = play_once(seed, planted, telling);
    PLAYED.set(before);
    match result {
        Err(failure) if telling == Telling::Quiet => {
            // The same again with its events: a run is a function of its seed.
            let again = play_once(seed, planted, Telling::Kept).err();
            Err(again.filter(|again| again.violation == failure.violation).unwrap_or(failure))
        }
        result => result,
    }
}

fn play_once(seed: u64, planted: Option<Planted>, telling: Telling) -> Result<Course, Box<Failure>> {
    let trace = match telling {
        Telling::Quiet => Trace::default(),
        Telling::Kept => Trace::kept(false),
        Telling::Aloud => Trace::kept(true),
    };
    let fail = |step, violation, events| Box::new(Failure { seed, step, violation, planted, events });
    let mut world = match World::new(seed, planted, trace) {
        Ok(world) => world,
        Err(violation) => return Err(fail(0, violation, Vec::new())),
    };
    let verdict = match catch_unwind(AssertUnwindSafe(|| world.run())) {
        Ok(verdict) => verdict,
        Err(panic) => Err(Violation::new("assertion", said(&*panic))),
    };
    match verdict {
        Ok(()) => {
            let course = world.into_course(seed);
            let impossible = course.coverage.impossible_reached();
            match impossible.first() {
                None => Ok(course),
                Some(cell) => Err(fail(course.steps, Violation::new("table", cell.clone()), Vec::new())),
            }
        }
        Err(violation) => {
            let trace = world.into_trace();
            Err(fail(trace.step, violation, trace.into_events()))
        }
    }
}

/// What a panic said.
pub fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_owned())
}
