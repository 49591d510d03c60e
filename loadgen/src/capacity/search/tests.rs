//! Searches against switches that are made up.

use super::*;
use crate::random::Random;

const GOAL: Goal = Goal { first: 1_000.0, top: 1_000_000.0, width: 0.025 };

/// Searches against a switch that `vote` plays.
fn search(goal: Goal, mut vote: impl FnMut(f64) -> Vote) -> (Found, u32) {
    let mut search = Search::new(goal);
    loop {
        match search.next() {
            Step::Try(rate) => search.note(rate, vote(rate)),
            Step::Done(found) => return (found, search.trials),
        }
    }
}

/// A switch that answers so many a second and refuses the rest; the objective is fewer than one error in ten
/// thousand. One trial in ten meets something else that makes it fail, one in fifty passes by luck, one in twenty
/// finds the generator tired.
fn noisy(limit: f64, rate: f64, random: &mut Random) -> Vote {
    let dice = random.unit();
    // Arrivals are random: what a trial of five seconds offers varies.
    let offered = rate * (1.0 + (random.unit() - 0.5) * 4.0 / (rate * 5.0).sqrt());
    if dice < 0.05 {
        Vote::Saturated
    } else if dice < 0.15 {
        Vote::Failed
    } else if dice < 0.17 || 1.0 - limit / offered < 0.000_1 {
        Vote::Passed
    } else {
        Vote::Failed
    }
}

/// Two bad moments of the machine at what becomes the lower end: what passes above overrules them for the search, but the end
/// passes only by trials of its own.
#[test]
fn an_end_of_the_bracket_leads_by_its_own_votes() {
    let (mut search, mut bad_moments) = (Search::new(GOAL), 2);
    let found = loop {
        match search.next() {
            Step::Try(rate) if rate == 46_966.0 && bad_moments > 0 => {
                bad_moments -= 1;
                search.note(rate, Vote::Failed);
            }
            Step::Try(rate) if rate <= 47_281.0 => search.note(rate, Vote::Passed),
            Step::Try(rate) => search.note(rate, Vote::Failed),
            Step::Done(found) => break found,
        }
    };
    let Found::Bracket(below, above) = found else { panic!("{found:?}") };
    assert_eq!((below, bad_moments), (46_966.0, 0), "the moments were met");
    let (below, above) = (search.load(below).unwrap(), search.load(above).unwrap());
    assert_eq!((below.standing(), above.standing()), (Standing::Passes, Standing::Fails));
    assert!(below.lead() >= LEAD && above.lead() >= LEAD, "{search:?}");
}

#[test]
fn the_bracket_holds_the_limit_in_nineteen_of_twenty_searches() {
    let (mut held, mut trials) = (0, 0);
    for seed in 0..200 {
        let mut random = Random::new(seed, 9);
        let (found, tried) = search(GOAL, |rate| noisy(50_000.0, rate, &mut random));
        let Found::Bracket(lower, upper) = found else { continue };
        assert!(upper / lower <= 1.025_001, "{lower} to {upper}");
        held += u32::from(lower <= 50_000.0 && upper >= 50_000.0);
        trials += tried;
    }
    assert!(held >= 190, "{held} of 200");
    assert!(trials < 200 * 45, "{} trials a search", trials / 200);
}

#[test]
fn a_machine_on_which_every_fourth_trial_fails_for_nothing_moves_the_bracket_rarely() {
    let held = (0..200)
        .filter(|seed| {
            let mut random = Random::new(*seed, 10);
            let (found, _) = search(GOAL, |rate| {
                if rate > 50_000.0 || random.unit() < 0.25 { Vote::Failed } else { Vote::Passed }
            });
            matches!(found, Found::Bracket(lower, upper) if lower <= 50_000.0 && upper >= 50_000.0)
        })
        .count();
    assert!(held >= 180, "{held} of 200");
}

