//! One record is damaged, the rest stays, and the file stays well-formed. That the auditor finds it is tried with a real
//! run in `tests/tests/checks.rs`.

use holdfast_protocol::{ParticipantNumber, UnixMillis};

use super::*;
use crate::history::record::{At, Record, Role, header};

fn history(directory: &Path, name: &str, role: Role, records: &[EventKind]) {
    let begun = UnixMillis::new(1).unwrap();
    let mut bytes = header(role, ParticipantNumber::new(1).unwrap(), 0, begun, name).to_vec();
    for (number, kind) in (0_u64..).zip(records) {
        let at = At { time: begun, monotonic_ns: number };
        let mut stored = *Stored::from(Record::new(*kind, at)).bytes();
        // docs/HISTORY.md: about an authorize, applied, approved.
        (stored[5], stored[6], stored[72]) = (0x10, 0x20, 1);
        let mut record = Stored::from_bytes(stored);
        bytes.extend_from_slice(record.renumber(number));
    }
    fs::create_dir_all(directory.join("history")).unwrap();
    fs::write(directory.join("history").join(format!("{name}.{}.history", role.name())), bytes).unwrap();
}

fn records(directory: &Path, name: &str) -> Vec<Stored> {
    let mut records = Vec::new();
    each(&directory.join("history").join(name), |record| {
        records.push(record);
        Ok(())
    })
    .unwrap();
    records
}

#[test]
fn each_mutation_changes_one_record_and_leaves_a_well_formed_file() {
    let run = tempfile::tempdir().unwrap();
    let sent = [EventKind::Sent, EventKind::Heard, EventKind::Sent, EventKind::Heard, EventKind::Closed];
    let received = [EventKind::Received, EventKind::Answered, EventKind::Closed];
    history(run.path(), "operator-1", Role::Operator, &sent);
    history(run.path(), "acquirer-1", Role::Destination, &received);
    for (mutation, file, expected) in [
        (Mutation::Lose, "operator-1.operator.history", 4),
        (Mutation::Flip, "operator-1.operator.history", 5),
        (Mutation::Dup, "acquirer-1.destination.history", 4),
    ] {
        for seed in 0..20 {
            let copy = tempfile::tempdir().unwrap();
            damage(run.path(), copy.path(), mutation, seed).unwrap();
            let (before, after) = (records(run.path(), file), records(copy.path(), file));
            assert_eq!(after.len(), expected, "{mutation:?}");
            assert_ne!(before, after, "{mutation:?}");
            for (number, record) in (0..).zip(&after) {
                assert_eq!(record.clone().renumber(number), record.bytes(), "numbers and checksums hold");
            }
        }
    }
}

#[test]
fn where_nothing_is_of_the_kind_it_says_so() {
    let run = tempfile::tempdir().unwrap();
    history(run.path(), "operator-1", Role::Operator, &[EventKind::Closed]);
    let copy = tempfile::tempdir().unwrap();
    let error = damage(run.path(), copy.path(), Mutation::Lose, 1).unwrap_err();
    assert!(matches!(error, MutationError::Nothing(_)), "{error}");
}
