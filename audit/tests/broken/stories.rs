//! Each class of finding, produced by one story that went wrong.

use holdfast_audit::Report;

use crate::world::World;

fn classes(report: &Report) -> Vec<&'static str> {
    report.findings_by_class.keys().copied().collect()
}

#[test]
fn a_world_that_agrees_is_clean() {
    let report = World::everything().audit().expect("the world is readable");
    assert!(report.is_clean(), "{report}");
    assert!(report.drained);
    assert_eq!(classes(&report), Vec::<&str>::new());
    assert_eq!(report.tally.transactions, 15, "{report}");
}
