//! The alarm must ring: each known wrong is planted and hunted from a random first seed.

use std::process::Command;

use holdfast_tests::sim::Planted;

#[test]
fn every_planted_wrong_is_found() {
    assert!(Planted::ALL.len() >= 14, "at least fourteen");
    let output = Command::new(env!("CARGO_BIN_EXE_sim")).arg("--breaks").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    println!("{text}");
    assert!(output.status.success(), "one was missed:\n{text}");
    for planted in Planted::ALL {
        let found = |line: &str| line.starts_with(planted.name()) && line.contains(" found by ");
        assert!(text.lines().any(found), "{} has no line:\n{text}", planted.name());
    }
}

#[test]
fn names_are_words_of_their_own() {
    for planted in Planted::ALL {
        assert_eq!(Planted::named(planted.name()), Some(*planted));
    }
    assert_eq!(Planted::named("nothing"), None);
}
