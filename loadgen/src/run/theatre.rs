//! Where runs are made, one after the other: on one thread, with signals heard from before the first until after the last.
//!
//! Promise: who asks for the end between two runs is not lost; it is the next that ends at once, and with it what the runs are
//! made for.

use tokio::runtime::Runtime;
use tokio::task::LocalSet;

use super::signals::Signals;
use super::{Plan, RunError, direct, runtime};
use crate::report::Report;

/// See the module.
#[derive(Debug)]
pub struct Theatre {
    runtime: Runtime,
    signals: Signals,
}

impl Theatre {
    /// Hears signals from now on.
    ///
    /// # Errors
    /// Where the machine refuses what that takes.
    pub fn open() -> Result<Self, RunError> {
        let runtime = runtime()?;
        let heard = {
            let _within = runtime.enter();
            Signals::hear()
        };
        Ok(Self { runtime, signals: heard.map_err(RunError::io("signals"))? })
    }

    /// Makes one run.
    ///
    /// # Errors
    /// Where the run could not begin.
    pub fn perform(&mut self, plan: Plan) -> Result<Report, RunError> {
        self.runtime.block_on(LocalSet::new().run_until(direct(plan, None, &mut self.signals)))
    }
}
