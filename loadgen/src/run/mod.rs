//! A run from beginning to end: everybody signs on, operations are sent, what is in flight ends, the books are closed.

mod answering;
mod backstage;
mod cast;
mod closing;
mod dry;
mod measure;
mod replayed;
mod side;
mod signals;
mod source;
mod theatre;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use holdfast_link::gather;
use holdfast_participant::LinkError;
use holdfast_protocol::Currency;
use tokio::task::LocalSet;
use toml::Table;

use crate::admin::AdminError;
use crate::check::CheckError;
use crate::cli::{PlaceArguments, Rate, ReplayArguments, RunArguments};
use crate::exit::Exit;
use crate::live::{Errand, RateBy};
use crate::page::PageError;
use crate::player::PlayError;
use crate::report::Report;
use crate::results::place::make_room;
use crate::trace::{Trace, TraceError};
use crate::traffic::payees::TemplateError;
use crate::traffic::{Traffic, complete, schedule_settings};

pub use answering::{Answered, Booked, answer};
pub use backstage::{Backstage, Beside};
pub use closing::{Closing, Sums};
pub use dry::dry;
pub(crate) use side::NOT_COMPARED;
pub use side::{Side, operator};
#[cfg(test)]
pub(crate) use signals::IN_TURN;
pub(crate) use signals::Signals;
pub use source::Source;
pub use theatre::Theatre;

/// The command that strikes the switch while it is loaded.
pub(crate) const DRILL: &str = "drill";

/// Why a run could not be made, or broke off.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The arguments contradict each other.
    #[error("{0}")]
    Usage(String),
    /// A template does not fit.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A participant could not sign on.
    #[error("{name} cannot sign on at {address} (--switch): {source}")]
    SignOn {
        /// Who.
        name: String,
        /// Where.
        address: SocketAddr,
        /// Why.
        source: Box<LinkError>,
    },
    /// A participant's certificate cannot be used.
    #[error(
        "certificate of {name}: {reason}; --certs names the directory that has ca.pem, {name}.pem and {name}.key, as `holdfast certs DIR --config FILE` makes them; --operators and --acquirers say how many there are"
    )]
    Certificate {
        /// Whose.
        name: String,
        /// Why.
        reason: String,
    },
    /// The switch's figures could not be read.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// A file could not be written, or the machine refused something.
    #[error("{what}: {source}")]
    Io {
        /// What was to be done.
        what: String,
        /// Why it was not.
        source: std::io::Error,
    },
    /// Nothing could be said.
    #[error("standard output: {0}")]
    Output(std::io::Error),
    /// The report could not be made.
    #[error(transparent)]
    Page(#[from] PageError),
    /// A trace cannot be sent or described.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// Nothing was checked.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// A drill could not do to the switch what it was to do.
    #[error("{0}")]
    Drill(String),
    /// The user did not want to wait for the switch.
    #[error("interrupted")]
    Interrupted,
    /// A participant left before the end.
    #[error(transparent)]
    Play(#[from] PlayError),
}

impl RunError {
    /// How the program ends with it.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::Template(_) | Self::Trace(_) => Exit::Usage,
            Self::SignOn { .. }
            | Self::Certificate { .. }
            | Self::Admin(_)
            | Self::Io { .. }
            | Self::Output(_)
            | Self::Page(_)
            | Self::Check(_)
            | Self::Drill(_)
            | Self::Play(_) => Exit::RunError,
            Self::Interrupted => Exit::Interrupted,
        }
    }

    /// Wraps an error of the machine with what was to be done.
    pub fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

/// The arguments, checked against each other and completed.
#[derive(Clone, Debug)]
pub struct Plan {
    /// As given; the mix without what cannot be played.
    pub arguments: RunArguments,
    /// As given, or chosen.
    pub seed: u64,
    /// Of every amount.
    pub currency: Currency,
    /// Most time for the drain.
    pub drain: Duration,
    /// Where reports go.
    pub output: Option<PathBuf>,
    /// What was changed, in words.
    pub remarks: Vec<String>,
    /// Where the arrivals come from.
    pub source: Source,
    /// The one who is played; `None` where everybody is.
    pub alone: Option<Side>,
    /// The command that it is a run of: what people read, and what makes it again.
    pub command: &'static str,
    /// What it is made for, on the screen; `None` where it is made for itself, or nobody looks.
    pub errand: Option<Errand>,
}

