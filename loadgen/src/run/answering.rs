//! An acquirer alone: it answers until it is stopped or its time is over, then waits for what is still to come.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use toml::Table;

use super::cast::{self, Cast, Entrance};
use super::closing::QUIET_NS;
use super::signals::Signals;
use super::{NOT_COMPARED, Plan, RunError, keep_options, on_stage};
use crate::cli::{AcquirerArguments, OutputArguments};
use crate::exit::Exit;
use crate::history::HistoryWriter;
use crate::player::{Act, PlayError};
use crate::report::table::grouped;
use crate::results;
use crate::results::summary::{Books, Build};

/// How often it looks at the clock, and how often it says how it does.
const LOOK: Duration = Duration::from_millis(50);
const SAY: Duration = Duration::from_secs(10);

/// What was booked with one participant, in minor units.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Booked {
    /// Captured, of payments and of reservations.
    pub captured: i128,
    /// Of that, reversed.
    pub reversed: i128,
    /// Of that, refunded, less refunds that were reversed.
    pub refunded: i128,
}

/// `summary.json` of an acquirer alone.
#[derive(Clone, Debug, Serialize)]
pub struct Answered {
    /// Grows when a field changes its meaning.
    pub schema_version: u32,
    /// "acquirer".
    pub side: &'static str,
    /// Its name.
    pub name: String,
    /// Which build.
    pub build: Build,
    /// How long it answered.
    pub seconds: f64,
    /// Whether the books close: never compared here.
    pub books: Books,
    /// Why, and what there is to know besides.
    pub remarks: Vec<String>,
    /// Forwards, repeats included.
    pub forwards: u64,
    /// Captures, releases and reversals, repeats included.
    pub deliveries: u64,
    /// Of both, those that no operator of loadgen's began.
    pub foreign: u64,
    /// Holds that had not ended when it left.
    pub open_holds: usize,
    /// Contradictions of the switch.
    pub strays: u64,
    /// What ended it early.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
    /// What was booked, by the number of the participant.
    pub booked: BTreeMap<u16, Booked>,
}

/// Answers, and says what it answered.
///
/// # Errors
/// Where it could not sign on, or could not write its results. What ends it early is part of them.
pub fn answer(arguments: &AcquirerArguments, options: Table) -> Result<Exit, RunError> {
    let plan = Plan::acquirer(arguments)?;
    if let Some(output) = &plan.output {
        keep_options(output, arguments.to.force, options, plan.seed)?;
    }
    let answered = on_stage(play(plan, arguments))??;
    results::publish(&arguments.to, "summary.json", &answered, &text(&answered))?;
    Ok(if answered.strays == 0 && answered.broken.is_none() { Exit::Pass } else { Exit::RunError })
}

async fn play(plan: Plan, arguments: &AcquirerArguments) -> Result<Answered, RunError> {
    let mut signals = Signals::hear().map_err(RunError::io("signals"))?;
    let (act, receiver) = watch::channel(Act::Sending);
    let begin = |output| HistoryWriter::begin(output).map_err(RunError::io("history"));
    let mut writer = plan.output.as_deref().filter(|_| !arguments.no_history).map(begin).transpose()?;
    let mut cast = cast::gather(&plan, &receiver, writer.as_mut()).await?;
    let mut players = JoinSet::new();
    for Entrance { player, link } in cast.players.drain(..) {
        players.spawn_local(player.play(link));
    }
    say(&arguments.to, &format!("{} answers", arguments.name));
    let begun = Instant::now();
    let mut answering = Answering { cast: &cast, players: &mut players, said: begun };
    let ended = answering.until_told(arguments, &mut signals).await;
    let seconds = begun.elapsed().as_secs_f64();
    let ended = match ended {
        Ok(()) => answering.until_quiet(plan.drain, &mut signals).await,
        Err(error) => Err(error),
    };
    act.send_replace(if ended.is_ok() { Act::Over } else { Act::Broken });
    let mut left = ended;
    while let Some(joined) = players.join_next().await {
        left = left.and(outcome(joined));
    }
    let written = writer.map(HistoryWriter::finish).transpose().map_err(RunError::io("history"));
    let broken = left.and(written.map(|_| ())).err().map(|error| error.to_string());
    Ok(answered(&cast, arguments, seconds, broken))
}

