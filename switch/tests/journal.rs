//! `holdfast journal` and `holdfast transaction --journal` over a real journal with one fact of each kind.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod facts;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Output;
use std::sync::Mutex;

use holdfast_core::fact::Fact;
use holdfast_journal::record::RecordWriter;
use holdfast_journal::{Batch, Handle, Settings, open};
use serde_json::Value;

use facts::{NOW, capture, configuration, id, release, time, transactions};

/// A process that another test is just starting holds every lock of this one until it runs its own program: so no
/// process starts while a journal is open here.
static OPEN_JOURNALS: Mutex<()> = Mutex::new(());

/// Writes the facts as a switch would, and stops.
fn write(directory: &Path, facts: &[Fact]) {
    let mut bytes = Vec::new();
    let mut writer = RecordWriter::default();
    for fact in facts {
        writer.write(fact, &mut bytes);
    }
    append(directory, u32::try_from(facts.len()).unwrap(), bytes);
}

fn append(directory: &Path, count: u32, bytes: Vec<u8>) {
    let _no_process_starts = OPEN_JOURNALS.lock().unwrap();
    let recovered = open(directory, Settings::small(), time(NOW), &mut |_| Ok(())).unwrap();
    let first = recovered.last_sequence().next();
    let handle = Handle::start(recovered, Box::new(|| {}), Box::new(|_| {})).unwrap();
    handle.try_submit(Batch { bytes, first, count, time: time(NOW) }).unwrap();
    handle.stop().unwrap();
}

fn journal() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &[configuration(), transactions()].concat());
    directory
}

fn program(arguments: &[&str]) -> Output {
    let _no_journal_is_open = OPEN_JOURNALS.lock().unwrap();
    std::process::Command::new(env!("CARGO_BIN_EXE_holdfast")).args(arguments).output().unwrap()
}

/// The lines of a command that must succeed.
#[track_caller]
fn lines(arguments: &[&str]) -> Vec<Value> {
    let output = program(arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn each_kind_of_fact_is_one_line_with_the_fields_of_the_schema() {
    let journal = journal();
    let lines = lines(&["journal", "dump", journal.path().to_str().unwrap()]);
    let schema = include_str!("../../docs/JOURNAL.md");
    let mut kinds = BTreeSet::new();
    for (line, sequence) in lines.iter().zip(1_u64..) {
        assert_eq!(line["sequence"], sequence);
        assert_eq!((&line["epoch"], &line["time"]), (&1.into(), &NOW.into()));
        let kind = line["kind"].as_str().unwrap();
        assert!(schema.contains(&format!("| `{kind}` |")), "{kind} is in the schema");
        for (field, value) in line.as_object().unwrap() {
            assert!(schema.contains(&format!("`{field}`")), "{kind}.{field} is in the schema");
            assert!(!value.is_null(), "{kind}.{field}");
        }
        kinds.insert(kind.to_owned());
    }
    assert_eq!(lines.len(), 27);
    assert_eq!(kinds.len(), 25, "one of each: {kinds:?}");
}

#[test]
fn the_example_of_the_schema_is_what_is_printed() {
    let journal = journal();
    let lines = lines(&["journal", "dump", journal.path().to_str().unwrap()]);
    let schema = include_str!("../../docs/JOURNAL.md");
    let examples = schema.lines().filter(|line| line.starts_with("{\"sequence\":"));
    let mut compared = 0;
    for example in examples {
        let mut example: Value = serde_json::from_str(example).unwrap();
        let line = lines.iter().find(|line| line["kind"] == example["kind"]).unwrap();
        // The example stands elsewhere in its journal.
        for place in ["sequence", "time"] {
            example[place] = line[place].clone();
        }
        assert_eq!(*line, example);
        compared += 1;
    }
    assert_eq!(compared, 2);
}

#[test]
fn a_transaction_is_found_by_name_and_by_number() {
    let journal = journal();
    let directory = journal.path().to_str().unwrap();
    let of = |name: &str| {
        let lines = lines(&["transaction", &format!("{name}/{}", id(2)), "--json", "--journal", directory]);
        lines.iter().map(|line| line["kind"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let life = [
        "reserved",
        "declined",
        "late_answer",
        "captured",
        "released",
        "expired",
        "reversed",
        "follow_up_declined",
        "acknowledged",
    ];
    assert_eq!(of("operator-1"), life);
    assert_eq!(of("1"), life);
    for follow_up in [capture().id, release().id, id(23)] {
        let name = format!("operator-1/{follow_up}");
        let lines = lines(&["transaction", &name, "--json", "--journal", directory]);
        assert_eq!(lines.len(), life.len(), "by the id of a capture, release or reversal");
        assert!(lines.iter().all(|line| line["original"] == id(2).to_string()), "{lines:?}");
    }
    let unknown = program(&["transaction", &format!("acquirer-1/{}", id(2)), "--journal", directory]);
    assert_eq!(unknown.status.code(), Some(5));
}

#[test]
fn verify_tells_a_clean_journal_from_a_corrupt_one_and_from_none() {
    let journal = journal();
    let directory = journal.path().to_str().unwrap();
    let clean = program(&["journal", "verify", directory]);
    assert_eq!(clean.status.code(), Some(0));
    let text = String::from_utf8(clean.stdout).unwrap();
    assert!(text.contains("facts        27"), "{text}");
    let (at, utc) = (time(NOW).to_utc(), " UTC");
    assert!(text.contains(&format!("time         {at} to {at}")) && at.ends_with(utc), "{text}");

    let first = std::fs::read_dir(journal.path()).unwrap().map(|entry| entry.unwrap().path());
    let mut segments: Vec<_> = first.filter(|path| path.metadata().unwrap().len() >= 64 << 10).collect();
    segments.sort();
    let mut bytes = std::fs::read(&segments[0]).unwrap();
    // In the body of the frame that holds the facts, wherever it is.
    let place = bytes.windows(10).position(|window| window == b"operator-1").unwrap();
    bytes[place] ^= 1;
    std::fs::write(&segments[0], bytes).unwrap();
    let corrupt = program(&["journal", "verify", directory]);
    let error = String::from_utf8(corrupt.stderr).unwrap();
    assert_eq!(corrupt.status.code(), Some(6), "{error}");
    assert!(error.contains("corrupt at"), "{error}");

    let empty = tempfile::tempdir().unwrap();
    assert_eq!(program(&["journal", "verify", empty.path().to_str().unwrap()]).status.code(), Some(1));
}

#[test]
fn facts_that_no_version_wrote_are_corrupt() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &configuration());
    append(directory.path(), 1, vec![9; 64]);
    let output = program(&["journal", "dump", directory.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(6));
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 6, "what can be read is printed");
}
