//! The report of a run, drawn by a real browser without a window: a run of the real programs, then what the page shows
//! (LG-3). Where there is no browser, the test says that it was skipped.

use std::path::{Path, PathBuf};
use std::process::Command;

use holdfast_tests::processes::{SwitchHome, program, run, run_well, text};
use holdfast_tests::skipped::skipped;

/// What a browser ends with where it drew the page: the page says how many pictures it has.
const DRAWN: &str = "data-drawn=\"4\"";
/// A drill has one more: who was not served.
const DRAWN_OF_DRILL: &str = "data-drawn=\"5\"";
const DRAWN_OF_COMPARISON: &str = "data-drawn=\"1\"";
const DRAWN_OF_SEARCH: &str = "data-drawn=\"1\"";
/// The trials, and the law fitted to them where enough of them count, which a busy machine may not allow.
const DRAWN_OF_SWEEP: [&str; 2] = ["data-drawn=\"1\"", "data-drawn=\"2\""];
const WITHOUT: &str = "without chromium no report is drawn; scripts/install-tools.sh installs it";

#[test]
fn a_browser_draws_the_report_of_a_run_without_asking_anybody() {
    let Some(browser) = browser() else { return skipped(WITHOUT) };
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = SwitchHome::new(directory.path(), 2, 2);
    let switch = home.start();
    let out = directory.path().join("out");
    let (listen, admin, certs) = (home.listen.to_string(), home.admin.to_string(), home.certs());
    let mut arguments = vec!["run", "--switch", &listen, "--admin", &admin, "--certs", text(&certs)];
    arguments.extend(["--operators", "2", "--acquirers", "2", "--rate", "200", "--duration", "3s"]);
    arguments.extend(["--warmup", "1s", "--slo", "goodput>1000000", "--quiet", "--output", text(&out)]);
    let load = run("loadgen", &arguments);
    let status: serde_json::Value = serde_json::from_str(&home.status()).unwrap();
    home.stop(switch);
    assert!(out.join("report.html").exists(), "{}", String::from_utf8_lossy(&load.stderr));
    let drawn = draw(&browser, &out.join("report.html"), directory.path());
    assert!(drawn.contains(DRAWN), "the page was not drawn to its end:\n{}", shown(&drawn));
    for words in [
        "books closed",
        "1 of 1 objectives missed",
        "goodput&gt;1000000",
        "operator-1: response",
        &format!("; switch {}", status["build"].as_str().unwrap()),
        "To reproduce",
    ] {
        assert!(drawn.contains(words), "{words} is not on the page:\n{}", shown(&drawn));
    }
    // Made again, it is the same file: it depends on the results alone.
    let before = std::fs::read(out.join("report.html")).unwrap();
    run_well("loadgen", &["report", text(&out)]);
    assert_eq!(std::fs::read(out.join("report.html")).unwrap(), before);
    draw_what_is_not_sure(&browser, directory.path(), &out.join("run.json"));
    draw_a_comparison(&browser, directory.path(), &out.join("summary.json"));
}

/// Percentiles without enough independent samples, and an objective that is missed by what MSER-5 leaves out.
fn draw_what_is_not_sure(browser: &Path, directory: &Path, results: &Path) {
    let mut run: serde_json::Value = serde_json::from_slice(&std::fs::read(results).unwrap()).unwrap();
    let response = &mut run["summary"]["latency_us"]["response"];
    for (name, observed) in [("p50", 1_230.into()), ("p99", 7_211.into()), ("p999", serde_json::Value::Null)]
    {
        response[name].take();
        response["with_unanswered"][name].take();
        response["observed"][name] = observed;
    }
    // A quiet machine gives even so short a run an interval of its median.
    response["intervals"] = serde_json::json!({});
    run["summary"]["objectives"][0]["over_s"] = serde_json::json!([2.0, 32.0]);
    let out = directory.join("not-sure");
    std::fs::create_dir(&out).unwrap();
    std::fs::write(out.join("run.json"), run.to_string()).unwrap();
    run_well("loadgen", &["report", text(&out)]);
    let drawn = draw(browser, &out.join("report.html"), directory);
    assert!(drawn.contains(DRAWN), "the page was not drawn to its end:\n{}", shown(&drawn));
    for words in [
        "<small>response p50</small><b>~1.23 ms</b>",
        "<small>response p99</small><b>~7.21 ms</b>",
        "<small>p99 with unanswered</small><b>~7.21 ms</b>",
        "<td>~1.23 ms</td>",
        "<td>~7.21 ms</td><td>n/a</td>",
        "~ as observed in this run, without an interval",
        "from 2.0 to 32.0 s, everything after the warm-up that was asked for",
    ] {
        assert!(drawn.contains(words), "{words} is not on the page:\n{}", shown(&drawn));
    }
}

