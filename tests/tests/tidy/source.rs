//! What the source files may look like.

use crate::tree::{expect_none, files, is_comment};

/// No file is longer.
const LINES_MAX: usize = 400;

/// Drawers: names under which anything can be put.
const DRAWERS: &[&str] = &["common", "helper", "helpers", "manager", "misc", "util", "utils", "utilities"];

/// The kit, which knows how to wait for something.
const KIT: &str = "tests/kit/";

/// This test names what it forbids.
fn is_this_test(path: &str) -> bool {
    path.starts_with("tests/tests/tidy/")
}

fn at(path: &str, (number, line): (usize, &str)) -> String {
    format!("{path}:{number}: {}", line.trim())
}

#[test]
fn files_hold_one_idea() {
    let mut wrong = Vec::new();
    for file in files(&[".rs"]) {
        let lines = file.lines().len();
        if lines > LINES_MAX {
            wrong.push(format!("{} has {lines} lines, more than {LINES_MAX}", file.path));
        }
    }
    expect_none("files to split", &wrong);
}

#[test]
fn there_are_no_drawers() {
    let mut wrong = Vec::new();
    for file in files(&[".rs", ".sh", ".md", ".toml"]) {
        let words = file.path.split(['/', '.', '_', '-']);
        if words.into_iter().any(|word| DRAWERS.contains(&word)) {
            wrong.push(file.path);
        }
    }
    expect_none("names that say nothing", &wrong);
}

#[test]
fn production_code_expects_with_a_reason() {
    let mut wrong = Vec::new();
    for file in files(&[".rs"]) {
        for line in file.production_lines() {
            let unwraps = line.1.contains(".unwrap()") || line.1.contains(".unwrap_err()");
            if unwraps && !is_comment(line.1) {
                wrong.push(at(&file.path, line));
            }
        }
    }
    expect_none("unwrap outside tests (rule 13 of the house)", &wrong);
}

/// Whether a line drops what a call gave, which is `let _ =` by another name (rule 13 of the house).
fn drops_a_call(line: &str) -> bool {
    let Some((before, dropped)) = line.split_once("drop(") else { return false };
    let is_call = |(at, c): (usize, char)| {
        c == '(' && dropped[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_')
    };
    !before.ends_with("fn ") && dropped.char_indices().any(is_call)
}

#[test]
fn what_a_call_gave_is_not_dropped() {
    assert!(drops_a_call("    drop(reply.send(1));"));
    assert!(drops_a_call("    Ok(()) => drop(signal.try_send(())),"));
    for fine in
        ["    drop(memory);", "    drop((one, two));", "    fn drop(&mut self) {", "    let dropped = 1;"]
    {
        assert!(!drops_a_call(fine), "{fine}");
    }
}

#[test]
fn nothing_is_thrown_away_or_left_undone() {
    let never = ["let _ =", "todo!(", "unimplemented!(", "dbg!(", "#[ignore", "#[should_panic"];
    let mut wrong = Vec::new();
    for file in files(&[".rs"]) {
        if is_this_test(&file.path) {
            continue;
        }
        for line in file.lines() {
            let thrown = never.iter().any(|word| line.1.contains(word)) || drops_a_call(line.1);
            if thrown && !is_comment(line.1) {
                wrong.push(at(&file.path, line));
            }
        }
    }
    expect_none("results thrown away, work left undone, tests that do not count", &wrong);
}

#[test]
fn tests_wait_for_something_and_never_sleep() {
    let mut wrong = Vec::new();
    for file in files(&[".rs"]) {
        // A benchmark paces its load.
        if is_this_test(&file.path) || file.path.starts_with(KIT) || file.path.starts_with("benches/") {
            continue;
        }
        for line in file.test_lines() {
            if line.1.contains("sleep(") && !is_comment(line.1) {
                wrong.push(at(&file.path, line));
            }
        }
    }
    expect_none("sleeps in tests", &wrong);
}

#[test]
fn unsafe_code_says_why() {
    let mut wrong = Vec::new();
    for file in files(&[".rs"]) {
        if is_this_test(&file.path) {
            continue;
        }
        let lines = file.lines();
        for (i, line) in lines.iter().enumerate() {
            let is_unsafe = ["unsafe {", "unsafe fn", "unsafe impl"].iter().any(|word| line.1.contains(word));
            let expected = lines[i.saturating_sub(12)..i].iter().any(|l| l.1.contains("unsafe_code"));
            if is_unsafe && !is_comment(line.1) && !expected {
                wrong.push(at(&file.path, *line));
            }
        }
    }
    expect_none("unsafe code without #[expect(unsafe_code, reason)]", &wrong);
}

/// The tree tells what Holdfast is and does, not with what or where it was written.
#[test]
fn the_tree_names_no_tools_and_no_machine() {
    let tools = ["cla-ude", "anth-ropic", "chat-gpt", "open-ai", "co-pilot", "lang-uage model", "worktree"];
    let places = ["/work/", "/tmp/target", "/root/", "/home/"];
    let words: Vec<String> = tools.iter().map(|word| word.replace('-', "")).collect();
    let mut wrong = Vec::new();
    for file in files(&[".rs", ".sh", ".md", ".toml", "run"]) {
        if is_this_test(&file.path) {
            continue;
        }
        for line in file.lines() {
            let lower = line.1.to_lowercase();
            let named = words.iter().any(|word| lower.contains(word.as_str()));
            if named || places.iter().any(|place| lower.contains(place)) {
                wrong.push(at(&file.path, line));
            }
        }
    }
    expect_none("words that have no place in the tree", &wrong);
}
