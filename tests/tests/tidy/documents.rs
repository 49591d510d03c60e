//! What documents and comments refer to must exist.

use crate::tree::{expect_none, files, root};

/// The kinds of requirement ids, with the highest number of each: SW-, OP- and LG- of the requirements, I of the
/// invariants.
const IDS: &[(&str, u32)] = &[("SW-", 12), ("OP-", 13), ("LG-", 5)];
/// Invariants I1 to I9.
const INVARIANTS: u32 = 9;
/// Rules 1 to 30 of an authorization switch.
const RULES: u32 = 30;

/// The numbers that directly follow `prefix` where it starts a word.
fn numbers_after(line: &str, prefix: &str) -> Vec<u32> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices(prefix) {
        let before = line[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '-') {
            continue;
        }
        let rest = &line[at + prefix.len()..];
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let after = rest[digits.len()..].chars().next();
        if after.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        found.extend(digits.parse::<u32>().ok());
    }
    found
}

#[test]
fn ids_that_are_cited_exist() {
    let mut wrong = Vec::new();
    for file in files(&[".rs", ".md", ".toml"]) {
        for (number, line) in file.lines() {
            let mut check = |what: &str, cited: Vec<u32>, highest: u32| {
                for id in cited.into_iter().filter(|id| *id == 0 || *id > highest) {
                    wrong.push(format!("{}:{number}: {what}{id}", file.path));
                }
            };
            for (prefix, highest) in IDS {
                check(prefix, numbers_after(line, prefix), *highest);
            }
            check("I", numbers_after(line, "I"), INVARIANTS);
            check("rule ", numbers_after(line, "rule "), RULES);
            check("rules ", numbers_after(line, "rules "), RULES);
        }
    }
    expect_none("requirements that do not exist", &wrong);
}

/// The words between back quotes that look like a path of a file in the repository.
fn quoted_paths(text: &str) -> Vec<String> {
    let endings = [".rs", ".md", ".sh", ".toml", ".txt", ".service"];
    let roots = [
        "protocol/",
        "link/",
        "participant/",
        "switch/",
        "loadgen/",
        "audit/",
        "benches/",
        "tests/",
        "scripts/",
        "docs/",
    ];
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| roots.iter().any(|r| word.starts_with(r)) && endings.iter().any(|e| word.ends_with(e)))
        .map(str::to_owned)
        .collect()
}

#[test]
fn files_that_documents_name_exist() {
    let mut wrong = Vec::new();
    for file in files(&[".md"]) {
        for path in quoted_paths(&file.text) {
            if !root().join(&path).is_file() {
                wrong.push(format!("{} names {path}", file.path));
            }
        }
    }
    expect_none("files that do not exist", &wrong);
}

/// `docs/INVARIANTS.md` has a section for each invariant, and each section names where it is asserted and tested.
#[test]
fn every_invariant_says_where_it_is_asserted_and_tested() {
    let text = std::fs::read_to_string(root().join("docs/INVARIANTS.md")).unwrap();
    let sections: Vec<&str> = text.split("\n## ").skip(1).collect();
    for number in 1..=INVARIANTS {
        let section = sections
            .iter()
            .find(|section| section.starts_with(&format!("I{number}:")))
            .unwrap_or_else(|| panic!("docs/INVARIANTS.md has no section for I{number}"));
        for part in ["Asserted in", "Tested in"] {
            let line = section.split("\n\n").find(|paragraph| paragraph.starts_with(part));
            let line = line.unwrap_or_else(|| panic!("I{number} does not say: {part}"));
            assert!(!quoted_paths(line).is_empty(), "I{number} names no file after: {part}");
        }
    }
}
