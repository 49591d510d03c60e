//! Every reason names where it is tried, and is tried there.

use std::fs;
use std::path::Path;

use holdfast_protocol::Reason;
use holdfast_tests::sim::coverage::reasons::{Tried, tried};

#[test]
fn every_reason_is_tried_where_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut wrong = Vec::new();
    for reason in Reason::ALL {
        let file = match tried(*reason) {
            Tried::Simulator | Tried::Reserved => continue,
            Tried::Codec(file) | Tried::EndToEnd(file) => file,
        };
        let text = fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        if !text.contains(&format!("Reason::{}", reason.name())) {
            wrong.push(format!("{file} does not try {reason}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
