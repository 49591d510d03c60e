//! The end of a run: the summary, the exit code, the files, and a table for people.

mod figures;
mod files;
mod objectives;
pub(crate) mod table;

use std::time::Duration;

use crate::accounting::Accounting;
use crate::admin::{JournalCounters, SwitchBuild};
use crate::cli::{OutputArguments, Rate};
use crate::exit::Exit;
use crate::machine::ThreadTime;
use crate::measure::kinds::Figure;
use crate::measure::slices::{Group, Slices};
use crate::objective::Standing;
use crate::page;
use crate::results;
use crate::results::summary::{Books, Summary};
use crate::run::{Closing, Plan, RunError};
use crate::stage::Stage;
use crate::steering::ByHand;
use crate::verdict::{Measurement, Remark};

/// What was measured besides operations.
#[derive(Debug)]
pub struct Measured {
    /// Length of the measured time.
    pub seconds: f64,
    /// Processor time of the process in it.
    pub cpu_seconds: f64,
    /// What the thread that plays did in it.
    pub thread: ThreadTime,
    /// The share of the machine's processors that its host took away.
    pub stolen_share: f64,
    /// Datagrams dropped in it.
    pub udp_drops: u64,
    /// The longest oversleep in it.
    pub hiccup_us: u64,
    /// What the journal did; `None` where it could not be read.
    pub journal: Option<JournalSpan>,
    /// Which build of the switch said so about itself.
    pub switch_build: Option<SwitchBuild>,
    /// The run slice by slice.
    pub slices: Slices,
    /// What a person changed meanwhile.
    pub by_hand: ByHand,
}

/// What the journal did between two moments.
#[derive(Clone, Copy, Debug)]
pub struct JournalSpan {
    /// By how much its counters grew, over all processes of the switch that ran meanwhile.
    pub grown: JournalCounters,
    /// Between the moments.
    pub seconds: f64,
}

impl JournalSpan {
    /// From the counters at the beginning and at the end, and those that processes which ended meanwhile had last. Each process counts
    /// from zero; what one did after it was read last is not known and counts for nothing.
    pub fn between(
        start: JournalCounters,
        ended: &[JournalCounters],
        end: JournalCounters,
        seconds: f64,
    ) -> Self {
        let grown = match ended.split_first() {
            Some((first, others)) => {
                let later = others.iter().fold(end, |sum, counters| sum.plus(counters));
                first.since(&start).plus(&later)
            }
            // Nobody here knows of an end, and a counter that fell says that there was one.
            None if end.syncs < start.syncs => end,
            None => end.since(&start),
        };
        Self { grown, seconds }
    }
}

/// Everything about a run.
#[derive(Debug)]
pub struct Report {
    /// For programs.
    pub summary: Summary,
    /// What was found wrong with the measurement.
    pub remarks: Vec<Remark>,
    /// How long it took until everything had ended, after the last was sent.
    pub drained: Duration,
    slices: Slices,
    /// The first slice that counts.
    from: usize,
    closing: Closing,
    accounting: Accounting,
    /// Contradictions outside any operation.
    strays: u64,
    broken_links: u64,
    examples: Vec<String>,
    /// What ended the run early.
    broken: Option<String>,
    interrupted: bool,
    closed_loop: bool,
    admin_read: bool,
    journal_read: bool,
    to: OutputArguments,
}

impl Report {
    /// Puts together what a run brought.
    pub fn new(
        plan: &Plan,
        stage: &Stage,
        closing: Closing,
        measured: Measured,
        broken: Option<String>,
        interrupted: bool,
    ) -> Self {
        let faults = std::mem::take(&mut *stage.faults.borrow_mut());
        let accounting = closing.accounting.clone();
        let flat = plan.source.is_flat() && measured.by_hand.is_empty();
        let span = measured.slices.measured(flat);
        let cut_short = interrupted || broken.is_some();
        let (mut summary, remarks) =
            figures::Figures { plan, stage, closing: &closing, measured: &measured, span, cut_short }
                .summary();
        summary.broken_off = broken.clone().or_else(|| interrupted.then(|| "interrupted".to_owned()));
        Self {
            summary,
            remarks,
            drained: Duration::ZERO,
            journal_read: measured.journal.is_some(),
            slices: measured.slices,
            from: span.from,
            closing,
            accounting,
            strays: faults.strays,
            broken_links: faults.broken_links,
            examples: faults.examples,
            broken,
            interrupted,
            closed_loop: plan.arguments.rate == Rate::Max,
            admin_read: plan.arguments.load.place.admin_address().is_some(),
            to: plan.arguments.to.clone(),
        }
    }

    /// Whether something went wrong that is neither the books nor the measurement.
    pub fn has_run_error(&self) -> bool {
        self.broken.is_some() || self.strays > 0 || self.accounting.total().errors_in_all() > 0
    }

    /// Operations between their intended sending and their outcome, on average (Little: throughput times mean response).
    pub fn in_flight(&self) -> f64 {
        let series = self.slices.series(self.from, Figure::Response, Group::All);
        let (count, micros) = series
            .iter()
            .fold((0, 0.0), |(count, micros), slice| (count + slice.len(), micros + slice.total_micros()));
        let mean_s = if count == 0 { 0.0 } else { micros / count as f64 / 1e6 };
        self.summary.rate.achieved_per_s * mean_s
    }

    /// Whether the user cut the run short.
    pub const fn is_interrupted(&self) -> bool {
        self.interrupted
    }

    /// The run slice by slice.
    pub const fn slices(&self) -> &Slices {
        &self.slices
    }

    /// What ended the run early.
    pub fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// What becomes of the program.
    pub fn exit_code(&self) -> Exit {
        let stands = |standing| self.summary.objectives.iter().any(|judged| judged.standing == standing);
        if self.interrupted {
            Exit::Interrupted
        } else if self.broken.is_some() {
            // It broke off before the books could be closed.
            Exit::RunError
        } else if self.summary.verdict.books == Books::Open {
            Exit::BooksOpen
        } else if self.has_run_error() {
            Exit::RunError
        } else if self.summary.verdict.measurement == Measurement::Invalid {
            Exit::Invalid
        } else if stands(Standing::Missed) {
            Exit::Missed
        } else if stands(Standing::Unknown) {
            // An objective that the measurement cannot answer.
            Exit::Invalid
        } else {
            Exit::Pass
        }
    }

    /// Prints the report and writes the files: a disk that is full costs nobody the figures.
    ///
    /// # Errors
    /// Where a file cannot be written, or nobody hears.
    pub fn publish(&self) -> Result<(), RunError> {
        let said = results::say(&self.to, &self.summary, &table::text(self));
        self.write()?;
        said
    }

    /// Writes the files, where a directory was named.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn write(&self) -> Result<(), RunError> {
        match &self.to.output {
            Some(output) => {
                files::write(self, output)?;
                page::make(output)?;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
