//! The admin interface and the command line against a played driver.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod stage;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use holdfast::admin::report::StatusReport;
use holdfast::admin::{AdminError, AdminThread, channel};
use holdfast::config::Config;
use holdfast::telemetry::{RequestKind, Telemetry, TurnStats};
use holdfast_journal::{Batch, Handle, Settings, Statistics, open};
use holdfast_protocol::{ParticipantNumber, Partition, Reason, UnixMillis};
use stage::{CONFIG, ID, Stage, status};

const NOBODY: &str = "no such participant: nobody; `holdfast status` lists all";

#[test]
fn ready_means_recovered_and_listening() {
    let stage = Stage::new();
    assert_eq!(stage.get("/healthz").0, 200);
    assert_eq!(stage.get("/readyz").0, 503);
    stage.telemetry.set_ready(true);
    assert_eq!(stage.get("/readyz"), (200, "ready\n".to_owned()));
    stage.telemetry.set_journal_full(true);
    let full = "not ready: the journal has no room: only open work is finished\n";
    assert_eq!(stage.get("/readyz"), (503, full.to_owned()));
    assert!(stage.get("/metrics").1.contains("\nholdfast_ready 0.0\n"));
    stage.telemetry.set_journal_full(false);
    assert_eq!(stage.get("/readyz").0, 200);
    stage.telemetry.set_ready(false);
    assert_eq!(stage.get("/readyz").0, 503);
    assert_eq!(stage.get("/nowhere").0, 404);
}

#[test]
fn status_gives_sums_as_text_in_minor_units() {
    let stage = Stage::new();
    let (code, body) = stage.get("/status");
    assert_eq!(code, 200);
    let value: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(value["positions"][0]["participant"], "operator-1");
    assert_eq!(value["positions"][0]["held"], "1250");
    assert_eq!(serde_json::from_str::<StatusReport>(&body).unwrap(), status());
}

#[test]
fn orders_reach_the_driver_and_its_refusals_come_back() {
    let stage = Stage::new();
    let post = |path: &str| stage.ask(&format!("POST {path}"), "X-Holdfast: 1\r\nContent-Length: 0\r\n");
    assert_eq!(post("/participant/operator-1/suspend").0, 200);
    assert_eq!(post("/participant/operator-1/resume").0, 200);
    assert_eq!(post("/participant/acquirer-1/drain").0, 200);
    assert_eq!(post("/participant/operator-1/remove").0, 400);
    assert_eq!(post("/participant/nobody/drain"), (404, serde_json::json!({ "error": NOBODY }).to_string()));
    assert_eq!(post("/cutover/2026-11-23").0, 200);
    assert_eq!(post("/cutover/2026-11-22").0, 409);
    assert_eq!(post("/cutover/2026-11-31").0, 400);
    assert_eq!(stage.get(&format!("/transaction/operator-1/{ID}")).0, 200);
    assert_eq!(stage.get("/transaction/operator-1/019f0000-0000-7000-8000-000000000002").0, 404);
    assert_eq!(stage.get("/transaction/operator-1/x").0, 400);
    assert_eq!(stage.get("/route/shop-1@acq1").0, 200);
    assert_eq!(
        stage.orders(),
        ["operator-1 Suspended", "operator-1 Active", "acquirer-1 Draining", "cut over to 2026-11-23"]
    );
}

#[test]
fn a_page_in_a_browser_cannot_give_orders_or_read() {
    let stage = Stage::new();
    let order = "POST /participant/operator-1/suspend";
    let form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 0\r\n";
    assert_eq!(stage.ask(order, form).0, 403, "without a header of its own");
    assert_eq!(stage.ask(order, "Host: evil.example\r\nX-Holdfast: 1\r\nContent-Length: 0\r\n").0, 403);
    assert_eq!(stage.ask("GET /status", "Host: evil.example:7071\r\n").0, 403, "a name pointed at us");
    assert_eq!(stage.ask("GET /participant/operator-1/suspend", "X-Holdfast: 1\r\n").0, 405);
    assert!(stage.orders().is_empty());
}

#[test]
fn only_loopback_is_bound() {
    let mut config = Config::parse(CONFIG, Path::new("h.toml")).unwrap();
    config.admin = "0.0.0.0:0".parse().unwrap();
    let (sender, _receiver) = channel();
    let error = AdminThread::start(config, Telemetry::default(), sender).unwrap_err();
    assert!(matches!(error, AdminError::NotLoopback(_)), "{error}");
}