#[test]
fn no_bracket_is_wider_than_asked_for() {
    for width in [0.005, 0.025, 0.05, 0.1, 0.2, 0.5] {
        for limit in (0..300).map(|n| 1_300.0 * 1.02_f64.powi(n)) {
            let goal = Goal { top: 1e7, width, ..GOAL };
            let (found, _) = search(goal, |rate| if rate <= limit { Vote::Passed } else { Vote::Failed });
            let Found::Bracket(lower, upper) = found else { panic!("{limit}: {found:?}") };
            assert!(lower <= limit && limit < upper, "{lower} to {upper} does not hold {limit}");
            assert!(
                upper / lower <= (1.0 + width) * 1.000_000_001,
                "{lower} to {upper} is wider than {width}"
            );
        }
    }
}

#[test]
fn without_noise_it_takes_few_trials() {
    let (found, trials) = search(GOAL, |r| if r <= 50_000.0 { Vote::Passed } else { Vote::Failed });
    assert!(
        matches!(found, Found::Bracket(lower, upper) if lower <= 50_000.0 && upper > 50_000.0),
        "{found:?}"
    );
    assert!(trials <= 24, "{trials}");
}

#[test]
fn a_tired_generator_is_never_called_a_limit() {
    let (found, _) = search(GOAL, |_| Vote::Saturated);
    assert_eq!(found, Found::Unknown);
    let (found, _) = search(GOAL, |rate| if rate < 30_000.0 { Vote::Passed } else { Vote::Saturated });
    assert!(
        matches!(found, Found::GeneratorLimited(rate) if rate > 27_000.0 && rate < 30_000.0),
        "{found:?}"
    );
    // It is tired above the switch's limit as well.
    let (found, _) = search(GOAL, |rate| match rate {
        rate if rate <= 50_000.0 => Vote::Passed,
        rate if rate < 90_000.0 => Vote::Failed,
        _ => Vote::Saturated,
    });
    assert!(
        matches!(found, Found::Bracket(lower, upper) if lower <= 50_000.0 && upper > 50_000.0),
        "{found:?}"
    );
}

#[test]
fn the_ends_of_the_scale_are_said_as_such() {
    assert_eq!(search(GOAL, |_| Vote::Passed).0, Found::AtLeast(1_000_000.0));
    assert!(matches!(search(GOAL, |_| Vote::Failed).0, Found::Below(rate) if rate < 2.0));
    let low = search(GOAL, |rate| if rate <= 30.0 { Vote::Passed } else { Vote::Failed }).0;
    assert!(matches!(low, Found::Bracket(lower, upper) if lower <= 30.0 && upper > 30.0), "{low:?}");
}

#[test]
fn a_bound_that_is_overturned_reopens_the_search() {
    let mut tries_at_half = 0;
    let (found, _) = search(GOAL, |rate| match rate {
        rate if rate == 32_000.0 && tries_at_half == 0 => {
            tries_at_half += 1;
            Vote::Failed
        }
        rate if rate <= 50_000.0 => Vote::Passed,
        _ => Vote::Failed,
    });
    assert!(
        matches!(found, Found::Bracket(lower, upper) if lower <= 50_000.0 && upper > 50_000.0),
        "{found:?}"
    );
}

#[test]
fn trials_that_only_contradict_each_other_come_to_an_end() {
    let mut count = 0;
    let (found, trials) = search(GOAL, |_| {
        count += 1;
        if count % 2 == 0 { Vote::Passed } else { Vote::Failed }
    });
    assert!(trials <= 100, "{found:?} after {trials}");
}

#[test]
fn what_is_known_before_the_end_is_what_the_votes_say() {
    let mut search = Search::new(GOAL);
    assert_eq!(search.so_far(), SoFar::default());
    search.note(1_000.0, Vote::Passed);
    search.note(2_000.0, Vote::Failed);
    let so_far = |passes, fails| SoFar { passes_per_s: passes, fails_per_s: fails };
    assert_eq!(search.so_far(), so_far(Some(1_000.0), None), "one failure is no bound");
    search.note(2_000.0, Vote::Failed);
    assert_eq!(search.so_far(), so_far(Some(1_000.0), Some(2_000.0)));
    let mut tired = Search::new(GOAL);
    (0..3).for_each(|_| tired.note(1_000.0, Vote::Saturated));
    assert_eq!(tired.so_far(), SoFar::default(), "the generator's ceiling is no failure of the switch");
}
