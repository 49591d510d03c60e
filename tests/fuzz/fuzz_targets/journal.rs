//! See `tests/kit/fuzz/journal.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| holdfast_tests::fuzz::run("journal", input));
