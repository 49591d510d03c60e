use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::*;

/// Leaves what a run of Holdfast leaves.
fn run(raw: &Path, name: &str, rate: f64, change: impl FnOnce(&mut Value)) {
    let directory = raw.join(name);
    fs::create_dir(&directory).unwrap();
    let mut summary = json!({
        "build": { "commit": "abc1234" },
        "host": { "cpu": "a processor", "cores": 2, "kernel": "6.18" },
        "verdict": { "measurement": "valid", "books": "closed", "remarks": ["co-located: lower bound"] },
        "rate": { "goodput_per_s": rate },
        "latency_us": { "response": { "p99": null, "observed": { "p50": 1_000, "p99": 4_500, "p999": "endless" } } },
        "window": { "from_s": 1.0, "until_s": 3.0 },
        "journal": { "syncs_per_s": rate / 200.0, "bytes_per_s": rate * 250.0 },
        "generator": { "cpu_share": 0.5 },
    });
    change(&mut summary);
    fs::write(directory.join("summary.json"), summary.to_string()).unwrap();
    let samples = "ticks_per_s 100 page_bytes 4096\n10.0 0 1\n11.0 100 1000\n12.5 280 2000\n14.0 999 9999\n";
    fs::write(directory.join("samples.txt"), samples).unwrap();
    fs::write(directory.join("status.json"), r#"{"ledger": {"remembered": 17000000}}"#).unwrap();
}

fn relay(raw: &Path, name: &str, rate: f64) {
    let json = json!({ "rate_per_s": rate, "latency_us": { "p50": 2.0, "p99": 5.0 } });
    fs::write(raw.join(name), json.to_string()).unwrap();
}

const LABORATORY: &str = r#"{"name":"raw relay, window 4096","rps":2000000,"p50":1375.9,"p99":2265.5}
{"name":"toy, forward and reply held until durable","rps":1000000,"p50":2508.7,"p99":5759.9}
{"name":"toy, one in flight","rps":2365,"p50":412.7,"p99":582.3}
{"name":"toy, paced at 300000","rps":299990,"p50":900.0,"p99":4900.0}
{"name":"toy, one in flight"}
"#;

/// Everything that a whole run of the script leaves.
fn measured() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let raw = directory.path();
    let asked = json!({ "seconds": 10, "window_s": 30, "warm_up_s": 33, "volatile_warm_up_s": 33, "mtu": 1_452, "mix": "pay:1", "real_time_priority": 5 });
    fs::write(raw.join("bench.json"), asked.to_string()).unwrap();
    for (round, rate) in [(1, 500_000.0), (2, 900_000.0), (3, 600_000.0), (4, 700_000.0), (5, 100_000.0)] {
        run(raw, &format!("durable-{round}"), rate, |_| ());
        relay(raw, &format!("relay-{round}.json"), rate * 2.0);
    }
    relay(raw, "relay-one-link-1.json", 1_900_000.0);
    run(raw, "volatile-1", 800_000.0, |_| ());
    run(raw, "half", 300_000.0, |_| ());
    run(raw, "single", 2_000.0, |_| ());
    for (pipeline, rate) in [(1, 15_000), (16, 40_000), (64, 60_000), (256, 50_000)] {
        let json = json!({ "pairs_per_s": rate, "latency_us": { "p50": 900, "p99": 3_000 } });
        fs::write(raw.join(format!("redis-{pipeline}.json")), json.to_string()).unwrap();
    }
    for (clients, tps) in [(8, "2400.7"), (32, "6000.0"), (64, "5000.1")] {
        let text = format!("latency average = 1 ms\ntps = {tps} (without initial connection time)\n");
        fs::write(raw.join(format!("postgres-{clients}.txt")), text).unwrap();
    }
    fs::write(raw.join("limits.jsonl"), LABORATORY).unwrap();
    directory
}

fn figures(directory: &Path) -> Figures {
    Figures::read(directory, Some(&directory.join("limits.jsonl"))).unwrap()
}

