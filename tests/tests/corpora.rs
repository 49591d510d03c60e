//! The inputs that fuzzing kept, replayed with the stable compiler.

use std::fs;
use std::path::Path;

use holdfast_tests::fuzz::{TARGETS, run};

#[test]
fn no_kept_input_breaks_a_promise() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (target, _) in TARGETS {
        let inputs = fs::read_dir(corpus.join(target)).unwrap_or_else(|error| panic!("{target}: {error}"));
        let mut count = 0;
        for input in inputs {
            let path = input.unwrap().path();
            run(target, &fs::read(&path).unwrap());
            count += 1;
        }
        assert!(count >= 10, "{target} has {count} inputs: where are the others?");
    }
}
