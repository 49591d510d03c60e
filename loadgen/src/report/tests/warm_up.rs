//! A run that began slowly: MSER-5 leaves that out of the latencies, and no objective is kept because of it.

use super::*;
use crate::measure::batch::WarmUp;

/// A hundred responses in each tenth of a second, thirty seconds of them after a warm-up of two: up to 440 ms in the first slices
/// that are measured, up to 23 ms afterwards.
fn slow_for(slow: u64) -> Slices {
    let slice = |index: u64| {
        let (mut batch, mut recorded) = (Batch::default(), Recorded::default());
        let step = if index < 20 + slow { 4_400 } else { 230 };
        for micros in (1..=100).map(|n| n * step).filter(|_| index >= 20) {
            batch.push(Scenario::Pay, Measure::Response, micros * 1_000);
        }
        batch.fold(&mut recorded);
        let warm_up =
            if index < 20 { WarmUp { count: 100, total_us: 22_000_000 } } else { WarmUp::default() };
        let (begun_ns, length_ns) = (index * 100_000_000, 100_000_000);
        let operators = vec![recorded.take(Scenario::Pay)];
        Slice { begun_ns, length_ns, warm_up, operators, ..Slice::default() }
    };
    Slices { all: (0..320).map(slice).collect(), warm_ns: 2_000_000_000, end_ns: 32_000_000_000 }
}

fn report(slow: u64, slo: &str) -> Report {
    let line = "--switch 127.0.0.1:1 --certs c --admin 127.0.0.1:2 --seed 7 -r 1000 -d 30s -w 2s";
    let plan = Plan::new(run_arguments(&format!("{line} --slo {slo}")).unwrap()).unwrap();
    let measured = Measured { slices: slow_for(slow), ..measured() };
    Report::new(&plan, &played_stage(3, 3), closing(), measured, None, false)
}

/// The bins are exact to one in a thousand.
fn is_about(found: &Value, micros: f64) -> bool {
    found.as_f64().is_some_and(|found| (found / micros - 1.0).abs() < 0.002)
}

#[test]
fn an_objective_that_only_the_cut_of_mser_5_keeps_is_missed() {
    let report = report(70, "p99<100ms");
    let summary = json(&report);
    assert_eq!(summary["window"]["from_s"], 9.0, "the latencies begin where MSER-5 says");
    assert!(is_about(&summary["latency_us"]["response"]["p99"], 22_770.0), "{}", summary["latency_us"]);
    assert_eq!(report.exit_code(), Exit::Missed);
    let judged = &summary["objectives"][0];
    assert_eq!((&judged["standing"], &judged["over_s"]), (&"missed".into(), &serde_json::json!([2.0, 32.0])));
    assert!(is_about(&judged["value"], 422_400.0), "{judged}");
    let text = table::text(&report);
    assert!(text.contains("objective p99<100ms: MISSED with 42"), "{text}");
    assert!(text.contains(" ms from 2.0 to 32.0 s, everything after --warmup"), "{text}");
}

#[test]
fn what_is_left_out_beyond_the_warm_up_is_named_from_a_second_on() {
    let remarks = |slow| json(&report(slow, "p99<500ms"))["verdict"]["remarks"].to_string();
    let said = remarks(70);
    assert!(said.contains("MSER-5 takes 7.0 s more than --warmup"), "{said}");
    assert!(said.contains("from 2.0 to 9.0 s: p99 of the response was 435."), "{said}");
    assert!(!remarks(5).contains("MSER-5"), "{}", remarks(5));
    assert!(!remarks(0).contains("MSER-5"), "{}", remarks(0));
    assert_eq!(
        report(5, "p99<100ms").exit_code(),
        Exit::Missed,
        "half a second misses an objective all the same"
    );
}

#[test]
fn an_objective_that_holds_over_all_is_met_and_one_that_never_holds_says_what_was_measured() {
    let kept = report(70, "p99<500ms");
    assert_eq!((kept.exit_code(), json(&kept)["objectives"][0].get("over_s")), (Exit::Pass, None));
    let missed = report(70, "p99<1ms");
    let judged = &json(&missed)["objectives"][0];
    assert!(is_about(&judged["value"], 22_770.0) && judged.get("over_s").is_none(), "{judged}");
}

#[test]
fn a_trial_that_began_slowly_fails_and_says_when() {
    use crate::capacity::trial::{TrialStanding, judge};
    let trial = judge(&report(70, "p99<100ms"), 1_000.0).unwrap();
    assert_eq!(trial.standing, TrialStanding::Failed);
    assert!(trial.remarks[0].starts_with("p99<100ms: 42"), "{:?}", trial.remarks);
    assert!(
        trial.remarks[0].ends_with("from 2.0 to 32.0 s, everything after --warmup"),
        "{:?}",
        trial.remarks
    );
}