#[test]
fn the_middle_of_five_counts_with_the_rest_of_its_run() {
    let directory = measured();
    let figures = figures(directory.path());
    assert_eq!(figures.half_rate(), Some(300_000));
    let expected = json!({
        "relay_per_s": 1_200_000.0,
        "volatile_per_s": 800_000.0,
        "durable_per_s": 600_000.0,
        "half_load": { "rate_per_s": 300_000.0, "p50_us": 1_000.0, "p99_us": 4_500.0, "p999_us": null },
        "single": { "p50_us": 1_000.0, "p99_us": 4_500.0 },
        "redis_pairs_per_s": 60_000.0,
        "postgres_pairs_per_s": 6_000.0,
        "ratio_durable_to_relay": 0.5,
        "ratio_durable_to_redis": 10.0,
        "ratio_durable_to_postgres": 100.0,
        "mtu": 1_452,
        "mix": "pay:1",
        "real_time_priority": 5,
        "window_s": 30,
        "remembered": 17_000_000,
        "syncs_per_s": 3_000.0,
        "journal_bytes_per_s": 150_000_000.0,
        "generator_cpu": 0.5,
        "switch_cpu": 1.2,
        "rss_bytes": 2_000 * 4_096,
        "host": { "cpu": "a processor", "cores": 2, "kernel": "6.18" },
        "commit": "abc1234",
        "toy_per_s": 1_000_000.0,
        "toy_half_load": { "rate_per_s": 299_990.0, "p99_us": 4_900.0 },
        "toy_single": { "p50_us": 412.7 },
        "ratio_durable_to_toy": 0.6,
    });
    assert_eq!(figures.to_json(), expected);
}

#[test]
fn what_was_not_measured_is_null_and_the_table_says_why() {
    let directory = measured();
    let raw = directory.path();
    for file in ["redis-1.json", "redis-16.json", "redis-64.json", "redis-256.json"] {
        fs::remove_file(raw.join(file)).unwrap();
    }
    fs::remove_dir_all(raw.join("volatile-1")).unwrap();
    fs::write(raw.join("skipped.txt"), "Redis: no redis-server\n").unwrap();
    let figures = Figures::read(raw, None).unwrap();
    let json = figures.to_json();
    for field in ["redis_pairs_per_s", "ratio_durable_to_redis", "volatile_per_s"] {
        assert_eq!(json[field], Value::Null, "{field}");
    }
    assert_eq!(json.get("toy_per_s"), None, "without a laboratory there is no toy");
    let table = figures.to_table();
    assert!(table.contains("skipped: Redis: no redis-server"), "{table}");
    assert!(!table.contains("journal in memory"), "{table}");
    assert!(!table.contains("at usual priority"), "{table}");
}

#[test]
fn a_relay_that_is_slower_than_the_laboratorys_counts_for_nothing() {
    let directory = measured();
    let good = figures(directory.path());
    assert_eq!(good.relay_by_laboratory(), Some(0.95));
    assert!(!good.to_table().contains("COUNTS FOR NOTHING"));
    relay(directory.path(), "relay-one-link-1.json", 1_700_000.0);
    let poor = figures(directory.path());
    assert_eq!(poor.relay_by_laboratory(), Some(0.85));
    assert!(poor.to_table().contains("COUNTS FOR NOTHING"));
}

#[test]
fn runs_that_cannot_be_believed_are_named_and_open_books_are_no_figures() {
    let directory = measured();
    let raw = directory.path();
    assert!(figures(raw).invalid().is_empty());
    run(raw, "volatile-3", 1.0, |summary| summary["verdict"]["measurement"] = json!("invalid"));
    let figures = figures(raw);
    assert_eq!(figures.invalid()[0].name, "volatile-3");
    assert!(figures.to_table().contains("INVALID: volatile-3: co-located: lower bound"));
    run(raw, "volatile-5", 1.0, |summary| summary["verdict"]["books"] = json!("open"));
    assert!(Figures::read(raw, None).unwrap_err().contains("books do not close"));
}

#[test]
fn a_short_memory_is_not_the_headline_work_and_usual_priority_is_said() {
    let directory = measured();
    let asked = json!({ "window_s": 5, "warm_up_s": 8, "volatile_warm_up_s": 4, "real_time_priority": 0 });
    fs::write(directory.path().join("bench.json"), asked.to_string()).unwrap();
    let table = figures(directory.path()).to_table();
    assert!(table.contains("NOT THE HEADLINE WORK"), "{table}");
    assert!(table.contains("filled for 4 s only"), "{table}");
    assert!(table.contains("at usual priority"), "{table}");
}

#[test]
fn the_laboratorys_lines_are_understood_and_nonsense_is_not() {
    assert_eq!(Laboratory::parse("").unwrap(), Laboratory::default());
    let twice = LABORATORY.replace("one in flight", "none") + LABORATORY;
    assert_eq!(Laboratory::parse(&twice).unwrap().relay_per_s, Some(2_000_000.0));
    assert!(Laboratory::parse("{\"rps\": 1}").unwrap_err().contains("line 1 has no name"));
    assert!(Laboratory::parse("no json").is_err());
}
