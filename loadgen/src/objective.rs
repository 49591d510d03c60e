//! What a run must keep: `--slo`.
//!
//! An objective is `[FIGURE.]PERCENTILE`, `[FIGURE.]max`, `errors`, `goodput` or `achieved`, one of `<`, `<=`, `>`, `>=`, and a value:
//! of a latency with its unit, of a share with `%`, because a bare number is met by what nobody meant.
//! A percentile is that of this run, where ten samples lie beyond it; otherwise the objective is neither met nor missed.
//! What was cut off as warm-up beyond what was asked for hides no miss: an objective holds over the rest and over all of it.
//! Whether another run would say the same is a question of its interval. Those without an outcome count as the longest
//! responses of all.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::cli::parse_duration;
use crate::measure::kinds::Figure;

/// The percentiles of every table, with their names.
pub const PERCENTILES: [(&str, f64); 6] =
    [("p50", 0.5), ("p75", 0.75), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999)];

/// Samples beyond a percentile that make it known.
const BEYOND_MIN: f64 = 10.0;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Subject {
    /// A percentile of a figure: its place in [`PERCENTILES`].
    Percentile(Figure, usize),
    /// The longest of a figure.
    Max(Figure),
    /// The share of operations without the outcome they should have had.
    Errors,
    /// Operations a second that were approved in time.
    Goodput,
    /// Operations a second that had an outcome.
    Achieved,
}

impl Subject {
    /// The latency that it is of, where it is of one.
    pub const fn figure(self) -> Option<Figure> {
        match self {
            Self::Percentile(figure, _) | Self::Max(figure) => Some(figure),
            Self::Errors | Self::Goodput | Self::Achieved => None,
        }
    }
}

/// How it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Less,
    AtMost,
    More,
    AtLeast,
}

/// One objective.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    /// What is compared.
    pub subject: Subject,
    comparison: Comparison,
    /// Microseconds, a share, or operations a second.
    limit: f64,
    text: String,
}

/// Objectives as given, and which of them a picture of response times can show.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Objectives {
    /// All of them.
    pub objectives: Vec<String>,
    /// Those on a percentile of the response.
    pub limits: Vec<Limit>,
}

/// An objective on a percentile of the response.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Limit {
    /// As given.
    pub objective: String,
    /// What is compared with it, in microseconds.
    pub limit_us: f64,
}

impl Objectives {
    /// Of these.
    pub fn of(all: &[Objective]) -> Self {
        let limit = |objective: &Objective| match objective.subject {
            Subject::Percentile(Figure::Response, _) | Subject::Max(Figure::Response) => {
                Some(Limit { objective: objective.text.clone(), limit_us: objective.limit })
            }
            Subject::Percentile(..)
            | Subject::Max(_)
            | Subject::Errors
            | Subject::Goodput
            | Subject::Achieved => None,
        };
        Self {
            objectives: all.iter().map(ToString::to_string).collect(),
            limits: all.iter().filter_map(limit).collect(),
        }
    }
}

/// What a run knows about a subject.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Known {
    /// Its value in this run.
    Value(f64, Certainty),
    /// Longer than anything measured: too many have no outcome.
    Endless,
    /// Nothing.
    Nothing,
}

/// How far a value goes beyond its run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Certainty {
    /// It is a count.
    Exact,
    /// The true value lies between these in 95 of a hundred runs.
    Within(f64, f64),
    /// Too few independent samples to tell.
    Unknown,
}

/// What became of an objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It holds.
    Met,
    /// It does not.
    Missed,
    /// The run cannot tell.
    Unknown,
}

/// An objective as judged.
#[derive(Clone, Debug, Serialize)]
pub struct Judged {
    /// As given.
    pub objective: String,
    /// What became of it.
    pub standing: Standing,
    /// The value: microseconds, a share, or operations a second; `None` where there is none.
    pub value: Option<f64>,
    /// The same with its unit, for people.
    #[serde(skip)]
    pub said: Option<String>,
    /// From and to in seconds, where the value is that of everything after the warm-up that was asked for: what was measured
    /// keeps the objective, and what MSER-5 left out of it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over_s: Option<[f64; 2]>,
    /// Whether another run may end otherwise: the limit lies within the interval of the value, or there is no interval.
    pub close: bool,
}

