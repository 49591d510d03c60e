//! A filesystem of a size that a test chooses: memory, mounted where only the test's own processes see it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::processes::text;

/// In namespaces of its own, for as long as this lives.
#[derive(Debug)]
pub struct SmallDisk {
    keeper: Child,
}

/// Mounts, says so, and lives until its input ends.
const KEEP: &str = r#"mount -t tmpfs -o size="$1" none "$2" && echo mounted && exec cat"#;

impl SmallDisk {
    /// A filesystem of so many bytes at a directory, which is made. `None`, and the test is skipped, where the machine does
    /// not allow it.
    pub fn mount(at: &Path, bytes: u64) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let keeper = Command::new("unshare")
            .args([
                "--user",
                "--map-root-user",
                "--mount",
                "sh",
                "-c",
                KEEP,
                "sh",
                &bytes.to_string(),
                text(at),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut keeper = match keeper {
            Ok(keeper) => keeper,
            Err(error) => return not_mounted(&error.to_string()),
        };
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().expect("it is piped")).read_line(&mut line).unwrap();
        if line.trim() == "mounted" {
            return Some(Self { keeper });
        }
        let status = keeper.wait().unwrap();
        not_mounted(&format!("unshare and mount ended with {status}"))
    }

    /// The words with which a command enters.
    pub fn enter(&self) -> Vec<String> {
        let target = self.keeper.id().to_string();
        let words = ["nsenter", "--target", &target, "--user", "--preserve-credentials", "--mount"];
        words.map(str::to_owned).into()
    }

    /// A path as it is inside, seen from outside.
    pub fn inside(&self, path: &Path) -> PathBuf {
        let root = format!("/proc/{}/root", self.keeper.id());
        Path::new(&root).join(path.strip_prefix("/").expect("paths of tests are absolute"))
    }
}

fn not_mounted(why: &str) -> Option<SmallDisk> {
    crate::skipped::skipped(&format!("this machine lets no test mount a filesystem of limited size: {why}"));
    None
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Its input ends, so it ends.
        self.keeper.stdin = None;
        if let Err(error) = self.keeper.wait() {
            eprintln!("the keeper of a filesystem is gone: {error}");
        }
    }
}