/// Of a run with itself, three times on each side: nothing differs.
fn draw_a_comparison(browser: &Path, directory: &Path, summary: &Path) {
    // What a busy machine makes of the run is not what is drawn here.
    let mut run: serde_json::Value = serde_json::from_slice(&std::fs::read(summary).unwrap()).unwrap();
    run["verdict"]["measurement"] = "valid".into();
    for name in ["a/1", "a/2", "a/3", "b/1", "b/2", "b/3"] {
        std::fs::create_dir_all(directory.join(name)).unwrap();
        std::fs::write(directory.join(name).join("summary.json"), run.to_string()).unwrap();
    }
    let (a, b, out) = (directory.join("a"), directory.join("b"), directory.join("compared"));
    run_well("loadgen", &["compare", text(&a), text(&b), "--seed", "1", "--quiet", "-o", text(&out)]);
    let drawn = draw(browser, &out.join("report.html"), directory);
    assert!(drawn.contains(DRAWN_OF_COMPARISON), "the page was not drawn to its end:\n{}", shown(&drawn));
    for words in ["the same: response p50", "too few to see any difference", "1.000 to 1.000"] {
        assert!(drawn.contains(words), "{words} is not on the page:\n{}", shown(&drawn));
    }
}

#[test]
fn a_browser_draws_who_was_not_served_in_a_drill() {
    let Some(browser) = browser() else { return skipped(WITHOUT) };
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = SwitchHome::new(directory.path(), 2, 2);
    let out = directory.path().join("out");
    let (listen, admin, certs, config) =
        (home.listen.to_string(), home.admin.to_string(), home.certs(), home.config());
    let start = format!("{} serve --config {}", text(&program("holdfast")), text(&config));
    let mut arguments = vec!["drill", "--start", &start, "--switch", &listen, "--admin", &admin];
    arguments.extend(["--certs", text(&certs), "--operators", "2", "--acquirers", "2", "--rate", "100"]);
    arguments.extend(["--freeze", "switch:500ms", "--kills", "1", "--every", "2s", "--warmup", "0s"]);
    arguments.extend(["--quiet", "--output", text(&out)]);
    let drill = run("loadgen", &arguments);
    assert!(out.join("report.html").exists(), "{}", String::from_utf8_lossy(&drill.stderr));
    let results = std::fs::read_to_string(out.join("run.json")).unwrap();
    let results: serde_json::Value = serde_json::from_str(&results).unwrap();
    let kill = &results["kills"][0];
    let (from, until) = (kill["from_s"].as_f64().unwrap(), kill["until_s"].as_f64().unwrap());
    assert!(until >= from + 0.5, "it is shaded for as long as the switch was frozen: {kill}");
    let served = kill["served_s"].as_f64().unwrap();
    assert!(from < served && served <= until, "nobody is approved before the first answer: {kill}");
    let drawn = draw(&browser, &out.join("report.html"), directory.path());
    assert!(drawn.contains(DRAWN_OF_DRILL), "the page was not drawn to its end:\n{}", shown(&drawn));
    let bar = format!("<i title=\"freeze switch:0.5s at {from:.1} s: ");
    assert_eq!(drawn.matches(&bar).count(), 2, "a bar for each operator:\n{}", shown(&drawn));
    for words in [
        "Clean: nothing lost",
        "operator-2 unserved</th><th>approved after</th>",
        "Red: from a fault until everybody was answered again; lighter: until everybody was approved again",
        "class=\"declined\" title=\"approved after ",
        "loadgen drill --config",
    ] {
        assert!(drawn.contains(words), "{words} is not on the page:\n{}", shown(&drawn));
    }
}