#[test]
fn a_driver_that_has_gone_is_said_so_and_the_counters_stay() {
    let stage = Stage::with(|commands| {
        drop(commands);
        Vec::new()
    });
    stage.telemetry.links.signed_on.set(7);
    stage.driver_gone();
    assert_eq!(stage.get("/status").0, 503);
    let (code, body) = stage.get("/metrics");
    assert_eq!(code, 200);
    assert!(body.contains("\nholdfast_driver_answered 0.0\n"), "{body}");
    assert!(body.contains("\nholdfast_sign_ons_total 7\n"));
    assert!(body.contains("\nholdfast_journal_syncs_total 0\n"));
    assert!(!body.contains("holdfast_pending"), "no stale levels");
}

/// The counters of a real journal that holds one fact.
fn journal_with_a_fact() -> Arc<Statistics> {
    let directory = tempfile::tempdir().unwrap();
    let now = UnixMillis::new(1_795_305_600_000).unwrap();
    let recovered = open(directory.path(), Settings::small(), now, &mut |_| Ok(())).unwrap();
    let first = recovered.last_sequence().next();
    let handle = Handle::start(recovered, Box::new(|| {}), Box::new(|_| {})).unwrap();
    let statistics = handle.statistics();
    handle.try_submit(Batch { bytes: vec![7; 100], first, count: 1, time: now }).unwrap();
    handle.stop().unwrap();
    statistics
}

/// Each sample as its name with labels, and its value; a line that is no OpenMetrics fails.
fn samples(text: &str) -> Vec<(String, f64)> {
    assert!(text.ends_with("# EOF\n"));
    let mut samples = Vec::new();
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let word = comment.split(' ').next().unwrap();
            assert!(["HELP", "TYPE", "EOF"].contains(&word), "{line}");
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("holdfast_"), "{line}");
        assert_eq!(name.contains('{'), name.ends_with('}'), "{line}");
        samples.push((name.to_owned(), value.parse().unwrap()));
    }
    samples
}

