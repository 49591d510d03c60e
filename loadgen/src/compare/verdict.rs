//! Better, worse, the same, or not known.

use serde::Serialize;
use serde_json::Value;

use super::metric::METRICS;
use super::significance::{holm, noise_floor, permutation_test, ratio, smallest_possible};
use crate::random::Random;

/// What is said about one metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// B is worse than A.
    Regressed,
    /// B is better than A.
    Improved,
    /// They differ by less than was asked about.
    Same,
    /// The runs cannot tell.
    Inconclusive,
    /// The comparison broke off.
    NotJudged,
}

/// One metric compared.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    /// Its name.
    pub metric: &'static str,
    /// Runs of A that know it, and of B.
    pub runs: (usize, usize),
    /// B by A.
    pub ratio: f64,
    /// Holds the true ratio in 95 of a hundred comparisons.
    pub interval: (f64, f64),
    /// How often runs that do not differ would differ as much, corrected for the number of metrics.
    pub p_corrected: f64,
    /// What halves of A's own runs differ by once in twenty times, as a share.
    pub noise_floor: Option<f64>,
    /// Whether so many runs could show a difference at all.
    pub can_tell: bool,
    /// What to make of it.
    pub verdict: Verdict,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Question {
    /// How often a difference may be seen where there is none, over all metrics.
    pub alpha: f64,
    /// A difference below this share is none.
    pub same_within: f64,
    /// Of the random splits and resamplings.
    pub seed: u64,
}

/// Fewer runs of a side say nothing.
pub const RUNS_MIN: usize = 3;

/// Compares every metric that both sets know.
pub fn compare(a: &[Value], b: &[Value], question: Question) -> Vec<Compared> {
    let mut random = Random::new(question.seed, 0xab);
    let known: Vec<_> = METRICS
        .into_iter()
        .map(|metric| (metric, metric.of_all(a), metric.of_all(b)))
        .filter(|(_, a, b)| a.len() >= RUNS_MIN && b.len() >= RUNS_MIN)
        .collect();
    let chances: Vec<f64> = known.iter().map(|(_, a, b)| permutation_test(a, b, &mut random)).collect();
    known
        .iter()
        .zip(holm(&chances))
        .map(|((metric, a, b), p_corrected)| {
            let (ratio, interval) = ratio(a, b, 0.95, &mut random);
            let worse = if metric.more_is_better { ratio < 1.0 } else { ratio > 1.0 };
            let within = 1.0 - question.same_within..=1.0 + question.same_within;
            let verdict = if within.contains(&interval.0) && within.contains(&interval.1) {
                Verdict::Same
            } else if p_corrected >= question.alpha {
                Verdict::Inconclusive
            } else if worse {
                Verdict::Regressed
            } else {
                Verdict::Improved
            };
            Compared {
                metric: metric.name,
                runs: (a.len(), b.len()),
                ratio,
                interval,
                p_corrected,
                noise_floor: noise_floor(a, &mut random),
                can_tell: can_tell(a.len(), b.len(), question.alpha),
                verdict,
            }
        })
        .collect()
}

/// Metrics that enough runs of one side know and too few of the other, with how many do: whether they changed cannot be told.
pub fn one_sided(a: &[Value], b: &[Value]) -> Vec<(&'static str, (usize, usize))> {
    let known = METRICS.into_iter().map(|m| (m.name, (m.of_all(a).len(), m.of_all(b).len())));
    known.filter(|(_, (a, b))| (*a >= RUNS_MIN) != (*b >= RUNS_MIN)).collect()
}

/// Whether so many runs could show a difference at all, with all metrics known.
pub fn can_tell(a: usize, b: usize, alpha: f64) -> bool {
    smallest_possible(a, b) * (METRICS.len() as f64) < alpha
}

/// How many runs of each side are enough for that; `None` where no number that anybody makes is.
pub fn runs_enough(alpha: f64) -> Option<usize> {
    (RUNS_MIN..=1_000).find(|runs| can_tell(*runs, *runs, alpha))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Runs whose latencies are around a level, alike within a run and scattered from run to run.
    fn runs(level: f64, count: usize, random: &mut Random) -> Vec<Value> {
        (0..count)
            .map(|_| {
                let mut near = |level: f64| level * (0.2 * (2.0 * random.unit() - 1.0)).exp();
                let of_run = near(level);
                let observed = json!({
                    "p50": of_run, "p90": of_run * near(2.0), "p99": of_run * near(5.0), "p999": of_run * near(9.0),
                });
                let service = json!({ "observed": { "p99": of_run * near(4.0) } });
                json!({
                    "latency_us": { "response": { "observed": observed }, "service": service },
                    "rate": { "goodput_per_s": near(10_000.0) },
                })
            })
            .collect()
    }

    const QUESTION: Question = Question { alpha: 0.01, same_within: 0.05, seed: 1 };

    #[test]
    fn runs_of_the_same_kind_raise_at_most_five_false_alarms_in_a_hundred() {
        let mut random = Random::new(11, 0);
        let alarms = (0..100)
            .filter(|_| {
                let (a, b) = (runs(1_000.0, 8, &mut random), runs(1_000.0, 8, &mut random));
                let alarm = |c: &Compared| matches!(c.verdict, Verdict::Regressed | Verdict::Improved);
                compare(&a, &b, QUESTION).iter().any(alarm)
            })
            .count();
        assert!(alarms <= 5, "{alarms} of 100");
    }

    #[test]
    fn what_is_half_as_fast_has_regressed_and_the_other_way_round_improved() {
        let mut random = Random::new(12, 0);
        let (a, b) = (runs(1_000.0, 8, &mut random), runs(2_000.0, 8, &mut random));
        let verdict = |a: &[Value], b: &[Value], metric: &str| {
            compare(a, b, QUESTION).into_iter().find(|c| c.metric == metric).unwrap().verdict
        };
        assert_eq!(verdict(&a, &b, "response p99"), Verdict::Regressed);
        assert_eq!(verdict(&b, &a, "response p99"), Verdict::Improved);
        assert_eq!(
            verdict(&a, &b, "goodput"),
            Verdict::Inconclusive,
            "it scatters by more than five in a hundred"
        );
        let wide = Question { same_within: 0.5, ..QUESTION };
        assert_eq!(
            compare(&a, &b, wide).iter().find(|c| c.metric == "goodput").unwrap().verdict,
            Verdict::Same
        );
    }

    #[test]
    fn too_few_runs_cannot_tell() {
        let mut random = Random::new(13, 0);
        let (a, b) = (runs(1_000.0, 3, &mut random), runs(9_000.0, 3, &mut random));
        assert!(compare(&a, &b, QUESTION).iter().all(|c| c.verdict != Verdict::Regressed));
        assert!(compare(&a[..2], &b, QUESTION).is_empty());
        assert!(!can_tell(3, 3, 0.01) && can_tell(8, 8, 0.01));
        assert_eq!((runs_enough(0.01), runs_enough(0.05)), (Some(7), Some(6)));
        assert!(!can_tell(6, 6, 0.01) && can_tell(7, 7, 0.01));
    }
}
