//! A configuration file.

use std::path::Path;

use holdfast::config::Config;

/// Reads a configuration. Promised: nothing panics; and what is wrong is named, with its place.
pub(super) fn configuration(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let lines = text.lines().count().max(1);
    if let Err(error) = Config::parse(text, Path::new("fuzzed.toml")) {
        assert!(!error.faults().is_empty(), "a refusal names what is wrong");
        for fault in error.faults() {
            assert!(fault.line <= lines + 1, "a fault is in the file: {fault:?}");
        }
    }
}
