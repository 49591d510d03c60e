//! What the fuzz targets do with bytes from outside. The fuzzer (`tests/fuzz`) makes inputs; the test `corpora` feeds
//! those that are kept to the same functions with the stable compiler.
//!
//! A target panics where a promise does not hold: that nothing panics, and more where more is promised.

mod configuration;
mod frames;
mod good;
mod indexes;
mod journal;
mod records;
mod snapshots;

/// A target and what it is called.
pub type Target = (&'static str, fn(&[u8]));

/// All targets. Each has a folder of inputs in `tests/fuzz/corpus`.
pub const TARGETS: [Target; 6] = [
    ("frames", frames::frames),
    ("records", records::records),
    ("journal", journal::journal),
    ("snapshots", snapshots::snapshots),
    ("indexes", indexes::indexes),
    ("configuration", configuration::configuration),
];

/// Feeds an input to a target.
///
/// # Panics
/// Where the target finds a promise broken, or there is no such target.
pub fn run(target: &str, input: &[u8]) {
    let (_, run) = TARGETS.iter().find(|(name, _)| *name == target).expect("a target of the list");
    run(input);
}
