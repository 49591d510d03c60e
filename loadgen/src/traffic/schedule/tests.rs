//! When and what arrives.

use super::*;
use proptest::prelude::*;

fn settings(seed: u64, rate_per_s: f64, seconds: u64) -> ScheduleSettings {
    ScheduleSettings {
        seed,
        rate_per_s: Some(rate_per_s),
        duration_ns: seconds * 1_000_000_000,
        warmup_ns: 0,
        shape: Shape::default(),
        phase: 0.0,
        popularity: Popularity::Uniform,
        payers: Choice::new(Popularity::Uniform, 1_000),
        amounts: Amounts::default(),
        mix: Mix::DEFAULT.parse().unwrap(),
        operators: 3,
        acquirers: 2,
        merchants: 10,
        decline_rate: 0.1,
        silent_rate: 0.05,
        late_rate: 0.05,
    }
}

#[test]
fn arrivals_are_a_poisson_process_of_the_rate_asked_for() {
    let arrivals: Vec<_> = Schedule::new(&settings(42, 10_000.0, 10), 0).collect();
    let count = arrivals.len() as f64;
    // Five standard deviations of a Poisson count.
    assert!((count - 100_000.0).abs() < 5.0 * 100_000_f64.sqrt(), "{count}");
    let gaps: Vec<f64> = arrivals.windows(2).map(|w| (w[1].at_ns - w[0].at_ns) as f64).collect();
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    let variance = gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
    // The deviation of an exponential gap equals its mean.
    assert!((variance.sqrt() / mean - 1.0).abs() < 0.03, "{}", variance.sqrt() / mean);
}

#[test]
fn shares_are_those_of_the_mix_and_of_the_faults() {
    let arrivals: Vec<_> = Schedule::new(&settings(7, 20_000.0, 10), 1).collect();
    let share = |test: &dyn Fn(&Arrival) -> bool| {
        arrivals.iter().filter(|a| test(a)).count() as f64 / arrivals.len() as f64
    };
    assert!((share(&|a| a.scenario == Scenario::Pay) - 0.37).abs() < 0.01);
    assert!((share(&|a| a.scenario == Scenario::Duplicate) - 0.02).abs() < 0.01);
    assert!((share(&|a| matches!(a.fate, Fate::Decline(_))) - 0.10).abs() < 0.01);
    assert!((share(&|a| a.fate == Fate::Silent) - 0.05).abs() < 0.01);
    assert!((share(&|a| a.fate == Fate::Late) - 0.05).abs() < 0.01);
}

#[test]
fn another_mix_moves_no_arrival_in_time() {
    let one = settings(3, 1_000.0, 2);
    let other = ScheduleSettings { mix: "pay:1".parse().unwrap(), decline_rate: 0.0, ..one.clone() };
    let times = |s: &ScheduleSettings| Schedule::new(s, 0).map(|a| a.at_ns).collect::<Vec<_>>();
    assert_eq!(times(&one), times(&other));
}

#[test]
fn a_shape_moves_arrivals_and_changes_nothing_else() {
    let shaped = |text: &str| ScheduleSettings { shape: text.parse().unwrap(), ..settings(4, 2_000.0, 4) };
    let flat: Vec<_> = Schedule::new(&shaped("poisson"), 1).collect();
    let ramp: Vec<_> = Schedule::new(&shaped("ramp:0"), 1).collect();
    assert!(
        (flat.len() as f64 / 8_000.0 - 1.0).abs() < 0.05 && (ramp.len() as f64 / 4_000.0 - 1.0).abs() < 0.06
    );
    let late = ramp.iter().filter(|arrival| arrival.at_ns >= 2_000_000_000).count();
    assert!((late as f64 / ramp.len() as f64 - 0.75).abs() < 0.03, "{late} of {}", ramp.len());
    let same =
        |(a, b): (&Arrival, &Arrival)| (a.scenario, a.amount, a.fate) == (b.scenario, b.amount, b.fate);
    assert!(flat.iter().zip(&ramp).all(same));
    assert!(flat.windows(2).chain(ramp.windows(2)).all(|pair| pair[0].at_ns <= pair[1].at_ns));
}

#[test]
fn evenly_means_evenly_and_each_operator_has_a_phase_of_its_own() {
    let even = ScheduleSettings { shape: "constant".parse().unwrap(), ..settings(4, 1_000.0, 1) };
    let first = |operator| {
        let all: Vec<_> = Schedule::new(&even, operator).map(|arrival| arrival.at_ns).collect();
        assert!(all.windows(2).all(|pair| (999_998..=1_000_002).contains(&(pair[1] - pair[0]))));
        assert_eq!(all.len(), 1_000);
        all[0]
    };
    assert!(first(0) < 1_000_000 && first(0) != first(1));
}

#[test]
fn the_warm_up_comes_at_the_rate_that_the_shape_begins_with() {
    let warm = ScheduleSettings {
        shape: "ramp:0.5".parse().unwrap(),
        warmup_ns: 2_000_000_000,
        ..settings(4, 2_000.0, 4)
    };
    let before = Schedule::new(&warm, 0).filter(|arrival| arrival.at_ns < 2_000_000_000).count();
    assert!((before as f64 / 2_000.0 - 1.0).abs() < 0.1, "{before}");
}

