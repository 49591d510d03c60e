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
use holdfast_protocol::Partition;
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

/// A byte that was durable changes: in the body of the frame that holds the facts, wherever it is.
fn damage(directory: &Path) {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut segments: Vec<_> = entries.filter(|path| path.metadata().unwrap().len() >= 64 << 10).collect();
    segments.sort();
    let mut bytes = std::fs::read(&segments[0]).unwrap();
    let place = bytes.windows(10).position(|window| window == b"operator-1").unwrap();
    bytes[place] ^= 1;
    std::fs::write(&segments[0], bytes).unwrap();
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

    damage(journal.path());
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

/// A journal of two partitions, each founded before it has anything else.
fn partitions(facts: [Vec<Fact>; 2]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (number, facts) in (0..).zip(facts) {
        let partition = directory.path().join(format!("partition-{number}"));
        std::fs::create_dir(&partition).unwrap();
        let founded = Fact::Founded { partition: Partition(number), partitions: 2 };
        write(&partition, &[vec![founded], facts].concat());
    }
    directory
}

/// All transactions are in the second, the home of their originator.
fn two_partitions() -> tempfile::TempDir {
    let of_others = |fact: &Fact| !matches!(fact, Fact::Founded { .. });
    let transactions = transactions().into_iter().filter(of_others);
    partitions([configuration(), configuration().into_iter().chain(transactions).collect()])
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_dump_goes_through_all_partitions_and_each_line_says_its_own() {
    let journal = two_partitions();
    let all = lines(&["journal", "dump", journal.path().to_str().unwrap()]);
    let one = |number: u16| {
        let directory = journal.path().join(format!("partition-{number}"));
        let lines = lines(&["journal", "dump", directory.to_str().unwrap()]);
        assert!(lines.iter().all(|line| line["partition"] == number), "{lines:?}");
        assert_eq!((&lines[0]["kind"], &lines[0]["partitions"]), (&"founded".into(), &2.into()));
        lines
    };
    assert_eq!(all, [one(0), one(1)].concat());
}

#[test]
fn a_partition_whose_first_facts_are_gone_is_known_by_the_name_of_its_directory() {
    let journal = tempfile::tempdir().unwrap();
    let partition = journal.path().join("partition-1");
    std::fs::create_dir(&partition).unwrap();
    write(&partition, &[Fact::Founded { partition: Partition(1), partitions: 2 }]);
    // Each start has its own frames; some fill a segment.
    while segments_with_facts(&partition) < 2 {
        write(&partition, &configuration()[..1]);
    }
    std::fs::remove_file(partition.join("000000000001.segment")).unwrap();
    let lines = lines(&["journal", "dump", partition.to_str().unwrap()]);
    assert!(lines[0]["sequence"].as_u64().unwrap() > 1, "{lines:?}");
    assert!(lines.iter().all(|line| line["partition"] == 1), "{lines:?}");
    let verified = program(&["journal", "verify", partition.to_str().unwrap()]);
    assert_eq!(verified.status.code(), Some(0), "{}", text(&verified.stderr));
}

fn segments_with_facts(directory: &Path) -> usize {
    let name = b"operator-1";
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let holds = |path: &std::path::PathBuf| {
        let is_segment = path.extension().is_some_and(|extension| extension == "segment");
        is_segment && std::fs::read(path).unwrap().windows(name.len()).any(|window| window == name)
    };
    entries.filter(holds).count()
}

#[test]
fn a_transaction_is_found_in_the_partition_that_has_it() {
    let journal = two_partitions();
    let directory = journal.path().to_str().unwrap();
    for (name, id) in [("operator-1", id(2)), ("1", id(2)), ("operator-1", capture().id)] {
        let name = format!("{name}/{id}");
        let found = lines(&["transaction", &name, "--json", "--journal", directory]);
        assert_eq!(found.len(), 9);
        assert!(found.iter().all(|line| line["partition"] == 1), "{found:?}");
    }
    let paid = program(&["transaction", &format!("operator-1/{}", id(1)), "--journal", directory]);
    assert_eq!(paid.status.code(), Some(0), "{}", text(&paid.stderr));
    let page = text(&paid.stdout);
    assert!(page.contains("approved") && page.contains("at the end of this journal, fact "), "{page}");
    let unknown = program(&["transaction", &format!("operator-1/{}", id(77)), "--journal", directory]);
    assert_eq!(unknown.status.code(), Some(5));

    // What is damaged in another partition keeps nobody from it, and is said where it may have been there.
    damage(&journal.path().join("partition-0"));
    let name = format!("operator-1/{}", id(2));
    assert_eq!(lines(&["transaction", &name, "--json", "--journal", directory]).len(), 9);
    let unknown = program(&["transaction", &format!("operator-1/{}", id(77)), "--journal", directory]);
    assert_eq!(unknown.status.code(), Some(6), "{}", text(&unknown.stderr));
}

#[test]
fn verify_goes_through_all_partitions_and_says_which_is_wrong() {
    let verify = |journal: &tempfile::TempDir| {
        let output = program(&["journal", "verify", journal.path().to_str().unwrap()]);
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let journal = two_partitions();
    let (code, page, error) = verify(&journal);
    assert_eq!(code, Some(0), "{error}");
    for heading in ["partition    0 (", "partition    1 ("] {
        assert_eq!(page.matches(heading).count(), 1, "{page}");
    }
    assert_eq!(page.matches("chain        whole").count(), 2, "{page}");
    let one = program(&["journal", "verify", journal.path().join("partition-1").to_str().unwrap()]);
    assert!(text(&one.stdout).contains("partition    1 of 2"), "{}", text(&one.stdout));

    let place = |number: u16| journal.path().join(format!("partition-{number}"));
    let aside = journal.path().join("aside");
    std::fs::rename(place(1), place(2)).unwrap();
    let (code, _, error) = verify(&journal);
    assert!(
        code == Some(1) && error.contains("partition-1: there is no such partition, but later ones"),
        "{error}"
    );

    std::fs::rename(place(2), &aside).unwrap();
    let (code, _, error) = verify(&journal);
    assert!(
        code == Some(1)
            && error.contains("one of 2 partitions, and")
            && error.contains("partition-1 is missing"),
        "{error}"
    );

    std::fs::rename(place(0), place(1)).unwrap();
    std::fs::rename(aside, place(0)).unwrap();
    let (code, page, error) = verify(&journal);
    assert!(code == Some(1) && page.matches("chain        whole").count() == 2, "{error}");
    for wrong in [
        "is the journal of partition 1 of 2, not of 0 of 2",
        "is the journal of partition 0 of 2, not of 1 of 2",
    ] {
        assert!(error.contains(wrong), "{error}");
    }

    let journal = two_partitions();
    damage(&journal.path().join("partition-0"));
    let (code, page, error) = verify(&journal);
    assert_eq!(code, Some(6), "{error}");
    assert!(
        error.contains("partition-0") && page.contains("chain        whole"),
        "the other is read, too: {page}{error}"
    );
}

#[test]
fn reindex_goes_through_all_partitions_and_repair_takes_one() {
    let participants = || configuration()[..2].to_vec();
    let journal = partitions([participants(), participants()]);
    let directory = journal.path().to_str().unwrap();
    let reindexed = program(&["journal", "reindex", directory]);
    assert_eq!(reindexed.status.code(), Some(0), "{}", text(&reindexed.stderr));
    let page = text(&reindexed.stdout);
    assert!(page.contains("partition    0 (") && page.contains("partition    1 ("), "{page}");

    let refused = program(&["journal", "repair", directory]);
    let error = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        error.contains("several partitions: name one of them") && error.contains("partition-1"),
        "{error}"
    );
    let one = program(&["journal", "repair", journal.path().join("partition-1").to_str().unwrap()]);
    assert_eq!(one.status.code(), Some(0), "{}", text(&one.stderr));
}

#[test]
fn a_directory_with_a_journal_of_its_own_is_that_journal() {
    let journal = journal();
    let beside = journal.path().join("partition-0");
    std::fs::create_dir(&beside).unwrap();
    let lines = lines(&["journal", "dump", journal.path().to_str().unwrap()]);
    assert_eq!(lines.len(), 27);
}
