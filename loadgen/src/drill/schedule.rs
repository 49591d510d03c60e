//! When which fault comes: a function of the seed, so that a drill can be made again.

use std::time::Duration;

use super::fault::Fault;
use crate::random::Random;

/// The stream of the seed that the faults follow from: no operator has it.
const STREAM: u64 = 0x6472_696c_6c00;
/// The share of the time between two faults by which each may come earlier or later, so that they keep no step with anything
/// else that is regular.
pub(super) const JITTER: f64 = 0.2;

/// A fault and its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strike {
    /// Since the run began.
    pub at: Duration,
    /// What.
    pub fault: Fault,
}

/// So many strikes, the first about `every` after the warm-up. The kinds come in rounds, each round in an order of its own.
pub fn schedule(seed: u64, faults: &[Fault], count: u32, warmup: Duration, every: Duration) -> Vec<Strike> {
    let mut random = Random::new(seed, STREAM);
    let mut round: Vec<&Fault> = Vec::new();
    (1..=count)
        .filter_map(|number| {
            if round.is_empty() {
                round.extend(faults);
                for index in (1..round.len()).rev() {
                    let bound = u32::try_from(index + 1).unwrap_or(u32::MAX);
                    round.swap(index, random.below(bound) as usize);
                }
            }
            let places = f64::from(number) + JITTER * (2.0 * random.unit() - 1.0);
            let fault = round.pop()?.clone();
            Some(Strike { at: warmup + every.mul_f64(places), fault })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn faults() -> Vec<Fault> {
        vec![Fault::Kill, Fault::Freeze(SECOND), Fault::Cut("operator-1".to_owned(), SECOND)]
    }

    #[test]
    fn the_same_seed_strikes_at_the_same_times_in_the_same_order() {
        let of = |seed| schedule(seed, &faults(), 30, SECOND * 2, SECOND * 5);
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
    }

    #[test]
    fn every_round_has_every_fault_once_and_rounds_differ() {
        let all = schedule(3, &faults(), 30, Duration::ZERO, SECOND);
        let rounds: Vec<_> = all.chunks(3).collect();
        for round in &rounds {
            assert!(faults().iter().all(|fault| round.iter().any(|strike| strike.fault == *fault)));
        }
        let order = |round: &[Strike]| round.iter().map(|s| s.fault.clone()).collect::<Vec<_>>();
        assert!(rounds.iter().any(|round| order(round) != order(rounds[0])));
    }

    #[test]
    fn strikes_keep_their_distance_and_leave_time_after_the_last() {
        let all = schedule(5, &[Fault::Kill], 50, SECOND, SECOND * 10);
        for (number, strike) in (1_u32..).zip(&all) {
            let (earliest, latest) = (SECOND * (number * 10 - 1), SECOND * (number * 10 + 3));
            assert!(earliest <= strike.at && strike.at <= latest, "{number}: {:?}", strike.at);
        }
        assert!(all.windows(2).all(|pair| pair[1].at - pair[0].at >= SECOND * 6));
        let distances: std::collections::BTreeSet<_> = all.windows(2).map(|p| p[1].at - p[0].at).collect();
        assert!(distances.len() > 40, "they keep no step");
    }
}