impl Plan {
    /// Checks and completes the arguments.
    ///
    /// # Errors
    /// [`RunError::Usage`] where they contradict each other.
    pub fn new(mut arguments: RunArguments) -> Result<Self, RunError> {
        let timing = arguments.timing();
        let completed = complete(&mut arguments.load.traffic, &timing)?;
        let traffic = &arguments.load.traffic;
        let source = Source::Drawn(Box::new(schedule_settings(traffic, &timing, completed.seed)));
        Self::of(arguments, completed, source)
    }

    /// A run of what a trace says, at this speed.
    ///
    /// # Errors
    /// [`RunError::Usage`] where the arguments contradict each other or the trace.
    pub fn replay(arguments: &ReplayArguments, trace: Arc<Trace>) -> Result<Self, RunError> {
        let (run, completed) = replayed::as_run(arguments, &trace)?;
        Self::of(run, completed, Source::Trace { trace, speed: arguments.speed })
    }

    /// What both have in common.
    fn of(arguments: RunArguments, traffic: Traffic, source: Source) -> Result<Self, RunError> {
        let place = &arguments.load.place;
        let budget_ms = place.budget.as_millis();
        if !(1..=600_000).contains(&budget_ms) || place.expires < place.budget {
            let text = "--budget must be 1 ms to 10 min, and --expires no shorter than it";
            return Err(RunError::Usage(text.to_owned()));
        }
        let mut remarks = traffic.remarks;
        let output = arguments.to.output.clone();
        if output.is_none() && !arguments.no_history {
            remarks.push("no history is written without --output".to_owned());
        }
        let drain = if place.drain.is_zero() { longest_drain(place) + source.tail() } else { place.drain };
        let (seed, currency) = (traffic.seed, traffic.currency);
        let command = match source {
            Source::Drawn(_) => "run",
            Source::Trace { .. } => "replay",
        };
        Ok(Self {
            arguments,
            seed,
            currency,
            drain,
            output,
            remarks,
            source,
            alone: None,
            command,
            errand: None,
        })
    }

    /// Operations a second of one operator; `None` in a closed loop.
    pub fn rate_of_operator(&self) -> Option<f64> {
        self.arguments.timing().rate_of_operator(self.arguments.load.traffic.operators)
    }

    /// Who sets the rate. Keys may where it is given, and nothing else changes it.
    pub fn rate_by(&self) -> RateBy {
        match (&self.source, self.arguments.rate) {
            (Source::Drawn(_), Rate::PerSecond(rate)) if self.errand.is_some() => RateBy::Command(rate),
            (Source::Trace { .. }, _) => RateBy::Trace,
            (Source::Drawn(_), Rate::Max) => RateBy::Switch,
            (Source::Drawn(_), Rate::PerSecond(rate)) if self.source.is_flat() => RateBy::Keys(rate),
            (Source::Drawn(_), Rate::PerSecond(rate)) => RateBy::Shape(rate),
        }
    }

    /// When no more operations are sent, in nanoseconds since the start.
    pub fn end_ns(&self) -> u64 {
        nanos(self.arguments.warmup) + nanos(self.arguments.duration)
    }
}

/// A seed nobody gave: from the clock, printed like any other.
pub(crate) fn chosen_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    crate::random::mix(u64::try_from(now.as_nanos()).unwrap_or(0)) >> 32
}

