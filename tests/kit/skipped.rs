//! Tests that this machine does not let run. They count as passed, so they are named where nobody overlooks it: at the end
//! of `scripts/test.sh`.

use std::fs::File;
use std::io::Write;

/// The file that collects them.
const LIST: &str = "HOLDFAST_SKIPPED";
/// Where it is set, a skip is a failure: for machines that are known to allow everything.
const NONE_ALLOWED: &str = "HOLDFAST_NO_SKIPS";

/// The test that calls this ends without having shown anything, and says why.
///
/// # Panics
/// Where `HOLDFAST_NO_SKIPS` is set.
pub fn skipped(why: &str) {
    // The harness gives each test a thread of its name.
    let thread = std::thread::current();
    let line = format!("SKIPPED: {}: {why}", thread.name().unwrap_or("a test"));
    let asked = |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty());
    assert!(asked(NONE_ALLOWED).is_none(), "{line}; {NONE_ALLOWED} is set, so that is a failure");
    eprintln!("{line}");
    if let Some(list) = asked(LIST) {
        // In one write: other tests append, too.
        let mut list = File::options().create(true).append(true).open(list).unwrap();
        list.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{LIST, NONE_ALLOWED, skipped};

    const NAME: &str = "skipped::tests::a_skip_is_listed_and_fails_where_none_is_allowed";
    const AS_CHILD: &str = "HOLDFAST_SKIPPED_TRIED";

    #[test]
    fn a_skip_is_listed_and_fails_where_none_is_allowed() {
        if std::env::var_os(AS_CHILD).is_some() {
            return skipped("it was told to");
        }
        let directory = tempfile::tempdir().unwrap();
        let list = directory.path().join("list");
        let child = |none_allowed: &str| {
            let mut child = Command::new(std::env::current_exe().unwrap());
            child.args([NAME, "--exact"]).env(AS_CHILD, "1").env(LIST, &list);
            child.env(NONE_ALLOWED, none_allowed).output().unwrap().status.success()
        };
        assert!(child(""), "it counts as passed");
        assert_eq!(std::fs::read_to_string(&list).unwrap(), format!("SKIPPED: {NAME}: it was told to\n"));
        assert!(!child("1"), "it is a failure");
    }
}
