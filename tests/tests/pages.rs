//! The report of a run, drawn by a real browser without a window: a run of the real programs, then what the page shows
//! (LG-3). Where there is no browser, the test says that it was skipped.

use std::path::{Path, PathBuf};
use std::process::Command;

use holdfast_tests::processes::{SwitchHome, run, run_well, text};

/// What a browser ends with where it drew the page: the page says how many pictures it has.
const DRAWN: &str = "data-drawn=\"4\"";

#[test]
fn a_browser_draws_the_report_of_a_run_without_asking_anybody() {
    let Some(browser) = browser() else {
        return eprintln!(
            "SKIPPED: without chromium no report is drawn; scripts/install-tools.sh installs it"
        );
    };
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = SwitchHome::new(directory.path(), 2, 2);
    let switch = home.start();
    let out = directory.path().join("out");
    let (listen, admin, certs) = (home.listen.to_string(), home.admin.to_string(), home.certs());
    let mut arguments = vec!["run", "--switch", &listen, "--admin", &admin, "--certs", text(&certs)];
    arguments.extend(["--operators", "2", "--acquirers", "2", "--rate", "200", "--duration", "3s"]);
    arguments.extend(["--warmup", "1s", "--slo", "goodput>1000000", "--quiet", "--output", text(&out)]);
    let load = run("loadgen", &arguments);
    home.stop(switch);
    assert!(out.join("report.html").exists(), "{}", String::from_utf8_lossy(&load.stderr));
    let drawn = draw(&browser, &out.join("report.html"), directory.path());
    assert!(drawn.contains(DRAWN), "the page was not drawn to its end:\n{}", shown(&drawn));
    for words in [
        "books closed",
        "1 of 1 objectives missed",
        "goodput&gt;1000000",
        "operator-1: response",
        "To reproduce",
    ] {
        assert!(drawn.contains(words), "{words} is not on the page:\n{}", shown(&drawn));
    }
    // Made again, it is the same file: it depends on the results alone.
    let before = std::fs::read(out.join("report.html")).unwrap();
    run_well("loadgen", &["report", text(&out)]);
    assert_eq!(std::fs::read(out.join("report.html")).unwrap(), before);
}

fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let directories: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let named = |name: &str| directories.iter().map(|d| d.join(name)).find(|file| file.exists());
    named("chromium").or_else(|| named("chromium-browser")).or_else(|| named("google-chrome"))
}

/// The page after its scripts have run.
fn draw(browser: &Path, page: &Path, profile: &Path) -> String {
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
        .args(["--window-size=1200,3000", "--virtual-time-budget=20000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.join("browser").display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The page without its scripts.
fn shown(drawn: &str) -> &str {
    drawn.split("<script").next().unwrap_or(drawn)
}
