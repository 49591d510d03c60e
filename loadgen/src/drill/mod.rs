//! `loadgen drill`: faults under load, and then the question whether anything was lost or done twice (LG-5).
//!
//! Promises: the load is open loop through every fault; what is struck and when follows from the seed; only a process that
//! was started here is struck, by its id, and it does not outlive the drill. A drill in which nothing was in flight at any
//! fault is called vacuous, and one that broke off judges nothing.
//!
//! Absent on purpose: killing operators or destinations. They are played here, and what they sent must be remembered to be
//! judged; being cut off is what the switch sees of their end.

mod answer;
mod evidence;
pub mod fault;
mod plan;
pub mod process;
pub mod recovery;
pub mod schedule;
pub mod strikes;

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use rustix::process::Signal;
use toml::Table;

pub use answer::{AuditSummary, DrillSummary, DrillVerdict, FaultSummary, Outage};
pub use plan::Plan;

use crate::admin;
use crate::check;
use crate::cli::DrillArguments;
use crate::exit::Exit;
use crate::first_answers::FirstAnswers;
use crate::measure::kinds::Figure;
use crate::measure::slices::Group;
use crate::objective::Standing;
use crate::operator::Tally;
use crate::report::Report;
use crate::results::summary::{Audit, Books};
use crate::results::tell;
use crate::run::{Backstage, Beside, RunError, Signals, direct, keep_options, nanos, on_stage};
use crate::verdict::{Cause, Measurement, Remark};
use process::SwitchProcess;
use recovery::{Calm, Heard};
use strikes::{Arm, Struck};

/// Drills, judges, says what was found, and how the program ends.
///
/// # Errors
/// Where the drill could not begin, or its end cannot be judged.
pub fn run(arguments: &DrillArguments, options: Table) -> Result<Exit, RunError> {
    let kept = match &arguments.to.output {
        Some(_) => None,
        None => Some(tempfile::tempdir().map_err(RunError::io("directory for histories"))?),
    };
    let output = kept
        .as_ref()
        .map_or_else(|| arguments.to.output.as_deref().unwrap_or(Path::new(".")), tempfile::TempDir::path);
    let plan = Plan::new(arguments, output)?;
    keep_options(output, arguments.to.force, options, plan.run.seed)?;
    let drill = Drill { arguments, plan, output };
    let (mut report, summary, is_interrupted) = on_stage(drill.carry_out())??;
    let verdict = summary.verdict;
    let is_judged = summary.audit.is_some();
    report.summary.verdict.audit = match &summary.audit {
        None => Audit::NotRun,
        Some(audit) if audit.findings_total == audit.of_other_times => Audit::Clean,
        Some(_) => Audit::Faulty,
    };
    if summary.audit.as_ref().is_some_and(|audit| audit.of_other_times > 0) {
        let text = "the switch's journal holds transactions of other times, of which no history here knows: they are not judged; \
                    loadgen check --other-times looks at the directory in the same way";
        report.summary.verdict.remarks.push(text.to_owned());
    }
    if is_interrupted {
        report.summary.broken_off.get_or_insert_with(|| "interrupted".to_owned());
    }
    report.summary.drill = Some(summary);
    report.publish()?;
    if let (Some(directory), DrillVerdict::Faulty) = (kept, verdict) {
        tell(&format!("  what shows it lies in {}\n", directory.keep().display()))
            .map_err(RunError::Output)?;
    }
    Ok(if is_interrupted { Exit::Interrupted } else { exit_code(&report, verdict, is_judged) })
}

pub(crate) fn exit_code(report: &Report, verdict: DrillVerdict, is_judged: bool) -> Exit {
    let stands = |standing| report.summary.objectives.iter().any(|judged| judged.standing == standing);
    let generator =
        |remark: &Remark| remark.cause == Cause::Generator && remark.level == Measurement::Invalid;
    match verdict {
        // It came to its end, and not enough was done to the switch.
        DrillVerdict::Unfinished if is_judged => Exit::Invalid,
        DrillVerdict::Unfinished => Exit::RunError,
        DrillVerdict::Faulty => Exit::BooksOpen,
        DrillVerdict::Vacuous => Exit::Invalid,
        // An objective that a generator was judged by is none of the switch's.
        DrillVerdict::Clean
            if !report.summary.objectives.is_empty() && report.remarks.iter().any(generator) =>
        {
            Exit::Invalid
        }
        DrillVerdict::Clean if stands(Standing::Missed) => Exit::Missed,
        DrillVerdict::Clean if stands(Standing::Unknown) => Exit::Invalid,
        DrillVerdict::Clean => Exit::Pass,
    }
}

/// One drill.
struct Drill<'a> {
    arguments: &'a DrillArguments,
    plan: Plan,
    output: &'a Path,
}

/// What operators heard after each fault, in the order of the faults: by name, when.
type FirstHeard = Rc<RefCell<Option<Backstage>>>;