impl Judged {
    /// Of what time the value is, in words, where that is not what was measured.
    pub fn over(&self) -> Option<String> {
        self.over_s.map(|[from, until]| format!("from {from:.1} to {until:.1} s, everything after --warmup"))
    }
}

impl Objective {
    /// How many outcomes a run must have for it at least: ten beyond a percentile.
    pub fn outcomes_min(&self) -> u64 {
        match self.subject {
            Subject::Percentile(_, place) => {
                let (_, share) = PERCENTILES[place];
                (BEYOND_MIN / (1.0 - share)).round() as u64
            }
            Subject::Max(_) | Subject::Errors | Subject::Goodput | Subject::Achieved => 1,
        }
    }

    /// Compares.
    pub fn judge(&self, known: Known) -> Judged {
        let (standing, value, close) = match known {
            Known::Nothing => (Standing::Unknown, None, false),
            Known::Endless => (self.standing(f64::INFINITY), None, false),
            Known::Value(value, certainty) => {
                let close = match certainty {
                    Certainty::Exact => false,
                    Certainty::Within(low, high) => (low..=high).contains(&self.limit),
                    Certainty::Unknown => true,
                };
                (self.standing(value), Some(value), close)
            }
        };
        let said = value.map(|value| match self.subject {
            Subject::Percentile(..) | Subject::Max(_) => format!("{:.2} ms", value / 1e3),
            Subject::Errors => format!("{:.3} %", value * 100.0),
            Subject::Goodput | Subject::Achieved => format!("{value:.0}/s"),
        });
        Judged { objective: self.text.clone(), standing, value, said, over_s: None, close }
    }

    /// Compares with what was measured, and with everything after the warm-up that was asked for, where that began sooner;
    /// `over_s` says from when to when. What misses either is missed.
    pub fn judge_all(&self, measured: Known, asked: Known, over_s: [f64; 2]) -> Judged {
        let (measured, asked) = (self.judge(measured), self.judge(asked));
        match (measured.standing, asked.standing) {
            (Standing::Met | Standing::Unknown, Standing::Missed) => Judged { over_s: Some(over_s), ..asked },
            (Standing::Missed, _) | (_, Standing::Met | Standing::Unknown) => measured,
        }
    }

