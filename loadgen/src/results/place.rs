//! Where a command's results go: never over those of an earlier one, unless these may be removed (`--force`).
//!
//! Promise: one rule for every command with `-o`, kept before anything is sent. What is removed is what `loadgen` itself leaves there, by
//! name; whatever else lies in the directory stays.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::run::RunError;

/// What commands leave in their directory: where one of these lies, it is taken.
const RESULTS: [&str; 11] = [
    "config.toml",
    "summary.json",
    "capacity.json",
    "sweep.json",
    "compare.json",
    "selftest.json",
    "run.json",
    "report.html",
    "series.csv",
    "latency.hlog",
    "latency.hgrm",
];

/// What belongs to earlier results beside them, and would be taken for a part of the next.
const BESIDE: [&str; 2] = ["journal.jsonl", "status.json"];

/// Where histories lie, and the runs of both sides of a comparison.
const HISTORY: &str = "history";
const SIDES: [&str; 2] = ["a", "b"];

/// Makes sure that nothing of an earlier command lies in the directory.
///
/// # Errors
/// [`RunError::Usage`] where something does and may not be removed; [`RunError::Io`] where it cannot be.
pub(crate) fn make_room(directory: &Path, force: bool) -> Result<(), RunError> {
    let Some(first) = taken_by(directory) else { return Ok(()) };
    if !force {
        return Err(RunError::Usage(format!(
            "{}: an earlier command left its results there ({}): give another directory with -o, or --force, which removes them first",
            directory.display(),
            first.strip_prefix(directory).unwrap_or(&first).display()
        )));
    }
    clear(directory).map_err(RunError::io(directory.display().to_string()))
}

/// The same for what is one file.
///
/// # Errors
/// [`RunError::Usage`] where there is one and it may not be written over.
pub(crate) fn make_room_for_file(file: &Path, force: bool) -> Result<(), RunError> {
    if force || !file.is_file() {
        return Ok(());
    }
    Err(RunError::Usage(format!(
        "{}: there is such a file: give another name with -o, or --force, which writes over it",
        file.display()
    )))
}

fn taken_by(directory: &Path) -> Option<PathBuf> {
    let mut results = RESULTS.iter().map(|name| directory.join(name)).filter(|file| file.is_file());
    let histories = || directory_entries(&directory.join(HISTORY)).ok()?.into_iter().next();
    let runs = || runs_of(directory).ok()?.into_iter().find_map(|run| taken_by(&run));
    results.next().or_else(histories).or_else(runs)
}

fn clear(directory: &Path) -> io::Result<()> {
    for file in RESULTS.iter().chain(&BESIDE).map(|name| directory.join(name)) {
        if file.is_file() {
            fs::remove_file(file)?;
        }
    }
    for history in directory_entries(&directory.join(HISTORY))? {
        if history.extension().is_some_and(|extension| extension == "history") {
            fs::remove_file(history)?;
        }
    }
    runs_of(directory)?.iter().try_for_each(|run| clear(run))
}

/// The runs of a comparison: directories that have numbers for names.
fn runs_of(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut runs = Vec::new();
    for side in SIDES {
        let numbered = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            is_own_directory(path) && !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit())
        };
        runs.extend(directory_entries(&directory.join(side))?.into_iter().filter(numbered));
    }
    Ok(runs)
}

/// A directory itself and no link to one: what lies elsewhere is somebody else's.
fn is_own_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// What lies in a directory; nothing where there is none.
fn directory_entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    if !is_own_directory(directory) {
        return Ok(vec![]);
    }
    fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(directory: &Path, name: &str) -> PathBuf {
        let file = directory.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "x").unwrap();
        file
    }

    #[test]
    fn results_of_an_earlier_command_are_refused_with_what_to_give() {
        for name in [
            "summary.json",
            "capacity.json",
            "config.toml",
            "history/operator-1.operator.history",
            "b/02/summary.json",
        ] {
            let directory = tempfile::tempdir().unwrap();
            assert!(
                make_room(directory.path(), false).is_ok()
                    && make_room(&directory.path().join("new"), false).is_ok()
            );
            let file = written(directory.path(), name);
            let refused = make_room(directory.path(), false).unwrap_err();
            assert!(matches!(refused, RunError::Usage(_)), "{name}");
            let said = refused.to_string();
            assert!(
                said.contains(name) && said.contains("another directory") && said.contains("--force"),
                "{said}"
            );
            assert!(file.exists(), "{name}");
            make_room(directory.path(), true).unwrap();
            assert!(!file.exists() && make_room(directory.path(), false).is_ok(), "{name}");
        }
    }

    #[test]
    fn what_is_none_of_ours_neither_takes_a_directory_nor_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let others =
            ["holdfast.toml", "switch.log", "journal/1.segment", "notes/summary.json", "a/mine/summary.json"];
        let others = others.map(|name| written(directory.path(), name));
        assert!(make_room(directory.path(), false).is_ok());
        // An old dump would be joined with new histories.
        let dump = written(directory.path(), "journal.jsonl");
        written(directory.path(), "summary.json");
        make_room(directory.path(), true).unwrap();
        assert!(!dump.exists() && others.iter().all(|file| file.exists()));
    }

    #[test]
    fn what_lies_behind_a_link_is_not_removed() {
        let (directory, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = written(elsewhere.path(), "01/summary.json");
        let history = written(elsewhere.path(), "operator-1.operator.history");
        for name in ["a", HISTORY] {
            std::os::unix::fs::symlink(elsewhere.path(), directory.path().join(name)).unwrap();
        }
        written(directory.path(), "summary.json");
        make_room(directory.path(), true).unwrap();
        assert!(file.exists() && history.exists());
    }

    #[test]
    fn a_file_that_is_there_is_written_over_only_where_that_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let file = written(directory.path(), "some.trace");
        let said = make_room_for_file(&file, false).unwrap_err().to_string();
        assert!(said.contains("some.trace") && said.contains("--force"), "{said}");
        assert!(make_room_for_file(&file, true).is_ok());
        assert!(make_room_for_file(&directory.path().join("new.trace"), false).is_ok());
    }
}