impl Drill<'_> {
    /// What was measured, what was found, and whether the user cut it short anywhere.
    async fn carry_out(self) -> Result<(Report, DrillSummary, bool), RunError> {
        // Before anything is started, and the same ones to the end: whoever asks for the end between two looks is heard at the next.
        let mut signals = Signals::hear().map_err(RunError::io("signals"))?;
        self.nobody_is_there().await?;
        let starting = Instant::now();
        let arm = self.arm()?;
        arm.until_ready(signals.next()).await?;
        let hasty = self.plan.is_hasty(self.arguments.every, starting.elapsed());
        let used = self.used_journal().await?;
        let warnings: Vec<String> = hasty.into_iter().chain(used).collect();
        warnings.iter().for_each(|warning| self.say(&format!("WARNING: {warning}")));
        let (backstage, planned): (FirstHeard, usize) = (Rc::default(), self.plan.schedule.len());
        let beside: Beside = {
            let (arm, seen, schedule) = (arm.clone(), Rc::clone(&backstage), self.plan.schedule.clone());
            Box::new(move |backstage| {
                *seen.borrow_mut() = Some(backstage.clone());
                Box::pin(arm.strike(backstage, schedule))
            })
        };
        let mut report = direct(self.plan.run.clone(), Some(beside), &mut signals).await?;
        report.summary.verdict.remarks.extend(warnings);
        // Whatever is missing for the auditor, what was measured is not thrown away.
        let audit = self.audit(&arm, &report, &mut signals).await;
        let faults = arm.struck.borrow().clone();
        let backstage = backstage.borrow();
        let (faults, calm) = self.faults(&report, &faults, backstage.as_ref());
        let summary = self.summary(&report, faults, calm, planned, audit.as_ref());
        let is_interrupted = report.is_interrupted() || matches!(audit, Err(RunError::Interrupted));
        Ok((report, summary, is_interrupted))
    }

    /// Ends the switch, where it is ours, and lets the auditor look at what is left; `None` where the run was not whole.
    async fn audit(
        &self,
        arm: &Arm,
        report: &Report,
        signals: &mut Signals,
    ) -> Result<Option<holdfast_audit::Report>, RunError> {
        let a = self.arguments;
        let is_whole = !report.is_interrupted() && report.broken().is_none();
        let told = if is_whole { evidence::keep_status(a, self.output).await? } else { None };
        // One that was frozen when the drill broke off must not stay so.
        arm.signal(Signal::CONT)?;
        arm.signal(Signal::TERM)?;
        if arm.switch.borrow().is_some() {
            self.say("the switch is asked to end");
            tokio::select! {
                ended = arm.until_ended() => ended?,
                // Its journal may still be written: there is nothing to judge.
                () = signals.next() => return Err(RunError::Interrupted),
            }
        }
        if !is_whole {
            return Ok(None);
        }
        self.say("the journal is dumped");
        evidence::keep_journal(a, told, self.output, signals.next()).await?;
        self.say("the auditor joins the journal with what operators and destinations saw");
        evidence::look(self.output, signals.next()).await.map(Some)
    }

    /// What the drill kills and loads is what it starts itself: never a switch that was there before.
    async fn nobody_is_there(&self) -> Result<(), RunError> {
        let admin = self.arguments.load.place.admin_address();
        let Some(admin) = admin.filter(|_| self.arguments.start.is_some()) else { return Ok(()) };
        if admin::status(admin).await.is_ok() {
            let why = "where a switch was to be started, one answers already: end it, or name another place";
            return Err(RunError::Drill(format!("{admin}: {why}")));
        }
        Ok(())
    }

    /// What happened before the drill, no history of it knows: what is still delivered of it would look like a fault.
    async fn used_journal(&self) -> Result<Option<String>, RunError> {
        let Some(admin) = self.arguments.load.place.admin_address() else { return Ok(None) };
        let (remembered, open) = admin::ledger(&admin::status(admin).await?).unwrap_or_default();
        Ok((remembered + open > 0).then(|| {
            format!(
                "the journal is not empty ({remembered} ids remembered, {open} transactions open): what is delivered of earlier \
                 times looks lost or invented to the auditor; begin with an empty journal"
            )
        }))
    }

    fn arm(&self) -> Result<Arm, RunError> {
        let a = self.arguments;
        let log = self.output.join("switch.log");
        let switch = match &a.start {
            Some(command) => {
                self.say(&format!("starting {command}"));
                Some(SwitchProcess::start(command, &log).map_err(RunError::io(command))?)
            }
            None => None,
        };
        Ok(Arm {
            switch: Rc::new(RefCell::new(switch)),
            struck: Rc::default(),
            admin: a.load.place.admin_address(),
            patience: a.ready,
            quiet: a.to.quiet,
            errand: self.plan.run.errand.clone(),
        })
    }

    fn say(&self, text: &str) {
        if !self.arguments.to.quiet {
            eprintln!("{text}");
        }
    }

    /// Each fault with what came of it, and what counted as calm.
    fn faults(
        &self,
        report: &Report,
        struck: &[Struck],
        backstage: Option<&Backstage>,
    ) -> (Vec<FaultSummary>, Option<Calm>) {
        let heard: Vec<Heard> = report
            .slices()
            .all
            .iter()
            .map(|slice| Heard {
                begun_ns: slice.begun_ns,
                ended_ns: slice.begun_ns + slice.length_ns,
                responses: slice.of(Figure::Response, Group::All).into_owned(),
            })
            .collect();
        let (warm_ns, end_ns) = (nanos(self.plan.run.arguments.warmup), self.plan.run.end_ns());
        let calm = struck.first().and_then(|first| Calm::before(&heard, warm_ns, first.at_ns));
        let seconds = |ns: u64| ns as f64 / 1e9;
        let after = |ns: Option<u64>, from: u64| ns.map(|ns| seconds(ns.saturating_sub(from)));
        let of = |(index, fault): (usize, &Struck)| {
            let next_ns = struck.get(index + 1).map_or(end_ns, |next| next.at_ns);
            let of_each = |first: fn(&Tally) -> &FirstAnswers| {
                let operators = backstage.into_iter().flat_map(|backstage| &backstage.operators);
                let first = |tally: &RefCell<Tally>| first(&tally.borrow()).after(index);
                operators.map(|(name, tally)| (name.clone(), after(first(tally), fault.at_ns))).collect()
            };
            FaultSummary {
                fault: fault.fault.to_string(),
                at_s: seconds(fault.at_ns),
                lasted_s: after(fault.lifted_ns, fault.at_ns),
                ready_after_s: after(fault.ready_ns, fault.at_ns),
                in_flight: fault.in_flight,
                unavailable_s: of_each(|tally| &tally.first_answers),
                approved_after_s: of_each(|tally| &tally.first_approvals),
                steady_after_s: calm
                    .and_then(|calm| calm.steady_after(&heard, fault.at_ns, next_ns))
                    .map(seconds),
            }
        };
        (struck.iter().enumerate().map(of).collect(), calm)
    }

    fn summary(
        &self,
        report: &Report,
        faults: Vec<FaultSummary>,
        calm: Option<Calm>,
        planned: usize,
        audit: Result<&Option<holdfast_audit::Report>, &RunError>,
    ) -> DrillSummary {
        let counts = &report.summary.accounting;
        let unresolved = counts.in_flight_at_end + counts.unknown;
        let (audit, mut why) = match audit {
            Ok(Some(audit)) => (Some(audit), self.why_faulty(report, unresolved, audit)),
            Ok(None) => (None, vec![]),
            Err(error) => (None, vec![format!("no audit: {error}")]),
        };
        let verdict = match audit {
            None => DrillVerdict::Unfinished,
            Some(_) => DrillVerdict::of(!why.is_empty(), planned, &faults),
        };
        if audit.is_some() && faults.len() < planned {
            let text = "faults came before the sending ended: they took longer than the time between two";
            why.push(format!("only {} of {planned} {text}", faults.len()));
        }
        DrillSummary {
            verdict,
            why,
            planned,
            faults,
            steady_p99_us: calm.map(|calm| calm.limit_us),
            resolve_s: self.arguments.resolve.as_secs_f64(),
            resolved_s: report.drained.as_secs_f64(),
            unresolved,
            audit: audit.map(|audit| AuditSummary {
                findings_by_class: audit.findings_by_class.clone(),
                findings_total: audit.findings_total,
                of_other_times: self.of_other_times(audit),
                examples: audit.findings.iter().map(|f| format!("{}: {}", f.class, f.what)).collect(),
                transactions: audit.tally.transactions,
                records: audit.tally.records,
            }),
        }
    }

    /// Everything that speaks against the switch, in words.
    fn why_faulty(&self, report: &Report, unresolved: u64, audit: &holdfast_audit::Report) -> Vec<String> {
        let mut why = Vec::new();
        let found = audit.findings_total - self.of_other_times(audit);
        if found > 0 {
            why.push(format!("the auditor found {found}"));
        }
        if unresolved > 0 {
            why.push(format!("{unresolved} operations had no outcome when the time was over"));
        }
        if report.summary.verdict.books == Books::Open {
            why.push("the books do not close".to_owned());
        }
        if report.has_run_error() {
            why.push("answers contradicted each other, or came to nothing that was asked".to_owned());
        }
        why
    }

    /// Findings that are none of a switch that ran before: its journal has other times, of which nobody here knows.
    fn of_other_times(&self, audit: &holdfast_audit::Report) -> u64 {
        if self.arguments.start.is_some() { 0 } else { check::of_other_times(audit) }
    }
}
