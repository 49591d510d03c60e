//! Finds the commit for `--version`, and the profile that `holdfast status` names.

use std::process::Command;

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|o| o.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

fn main() {
    println!("cargo::rerun-if-env-changed=HOLDFAST_COMMIT");
    // Moving HEAD, by a commit or a checkout, appends to its log.
    if let Some(log) = git(&["rev-parse", "--path-format=absolute", "--git-path", "logs/HEAD"]) {
        println!("cargo::rerun-if-changed={log}");
    }
    println!("cargo::rerun-if-changed=build.rs");
    // A build from a source archive has no repository; whoever packages it names the commit.
    let commit = std::env::var("HOLDFAST_COMMIT").ok().or_else(|| git(&["rev-parse", "--short=12", "HEAD"]));
    println!("cargo::rustc-env=HOLDFAST_PROFILE={}", std::env::var("PROFILE").unwrap_or_default());
    println!("cargo::rustc-env=HOLDFAST_COMMIT={}", commit.unwrap_or_else(|| "unknown".to_owned()));
}
