//! Configurations that meet a journal: the largest is served, and a number stays with its name.

#![allow(clippy::unwrap_used, reason = "a test that lacks something it was given may stop there")]

use std::fmt::Write;
use std::path::Path;

use holdfast::certs;
use holdfast::config::Config;
use holdfast::serve::{ServeError, Switch};
use holdfast_core::registry::{PARTICIPANTS_MAX, ROUTES_MAX};

/// With the smallest segments there are: a batch of the journal has the least room.
const HEAD: &str = r#"
listen = ["127.0.0.1:0"]
admin = "127.0.0.1:0"
journal = { directory = "journal", segment_bytes = 8388608, full_reserve_bytes = 1048576 }
"#;

fn participant(name: &str, number: usize) -> String {
    format!(
        "[[participants]]\nname = \"{name}\"\nnumber = {number}\nroles = [\"originates\", \"receives\"]\n\
         caps = {{ EUR = \"1\", JPY = \"1\", USD = \"1\" }}\nlimits = {{ level_1 = {{}} }}\n"
    )
}

fn config(directory: &Path, text: &str) -> Config {
    Config::parse(&format!("{HEAD}{text}"), &directory.join("holdfast.toml")).unwrap()
}

#[test]
fn the_largest_configuration_is_served_and_recovered() {
    let directory = tempfile::tempdir().unwrap();
    let small = config(directory.path(), &participant("operator-1", 1));
    certs::issue(&directory.path().join("certs"), &small, false).unwrap();
    let mut text = String::new();
    for number in 1..=PARTICIPANTS_MAX {
        // As long as a name may be.
        text.push_str(&participant(&format!("{}{number:04}", "p".repeat(60)), number));
    }
    let destination = format!("{}0001", "p".repeat(60));
    for number in 0..ROUTES_MAX {
        let merchant = format!("{}{number:05}", "m".repeat(19));
        write!(
            text,
            "[[routes]]\nmps = \"12345678\"\nmerchants = \"{merchant}\"\ndestination = \"{destination}\"\n"
        )
        .unwrap();
    }
    let largest = config(directory.path(), &text);
    for _ in 0..2 {
        let switch = Switch::start(largest.clone()).unwrap();
        assert!(switch.is_ready());
        switch.stop().unwrap();
    }
}

#[test]
fn a_number_that_was_another_participants_is_refused_at_the_start_naming_both() {
    let directory = tempfile::tempdir().unwrap();
    let (first, second) = (participant("operator-1", 1), participant("operator-2", 2));
    let both = config(directory.path(), &format!("{first}{second}"));
    certs::issue(&directory.path().join("certs"), &both, false).unwrap();
    let without = config(directory.path(), &first);
    for config in [both, without] {
        Switch::start(config).unwrap().stop().unwrap();
    }
    let reused = config(directory.path(), &format!("{first}{}", participant("operator-3", 2)));
    let text = match Switch::start(reused) {
        Err(ServeError::Configuration(text)) => text,
        Err(other) => panic!("it must be refused for its configuration, not for {other}"),
        Ok(_) => panic!("it must be refused"),
    };
    assert!(text.contains("\"operator-2\"") && text.contains("\"operator-3\""), "{text}");
}