/// A search and a sweep with the real programs, small, and what their pages show: trials, the objective, the ends.
#[test]
fn a_browser_draws_a_search_and_a_sweep() {
    let Some(browser) = browser() else { return skipped(WITHOUT) };
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = SwitchHome::new(directory.path(), 2, 2);
    let switch = home.start();
    let (listen, admin, certs) = (home.listen.to_string(), home.admin.to_string(), home.certs());
    let place = ["--switch", &listen, "--admin", &admin, "--certs", text(&certs), "--operators", "2"];
    let load = ["--acquirers", "2", "--mix", "pay:1", "-d", "1s", "-w", "200ms", "--seed", "5", "--quiet"];
    let common: Vec<&str> = place.into_iter().chain(load).chain(["--slo", "p50<10s"]).collect();
    let search = ["capacity", "--from", "50", "--top", "100", "--planned", "80", "-o"];
    let sweep = ["sweep", "--rates", "60,80,100,120", "--repeats", "1", "-o"];
    let (searched, swept) = (directory.path().join("searched"), directory.path().join("swept"));
    run_well("loadgen", &[&search[..], &[text(&searched)], &common].concat());
    run_well("loadgen", &[&sweep[..], &[text(&swept)], &common].concat());
    home.stop(switch);
    let sweep: serde_json::Value =
        serde_json::from_slice(&std::fs::read(swept.join("sweep.json")).unwrap()).unwrap();
    let is_fitted = !sweep["scalability"].is_null();
    let of_search = ["Capacity at least 100 operations a second", "Headroom over the planned"];
    let of_sweep = ["Runs are marked by p50&lt;10s", "<h3>Latency against rate</h3>"];
    let pages = [
        (&searched, "capacity", DRAWN_OF_SEARCH, of_search),
        (&swept, "sweep", DRAWN_OF_SWEEP[usize::from(is_fitted)], of_sweep),
    ];
    for (out, command, count, words) in pages {
        let drawn = draw(&browser, &out.join("report.html"), directory.path());
        assert!(drawn.contains(count), "the page was not drawn to its end:\n{}", shown(&drawn));
        let law = drawn.contains("<h3>Throughput against what is in flight</h3>");
        assert_eq!(law, command == "sweep" && is_fitted, "{}", shown(&drawn));
        // A line of the picture has its name in the legend.
        let line = "<th><div class=\"u-marker\"";
        assert!(drawn.contains(line) && drawn.contains(">p50&lt;10s</div>"), "{}", shown(&drawn));
        let again = format!("loadgen {command} --config config.toml --seed 5");
        for words in words.iter().chain(&[again.as_str()]) {
            assert!(drawn.contains(words), "{words} is not on the page:\n{}", shown(&drawn));
        }
    }
    draw_what_broke_off(&browser, directory.path(), &searched.join("capacity.json"));
}

/// What ended before its time is drawn as far as it came, which may be nothing at all.
fn draw_what_broke_off(browser: &Path, directory: &Path, results: &Path) {
    let mut found: serde_json::Value = serde_json::from_slice(&std::fs::read(results).unwrap()).unwrap();
    let trials = found["trials"].take();
    for name in ["found", "broken_off"] {
        found[name] = "broken_off".into();
    }
    found["so_far"] = serde_json::json!({ "passes_per_s": 50.0, "fails_per_s": null });
    for name in ["passes_per_s", "fails_per_s", "width", "goodput_per_s", "headroom"] {
        found[name].take();
    }
    let out = directory.join("cut");
    std::fs::create_dir(&out).unwrap();
    for (trials, pictures) in [(trials, "data-drawn=\"1\""), (serde_json::json!([]), "data-drawn=\"0\"")] {
        found["trials"] = trials;
        std::fs::write(out.join("capacity.json"), found.to_string()).unwrap();
        run_well("loadgen", &["report", text(&out)]);
        let drawn = draw(browser, &out.join("report.html"), directory);
        for words in [pictures, "the search ended before its time", "Until then 50 /s passed"] {
            assert!(drawn.contains(words), "{words} is not on the page:\n{}", shown(&drawn));
        }
    }
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
