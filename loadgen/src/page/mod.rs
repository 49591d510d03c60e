//! `report.html`: what a run, a drill, a search, a sweep or a comparison found, as one file that opens anywhere and loads nothing.
//!
//! The data is in the file, and so are the script and the styles that draw it; a policy in the file forbids every
//! request. Lines are drawn by uPlot (`vendor/`, MIT), the rest by the few hundred lines beside this one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::results::summary::SCHEMA_VERSION;

const TEMPLATE: &str = include_str!("page.html");
const PARTS: [(&str, &str); 6] = [
    ("plot_style", include_str!("vendor/uPlot.min.css")),
    ("style", include_str!("page.css")),
    ("plot_script", include_str!("vendor/uPlot.iife.min.js")),
    ("elements", include_str!("elements.js")),
    ("charts", include_str!("charts.js")),
    ("script", include_str!("page.js")),
];

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The directory has no results.
    #[error("{}: none of run.json, capacity.json, sweep.json and compare.json; give the directory that `loadgen run`, `drill`, `capacity`, `sweep` or `compare` wrote with `-o`", .0.display())]
    NoResults(PathBuf),
    /// The results are no JSON.
    #[error("{}: {source}", path.display())]
    NoJson {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Another program wrote the results.
    #[error("{}: schema version {found}, and this program knows {known}: make the report with the loadgen that made the run", path.display())]
    OtherVersion {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: Value,
        /// The version that would be read.
        known: u32,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Makes `report.html` of the results that lie in a directory, in that directory; where it is.
///
/// # Errors
/// Where there are no results, or none that this program can read.
pub fn make(directory: &Path) -> Result<PathBuf, PageError> {
    let run = read(&directory.join("run.json"), "/summary/schema_version", SCHEMA_VERSION)?;
    let capacity = read(&directory.join("capacity.json"), "/schema_version", 1)?;
    let sweep = read(&directory.join("sweep.json"), "/schema_version", 1)?;
    let compare = read(&directory.join("compare.json"), "/schema_version", 1)?;
    if [&run, &capacity, &sweep, &compare].iter().all(|found| found.is_none()) {
        return Err(PageError::NoResults(directory.to_owned()));
    }
    let path = directory.join("report.html");
    let text =
        page(&serde_json::json!({ "run": run, "capacity": capacity, "sweep": sweep, "compare": compare }));
    match fs::write(&path, text) {
        Ok(()) => Ok(path),
        Err(source) => Err(PageError::Io { path, source }),
    }
}

fn read(path: &Path, version_at: &str, known: u32) -> Result<Option<Value>, PageError> {
    let path_of = || path.to_owned();
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(PageError::Io { path: path_of(), source }),
    };
    let results: Value =
        serde_json::from_slice(&text).map_err(|source| PageError::NoJson { path: path_of(), source })?;
    match results.pointer(version_at) {
        Some(found) if *found == known => Ok(Some(results)),
        found => {
            let found = found.cloned().unwrap_or(Value::Null);
            Err(PageError::OtherVersion { path: path_of(), found, known })
        }
    }
}

/// The whole file. Whatever the data says, it cannot end the script it lies in.
fn page(data: &Value) -> String {
    let data = data.to_string().replace('<', "\\u003c");
    let mut page = String::new();
    let mut rest = TEMPLATE;
    // Only what the template itself names is replaced: the parts may hold anything.
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").expect("the template closes what it opens");
        let part = PARTS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text);
        page.push_str(before);
        page.push_str(part.unwrap_or(&data));
        rest = after;
    }
    page + rest
}

#[cfg(test)]
mod tests;
