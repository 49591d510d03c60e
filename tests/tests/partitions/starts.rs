//! The number of partitions is that of the journal for ever, and none of them may be missing.

use std::fs;

use holdfast_tests::fixture::Fixture;

use crate::{all_pay, start};

/// Why a stopped switch does not start with this text in its configuration; it is put back.
fn refused(fixture: &mut Fixture, text: &str, other: &str) -> String {
    let why = fixture.start_with(text, other).unwrap_err();
    let file = fixture.path().join("holdfast.toml");
    let configuration = fs::read_to_string(&file).unwrap();
    fs::write(&file, configuration.replace(other, text)).unwrap();
    why
}

#[tokio::test]
async fn another_number_of_partitions_is_refused() {
    let mut fixture = start("");
    all_pay(&fixture, 1).await;
    fixture.stop();
    for (other, says) in [
        ("partitions = 2,", "partition-0 is the journal of partition 0 of 3, not of 0 of 2"),
        ("partitions = 1,", "holds a journal of several partitions, and journal.partitions is 1"),
        ("partitions = 4,", "partition-3 holds nothing, and other partitions know payments"),
    ] {
        let why = refused(&mut fixture, "partitions = 3,", other);
        assert!(why.contains(says), "{why}");
    }
    assert!(!fixture.path().join("journal/partition-3").exists(), "nothing was made");
    fixture.restart();
    all_pay(&fixture, 1).await;
    let mut alone = Fixture::start("");
    all_pay_one(&alone).await;
    alone.stop();
    let why = refused(&mut alone, "partitions = 1,", "partitions = 2,");
    assert!(why.contains("holds a journal of one partition, and journal.partitions is 2"), "{why}");
    // One of several by itself is not the only one.
    fixture.stop();
    let directory = "directory = \"journal\"";
    fixture.start_with("partitions = 3,", "partitions = 1,").unwrap_err();
    let why = fixture.start_with(directory, "directory = \"journal/partition-1\"").unwrap_err();
    assert!(why.contains("is the journal of partition 1 of 3, not of 0 of 1"), "{why}");
}

async fn all_pay_one(fixture: &Fixture) {
    let mut parties = holdfast_tests::parties::Parties::of(fixture).await;
    holdfast_tests::peer::pays(&mut parties.operator, &mut parties.acquirer, "shop@acq-1").await;
}

#[tokio::test]
async fn a_partition_that_is_missing_is_never_made_anew() {
    let mut fixture = start("");
    all_pay(&fixture, 1).await;
    fixture.stop();
    let (there, away) = (fixture.path().join("journal/partition-1"), fixture.path().join("away"));
    fs::rename(&there, &away).unwrap();
    for empty in [false, true] {
        if empty {
            // As where a disk is not mounted.
            fs::create_dir(&there).unwrap();
        }
        let why = fixture.start_with("", "").unwrap_err();
        assert!(why.contains("partition-1 holds nothing") && why.contains("is its disk mounted?"), "{why}");
    }
    fs::remove_dir(&there).unwrap();
    fs::rename(&away, &there).unwrap();
    fixture.start_with("", "").unwrap();
    assert_eq!(fixture.position("acquirer-1", "EUR").await, (0, 0, 200));
}

#[tokio::test]
async fn two_that_changed_places_are_refused() {
    let mut fixture = start("");
    fixture.stop();
    let of = |name: &str| fixture.path().join("journal").join(name);
    for (from, to) in [("partition-0", "aside"), ("partition-1", "partition-0"), ("aside", "partition-1")] {
        fs::rename(of(from), of(to)).unwrap();
    }
    let why = fixture.start_with("", "").unwrap_err();
    assert!(why.contains("partition-0 is the journal of partition 1 of 3, not of 0 of 3"), "{why}");
}