    fn standing(&self, value: f64) -> Standing {
        let holds = match self.comparison {
            Comparison::Less => value < self.limit,
            Comparison::AtMost => value <= self.limit,
            Comparison::More => value > self.limit,
            Comparison::AtLeast => value >= self.limit,
        };
        if holds { Standing::Met } else { Standing::Missed }
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Objective {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let place =
            text.find(['<', '>']).ok_or("expected an objective as in 'p99<50ms' or 'errors<0.01%'")?;
        let (name, rest) = text.split_at(place);
        let (sign, comparison, limit) = [
            ("<=", Comparison::AtMost),
            (">=", Comparison::AtLeast),
            ("<", Comparison::Less),
            (">", Comparison::More),
        ]
        .into_iter()
        .find_map(|(sign, comparison)| rest.strip_prefix(sign).map(|limit| (sign, comparison, limit.trim())))
        .ok_or("expected <, <=, > or >=")?;
        let name = name.trim();
        let subject = subject(name)?;
        let limit = match subject {
            Subject::Percentile(..) | Subject::Max(_) if number(limit).is_ok() => {
                return Err(format!(
                    "{limit} has no unit: {name}{sign}{limit}ms, {name}{sign}{limit}s or {name}{sign}{limit}us"
                ));
            }
            Subject::Percentile(..) | Subject::Max(_) => parse_duration(limit)?.as_secs_f64() * 1e6,
            Subject::Errors => match limit.strip_suffix('%') {
                Some(percent) => number(percent)? / 100.0,
                None => {
                    // Without what the binary fraction adds: 0.07 is 7 %.
                    let hundred = (number(limit)? * 1e8).round() / 1e6;
                    return Err(format!(
                        "{limit} has no %: {name}{sign}{limit}% of all operations, or {name}{sign}{hundred}% where a share of 1 was meant"
                    ));
                }
            },
            Subject::Goodput | Subject::Achieved => number(&limit.replace('_', ""))?,
        };
        let text = text.split_whitespace().collect();
        Ok(Self { subject, comparison, limit, text })
    }
}

fn subject(name: &str) -> Result<Subject, String> {
    match name {
        "errors" => return Ok(Subject::Errors),
        "goodput" => return Ok(Subject::Goodput),
        "achieved" => return Ok(Subject::Achieved),
        _ => {}
    }
    let (figure, what) = name.split_once('.').unwrap_or((Figure::Response.name(), name));
    let figures = Figure::ALL.map(Figure::name).join(", ");
    let figure =
        Figure::from_name(figure).ok_or(format!("there is no latency {figure:?}; there are {figures}"))?;
    if what == "max" {
        return Ok(Subject::Max(figure));
    }
    let place = PERCENTILES.iter().position(|(name, _)| *name == what);
    let percentiles = PERCENTILES.map(|(name, _)| name).join(", ");
    let wrong = || format!("{what:?} is no {percentiles}, max, errors, goodput or achieved");
    place.map(|place| Subject::Percentile(figure, place)).ok_or_else(wrong)
}

fn number(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => Ok(number),
        _ => Err(format!("{text:?} is no number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(objective: &str, value: f64) -> Standing {
        objective.parse::<Objective>().unwrap().judge(Known::Value(value, Certainty::Exact)).standing
    }

    #[test]
    fn objectives_are_compared_in_their_units() {
        use Standing::{Met, Missed};
        for (objective, value, expected) in [
            ("p99<50ms", 49_999.0, Met),
            ("p99<50ms", 50_000.0, Missed),
            ("p99 <= 50ms", 50_000.0, Met),
            ("service.p999<2s", 3e6, Missed),
            ("max<100us", 99.0, Met),
            ("errors<0.01%", 0.0001, Missed),
            ("errors<0.01%", 0.00009, Met),
            ("goodput>=20_000", 20_000.0, Met),
            ("achieved>20000", 20_000.0, Missed),
        ] {
            assert_eq!(standing(objective, value), expected, "{objective} with {value}");
        }
    }

    #[test]
    fn what_is_not_known_is_neither_met_nor_missed() {
        let objective: Objective = "p999<50ms".parse().unwrap();
        assert_eq!(objective.judge(Known::Nothing).standing, Standing::Unknown);
        assert_eq!(objective.judge(Known::Endless).standing, Standing::Missed);
        let close = |certainty| objective.judge(Known::Value(49_000.0, certainty)).close;
        assert!(close(Certainty::Within(40_000.0, 60_000.0)) && close(Certainty::Unknown));
        assert!(!close(Certainty::Within(48_000.0, 49_500.0)) && !close(Certainty::Exact));
    }

    #[test]
    fn a_picture_of_responses_shows_the_limits_on_the_response() {
        let all =
            ["p99<10ms", "errors<0.01%", "service.p99<1ms", "max <= 2s"].map(|text| text.parse().unwrap());
        let of = Objectives::of(&all);
        assert_eq!(of.objectives, ["p99<10ms", "errors<0.01%", "service.p99<1ms", "max<=2s"]);
        let shown: Vec<_> =
            of.limits.iter().map(|limit| (limit.objective.as_str(), limit.limit_us)).collect();
        assert_eq!(shown, [("p99<10ms", 10_000.0), ("max<=2s", 2_000_000.0)]);
    }

    #[test]
    fn wrong_objectives_are_refused_with_what_there_is() {
        for (text, said) in [
            ("p99", "expected an objective"),
            ("p98<1ms", "p999"),
            ("speed.p99<1ms", "switch_only"),
            ("p99<1parsec", "24h"),
            ("errors<few", "no number"),
            ("p99<10", "10 has no unit: p99<10ms, p99<10s or p99<10us"),
            ("service.max <= 0.5", "0.5 has no unit: service.max<=0.5ms"),
            ("p50<0", "no unit"),
            ("errors<1", "1 has no %: errors<1% of all operations, or errors<100% where"),
            ("errors <= 0.01", "errors<=0.01% of all operations, or errors<=1% where"),
        ] {
            assert!(text.parse::<Objective>().unwrap_err().contains(said), "{text}");
        }
    }
}
