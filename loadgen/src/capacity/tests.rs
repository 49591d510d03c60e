//! Searches with trials that are made up, to the answer and the exit code.

use super::*;
use crate::admin::SwitchBuild;

const GOAL: Goal = Goal { first: 1_000.0, top: 200_000.0, width: 0.025 };

fn trial(rate_per_s: f64, standing: TrialStanding) -> Trial {
    Trial {
        rate_per_s,
        standing,
        achieved_per_s: rate_per_s,
        goodput_per_s: rate_per_s * 0.99,
        error_share: 0.0,
        p50_us: Some(1_000),
        p99_us: None,
        is_p99_endless: false,
        remarks: vec![],
        seed: 1,
    }
}

fn answer(planned: Option<f64>, standing: impl Fn(f64) -> TrialStanding) -> Answer {
    let mut trials = Vec::new();
    let found = find(&mut Search::new(GOAL), |_, rate| {
        trials.push(trial(rate, standing(rate)));
        Ok(trial(rate, standing(rate)))
    });
    Answer::new(found.unwrap(), asked(planned), trials)
}

fn asked(planned: Option<f64>) -> Asked {
    Asked {
        planned_per_s: planned,
        objectives: Objectives::of(&["p99<10ms".parse().unwrap()]),
        mix: "pay:1".to_owned(),
        seed: 7,
        colocated: true,
        switch_build: Some(SwitchBuild {
            version: "9.9.9".to_owned(),
            commit: "5w17c4".to_owned(),
            profile: None,
        }),
    }
}

fn limited(rate: f64) -> TrialStanding {
    if rate <= 50_000.0 { TrialStanding::Passed } else { TrialStanding::Failed }
}

#[test]
fn a_bracket_says_what_passes_what_fails_and_the_room_above_the_plan() {
    let found = answer(Some(40_000.0), limited);
    assert_eq!((found.found, found.exit_code()), ("bracket", Exit::Pass));
    assert!(found.width.unwrap() <= 0.025_001 && found.headroom.unwrap() > 0.2, "{found:?}");
    let text = found.text();
    for words in [
        "passes",
        "fails",
        "wide",
        "goodput there",
        "headroom above the planned 40,000/s",
        "co-located",
        "switch 9.9.9 (5w17c4)",
    ] {
        assert!(text.contains(words), "{words:?} is missing in {text}");
    }
    assert_eq!(answer(Some(60_000.0), limited).exit_code(), Exit::Missed, "less than is planned");
}

#[test]
fn a_starved_generator_is_an_invalid_measurement_and_no_limit() {
    let starved = answer(None, |_| TrialStanding::Discarded);
    assert_eq!((starved.found, starved.exit_code()), ("unknown", Exit::Invalid));
    assert_eq!((starved.passes_per_s, starved.fails_per_s), (None, None));
    assert!(starved.text().contains("not known: the generator was the limit"), "{}", starved.text());
    let tired =
        answer(None, |rate| if rate < 9_000.0 { TrialStanding::Passed } else { TrialStanding::Discarded });
    assert_eq!((tired.found, tired.fails_per_s, tired.exit_code()), ("generator_limited", None, Exit::Pass));
    assert!(tired.text().contains("generator saturated"), "{}", tired.text());
}

#[test]
fn a_switch_that_keeps_everything_or_nothing_is_said_as_such() {
    let fast = answer(None, |_| TrialStanding::Passed);
    assert_eq!((fast.found, fast.passes_per_s, fast.exit_code()), ("at_least", Some(200_000.0), Exit::Pass));
    let hopeless = answer(None, |_| TrialStanding::Failed);
    assert_eq!((hopeless.found, hopeless.exit_code()), ("below", Exit::Missed));
}

#[test]
fn nothing_is_said_of_room_where_nobody_looked() {
    let tired = |rate| if rate < 9_000.0 { TrialStanding::Passed } else { TrialStanding::Discarded };
    let unknown = answer(Some(20_000.0), tired);
    assert_eq!((unknown.headroom, unknown.exit_code()), (None, Exit::Invalid), "the generator was the limit");
    assert!(unknown.text().contains("room for the planned 20,000/s is not known"), "{}", unknown.text());
    let enough = answer(Some(4_000.0), tired);
    assert!(enough.headroom.is_some_and(|headroom| headroom > 1.0) && enough.exit_code() == Exit::Pass);
    let beyond = answer(Some(400_000.0), |_| TrialStanding::Passed);
    assert_eq!(
        (beyond.headroom, beyond.exit_code()),
        (None, Exit::Invalid),
        "nothing above the top was tried"
    );
}

#[test]
fn what_has_no_answer_is_endless_and_not_unknown() {
    let mut overloaded = trial(50_000.0, TrialStanding::Failed);
    assert!(line(1, &overloaded).contains("n/a"), "too few samples");
    overloaded.is_p99_endless = true;
    assert!(line(1, &overloaded).contains("endless") && !line(1, &overloaded).contains("n/a"));
}

#[test]
fn a_trial_that_is_none_ends_the_search() {
    let spoiled = Spoiled { exit: Exit::BooksOpen, why: "books".to_owned() };
    assert_eq!(find(&mut Search::new(GOAL), |_, _| Err(spoiled.clone())), Err(spoiled));
}

#[test]
fn a_search_that_is_interrupted_says_what_it_knows_and_judges_nothing() {
    let spoiled = Spoiled { exit: Exit::Interrupted, why: "interrupted".to_owned() };
    let mut search = Search::new(GOAL);
    let mut made = Vec::new();
    let mut said = Vec::new();
    let end = find(&mut search, |so_far, rate| {
        said.push(errand(made.len() + 1, so_far, rate));
        if made.len() == 6 {
            return Err(spoiled.clone());
        }
        made.push(trial(rate, if rate <= 3_000.0 { TrialStanding::Passed } else { TrialStanding::Failed }));
        Ok(made[made.len() - 1].clone())
    });
    assert_eq!(end, Err(spoiled.clone()));
    assert_eq!(said[0], "trial 1 at 1,000/s; so far nothing passes, nothing fails");
    assert_eq!(said[4], "trial 5 at 2,828/s; so far 2,000/s passes, 4,000/s fails");
    let answer = Answer::broken_off(&spoiled, search.so_far(), asked(Some(9_000.0)), made);
    assert_eq!((answer.found, answer.trials.len()), ("broken_off", 6));
    assert_eq!((answer.passes_per_s, answer.headroom), (None, None), "nothing is judged");
    let text = answer.text();
    for words in ["broke off: interrupted", "until then 2,828/s passed and 4,000/s failed, not confirmed"] {
        assert!(text.contains(words), "{words:?} is missing in {text}");
    }
}
