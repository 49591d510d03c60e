//! Which crate may know which. The load generator shares no code with the core, so that it cannot share its bugs; the
//! auditor shares no code with anyone.

use std::collections::BTreeMap;
use std::fs;

use toml::Table;

use crate::tree::{expect_none, root};

/// Folder and package of each crate, and the packages of ours it may depend on. `None`: any.
const CRATES: &[(&str, &str, Option<&[&str]>)] = &[
    ("protocol", "holdfast-protocol", Some(&[])),
    ("link", "holdfast-link", Some(&["holdfast-protocol"])),
    ("participant", "holdfast-participant", Some(&["holdfast-protocol", "holdfast-link"])),
    ("switch/core", "holdfast-core", Some(&["holdfast-protocol"])),
    ("switch/journal", "holdfast-journal", Some(&["holdfast-protocol", "holdfast-core"])),
    (
        "switch",
        "holdfast",
        Some(&["holdfast-protocol", "holdfast-link", "holdfast-core", "holdfast-journal"]),
    ),
    (
        "loadgen",
        "holdfast-loadgen",
        Some(&["holdfast-protocol", "holdfast-link", "holdfast-participant", "holdfast-audit"]),
    ),
    ("audit", "holdfast-audit", Some(&[])),
    ("benches", "holdfast-benches", None),
    ("tests", "holdfast-tests", None),
];

/// What the crates without I/O may not depend on: clocks, sockets, threads, randomness, and any form but the wire's.
const NOT_IN_PROTOCOL_AND_CORE: &[&str] = &[
    "chrono",
    "crossbeam",
    "dashmap",
    "getrandom",
    "jiff",
    "mio",
    "quinn",
    "rand",
    "rustix",
    "rustls",
    "serde",
    "serde_json",
    "socket2",
    "time",
    "tokio",
    "tracing",
];

fn manifest(folder: &str) -> Table {
    let path = root().join(folder).join("Cargo.toml");
    fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .parse()
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every dependency of a manifest, of each kind, by the name of its package.
fn dependencies(manifest: &Table) -> Vec<String> {
    let mut found = Vec::new();
    let mut collect = |table: &Table| {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (name, value) in table.get(kind).and_then(|t| t.as_table()).into_iter().flatten() {
                let package = value.get("package").and_then(|p| p.as_str()).unwrap_or(name);
                found.push(package.to_owned());
            }
        }
    };
    collect(manifest);
    for (_, target) in manifest.get("target").and_then(|t| t.as_table()).into_iter().flatten() {
        collect(target.as_table().expect("a target's table"));
    }
    found
}

#[test]
fn every_crate_is_listed_here() {
    let workspace = manifest(".");
    let members = workspace["workspace"]["members"].as_array().unwrap();
    let mut members: Vec<&str> = members.iter().map(|m| m.as_str().unwrap()).collect();
    let mut listed: Vec<&str> = CRATES.iter().map(|(folder, ..)| *folder).collect();
    members.sort_unstable();
    listed.sort_unstable();
    assert_eq!(members, listed);
    for (folder, package, _) in CRATES {
        assert_eq!(manifest(folder)["package"]["name"].as_str(), Some(*package));
    }
}

#[test]
fn crates_know_only_whom_they_may_know() {
    let ours: BTreeMap<&str, &str> = CRATES.iter().map(|(folder, package, _)| (*package, *folder)).collect();
    let mut wrong = Vec::new();
    for (folder, _, allowed) in CRATES {
        let Some(allowed) = allowed else { continue };
        for dependency in dependencies(&manifest(folder)) {
            if ours.contains_key(dependency.as_str()) && !allowed.contains(&dependency.as_str()) {
                wrong.push(format!("{folder} must not know {dependency}"));
            }
        }
    }
    expect_none("dependencies against their direction", &wrong);
}

#[test]
fn protocol_and_core_have_no_clock_socket_thread_or_randomness() {
    let mut wrong = Vec::new();
    for folder in ["protocol", "switch/core"] {
        let manifest = manifest(folder);
        let table = manifest.get("dependencies").and_then(|t| t.as_table());
        for (name, _) in table.into_iter().flatten() {
            if NOT_IN_PROTOCOL_AND_CORE.contains(&name.as_str()) {
                wrong.push(format!("{folder} must not know {name}"));
            }
        }
    }
    expect_none("crates without I/O", &wrong);
}

#[test]
fn versions_stand_in_the_workspace_only() {
    let mut wrong = Vec::new();
    for (folder, ..) in CRATES {
        let manifest = manifest(folder);
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (name, value) in manifest.get(kind).and_then(|t| t.as_table()).into_iter().flatten() {
                if value.get("workspace").and_then(|w| w.as_bool()) != Some(true) {
                    wrong.push(format!("{folder}: {name}"));
                }
            }
        }
    }
    expect_none("dependencies that do not say workspace = true", &wrong);
}