#[test]
fn metrics_are_openmetrics_with_counters_levels_and_histograms() {
    let stage = Stage::new();
    let t = &stage.telemetry;
    let partition = t.partition(Partition(0));
    let operator = partition.driver.participants.of(ParticipantNumber::new(1).unwrap());
    operator.requests(RequestKind::Pay, 300);
    operator.outcomes(Reason::None, 290);
    operator.outcomes(Reason::InsufficientFunds, 9);
    operator.outcomes(Reason::Busy, 1);
    partition.driver.declines.of(ParticipantNumber::new(2).unwrap()).outcomes(Reason::DestinationTimedOut, 2);
    t.links.refused.of_nobody().outcomes(Reason::Malformed, 4);
    partition.driver.turn(&TurnStats {
        inputs: 300,
        facts: 600,
        effects: 300,
        queued_ns: 40_000,
        decide_ns: 90_000,
    });
    partition.driver.released(300, 1_200_000, 5_000);
    let journal = journal_with_a_fact();
    let counts = journal.counts();
    partition.watch_journal(journal);

    let (code, body) = stage.get("/metrics");
    assert_eq!(code, 200);
    let samples = samples(&body);
    let value = |name: &str| {
        let found: Vec<_> = samples.iter().filter(|(n, _)| n == name).collect();
        assert_eq!(found.len(), 1, "{name} in {body}");
        found[0].1
    };
    for (name, expected) in [
        ("holdfast_driver_answered", 1.0),
        ("holdfast_journal_syncs_total", counts.syncs as f64),
        ("holdfast_journal_bytes_total", counts.bytes as f64),
        ("holdfast_journal_frames_total", 1.0),
        ("holdfast_journal_facts_total", 1.0),
        (r#"holdfast_requests_total{participant="operator-1",kind="pay"}"#, 300.0),
        (r#"holdfast_outcomes_total{participant="operator-1",reason="None",outcome="approved"}"#, 290.0),
        (
            r#"holdfast_outcomes_total{participant="operator-1",reason="InsufficientFunds",outcome="declined"}"#,
            9.0,
        ),
        (r#"holdfast_outcomes_total{participant="operator-1",reason="Busy",outcome="refused"}"#, 1.0),
        (r#"holdfast_refused_frames_total{participant="nobody",reason="Malformed"}"#, 4.0),
        (r#"holdfast_stage_seconds_count{stage="decide"}"#, 300.0),
        (r#"holdfast_stage_seconds_count{stage="journal"}"#, 300.0),
        (r#"holdfast_stage_seconds_bucket{le="+Inf",stage="journal"}"#, 300.0),
        (r#"holdfast_links_up{participant="operator-1"}"#, 0.0),
        (r#"holdfast_position_exposure{participant="operator-1",currency="EUR"}"#, -1_250.0),
        (r#"holdfast_position_cap{participant="operator-1",currency="EUR"}"#, 50_000.0),
        (r#"holdfast_undelivered{destination="acquirer-1"}"#, 3.0),
        (r#"holdfast_undelivered_oldest_seconds{destination="acquirer-1"}"#, 61.5),
        (r#"holdfast_in_doubt{destination="acquirer-1",currency="EUR"}"#, 990.0),
        ("holdfast_journal_sync_seconds_count", counts.syncs as f64),
        ("holdfast_pending", 0.0),
        (
            r#"holdfast_destination_declines_total{destination="acquirer-1",reason="DestinationTimedOut"}"#,
            2.0,
        ),
        (r#"holdfast_certificate_expires_seconds{certificate="switch"}"#, 86_400.0),
        (r#"holdfast_certificate_expires_seconds{certificate="authority"}"#, -1.0),
    ] {
        assert_eq!(value(name), expected, "{name}");
    }
    let build = samples.iter().any(|(name, _)| name.starts_with("holdfast_build{version="));
    assert!(build, "{body}");
}

#[test]
fn every_series_of_a_participant_begins_at_zero() {
    let stage = Stage::new();
    let body = stage.get("/metrics").1;
    for series in [
        r#"holdfast_requests_total{participant="operator-1",kind="pay"} 0"#,
        r#"holdfast_requests_total{participant="acquirer-1",kind="answer"} 0"#,
        r#"holdfast_outcomes_total{participant="operator-1",reason="None",outcome="approved"} 0"#,
        r#"holdfast_outcomes_total{participant="operator-1",reason="DestinationTimedOut",outcome="declined"} 0"#,
        r#"holdfast_outcomes_total{participant="operator-1",reason="Busy",outcome="refused"} 0"#,
        r#"holdfast_destination_declines_total{destination="acquirer-1",reason="DestinationTimedOut"} 0"#,
        r#"holdfast_refused_frames_total{participant="acquirer-1",reason="Malformed"} 0"#,
        r#"holdfast_links_closed_total{participant="operator-1",reason="EchoUnanswered"} 0"#,
    ] {
        assert!(body.lines().any(|line| line == series), "{series} in {body}");
    }
    let never = r#"holdfast_requests_total{participant="acquirer-1",kind="pay"}"#;
    assert!(!body.contains(never), "what is not of its role has no series");
    assert!(!body.contains(r#"holdfast_outcomes_total{participant="acquirer-1""#));
}

#[test]
fn every_metric_of_the_handbook_is_exported() {
    let stage = Stage::new();
    let body = stage.get("/metrics").1;
    let handbook = include_str!("../../docs/OPERATIONS.md");
    let word = |c: char| !(c.is_ascii_lowercase() || c == '_');
    let metrics: std::collections::BTreeSet<_> =
        handbook.split(word).filter(|word| word.starts_with("holdfast_")).collect();
    assert!(metrics.len() > 20, "{metrics:?}");
    for metric in metrics {
        // A counter is described without the suffix of its samples.
        let name = metric.strip_suffix("_total").unwrap_or(metric);
        assert!(body.contains(&format!("# TYPE {name} ")), "{metric}");
    }
}

#[test]
fn a_reload_takes_over_all_or_nothing() {
    let stage = Stage::new();
    let post = || stage.ask("POST /reload", "X-Holdfast: 1\r\nContent-Length: 0\r\n");
    assert_eq!(post(), (200, r#"{"changes":[]}"#.to_owned()));

    std::fs::write(&stage.file, CONFIG.replace("500.00", "600.00")).unwrap();
    assert_eq!(post(), {
        let change = r#"{"key":"participants.operator-1.caps.EUR","before":"500.00","after":"600.00","needs_restart":false}"#;
        (200, format!(r#"{{"changes":[{change}]}}"#))
    });
    assert_eq!(post(), (200, r#"{"changes":[]}"#.to_owned()), "it runs now");

    std::fs::write(&stage.file, CONFIG.replace("500.00", "600.00 EUR")).unwrap();
    let (code, body) = post();
    assert_eq!(code, 409);
    let refused = |n| {
        let (count, why) = stage.telemetry.reloads_refused();
        assert_eq!((count, why.is_some()), (n, n > 0));
    };
    refused(1);
    assert!(body.contains("holdfast.toml:7: participants[1].caps.EUR: expected a decimal"), "{body}");

    let (without, _) = CONFIG.split_once("[[participants]]\nname = \"acquirer-1\"").unwrap();
    std::fs::write(&stage.file, without).unwrap();
    assert_eq!(post(), (409, r#"{"error":"acquirer-1 has open work"}"#.to_owned()));

    std::fs::write(&stage.file, CONFIG).unwrap();
    std::fs::write(stage.file.with_file_name("certs/switch.key"), "no key").unwrap();
    assert_eq!(post().0, 409, "a broken key leaves all as it runs");
    refused(3);
    let orders = stage.orders();
    assert_eq!(orders.iter().filter(|order| order.ends_with("with 2 participants")).count(), 3);
    assert_eq!(orders.len(), 4);
}

/// Standard output of a command that must end with a code.
#[track_caller]
fn check(output: &Output, code: i32) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    if code == 0 { String::from_utf8_lossy(&output.stdout).into_owned() } else { error.into_owned() }
}

#[test]
fn the_command_line_shows_and_orders() {
    let stage = Stage::new();
    let page = check(&stage.program(&["status"]), 0);
    assert!(page.contains("main : serving"), "{page}");
    assert!(page.contains("12.50") && page.contains("-12.50") && page.contains("500.00"), "{page}");
    assert!(
        page.contains(
            "undelivered to acquirer-1: 3 (0 on their way), the oldest for 1 min 1 s; in doubt: 9.90 EUR"
        ),
        "{page}"
    );
    let json = check(&stage.program(&["status", "--json"]), 0);
    assert_eq!(serde_json::from_str::<StatusReport>(&json).unwrap(), status());
    assert_eq!(
        check(&stage.program(&["participant", "drain", "acquirer-1"]), 0),
        "acquirer-1 is being drained\n"
    );
    assert_eq!(
        check(&stage.program(&["participant", "suspend", "nobody"]), 5),
        format!("holdfast: {NOBODY}\n")
    );
    assert_eq!(
        check(&stage.program(&["cutover", "2026-11-23"]), 0),
        "new work has the business date 2026-11-23\n"
    );
    let refused = check(&stage.program(&["cutover", "2026-11-22"]), 5);
    assert_eq!(refused, "holdfast: the business date is 2026-11-22 already\n");
    let life = check(&stage.program(&["transaction", &format!("operator-1/{ID}")]), 0);
    assert!(life.contains("held for         12.50 EUR"), "{life}");
    let by_number = check(&stage.program(&["transaction", &format!("1/{ID}"), "--json"]), 0);
    assert!(by_number.contains("Number(ParticipantNumber(1))"), "{by_number}");
    let undelivered = check(&stage.program(&["undelivered", "--max", "7"]), 0);
    for shown in
        ["1 min 1 s", "1 reverse (+2)", "9.90 EUR", ID, "again at 2026-11-22 00:00:00.000 UTC", "and 7 more"]
    {
        assert!(undelivered.contains(shown), "{shown} in {undelivered}");
    }
    assert_eq!(check(&stage.program(&["undelivered", "acquirer-1"]), 0), "nothing is undelivered\n");
    check(&stage.program(&["undelivered", "nobody"]), 5);
    assert!(stage.get("/undelivered?max=99999").1.ends_with("\"more\":1000}"), "the list is bounded");
    let route = check(&stage.program(&["route", "explain", "shop-1@acq1"]), 0);
    assert!(route.starts_with("shop-1@acq1 -> acquirer-1 (matched *)\n"), "{route}");
    assert_eq!(check(&stage.program(&["reload"]), 0), "certificates read again, no other change\n");
    let orders = stage.orders();
    assert_eq!(orders, ["acquirer-1 Draining", "cut over to 2026-11-23", "reload with 2 participants"]);
}

#[test]
fn exit_codes_tell_failures_apart() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("holdfast.toml");
    std::fs::write(&file, CONFIG.replace("acq1", "acq 1")).unwrap();
    let run = |arguments: &[&str]| {
        std::process::Command::new(env!("CARGO_BIN_EXE_holdfast")).args(arguments).output().unwrap()
    };
    assert!(check(&run(&["status", "--admin", "127.0.0.1:1"]), 4).contains("no switch answers at"));
    for (answer, shown) in [
        (
            "HTTP/1.1 200 OK\r\nServer: kettle/2\r\nContent-Length: 14\r\n\r\n{\"tea\":\"hot\"}\n",
            "kettle/2, with HTTP 200 OK: {\"tea\":\"hot\"}",
        ),
        (
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            "is no Holdfast switch but a server that does not say its name, with HTTP 404",
        ),
        ("SSH-2.0-kettle\r\n", "no switch answers at"),
    ] {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = other.local_addr().unwrap().to_string();
        let serving = std::thread::spawn(move || {
            let (mut stream, _) = other.accept().unwrap();
            let mut request = [0; 4_096];
            assert!(stream.read(&mut request).unwrap() > 0);
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let error = check(&run(&["status", "--admin", &address]), 4);
        assert!(error.contains(shown), "{error}");
        serving.join().unwrap();
    }
    let wrong = check(&run(&["check-config", file.to_str().unwrap()]), 3);
    assert!(
        wrong.contains("holdfast.toml:15: routes[1].mps: expected the id of a payment system"),
        "{wrong}"
    );
    assert!(check(&run(&["cutover", "tomorrow"]), 2).contains("expected YYYY-MM-DD"));
}
