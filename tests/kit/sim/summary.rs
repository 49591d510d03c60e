//! What many runs came to.

use std::fmt;

use super::{Course, Coverage, FaultCounts};

/// The sum of runs. The order in which they were played does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many.
    pub seeds: u64,
    /// Steps of all.
    pub steps: u64,
    /// New requests of all.
    pub operations: u64,
    /// Facts of all.
    pub facts: u64,
    /// Virtual time of all.
    pub simulated_ms: u64,
    /// What went wrong.
    pub faults: FaultCounts,
    /// What was reached.
    pub coverage: Coverage,
    /// The sum of their digests.
    pub digest: u64,
}

impl Summary {
    /// Adds one run.
    pub fn add(&mut self, course: &Course) {
        self.seeds += 1;
        self.steps += course.steps;
        self.operations += course.operations;
        self.facts += course.facts;
        self.simulated_ms += course.simulated_ms;
        self.faults.merge(&course.faults);
        self.coverage.merge(&course.coverage);
        let text = format!("{}:{}:{}:{:?}", course.seed, course.steps, course.digest, course.faults);
        let digest = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        self.digest = self.digest.wrapping_add(digest);
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>10}  seeds", self.seeds)?;
        writeln!(f, "{:>10}  steps", self.steps)?;
        writeln!(f, "{:>10}  requests", self.operations)?;
        writeln!(f, "{:>10}  facts", self.facts)?;
        writeln!(f, "{:>10}  seconds of simulated time", self.simulated_ms / 1_000)?;
        writeln!(f, "{}", self.faults)?;
        writeln!(f, "{}", self.coverage.in_short())?;
        write!(f, "digest {:016x}", self.digest)
    }
}
