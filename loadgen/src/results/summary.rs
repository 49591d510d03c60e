//! `summary.json`: the figures of a run.

use std::collections::BTreeMap;

use serde::Serialize;

use super::latency::LatencySummary;
use crate::accounting::{Accounting, Counts};
use crate::admin::SwitchBuild;
use crate::drill::DrillSummary;
use crate::machine::Host;
use crate::objective::Judged;
use crate::steering::Change;
use crate::traffic::scenario::Scenario;
use crate::verdict::Measurement;

/// Grows when a field changes its meaning.
pub const SCHEMA_VERSION: u32 = 2;

/// The whole report.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// See [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The seed of the schedule.
    pub seed: u64,
    /// What the run was asked to do.
    pub config: serde_json::Value,
    /// Which build of loadgen ran.
    pub build: Build,
    /// Which build of the switch was measured; absent where its admin address was not read or names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub switch_build: Option<SwitchBuild>,
    /// On which machine.
    pub host: Host,
    /// What to make of it.
    pub verdict: Verdict,
    /// Operations a second in the measured time.
    pub rate: Rates,
    /// Whether the objectives hold; empty where none was given or the run was cut short.
    pub objectives: Vec<Judged>,
    /// Microseconds, by figure.
    pub latency_us: BTreeMap<&'static str, LatencySummary>,
    /// The same for each scenario that came.
    pub latency_us_by_scenario: BTreeMap<&'static str, BTreeMap<&'static str, LatencySummary>>,
    /// The same for each operator, by its name.
    pub latency_us_by_operator: BTreeMap<String, BTreeMap<&'static str, LatencySummary>>,
    /// Which part of the run was measured.
    pub window: Window,
    /// The whole run, warm-up included.
    pub accounting: CountsSummary,
    /// The same for each scenario that came.
    pub scenarios: BTreeMap<&'static str, CountsSummary>,
    /// The switch's journal in the measured time; zeros where it could not be read.
    pub journal: JournalRates,
    /// The generator in the measured time.
    pub generator: Generator,
    /// What a person changed while the load was offered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed_by_hand: Vec<Change>,
    /// Why the run ended before its time: "interrupted", or what broke. Objectives are not judged then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken_off: Option<String>,
    /// What was done to the switch and what came of it, in a drill.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drill: Option<DrillSummary>,
}

/// Which build.
#[derive(Clone, Debug, Serialize)]
pub struct Build {
    /// Version of the package.
    pub version: &'static str,
    /// Commit.
    pub commit: &'static str,
    /// Compiler.
    pub rustc: &'static str,
    /// Profile.
    pub profile: &'static str,
}

impl Build {
    /// This build.
    pub const fn this() -> Self {
        Self {
            version: crate::build::VERSION,
            commit: crate::build::COMMIT,
            rustc: crate::build::RUSTC,
            profile: crate::build::PROFILE,
        }
    }
}

/// Whether the books close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Books {
    /// They do.
    Closed,
    /// They do not.
    Open,
    /// They did not when the run ended before its time: what was out then was never waited for.
    NotJudged,
    /// Only one side was played here.
    NotCompared,
}

/// Whether the auditor has looked at the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Audit {
    /// It has not.
    NotRun,
    /// It has found nothing.
    Clean,
    /// It has found something.
    Faulty,
}

/// What to make of the run.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// Whether the figures can be believed.
    pub measurement: Measurement,
    /// Whether the books close.
    pub books: Books,
    /// What the auditor says; it looks at drills by itself, at other runs with `loadgen check`.
    pub audit: Audit,
    /// Whether the switch synced its journal during the run.
    pub durable: bool,
    /// "co-located: lower bound" where generator and switch share the machine, so that another gives no less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<&'static str>,
    /// Why, in words.
    pub remarks: Vec<String>,
}

/// Which part of a run its latencies and rates are of.
#[derive(Clone, Debug, Serialize)]
pub struct Window {
    /// When it began, in seconds since the run did: the end of the warm-up, or later where MSER-5 found that too short.
    pub from_s: f64,
    /// When it ended: when no more was sent. No sooner than it began; where the run was cut short in its warm-up, as soon.
    pub until_s: f64,
    /// When it was to end.
    pub planned_until_s: f64,
    /// Where MSER-5 sees the end of the warm-up; `None` where it cannot tell.
    pub mser_5_s: Option<f64>,
    /// `true` or `false`; `None` where the run was too short to tell, or was cut short.
    pub steady: Option<bool>,
}

