//! Every script says what it does before it does anything.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use crate::tree::{expect_none, files, root};

/// What a script could build, install or draw with: each says that it was called, and does nothing.
const NOT_FOR_HELP: [&str; 6] = ["cargo", "rustup", "rustc", "apt-get", "chromium", "gungraun-runner"];

/// From the root of the repository.
fn scripts() -> Vec<String> {
    let mut scripts: Vec<_> = files(&[".sh"]).into_iter().map(|file| file.path).collect();
    scripts.push(".ci/run".to_owned());
    scripts
}

struct Caught {
    directory: tempfile::TempDir,
}

impl Caught {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in NOT_FOR_HELP {
            let file = directory.path().join(name);
            fs::write(&file, format!("#!/bin/sh\necho \"{name} was called\" >&2\nexit 9\n")).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { directory }
    }

    fn run(&self, script: &str, argument: &str) -> Output {
        let mut path = vec![self.directory.path().to_owned()];
        path.extend(["/usr/bin", "/bin"].map(PathBuf::from));
        let path = std::env::join_paths(path).unwrap();
        let mut command = Command::new("bash");
        command.arg(root().join(script)).arg(argument).env("PATH", path).env_remove("CARGO_TARGET_DIR");
        command.output().unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

#[test]
fn every_script_explains_itself_and_does_nothing_else() {
    let (caught, mut wrong) = (Caught::new(), Vec::new());
    for script in scripts() {
        for option in ["--help", "-h"] {
            let Output { status, stdout, stderr } = caught.run(&script, option);
            let (said, complained) = (text(&stdout), text(&stderr));
            if !status.success() || !said.contains(&script) || !complained.is_empty() {
                wrong.push(format!("{script} {option}: {status}: {said:?} {complained:?}"));
            }
        }
    }
    expect_none("scripts that do not say what they do and exit with 0", &wrong);
}

#[test]
fn a_script_refuses_an_option_that_it_does_not_know() {
    let (caught, mut wrong) = (Caught::new(), Vec::new());
    // This one hands every argument to `cargo test`, and says so.
    let passes_on = "scripts/test.sh";
    for script in scripts().into_iter().filter(|script| script != passes_on) {
        let Output { status, stderr, .. } = caught.run(&script, "--no-such-option");
        if status.code() != Some(2) || text(&stderr).contains("was called") {
            wrong.push(format!("{script}: {status}: {:?}", text(&stderr)));
        }
    }
    expect_none("scripts that take an unknown option", &wrong);
    let help = text(&caught.run(passes_on, "--help").stdout);
    assert!(help.contains("Arguments go to `cargo test`"), "{help}");
}
