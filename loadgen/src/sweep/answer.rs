//! What a sweep came to, for people and for programs.

use std::fmt::{self, Write};

use serde::Serialize;

use super::knee::{Knee, Load, knee};
use super::scalability::{Fit, Sample, fit};
use crate::capacity::trial::{Trial, TrialStanding};
use crate::objective::Objectives;
use crate::report::table::grouped;
use crate::results::head::Head;

/// One run of a sweep.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    /// The run.
    #[serde(flatten)]
    pub trial: Trial,
    /// Operations between their intended sending and their outcome, on average.
    pub in_flight: f64,
}

/// The content of `sweep.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    /// Program, machine, seed.
    #[serde(flatten)]
    pub head: Head,
    /// Runs that were planned.
    pub planned: usize,
    /// In the order they were made.
    pub points: Vec<Point>,
    /// Where more throughput begins to cost more than it is worth.
    pub knee: Option<Knee>,
    /// The Universal Scalability Law.
    pub scalability: Option<Fit>,
    /// What runs are marked with, where objectives were given.
    #[serde(flatten)]
    pub objectives: Objectives,
    /// The mix.
    pub mix: String,
}

impl Answer {
    /// Of these runs. Those that were discarded are listed and count for nothing.
    pub fn new(points: Vec<Point>, planned: usize, objectives: Objectives, mix: &str, head: Head) -> Self {
        let loads = loads(&points);
        let samples: Vec<Sample> = loads
            .iter()
            .flat_map(|load| &load.repeats)
            .map(|(per_s, in_flight)| Sample { in_flight: *in_flight, per_s: *per_s })
            .collect();
        Self {
            knee: knee(&loads, head.seed),
            scalability: fit(&samples, head.seed),
            head,
            planned,
            points,
            objectives,
            mix: mix.to_owned(),
        }
    }

    /// The text for people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out).expect("a string takes what is written to it");
        out
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "\n{}\n{}; {}", self.head.program(), self.head.machine(), self.mix)?;
        if !self.objectives.objectives.is_empty() {
            writeln!(out, "runs are marked by {}", self.objectives.objectives.join(", "))?;
        }
        writeln!(out)?;
        writeln!(
            out,
            "  {:>11}{:>12}{:>12}{:>11}{:>11}{:>11}  runs",
            "rate/s", "achieved/s", "goodput/s", "in flight", "p50 ms", "p99 ms"
        )?;
        let mut rates: Vec<f64> = self.points.iter().map(|point| point.trial.rate_per_s).collect();
        rates.sort_by(f64::total_cmp);
        rates.dedup();
        rates.iter().try_for_each(|rate| self.row(*rate, out))?;
        writeln!(
            out,
            "    each the middle of its repeats; runs in which the generator was the limit count for nothing\n"
        )?;
        match &self.knee {
            Some(knee) => {
                let more = if knee.open_end { ", perhaps beyond the highest rate" } else { "" };
                let (from, to) = (per_second(knee.from_per_s), per_second(knee.to_per_s));
                writeln!(out, "  knee between {from} and {to}{more}")?;
            }
            None => writeln!(out, "  knee: too few rates")?,
        }
        self.law(out)?;
        if let Some(why) = &self.head.broken_off {
            let made = self.points.len();
            writeln!(
                out,
                "  {made} of {} runs, nothing is judged; the sweep broke off: {why}",
                self.planned
            )?;
        }
        self.head.label.map_or(Ok(()), |label| writeln!(out, "  {label}"))
    }

    fn row(&self, rate: f64, out: &mut String) -> fmt::Result {
        let of_rate: Vec<&Point> =
            self.points.iter().filter(|point| point.trial.rate_per_s == rate).collect();
        let usable: Vec<&Point> = of_rate
            .iter()
            .copied()
            .filter(|point| point.trial.standing != TrialStanding::Discarded)
            .collect();
        let middle = |of: &dyn Fn(&Point) -> Option<f64>| {
            let mut values: Vec<f64> = usable.iter().filter_map(|point| of(point)).collect();
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied()
        };
        let whole = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| grouped(v.round() as u64));
        let ms =
            |value: Option<f64>| value.map_or_else(|| "n/a".to_owned(), |us| format!("{:.2}", us / 1_000.0));
        let in_flight = middle(&|p| Some(p.in_flight)).map_or_else(|| "-".to_owned(), |n| format!("{n:.1}"));
        writeln!(
            out,
            "  {:>11}{:>12}{:>12}{in_flight:>11}{:>11}{:>11}  {} of {}",
            grouped(rate.round() as u64),
            whole(middle(&|p| Some(p.trial.achieved_per_s))),
            whole(middle(&|p| Some(p.trial.goodput_per_s))),
            ms(middle(&|p| p.trial.p50_us.map(f64::from))),
            ms(middle(&|p| p.trial.p99_us.map(f64::from))),
            usable.len(),
            of_rate.len()
        )
    }

    fn law(&self, out: &mut String) -> fmt::Result {
        let Some(law) = &self.scalability else {
            return writeln!(out, "  Universal Scalability Law: too few runs");
        };
        let with = |value: f64, (low, high): (f64, f64)| format!("{value:.4} ({low:.4} to {high:.4})");
        writeln!(
            out,
            "  Universal Scalability Law: λ {:.0}/s ({:.0} to {:.0}), σ {}, κ {}",
            law.lambda,
            law.lambda_interval.0,
            law.lambda_interval.1,
            with(law.sigma, law.sigma_interval),
            with(law.kappa, law.kappa_interval)
        )?;
        match law.peak {
            Some((n, x)) => writeln!(out, "  it turns down at {} with {n:.0} in flight", per_second(x)),
            None => writeln!(out, "  it does not turn down within twice the data"),
        }
    }
}