fn outcome(joined: Result<Result<(), PlayError>, tokio::task::JoinError>) -> Result<(), RunError> {
    match joined {
        Ok(played) => Ok(played?),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn say(to: &OutputArguments, text: &str) {
    if !to.quiet {
        eprintln!("{text}");
    }
}

struct Answering<'a> {
    cast: &'a Cast,
    players: &'a mut JoinSet<Result<(), PlayError>>,
    said: Instant,
}

impl Answering<'_> {
    /// Until a signal, or the end of its time.
    async fn until_told(
        &mut self,
        arguments: &AcquirerArguments,
        signals: &mut Signals,
    ) -> Result<(), RunError> {
        let until = arguments.duration.map(|duration| Instant::now() + duration);
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while until.is_none_or(|until| Instant::now() < until) {
            tokio::select! {
                _ = look.tick() => {}
                Some(joined) = self.players.join_next() => outcome(joined)?,
                () = signals.next() => return Ok(()),
            }
            self.cast.forget();
            if self.said.elapsed() >= SAY {
                self.said = Instant::now();
                let (forwards, deliveries) = self.counts();
                let text = format!("{} forwards, {} deliveries", grouped(forwards), grouped(deliveries));
                say(&arguments.to, &text);
            }
        }
        Ok(())
    }

    /// Until nothing is held and nothing has come for a while; or a second signal, or no more patience.
    async fn until_quiet(&mut self, patience: Duration, signals: &mut Signals) -> Result<(), RunError> {
        let until = Instant::now() + patience;
        let mut look = interval(LOOK);
        while Instant::now() < until {
            tokio::select! {
                _ = look.tick() => {}
                Some(joined) = self.players.join_next() => outcome(joined)?,
                () = signals.next() => return Ok(()),
            }
            let latest_ns =
                self.cast.destinations.iter().map(|(_, tally)| tally.borrow().latest_ns).max().unwrap_or(0);
            let quiet = self.cast.stage.ns().saturating_sub(latest_ns) >= QUIET_NS;
            if quiet && self.cast.stage.memory.borrow().open_holds() == 0 {
                return Ok(());
            }
        }
        Ok(())
    }

    fn counts(&self) -> (u64, u64) {
        self.cast.destinations.iter().fold((0, 0), |(forwards, deliveries), (_, tally)| {
            let tally = tally.borrow();
            (forwards + tally.forwards, deliveries + tally.deliveries)
        })
    }
}

fn answered(cast: &Cast, arguments: &AcquirerArguments, seconds: f64, broken: Option<String>) -> Answered {
    let mut booked = BTreeMap::new();
    let (mut forwards, mut deliveries, mut foreign) = (0, 0, 0);
    for (_, tally) in &cast.destinations {
        let tally = tally.borrow();
        (forwards, deliveries, foreign) =
            (forwards + tally.forwards, deliveries + tally.deliveries, foreign + tally.foreign);
        for (number, place) in cast.stage.known.iter().flat_map(|known| known.borrow().places()) {
            let flow = tally.flows.get(place as usize).copied().unwrap_or_default();
            booked.insert(
                number.get(),
                Booked {
                    captured: flow.pay_captured + flow.reserve_captured,
                    reversed: flow.pay_reversed + flow.reserve_reversed,
                    refunded: flow.refunded - flow.refund_reversed,
                },
            );
        }
    }
    let faults = cast.stage.faults.borrow();
    let mut remarks = vec![NOT_COMPARED.to_owned()];
    remarks.extend(faults.examples.iter().cloned());
    Answered {
        schema_version: 1,
        side: "acquirer",
        name: arguments.name.clone(),
        build: Build::this(),
        seconds,
        books: Books::NotCompared,
        remarks,
        forwards,
        deliveries,
        foreign,
        open_holds: cast.stage.memory.borrow().open_holds(),
        strays: faults.strays,
        broken,
        booked,
    }
}

fn text(a: &Answered) -> String {
    let mut text = format!(
        "\nloadgen {} ({}, {})   {} answered for {:.1} s\n\n  {} forwards, {} deliveries, {} of strangers; {} holds left open, {} contradictions\n",
        a.build.version,
        a.build.commit,
        a.build.profile,
        a.name,
        a.seconds,
        grouped(a.forwards),
        grouped(a.deliveries),
        grouped(a.foreign),
        a.open_holds,
        a.strays,
    );
    for (number, b) in &a.booked {
        text.push_str(&format!(
            "  with participant {number}: captured {}, reversed {}, refunded {} (minor units)\n",
            b.captured, b.reversed, b.refunded
        ));
    }
    if let Some(broken) = &a.broken {
        text.push_str(&format!("  BROKE OFF: {broken}\n"));
    }
    text + "\n  books: not compared\n"
        + &a.remarks.iter().map(|remark| format!("    {remark}\n")).collect::<String>()
}