/// Operations a second.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Rates {
    /// Arrivals.
    pub offered_per_s: f64,
    /// Outcomes.
    pub achieved_per_s: f64,
    /// Approved within their deadline.
    pub goodput_per_s: f64,
    /// Share of the operations of the whole run, 0 to 1, without the outcome that they should have had: shed, refused,
    /// unknown, in flight at the end, errors, and declined by the switch for another reason than its destination's.
    pub error_share: f64,
}

/// How operations ended.
#[derive(Clone, Debug, Serialize)]
pub struct CountsSummary {
    /// See [`Counts::scheduled`].
    pub scheduled: u64,
    /// See [`Counts::sent`].
    pub sent: u64,
    /// See [`Counts::shed`].
    pub shed: u64,
    /// See [`Counts::approved`].
    pub approved: u64,
    /// In all.
    pub declined: u64,
    /// In all.
    pub not_done: u64,
    /// See [`Counts::unknown`].
    pub unknown: u64,
    /// In all.
    pub errors: u64,
    /// See [`Counts::in_flight_at_end`].
    pub in_flight_at_end: u64,
    /// See [`Counts::reversed`].
    pub reversed: u64,
    /// See [`Counts::refunds`].
    pub refunds: u64,
    /// See [`Counts::duplicates`].
    pub duplicates: u64,
    /// See [`Counts::messages`].
    pub messages: u64,
    /// Declined, by reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub declined_by_reason: BTreeMap<&'static str, u64>,
    /// Not done, by reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub not_done_by_reason: BTreeMap<&'static str, u64>,
    /// Errors, by what happened.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub errors_by_fault: BTreeMap<String, u64>,
}

impl CountsSummary {
    /// Those of one scenario, or of all.
    pub fn of(counts: &Counts) -> Self {
        Self {
            scheduled: counts.scheduled,
            sent: counts.sent,
            shed: counts.shed,
            approved: counts.approved,
            declined: counts.declined_in_all(),
            not_done: counts.not_done_in_all(),
            unknown: counts.unknown,
            errors: counts.errors_in_all(),
            in_flight_at_end: counts.in_flight_at_end,
            reversed: counts.reversed,
            refunds: counts.refunds,
            duplicates: counts.duplicates,
            messages: counts.messages,
            declined_by_reason: counts.declined.iter().map(|(r, n)| (r.name(), *n)).collect(),
            not_done_by_reason: counts.not_done.iter().map(|(r, n)| (r.name(), *n)).collect(),
            errors_by_fault: counts.errors.iter().map(|(f, n)| (f.text(), *n)).collect(),
        }
    }

    /// Those of every scenario that came.
    pub fn of_scenarios(accounting: &Accounting) -> BTreeMap<&'static str, Self> {
        let came = Scenario::ALL.into_iter().filter(|s| accounting.of(*s).scheduled > 0);
        came.map(|scenario| (scenario.name(), Self::of(accounting.of(scenario)))).collect()
    }
}

/// What the journal did.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct JournalRates {
    /// Syncs a second.
    pub syncs_per_s: f64,
    /// Bytes a second.
    pub bytes_per_s: f64,
    /// Facts for each frame.
    pub batch_mean: f64,
}

/// What the generator took.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Generator {
    /// Processors used by the whole process, 1 for one whole.
    pub cpu_share: f64,
    /// Share of the time in which the thread that plays ran.
    pub ran_share: f64,
    /// Share of the time in which it could have run and had no processor.
    pub waited_share: f64,
    /// Share of the machine's processors that its host took away.
    pub stolen_share: f64,
    /// Arrivals that came in the measured time, by those that were planned; `None` in a closed loop.
    pub offered_of_planned: Option<f64>,
    /// p99 of the lag that was the generator's own, in microseconds.
    pub own_lag_p99_us: u64,
    /// Datagrams dropped because a buffer was full, at the generator or at a switch on the same machine.
    pub udp_drops: u64,
    /// The longest oversleep of a thread that asks for a millisecond.
    pub max_hiccup_us: u64,
}
