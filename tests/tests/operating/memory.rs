//! What a running switch asks of the system's memory.

use std::fs;

use holdfast_tests::processes::SwitchHome;
use holdfast_tests::skipped::skipped;

/// Whoever touches the first byte of a huge page waits until all of it is there: no payment shall.
#[test]
fn a_switch_that_serves_is_given_no_more_huge_pages() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = SwitchHome::new(directory.path(), 1, 1);
    let process = home.start();
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    home.stop(process);
    match status.lines().find_map(|line| line.strip_prefix("THP_enabled:")) {
        Some(enabled) => assert_eq!(enabled.trim(), "0"),
        None => skipped("this kernel does not say whether a process gets huge pages"),
    }
}
