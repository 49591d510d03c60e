//! The program from outside: its exit codes, its two forms of report, and what it makes of damaged files.

#![expect(clippy::unwrap_used, reason = "a test stops at what cannot be")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use holdfast_audit::history::{Header, Kind, Message, Record, Role};

const ID: &str = "01a00000-0000-7000-8000-000000000001";

fn header() -> [u8; 96] {
    let name = "operator-1".to_owned();
    Header { role: Role::Operator, participant: 1, instance: 0, started_ms: 1_000, name }.to_bytes()
}

fn refused_payment() -> Vec<u8> {
    let id = u128::from_str_radix(&ID.replace('-', ""), 16).unwrap();
    let base = |kind| Record {
        time_ms: 1_000,
        originator: 1,
        id,
        original: id,
        attempt: 1,
        ..Record::new(kind, Message::Authorize)
    };
    let sent = Record { amount: 5, currency: 978, payment_kind: 1, sequence: 7, ..base(Kind::Sent) };
    let heard = Record { outcome: 3, reason: 300, decided_by: 2, ..base(Kind::Heard) };
    [header(), sent.to_bytes(0), heard.to_bytes(1)].concat()
}

fn run(directory: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_audit"))
        .arg(directory)
        .arg("--journal-dump")
        .arg(directory.join("journal.jsonl"))
        .args(more)
        .output()
        .unwrap()
}

fn write(directory: &Path, history: &[u8], journal: &str) {
    fs::create_dir_all(directory.join("history")).unwrap();
    fs::write(directory.join("history/operator-1.operator.history"), history).unwrap();
    fs::write(directory.join("journal.jsonl"), journal).unwrap();
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_clean_run_exits_with_0_and_findings_with_5() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &refused_payment(), "");
    let output = run(directory.path(), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).ends_with("audit: clean\n"), "{}", text(&output.stdout));

    let line = format!(
        r#"{{"sequence":1,"epoch":1,"time":1000,"kind":"tombstoned","originator":1,"original":"{ID}","id":"{}"}}"#,
        ID.replace("001", "002")
    );
    write(directory.path(), &refused_payment(), &line);
    let output = run(directory.path(), &["--json"]);
    assert_eq!(output.status.code(), Some(5), "{}", text(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["verdict"], "faulty");
    assert_eq!(report["findings_by_class"]["phantom"], 1);
    assert_eq!(report["findings"][0]["transaction"], format!("1/{ID}"));
    assert_eq!(report["findings"][0]["evidence"][0]["sequence"], 1);
}

#[test]
fn listings_are_cut_and_counts_are_not() {
    let directory = tempfile::tempdir().unwrap();
    let line = |n: u64| {
        let (original, id) = (ID.replace("001", &format!("1{n:02}")), ID.replace("001", &format!("2{n:02}")));
        format!(
            r#"{{"sequence":{n},"epoch":1,"time":1000,"kind":"tombstoned","originator":1,"original":"{original}","id":"{id}"}}"#
        )
    };
    let journal: String = (1..=50).map(|n| line(n) + "\n").collect();
    write(directory.path(), &refused_payment(), &journal);
    let output = run(directory.path(), &["--list", "3", "--memory-mib", "0"]);
    let printed = text(&output.stdout);
    assert!(printed.contains("phantom (50)") && printed.contains("and 47 more"), "{printed}");
}

#[test]
fn a_torn_last_record_is_noted_and_other_damage_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let mut history = refused_payment();
    history.extend_from_slice(&[1, 2, 3]);
    write(directory.path(), &history, "");
    let output = run(directory.path(), &[]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("ends within a record: 3 bytes"), "{}", text(&output.stdout));

    history[100] ^= 1;
    write(directory.path(), &history, "");
    let output = run(directory.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("record 0 at byte 96"), "{}", text(&output.stderr));

    for journal in ["{", "[]", r#"{"sequence":1,"epoch":1,"time":1,"kind":"minted"}"#] {
        write(directory.path(), &refused_payment(), journal);
        let output = run(directory.path(), &[]);
        assert_eq!(output.status.code(), Some(1), "{journal}");
        assert!(text(&output.stderr).contains("line 1"), "{}", text(&output.stderr));
    }
}

#[test]
fn without_histories_and_without_arguments_there_is_no_audit() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(run(directory.path(), &[]).status.code(), Some(1));
    fs::create_dir_all(directory.path().join("history")).unwrap();
    assert_eq!(run(directory.path(), &[]).status.code(), Some(1));
    let output = Command::new(env!("CARGO_BIN_EXE_audit")).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn one_transaction_is_shown_as_everybody_wrote_it_down() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &refused_payment(), "");
    let output = run(directory.path(), &["--transaction", &format!("1/{ID}")]);
    let printed = text(&output.stdout);
    let sent = "1000 operator-1.operator.history 0: sent authorize copy 1 amount 5\n";
    let heard = "1000 operator-1.operator.history 1: heard authorize copy 1 outcome 3 reason 300\n";
    assert!(printed.contains(&format!("{sent}{heard}")), "{printed}");

    let output = run(directory.path(), &["--transaction", ID]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("expected ORIGINATOR/ID"), "{}", text(&output.stderr));
}

#[test]
fn a_journal_of_several_partitions_takes_a_dump_of_each() {
    let directory = tempfile::tempdir().unwrap();
    let founded = |partition: u16| {
        format!(
            r#"{{"partition":{partition},"sequence":1,"epoch":1,"time":1000,"kind":"founded","partitions":2}}"#
        )
    };
    write(directory.path(), &refused_payment(), &founded(0));
    let missing = run(directory.path(), &[]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing.stderr).contains("partition 1 of 2 is missing"), "{}", text(&missing.stderr));

    let second = directory.path().join("partition-1.jsonl");
    fs::write(&second, founded(1)).unwrap();
    let both = run(directory.path(), &["--journal-dump", second.to_str().unwrap()]);
    assert_eq!(both.status.code(), Some(0), "{}", text(&both.stderr));
    assert!(text(&both.stdout).starts_with("2 facts,"), "{}", text(&both.stdout));

    fs::write(&second, founded(0)).unwrap();
    let twice = run(directory.path(), &["--journal-dump", second.to_str().unwrap()]);
    assert_eq!(twice.status.code(), Some(1));
    assert!(text(&twice.stderr).contains("already: each is given once"), "{}", text(&twice.stderr));
}
