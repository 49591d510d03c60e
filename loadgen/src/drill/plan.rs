//! A drill's arguments, checked against each other and completed.

use std::path::Path;
use std::time::Duration;

use super::fault::Fault;
use super::schedule::{JITTER, Strike, schedule};
use crate::cli::{DrillArguments, LoadArguments, OutputArguments, PlaceArguments, Rate, RunArguments};
use crate::live::{self, Errand};
use crate::run::{self, RunError};
use crate::traffic::payees::fill;
use crate::traffic::shape::Shape;

/// Faults, where neither their number nor the time for them is given.
const FAULTS: u32 = 5;

/// See the module.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The load.
    pub run: run::Plan,
    /// What is done when.
    pub schedule: Vec<Strike>,
}

impl Plan {
    /// Checks and completes the arguments; histories go to `output`.
    ///
    /// # Errors
    /// [`RunError::Usage`] where they contradict each other.
    pub fn new(a: &DrillArguments, output: &Path) -> Result<Self, RunError> {
        let faults = faults(a)?;
        let (count, duration) = times(a)?;
        let place = PlaceArguments { tolerate_restarts: true, drain: a.resolve, ..a.load.place.clone() };
        let load = LoadArguments { place, traffic: a.load.traffic.clone() };
        let mut run = run::Plan::new(RunArguments {
            rate: Rate::PerSecond(a.rate),
            shape: Shape::default(),
            phase: 0.0,
            duration,
            warmup: a.warmup,
            objectives: a.objectives.clone(),
            no_history: false,
            load,
            to: OutputArguments { output: Some(output.to_owned()), ..a.to.clone() },
        })?;
        run.command = run::DRILL;
        // What the faults say as they come would be lost behind a screen: there it stands on it.
        run.errand = live::is_wanted(&a.to).then(Errand::default);
        let schedule = schedule(run.seed, &faults, count, a.warmup, a.every);
        Ok(Self { run, schedule })
    }
}

impl Plan {
    /// A warning where a start takes so long that faults one `every` come late or not at all.
    pub(super) fn is_hasty(&self, every: Duration, start_took: Duration) -> Option<String> {
        let restarts = self.schedule.iter().any(|strike| strike.fault.ends_the_process());
        // Two faults may be as close as this.
        let closest = every.mul_f64(1.0 - 2.0 * JITTER);
        (restarts && start_took > closest).then(|| {
            format!(
                "a start of the switch took {:.1} s, and faults come as close as {:.1} s: some will come late or not at all; give --every {:.0}s or more",
                start_took.as_secs_f64(),
                closest.as_secs_f64(),
                (start_took.as_secs_f64() * 2.0 / (1.0 - 2.0 * JITTER)).ceil()
            )
        })
    }
}

/// How many faults, and how long is sent after the warm-up.
fn times(a: &DrillArguments) -> Result<(u32, Duration), RunError> {
    if a.every.is_zero() || a.resolve.is_zero() {
        return Err(RunError::Usage("--every and --resolve must be above zero".to_owned()));
    }
    match (a.kills, a.duration) {
        (kills, None) => {
            let count = kills.unwrap_or(FAULTS);
            Ok((count, a.every * (count + 1)))
        }
        (None, Some(duration)) => {
            let fit = (duration.as_secs_f64() / a.every.as_secs_f64()).floor() as u32;
            let count = fit.saturating_sub(1);
            if count == 0 {
                let text = "--duration must be twice --every at least: a fault, and time after it";
                return Err(RunError::Usage(text.to_owned()));
            }
            Ok((count, duration))
        }
        (Some(count), Some(duration)) if duration < a.every * (count + 1) => Err(RunError::Usage(format!(
            "{count} faults, one every {} s, take {} s with the time after the last: --duration is too short",
            a.every.as_secs_f64(),
            (a.every * (count + 1)).as_secs_f64()
        ))),
        (Some(count), Some(duration)) => Ok((count, duration)),
    }
}