/// Long enough for every hold and repeat to end, and for deliveries to be acknowledged after.
fn longest_drain(place: &PlaceArguments) -> Duration {
    let restarts = if place.tolerate_restarts { place.expires } else { Duration::ZERO };
    place.budget * 2 + restarts + Duration::from_secs(15)
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Makes the run and says what it brought; the run directory keeps the resolved options.
///
/// # Errors
/// Where the run could not begin. What breaks off later is part of the report.
pub fn run(arguments: RunArguments, options: Table) -> Result<Report, RunError> {
    perform_kept(Plan::new(arguments)?, options)
}

/// The same with the operations of a trace.
///
/// # Errors
/// As [`run`], and where the trace cannot be sent.
pub fn replay(arguments: &ReplayArguments, options: Table) -> Result<Report, RunError> {
    perform_kept(Plan::replay(arguments, Arc::new(Trace::open(&arguments.trace)?))?, options)
}

fn perform_kept(plan: Plan, options: Table) -> Result<Report, RunError> {
    if let Some(output) = &plan.output {
        keep_options(output, plan.arguments.to.force, options, plan.seed)?;
    }
    Theatre::open()?.perform(plan)
}

/// Writes `config.toml`, from which the same run can be made again, where no results of an earlier command lie, or where these may be
/// removed.
///
/// # Errors
/// Where they lie there and may not, or it cannot be written.
pub(crate) fn keep_options(output: &Path, force: bool, options: Table, seed: u64) -> Result<(), RunError> {
    make_room(output, force)?;
    std::fs::create_dir_all(output).map_err(RunError::io(output.display().to_string()))?;
    let file = output.join("config.toml");
    std::fs::write(&file, text_of(options, seed)).map_err(RunError::io(file.display().to_string()))
}

pub(crate) fn text_of(mut options: Table, seed: u64) -> String {
    options.insert("seed".to_owned(), toml::Value::String(seed.to_string()));
    toml::to_string(&options).expect("options are texts, lists of texts and truth values")
}

/// Makes one run, and begins something beside it once everybody has signed on. To be called on the thread that plays.
///
/// # Errors
/// Where the run could not begin.
pub(crate) async fn direct(
    plan: Plan,
    beside: Option<Beside>,
    signals: &mut Signals,
) -> Result<Report, RunError> {
    Box::pin(measure::direct(plan, beside, signals)).await
}

/// Drives a future on this thread, the one that plays.
///
/// # Errors
/// Where the machine refuses what that takes.
pub(crate) fn on_stage<T>(future: impl Future<Output = T>) -> Result<T, RunError> {
    Ok(runtime()?.block_on(LocalSet::new().run_until(future)))
}

/// So long the playing thread pauses before it waits, as the switch does by default (`transport.gather_us`). What it sends
/// and reads later by that counts as lag, and in the response and the service.
const GATHER: Duration = Duration::from_micros(200);
/// It does so where it is awake for more of its time.
const BUSY_PERCENT: u32 = 50;

fn runtime() -> Result<tokio::runtime::Runtime, RunError> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    gather(&mut runtime, GATHER, BUSY_PERCENT);
    runtime
        .enable_all()
        // Fewer looks at the sockets: a wake-up takes whole batches.
        .event_interval(61)
        .build()
        .map_err(RunError::io("runtime"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::run_arguments;
    use crate::traffic::scenario::Scenario;

    fn plan(line: &str) -> Result<Plan, RunError> {
        Plan::new(run_arguments(&format!("--switch 127.0.0.1:1 --certs c --no-admin {line}")).unwrap())
    }

    #[test]
    fn one_operator_cannot_play_intersystem() {
        assert_eq!(
            plan("--operators 1").unwrap().arguments.load.traffic.mix.weight(Scenario::Intersystem),
            0
        );
        assert!(matches!(plan("--operators 1 --mix intersystem:1"), Err(RunError::Usage(_))));
    }

    #[test]
    fn arguments_that_contradict_each_other_are_refused() {
        for line in [
            "--decline-rate 0.6 --silent-rate 0.5",
            "-d 0s",
            "--budget 0s",
            "--budget 10s --expires 5s",
            "--currency XXX",
            "-r max --shape day",
            "--phase 0.5",
        ] {
            assert!(matches!(plan(line), Err(RunError::Usage(_))), "{line}");
        }
    }

    #[test]
    fn the_rate_is_shared_by_the_operators() {
        assert_eq!(plan("-r 3000 --operators 3").unwrap().rate_of_operator(), Some(1_000.0));
        assert_eq!(plan("-r max").unwrap().rate_of_operator(), None);
    }
}
