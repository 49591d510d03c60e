//! Refunds in the traffic: the books close, and the auditor agrees (LG-2, rule 15).

use super::scene::{Scene, summary};

#[test]
fn refunds_in_the_mix_leave_closed_books_and_a_clean_audit() {
    let scene = Scene::new();
    let out = scene.path("out");
    let mut more = vec!["--operators", "2", "--acquirers", "2", "-r", "150", "-d", "4s", "-w", "0s", "-q"];
    more.extend(["--mix", "refund:6,pay:2,reverse:1,partial:1,duplicate:1", "--decline-rate", "0.05"]);
    more.extend(["--seed", "7", "-o", out.to_str().unwrap()]);
    scene.load("run", &more);
    let summary = summary(&out);
    assert_eq!(summary["verdict"]["books"], "closed", "{summary:#}");
    let refunds = &summary["scenarios"]["refund"];
    let count = |name: &str| refunds[name].as_u64().unwrap();
    assert!(count("approved") > 100, "{refunds}");
    assert_eq!((count("errors"), count("unknown"), count("in_flight_at_end")), (0, 0, 0), "{refunds}");
    // Every second refunded payment sees a second refund or a reversal of either.
    assert!(count("refunds") > count("approved") && count("reversed") > count("approved") / 4, "{refunds}");
    scene.audit(&out);
}
