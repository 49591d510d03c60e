//! That a drill met what it is for: without snapshots, indexes and late requests it would show less than it says.

use std::fs;
use std::path::{Path, PathBuf};

use holdfast_loadgen::history::record::{EventKind, RECORD_BYTES};
use holdfast_protocol::Outcome;

use crate::stage::Stage;

/// Where these stand in a record: docs/HISTORY.md.
const KIND: usize = 4;
const OUTCOME: usize = 72;

/// Where it is looked for when everything has ended.
pub(crate) struct Evidence {
    directory: PathBuf,
    journal: PathBuf,
}

impl Evidence {
    pub(crate) fn of(stage: &Stage<'_>) -> Self {
        Self { directory: stage.directory.to_owned(), journal: stage.home.journal() }
    }

    /// Snapshots were made and are sound, so are indexes, originals were brought back from the archive, and nothing is left
    /// unfinished. Of a drill that is long: starts went on from a snapshot, and what left memory is in indexes.
    pub(crate) fn must_show(&self, is_long: bool) {
        let log = fs::read_to_string(self.directory.join("switch.log")).unwrap();
        let (made, loaded) = (log.matches("snapshot made").count(), log.matches("snapshot loaded").count());
        let dump = fs::read_to_string(self.directory.join("journal.jsonl")).unwrap();
        let recalled = dump.lines().filter(|line| line.contains("\"kind\":\"recalled\"")).count();
        let told = told_approved(&self.directory);
        let verified = holdfast_journal::verify(&self.journal).unwrap().expect("there is a journal");
        let indexed: u64 = verified.indexes.iter().map(|index| *index.counts.as_ref().unwrap()).sum();
        println!(
            "{made} snapshots made, {loaded} starts from one; {} indexes of {indexed} ids, {recalled} originals recalled, {told} found for who asked",
            verified.indexes.len()
        );
        assert!(made > 0, "no snapshot was made");
        assert!(loaded > 0 || !is_long, "no start went on from a snapshot");
        assert!(!verified.snapshots.is_empty(), "no snapshot is left");
        for snapshot in &verified.snapshots {
            assert!(snapshot.counts.is_ok(), "{snapshot:?}");
        }
        assert!(indexed > 0 || !is_long, "no id is in an index");
        assert!(recalled > 0, "no original was found in the archive");
        assert!(told > 0, "nobody who asked late was told of an approval");
        let files = fs::read_dir(&self.journal).unwrap().map(|file| file.unwrap().file_name());
        let left: Vec<_> = files.filter(|name| name.to_string_lossy().ends_with(".unfinished")).collect();
        assert!(left.is_empty(), "nobody reads these any more, and they take room: {left:?}");
    }
}

/// How many late inquiries were answered with an approval: operators ask only about what is old.
pub(crate) fn told_approved(directory: &Path) -> usize {
    let files = fs::read_dir(directory.join("history")).unwrap().map(|file| file.unwrap().path());
    let operators = files.filter(|path| path.to_string_lossy().ends_with(".operator.history"));
    let told =
        |record: &&[u8]| record[KIND] == EventKind::Told as u8 && record[OUTCOME] == Outcome::Approved as u8;
    operators
        .map(|path| fs::read(path).unwrap().chunks_exact(RECORD_BYTES).skip(1).filter(told).count())
        .sum()
}
