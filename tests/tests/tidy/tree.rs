//! The files of the repository, read once.

use std::fs;
use std::path::{Path, PathBuf};

/// One text file.
pub(crate) struct File {
    /// From the root of the repository, with `/` between the parts.
    pub(crate) path: String,
    pub(crate) text: String,
    /// The whole file is for tests and benches only.
    is_test: bool,
}

/// Where the repository is.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the repository").to_path_buf()
}

/// All files with one of these endings, in the order of their paths.
pub(crate) fn files(endings: &[&str]) -> Vec<File> {
    let (root, mut found) = (root(), Vec::new());
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                // Built things, and what version control and tools keep for themselves.
                let skipped = name == "target" || (name.starts_with('.') && name != ".ci");
                if !skipped {
                    folders.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
                let is_test = path.split('/').any(|part| matches!(part, "tests" | "benches"));
                found.push(File { path, text, is_test });
            }
        }
    }
    let modules: Vec<String> = found.iter().flat_map(test_modules).collect();
    for file in &mut found {
        let module = file.path.trim_end_matches(".rs").trim_end_matches("/mod");
        file.is_test |= modules.iter().any(|m| module == m || module.starts_with(&format!("{m}/")));
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!found.is_empty(), "no files with the endings {endings:?} under {}", root.display());
    found
}

/// The modules in files of their own that a file has for its tests only, as paths without their ending.
fn test_modules(file: &File) -> Vec<String> {
    let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
    let folder = match name {
        "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
        _ => format!("{folder}/{}", name.trim_end_matches(".rs")),
    };
    let lines: Vec<&str> = file.text.lines().map(str::trim).collect();
    let name_after = |at: usize| {
        let after = lines[at + 1..].iter().find(|line| !line.starts_with('#'))?;
        without_visibility(after).strip_prefix("mod ")?.strip_suffix(';')
    };
    (0..lines.len())
        .filter(|at| lines[*at] == "#[cfg(test)]")
        .filter_map(name_after)
        .map(|module| format!("{folder}/{module}"))
        .collect()
}

fn without_visibility(line: &str) -> &str {
    let line = line.trim_start();
    line.strip_prefix("pub(crate) ").or(line.strip_prefix("pub ")).unwrap_or(line)
}

impl File {
    /// The lines that production code is made of, with their numbers from one.
    pub(crate) fn production_lines(&self) -> Vec<(usize, &str)> {
        let tests_from = if self.is_test { 0 } else { self.first_test_line() };
        self.lines().into_iter().take(tests_from).collect()
    }

    /// The lines that only tests are made of.
    pub(crate) fn test_lines(&self) -> Vec<(usize, &str)> {
        let tests_from = if self.is_test { 0 } else { self.first_test_line() };
        self.lines().into_iter().skip(tests_from).collect()
    }

    /// All lines.
    pub(crate) fn lines(&self) -> Vec<(usize, &str)> {
        self.text.lines().enumerate().map(|(i, line)| (i + 1, line)).collect()
    }

    /// Test modules stand at the end of a file: everything after their attribute belongs to them.
    fn first_test_line(&self) -> usize {
        let lines: Vec<&str> = self.text.lines().collect();
        let opens_tests = |at: &usize| {
            let after = lines[at + 1..].iter().find(|line| !line.trim_start().starts_with('#'));
            lines[*at].trim() == "#[cfg(test)]"
                && after
                    .is_some_and(|line| without_visibility(line).starts_with("mod ") && line.ends_with('{'))
        };
        (0..lines.len()).find(opens_tests).unwrap_or(lines.len())
    }
}

/// Whether a line is a comment.
pub(crate) fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

/// Fails with everything that was found, not with the first only.
#[track_caller]
pub(crate) fn expect_none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}