fn faults(a: &DrillArguments) -> Result<Vec<Fault>, RunError> {
    let mut faults: Vec<Fault> = a.kill.iter().map(|_| Fault::Kill).collect();
    faults.extend(a.freeze.iter().cloned());
    faults.extend(a.restart.iter().map(|_| Fault::Restart));
    faults.extend(a.cut.iter().cloned());
    if faults.is_empty() {
        faults.push(Fault::Kill);
    }
    if a.start.is_none() && faults.iter().any(Fault::strikes_the_switch) {
        let text = "--start says how the switch is started: only what was started here is killed, frozen or restarted";
        return Err(RunError::Usage(text.to_owned()));
    }
    if a.start.is_some() && a.load.place.no_admin {
        return Err(RunError::Usage("--start needs --admin, which says when the switch is ready".to_owned()));
    }
    let (place, traffic) = (&a.load.place, &a.load.traffic);
    let operators = (1..=traffic.operators).map(|n| fill(&place.operator_name, n));
    let everybody: Vec<String> =
        operators.chain((1..=traffic.acquirers).map(|n| fill(&place.acquirer_name, n))).collect();
    for fault in &faults {
        match fault {
            Fault::Cut(name, _) if !everybody.contains(name) => {
                return Err(RunError::Usage(format!("--cut {name}: there are {}", everybody.join(", "))));
            }
            Fault::Kill | Fault::Freeze(_) | Fault::Restart | Fault::Cut(..) => {}
        }
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::drill_arguments;

    fn plan(line: &str) -> Result<Plan, RunError> {
        let line = format!("--switch 127.0.0.1:1 --certs c --seed 4 {line}");
        Plan::new(&drill_arguments(&line), Path::new("out"))
    }

    #[test]
    fn the_time_follows_from_the_faults_and_the_faults_from_the_time() {
        let of = |line: &str| {
            let plan = plan(&format!("--start x {line}")).unwrap();
            (plan.schedule.len(), plan.run.arguments.duration.as_secs_f64())
        };
        assert_eq!(of(""), (5, 30.0));
        assert_eq!(of("--kills 2 --every 1s"), (2, 3.0));
        assert_eq!(of("-d 20s --every 3s"), (5, 20.0));
        assert_eq!(of("-d 60s --kills 3"), (3, 60.0));
    }

    #[test]
    fn every_strike_lies_within_the_sending() {
        let plan = plan("--start x --kills 20 --every 1s -w 3s").unwrap();
        let end = Duration::from_nanos(plan.run.end_ns());
        assert!(plan.schedule.iter().all(|s| s.at > Duration::from_secs(3) && s.at < end));
    }

    #[test]
    fn faults_that_come_faster_than_a_start_are_warned_of() {
        let hasty = |line: &str, start_ms| {
            let plan = plan(&format!("--start x --every 2s {line}")).unwrap();
            plan.is_hasty(Duration::from_secs(2), Duration::from_millis(start_ms))
        };
        assert_eq!(hasty("", 1_100), None);
        let warned = hasty("", 1_300).unwrap();
        assert!(warned.contains("took 1.3 s") && warned.contains("as close as 1.2 s"), "{warned}");
        assert!(warned.contains("--every 5s or more"), "{warned}");
        assert_eq!(hasty("--freeze switch:1s --kills 3", 9_000), None, "nothing is started again");
    }

    #[test]
    fn the_load_repeats_through_a_kill_and_keeps_its_bound() {
        let plan = plan("--start x --resolve 7s --drain 1s").unwrap();
        assert!(plan.run.arguments.load.place.tolerate_restarts);
        assert_eq!(plan.run.drain, Duration::from_secs(7));
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        for line in [
            "--kill switch",
            "--freeze switch:1s",
            "",
            "--start x --no-admin",
            "--cut operator-9:1s",
            "--start x -d 5s",
            "--start x -d 10s --kills 2",
            "--start x --every 0s",
        ] {
            assert!(matches!(plan(line), Err(RunError::Usage(_))), "{line}");
        }
        assert!(plan("--cut operator-1:1s --no-admin").is_ok(), "a switch of somebody else's is left alone");
    }
}