#[test]
fn a_rate_that_is_changed_by_hand_holds_from_the_last_arrival_on() {
    for shape in ["poisson", "constant"] {
        let settings = ScheduleSettings { shape: shape.parse().unwrap(), ..settings(4, 2_000.0, 4) };
        let mut schedule = Schedule::new(&settings, 0);
        let before: Vec<_> = schedule.by_ref().take_while(|arrival| arrival.at_ns < 2_000_000_000).collect();
        schedule.change_rate(2.0);
        let after: Vec<_> = schedule.collect();
        assert!((before.len() as f64 / 4_000.0 - 1.0).abs() < 0.05, "{shape}: {}", before.len());
        assert!((after.len() as f64 / 8_000.0 - 1.0).abs() < 0.05, "{shape}: {}", after.len());
        assert!(after.windows(2).all(|pair| pair[0].at_ns <= pair[1].at_ns));
        // What comes is what would have come, sooner.
        let same: Vec<_> = Schedule::new(&settings, 0).skip(before.len() + 1).collect();
        assert!(same.iter().zip(&after).all(|(a, b)| (a.amount, a.fate) == (b.amount, b.fate)));
    }
}

#[test]
fn a_popular_merchant_is_paid_often() {
    let popular = ScheduleSettings { popularity: "zipf".parse().unwrap(), ..settings(4, 2_000.0, 2) };
    let first = Schedule::new(&popular, 0).filter(|arrival| arrival.payee.merchant == 0).count();
    assert!(first > 1_000, "one by the sum to ten, of four thousand: {first}");
}

proptest! {
    #[test]
    fn the_schedule_is_a_function_of_seed_and_operator(seed: u64, operator in 0_u32..3) {
        let s = settings(seed, 2_000.0, 1);
        let one: Vec<_> = Schedule::new(&s, operator).collect();
        prop_assert_eq!(&one, &Schedule::new(&s, operator).collect::<Vec<_>>());
        prop_assert_ne!(&one, &Schedule::new(&s, operator + 1).collect::<Vec<_>>());
        prop_assert_ne!(&one, &Schedule::new(&settings(seed ^ 1, 2_000.0, 1), operator).collect::<Vec<_>>());
    }

    #[test]
    fn every_arrival_can_be_sent(seed: u64, operator in 0_u32..3) {
        let s = settings(seed, 2_000.0, 1);
        let mut before = 0;
        for (index, arrival) in Schedule::new(&s, operator).enumerate() {
            prop_assert_eq!(arrival.number, index as u64);
            prop_assert!(arrival.at_ns >= before && arrival.at_ns < s.duration_ns);
            before = arrival.at_ns;
            prop_assert!(!arrival.amount.is_zero());
            let destination = u32::from(arrival.payee.destination);
            if arrival.scenario == Scenario::Intersystem {
                prop_assert!(destination >= s.acquirers && destination < s.acquirers + s.operators);
                prop_assert_ne!(destination, s.acquirers + operator, "nobody pays into its own system");
            } else {
                prop_assert!(destination < s.acquirers);
            }
            prop_assert!(u32::from(arrival.payee.merchant) < s.merchants);
        }
    }
}

#[test]
fn another_distribution_of_amounts_or_accounts_moves_nothing_else() {
    let one = settings(3, 1_000.0, 2);
    let other = ScheduleSettings {
        amounts: "lognormal:2500,1".parse().unwrap(),
        payers: Choice::new("zipf:1.2".parse().unwrap(), 50),
        ..one.clone()
    };
    let (plain, other): (Vec<_>, Vec<_>) =
        (Schedule::new(&one, 0).collect(), Schedule::new(&other, 0).collect());
    assert_eq!(plain.len(), other.len());
    for (plain, other) in plain.iter().zip(&other) {
        assert_eq!(plain, &Arrival { amount: plain.amount, account: plain.account, ..other.clone() });
    }
}

#[test]
fn a_few_accounts_pay_most_of_the_time_and_no_two_operators_have_the_same() {
    let popular =
        ScheduleSettings { payers: Choice::new("zipf".parse().unwrap(), 100), ..settings(4, 2_000.0, 2) };
    let accounts =
        |operator| Schedule::new(&popular, operator).map(|arrival| arrival.account).collect::<Vec<_>>();
    let (mine, theirs) = (accounts(0), accounts(1));
    let first = mine.iter().filter(|account| **account == 0).count();
    let share = first as f64 / mine.len() as f64;
    assert!((share - 0.193).abs() < 0.02, "one by the sum of one by n to a hundred: {share}");
    assert!(mine.iter().all(|account| !theirs.contains(account)));
}

#[test]
fn a_phase_lets_each_operator_have_its_day_at_another_time() {
    let shifted =
        ScheduleSettings { shape: "ramp:0".parse().unwrap(), phase: 0.5, ..settings(4, 2_000.0, 4) };
    let halves = |operator| {
        let arrivals: Vec<_> = Schedule::new(&shifted, operator).map(|arrival| arrival.at_ns).collect();
        let early = arrivals.iter().filter(|at_ns| **at_ns < 2_000_000_000).count();
        (early as f64, (arrivals.len() - early) as f64)
    };
    // A quarter of a ramp comes in its first half; the second operator begins with the second half.
    for (operator, share) in [(0, 0.25), (1, 0.75), (2, 0.25)] {
        let (early, late) = halves(operator);
        assert!((early / (early + late) - share).abs() < 0.03, "operator {operator}: {early} and {late}");
    }
    let all: f64 = (0..3).map(halves).map(|(early, late)| early + late).sum();
    assert!((shifted.planned(0, 4_000_000_000) / all - 1.0).abs() < 0.03);
}
