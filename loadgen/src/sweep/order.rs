//! Which rates a sweep tries, and in which order.

use crate::random::Random;

/// So many rates from the first to the last, each the same factor above the one before.
pub fn geometric(from: f64, to: f64, steps: u32) -> Vec<f64> {
    let last = f64::from(steps.saturating_sub(1).max(1));
    (0..steps).map(|step| (from * (to / from).powf(f64::from(step) / last)).round().max(1.0)).collect()
}

/// Every rate so many times, shuffled within each round: what drifts with time meets all rates alike, and a rate is never
/// far from its repeats.
pub fn shuffled(rates: &[f64], rounds: u32, seed: u64) -> Vec<f64> {
    let mut random = Random::new(seed, 0x5eed);
    let mut order = Vec::with_capacity(rates.len() * rounds as usize);
    for _ in 0..rounds {
        let mut round = rates.to_vec();
        for index in (1..round.len()).rev() {
            let other = random.below(u32::try_from(index + 1).unwrap_or(u32::MAX)) as usize;
            round.swap(index, other);
        }
        order.extend(round);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_go_from_the_first_to_the_last() {
        assert_eq!(geometric(1_000.0, 8_000.0, 4), [1_000.0, 2_000.0, 4_000.0, 8_000.0]);
        assert_eq!(geometric(500.0, 900.0, 1), [500.0]);
    }

    #[test]
    fn each_round_has_every_rate_in_an_order_of_its_own() {
        let rates = geometric(1_000.0, 128_000.0, 8);
        let order = shuffled(&rates, 3, 7);
        assert_eq!(order, shuffled(&rates, 3, 7), "a function of the seed");
        assert_ne!(order[..8], order[8..16]);
        for round in order.chunks(8) {
            let mut sorted = round.to_vec();
            sorted.sort_by(f64::total_cmp);
            assert_eq!(sorted, rates);
            assert_ne!(round, rates, "shuffled");
        }
    }
}