fn per_second(rate: f64) -> String {
    format!("{}/s", grouped(rate.round() as u64))
}

/// One line of progress.
pub fn line(number: usize, point: &Point) -> String {
    let trial = &point.trial;
    let discarded = if trial.standing == TrialStanding::Discarded { "discarded: " } else { "" };
    format!(
        "run {number:>3} {:>9.0}/s  achieved {:>9.0}/s  {:>8.1} in flight  {discarded}{}",
        trial.rate_per_s,
        trial.achieved_per_s,
        point.in_flight,
        trial.remarks.join("; ")
    )
}

fn loads(points: &[Point]) -> Vec<Load> {
    let mut loads: Vec<Load> = Vec::new();
    for point in points.iter().filter(|point| point.trial.standing != TrialStanding::Discarded) {
        let repeat = (point.trial.achieved_per_s, point.in_flight);
        match loads.iter_mut().find(|load| load.rate_per_s == point.trial.rate_per_s) {
            Some(load) => load.repeats.push(repeat),
            None => loads.push(Load { rate_per_s: point.trial.rate_per_s, repeats: vec![repeat] }),
        }
    }
    loads
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;
    use crate::trials::Spoiled;

    fn point(rate_per_s: f64, standing: TrialStanding) -> Point {
        let busy = rate_per_s / 10_000.0;
        let trial = Trial {
            rate_per_s,
            standing,
            achieved_per_s: rate_per_s,
            goodput_per_s: rate_per_s,
            error_share: 0.0,
            p50_us: Some(1_000),
            p99_us: None,
            is_p99_endless: false,
            remarks: vec![],
            seed: 1,
        };
        Point { trial, in_flight: busy / (1.0 - busy) }
    }

    #[test]
    fn the_answer_has_a_row_for_each_rate_the_knee_and_the_law() {
        let mut points: Vec<_> =
            (1..10).flat_map(|n| vec![point(f64::from(n) * 1_000.0, TrialStanding::Passed); 2]).collect();
        points.push(point(20_000.0, TrialStanding::Discarded));
        let answer = Answer::new(points, 30, Objectives::default(), "pay:1", Head::new(3, true));
        assert!(!answer.text().contains("broke off"));
        let text = answer.text();
        for words in ["5,000", "0 of 1", "2 of 2", "knee between", "Universal Scalability Law", "co-located"]
        {
            assert!(text.contains(words), "{words:?} is missing in\n{text}");
        }
        let cut = Spoiled { exit: Exit::Interrupted, why: "interrupted".to_owned() };
        let text = Answer { head: answer.head.clone().until(Some(&cut)), ..answer.clone() }.text();
        assert!(
            text.contains("19 of 30 runs, nothing is judged; the sweep broke off: interrupted"),
            "{text}"
        );
        let most = answer.scalability.unwrap().curve.iter().map(|p| p.in_flight).fold(0.0, f64::max);
        assert!(
            (most - 18.0).abs() < 1e-9,
            "twice the nine in flight at 9,000/s, not what was discarded: {most}"
        );
    }
}
