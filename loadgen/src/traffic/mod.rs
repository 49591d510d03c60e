//! What is sent and when: a function of the seed and of nothing that the switch does, the same whether it is sent at once or
//! written into a trace. Here the arguments that say so are checked and completed; each file besides holds one of the choices.

pub mod amounts;
pub mod arrival;
pub mod arrivals;
pub mod fate;
pub mod payees;
pub mod popularity;
pub mod scenario;
pub mod schedule;
pub mod shape;

use std::time::Duration;

use holdfast_protocol::Currency;

use crate::cli::{Rate, TrafficArguments};
use crate::run::{RunError, chosen_seed, nanos};
use crate::traffic::popularity::Choice;
use crate::traffic::scenario::Scenario;
use crate::traffic::schedule::ScheduleSettings;
use crate::traffic::shape::Shape;

/// What the arguments came to.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// As given, or chosen.
    pub seed: u64,
    /// Of every amount.
    pub currency: Currency,
    /// What was changed, in words.
    pub remarks: Vec<String>,
}

/// When how much of it comes.
#[derive(Clone, Debug)]
pub struct Timing {
    /// Operations a second over all operators.
    pub rate: Rate,
    /// How that changes.
    pub shape: Shape,
    /// How much later than the one before it each operator is in the shape.
    pub phase: f64,
    /// How long before the shape begins.
    pub warmup: Duration,
    /// How long after that.
    pub duration: Duration,
}

impl Timing {
    /// Operations a second of one operator; `None` in a closed loop.
    pub fn rate_of_operator(&self, operators: u32) -> Option<f64> {
        match self.rate {
            Rate::PerSecond(rate) => Some(rate / f64::from(operators)),
            Rate::Max => None,
        }
    }
}

/// Checks the arguments, and takes out of the mix what cannot be played.
///
/// # Errors
/// [`RunError::Usage`] where they contradict each other.
pub fn complete(traffic: &mut TrafficArguments, timing: &Timing) -> Result<Traffic, RunError> {
    let usage = |text: &str| Err(RunError::Usage(text.to_owned()));
    let mut remarks = Vec::new();
    if traffic.operators < 2 && traffic.mix.weight(Scenario::Intersystem) > 0 {
        let Some(without) = traffic.mix.without(Scenario::Intersystem) else {
            return usage("intersystem payments need two operators: --operators 2");
        };
        traffic.mix = without;
        remarks.push("intersystem was left out of the mix: it needs two operators".to_owned());
    }
    if traffic.decline_rate + traffic.silent_rate + traffic.late_rate > 1.0 {
        return usage("the shares of declined, silent and late exceed 1");
    }
    if timing.duration.is_zero() {
        return usage("--duration must be above zero");
    }
    if timing.rate == Rate::Max && timing.shape != Shape::default() {
        return usage("--shape needs a rate: with -r max the switch sets the pace");
    }
    if timing.phase > 0.0 && timing.shape.is_flat() {
        return usage("--phase shifts a shape whose rate changes, as in --shape day");
    }
    let currency = Currency::from_code(&traffic.currency).ok_or_else(|| {
        RunError::Usage(format!("{} is no currency of ISO 4217 with a minor unit", traffic.currency))
    })?;
    Ok(Traffic { seed: traffic.seed.unwrap_or_else(chosen_seed), currency, remarks })
}

/// What the schedule of every operator follows from.
pub fn schedule_settings(traffic: &TrafficArguments, timing: &Timing, seed: u64) -> ScheduleSettings {
    ScheduleSettings {
        seed,
        rate_per_s: timing.rate_of_operator(traffic.operators),
        duration_ns: nanos(timing.warmup) + nanos(timing.duration),
        warmup_ns: nanos(timing.warmup),
        shape: timing.shape.clone(),
        phase: timing.phase,
        popularity: traffic.payees,
        payers: Choice::new(traffic.payers, traffic.accounts),
        amounts: traffic.amounts,
        mix: traffic.mix,
        operators: traffic.operators,
        acquirers: traffic.acquirers,
        merchants: traffic.merchants,
        decline_rate: traffic.decline_rate,
        silent_rate: traffic.silent_rate,
        late_rate: traffic.late_rate,
    }
}
