//! The knee of the latency-throughput curve: the load from which more throughput is paid for with more time than it is worth.
//!
//! It is where the power, throughput by response time, is greatest (Kleinrock 1979). Repeats disagree about it, so it is a range: the
//! greatest power of each of five hundred resamplings of the repeats.

use serde::Serialize;

use crate::random::Random;

/// A rate that was asked for and its repeats: throughput and mean operations in flight of each.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// Operations a second that were asked for.
    pub rate_per_s: f64,
    /// X and N of each repeat.
    pub repeats: Vec<(f64, f64)>,
}

/// Where the knee is, operations a second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Knee {
    /// From.
    pub from_per_s: f64,
    /// To.
    pub to_per_s: f64,
    /// Whether the greatest power is that of the highest rate: then the knee may lie beyond.
    pub open_end: bool,
}

const RESAMPLINGS: usize = 500;
const LOADS_MIN: usize = 4;

/// Finds it; `None` where there are too few rates.
pub fn knee(loads: &[Load], seed: u64) -> Option<Knee> {
    let mut loads: Vec<&Load> = loads.iter().filter(|load| !load.repeats.is_empty()).collect();
    loads.sort_by(|a, b| a.rate_per_s.total_cmp(&b.rate_per_s));
    if loads.len() < LOADS_MIN {
        return None;
    }
    let mut random = Random::new(seed, 0x4e);
    let mut places: Vec<usize> = (0..RESAMPLINGS).map(|_| greatest(&loads, &mut random)).collect();
    places.sort_unstable();
    let (low, high) = (places[RESAMPLINGS / 40], places[RESAMPLINGS - 1 - RESAMPLINGS / 40]);
    // Between two rates that were tried nothing is known: the knee may lie anywhere up to the neighbours.
    let (below, above) = (low.saturating_sub(1), (high + 1).min(loads.len() - 1));
    Some(Knee {
        from_per_s: loads[below].rate_per_s,
        to_per_s: loads[above].rate_per_s,
        open_end: high == loads.len() - 1,
    })
}

/// The place of the load with the greatest power, each with as many of its repeats, drawn at random.
fn greatest(loads: &[&Load], random: &mut Random) -> usize {
    let powers = loads.iter().map(|load| {
        let count = u32::try_from(load.repeats.len()).unwrap_or(u32::MAX);
        let sum: f64 = (0..count)
            .map(|_| load.repeats[random.below(count) as usize])
            .map(|(x, n)| if n > 0.0 { (x * x / n).ln() } else { f64::NEG_INFINITY })
            .sum();
        sum / f64::from(count)
    });
    powers.enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b)).map_or(0, |(place, _)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An M/M/1 queue of ten thousand a second: its power is greatest at half of that.
    fn queue(rates: &[f64], noise: f64) -> Vec<Load> {
        let mut random = Random::new(5, 5);
        let mut repeat = |rate: f64| {
            let n = rate / 10_000.0 / (1.0 - rate / 10_000.0);
            (rate, n * (1.0 + noise * (random.unit() - 0.5)))
        };
        rates
            .iter()
            .map(|rate| Load {
                rate_per_s: *rate,
                repeats: vec![repeat(*rate), repeat(*rate), repeat(*rate)],
            })
            .collect()
    }

    #[test]
    fn the_knee_of_a_queue_is_at_half_its_capacity() {
        let rates: Vec<f64> = (1..10).map(|tenth| f64::from(tenth) * 1_000.0).collect();
        let knee = knee(&queue(&rates, 0.1), 1).unwrap();
        assert!(knee.from_per_s < 5_000.0 && knee.to_per_s > 5_000.0, "{knee:?}");
        assert!(knee.to_per_s - knee.from_per_s <= 4_000.0 && !knee.open_end, "{knee:?}");
    }

    #[test]
    fn a_sweep_that_ends_too_early_says_so() {
        let rates: Vec<f64> = (1..5).map(|tenth| f64::from(tenth) * 1_000.0).collect();
        assert!(knee(&queue(&rates, 0.01), 1).unwrap().open_end);
        assert_eq!(knee(&queue(&rates[..3], 0.01), 1), None);
    }
}
