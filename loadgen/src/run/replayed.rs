//! A trace as the run that it stands for: what the trace says takes the place of the options of `loadgen run`.

use std::time::Duration;

use holdfast_protocol::Currency;

use super::RunError;
use crate::cli::{LoadArguments, Rate, ReplayArguments, RunArguments, TrafficArguments};
use crate::trace::{Trace, at_speed};
use crate::traffic::Traffic;
use crate::traffic::amounts::Amounts;
use crate::traffic::popularity::Popularity;
use crate::traffic::scenario::{Mix, Scenario};
use crate::traffic::shape::Shape;

/// The arguments that a run of this trace would have had.
pub(super) fn as_run(a: &ReplayArguments, trace: &Trace) -> Result<(RunArguments, Traffic), RunError> {
    let (header, totals) = (&trace.header, &trace.totals);
    let usage = |text: &str| Err(RunError::Usage(text.to_owned()));
    if totals.arrivals == 0 {
        return usage("the trace is empty");
    }
    let length = Duration::from_nanos(at_speed(header.length_ns, a.speed));
    let warmup = a.warmup.unwrap_or(Duration::from_nanos(at_speed(header.warmup_ns, a.speed)));
    if warmup >= length {
        return usage("at this speed the warm-up takes the whole of the trace; --warmup makes it shorter");
    }
    let duration = a.duration.unwrap_or(length).min(length - warmup);
    if duration.is_zero() {
        return usage("--duration must be above zero");
    }
    let currency = Currency::from_code(&header.currency).expect("the header was checked when it was opened");
    let traffic = TrafficArguments {
        mix: mix(trace),
        operators: header.operators,
        acquirers: header.acquirers,
        merchants: header.merchants,
        payees: Popularity::Uniform,
        accounts: 1,
        payers: Popularity::Uniform,
        amounts: Amounts::default(),
        decline_rate: totals.share(totals.declined),
        silent_rate: totals.share(totals.silent),
        late_rate: totals.share(totals.late),
        currency: header.currency.clone(),
        seed: Some(header.seed),
    };
    let run = RunArguments {
        rate: Rate::PerSecond(totals.arrivals as f64 / length.as_secs_f64()),
        shape: Shape::default(),
        phase: 0.0,
        duration,
        warmup,
        objectives: a.objectives.clone(),
        no_history: a.no_history,
        load: LoadArguments { place: a.place.clone(), traffic },
        to: a.to.clone(),
    };
    Ok((run, Traffic { seed: header.seed, currency, remarks: vec![] }))
}

/// How often which scenario comes, in parts of a million.
fn mix(trace: &Trace) -> Mix {
    let totals = &trace.totals;
    let part = |scenario: Scenario| {
        let count = totals.by_scenario[scenario.index()];
        (totals.share(count) * 1e6).round().max(if count > 0 { 1.0 } else { 0.0 }) as u32
    };
    let parts: Vec<String> =
        Scenario::ALL.iter().map(|scenario| format!("{scenario}:{}", part(*scenario))).collect();
    parts.join(",").parse().expect("names of scenarios with weights, of which one is above zero")
}
