//! Notes commit and compiler, which `summary.json` names.

use std::process::Command;

fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next()?.trim().to_owned();
    (output.status.success() && !line.is_empty()).then_some(line)
}

fn main() {
    let unknown = || "unknown".to_owned();
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let commit = first_line("git", &["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(unknown);
    println!("cargo::rustc-env=LOADGEN_COMMIT={commit}");
    println!("cargo::rustc-env=LOADGEN_RUSTC={}", first_line(&rustc, &["--version"]).unwrap_or_else(unknown));
    println!("cargo::rustc-env=LOADGEN_PROFILE={}", std::env::var("PROFILE").unwrap_or_else(|_| unknown()));
    // Where HEAD points to changes this file; without a repository nothing is watched but the build itself.
    if let Some(path) = first_line("git", &["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo::rerun-if-changed={path}");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
