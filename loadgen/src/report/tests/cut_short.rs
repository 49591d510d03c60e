//! A run that ended before its time.

use super::*;

/// Two seconds were planned after a warm-up of half a second; it ended sooner.
fn cut_short(ended_ms: u64, broken: Option<&str>, in_flight: u64) -> Report {
    let slices = Slices { all: slices(), warm_ns: 500_000_000, end_ns: ended_ms * 1_000_000 };
    let mut open = closing();
    open.open.push(Open::Pair {
        operator: "operator-1".to_owned(),
        destination: "acquirer-1".to_owned(),
        by_operator: 7,
        by_destination: 0,
    });
    open.in_flight = in_flight;
    let measured = Measured { slices, seconds: 0.7, ..measured() };
    let line =
        "--switch 127.0.0.1:1 --certs c --admin 127.0.0.1:2 --seed 7 -r 1000 -d 2s -w 500ms --slo p50<1us";
    let plan = Plan::new(run_arguments(line).unwrap()).unwrap();
    Report::new(&plan, &played_stage(3, 3), open, measured, broken.map(str::to_owned), broken.is_none())
}

#[test]
fn a_run_that_was_cut_short_says_what_of_it_was_measured_and_is_judged_in_nothing() {
    for (broken, exit) in [(None, Exit::Interrupted), (Some("the switch has gone"), Exit::RunError)] {
        let report = cut_short(1_200, broken, 3);
        let summary = json(&report);
        assert_eq!(report.exit_code(), exit);
        assert_eq!(summary["window"]["until_s"], 1.2, "no more was sent then");
        assert_eq!(summary["window"]["planned_until_s"], 2.5);
        assert_eq!(summary["window"]["steady"], Value::Null);
        assert_eq!(
            (&summary["verdict"]["books"], &summary["objectives"]),
            (&"not_judged".into(), &serde_json::json!([]))
        );
        let text = table::text(&report);
        assert!(text.contains("CUT SHORT after 1.2 of 2.5 s, measured from 0.5 to 1.2 s"), "{text}");
        assert!(text.contains("books not judged") && !text.contains("OPEN"), "{text}");
        assert!(text.contains("; neither objectives nor books are judged"), "{text}");
    }
    let early = cut_short(300, None, 3);
    assert!(
        table::text(&early)
            .contains("CUT SHORT after 0.3 of 2.5 s, within its warm-up: nothing was measured")
    );
    assert_eq!(json(&early)["window"]["from_s"], json(&early)["window"]["until_s"]);
}

#[test]
fn a_run_that_was_interrupted_with_closed_books_does_not_say_that_they_are_not_judged() {
    for (broken, interrupted) in [(None, true), (Some("the switch has gone".to_owned()), false)] {
        let report = Report::new(&plan(""), &played_stage(3, 3), closing(), measured(), broken, interrupted);
        let text = table::text(&report);
        assert!(text.contains("books closed") && text.contains("; no objective is judged"), "{text}");
        assert!(!text.contains("nor books"), "{text}");
    }
}

#[test]
fn books_that_do_not_close_though_everything_has_ended_are_open_however_short_the_run_was() {
    let report = cut_short(1_200, None, 0);
    assert_eq!(json(&report)["verdict"]["books"], "open");
    assert!(table::text(&report).contains("OPEN"), "{}", table::text(&report));
}
