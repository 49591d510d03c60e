//! Configurations, right and wrong: each fault names line, key and what was expected.

use std::path::Path;

use holdfast::config::{Config, ConfigError, DriverMode};

const GOOD: &str = r#"
[[participants]]
name = "operator-1"
number = 1
roles = ["originates"]
caps = { EUR = "50000.00" }
limits = { level_3 = { EUR = { amount = "12.34" } } }

[[participants]]
name = "acquirer-1"
number = 2
roles = ["receives"]
caps = { EUR = "0" }

[[routes]]
mps = "acq1"
destination = "acquirer-1"
"#;

/// The faults of a text, one a line, as `LINE KEY: PROBLEM`.
fn faults(text: &str) -> String {
    let error = Config::parse(text, Path::new("h.toml")).expect_err("the text is wrong");
    let lines = error.faults().iter().map(|f| format!("{} {}: {}", f.line, f.key, f.problem));
    lines.collect::<Vec<_>>().join("\n")
}

/// `GOOD` with one text for another must have exactly this fault.
#[track_caller]
fn check(from: &str, to: &str, expected: &str) {
    assert!(GOOD.contains(from), "{from}");
    assert_eq!(faults(&GOOD.replacen(from, to, 1)), expected, "{from} -> {to}");
}

#[test]
fn the_annotated_example_is_valid_and_every_default_in_it_is_the_default() {
    let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/holdfast.example.toml"));
    let config = Config::load(file).unwrap();
    assert_eq!(config.participants.len(), 3);
    assert_eq!(config.routes.len(), 3);

    // With each `# key = value` taken at its word, nothing changes except what the example sets itself.
    let text = std::fs::read_to_string(file).unwrap();
    let mut keys = 0;
    let is_default = |line: &str| {
        line.strip_prefix("# ").and_then(|l| l.split_once(" = ")).is_some_and(|(key, _)| {
            key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
                && !["listen", "merchants", "pay_debtor", "reserve_debtor"].contains(&key)
        })
    };
    let lines = text.lines().map(|line| {
        if is_default(line) {
            keys += 1;
            line.trim_start_matches("# ")
        } else {
            line
        }
    });
    let spelled_out = lines.collect::<Vec<_>>().join("\n");
    assert_eq!(Config::parse(&spelled_out, file).unwrap(), config);
    assert!(keys > 35, "{keys} defaults are documented");
}

#[test]
fn every_key_is_in_the_annotated_example() {
    let text = include_str!("../../docs/holdfast.example.toml");
    for section in ["journal", "tls", "requests", "deliveries", "sessions", "transport"] {
        let listing = faults(&format!("{GOOD}\n[{section}]\nunheard_of = 1\n"));
        let keys = listing.split_once("expected one of ").unwrap().1;
        for key in keys.split(", ") {
            assert!(text.contains(&format!("{key} = ")), "{section}.{key} is documented");
        }
    }
}

#[test]
fn amounts_are_minor_units_of_their_currency() {
    let config = Config::parse(GOOD, Path::new("/etc/holdfast/h.toml")).unwrap();
    let operator = &config.participants[0];
    assert_eq!(operator.caps[0].1.minor(), 5_000_000);
    assert_eq!(operator.limits[0].1.currencies[0].1.amount.unwrap().minor(), 1_234);
    assert_eq!(config.journal.directory, Path::new("/etc/holdfast/journal"));
    assert_eq!(config.listen, ["127.0.0.1:7070".parse().unwrap()]);
}

#[test]
fn wrong_values_name_line_key_and_what_was_expected() {
    check(
        "EUR = \"50000.00\"",
        "EUR = \"12.345 EUR\"",
        "6 participants[1].caps.EUR: expected a decimal such as \"50000.00\", found \"12.345 EUR\"",
    );
    check(
        "EUR = \"50000.00\"",
        "EUR = \"12.345\"",
        "6 participants[1].caps.EUR: EUR has 2 digits after the point, found \"12.345\"",
    );
    check(
        "EUR = \"50000.00\"",
        "EUR = 50000",
        "6 participants[1].caps.EUR: expected a decimal amount in quotes such as \"50000.00\", found 50000\n\
         6 participants[1].caps: expected at least one currency with its net debit cap, such as EUR = \"50000.00\"",
    );
    check(
        "EUR = \"50000.00\"",
        "EUR = \"1\", Euro = \"1\"",
        "6 participants[1].caps.Euro: expected the three letters of an ISO 4217 currency with a minor unit, \
         such as EUR; found \"Euro\"",
    );
    check(
        "\"12.34\"",
        "\"0.00\"",
        "7 participants[1].limits.level_3.EUR.amount: expected more than zero; leave the level out to allow nothing",
    );
    check(
        "\"12.34\"",
        "\"10000000000.00\"",
        "7 participants[1].limits.level_3.EUR.amount: expected at most twelve digits in minor units",
    );
    check(
        "level_3 = {",
        "level_5 = {",
        "7 participants[1].limits: is missing: expected a security level that is agreed, such as level_1 = {} \
         (no limits), for a participant that originates\n\
         7 participants[1].limits.level_5: is no key here: expected one of level_1, level_2, level_3, level_4",
    );
    check(
        "caps = { EUR = \"50000.00\" }",
        "caps = { EUR = \"1\", JPY = \"1\" }",
        "7 participants[1].limits.level_3: expected JPY too: JPY = {} for no limits",
    );
    check(
        "EUR = { amount = \"12.34\" }",
        "amount = \"12.34\"",
        "7 participants[1].limits.level_3.amount: is no key here: expected one of EUR",
    );
    check(
        "number = 1",
        "number = 0",
        "4 participants[1].number: expected a whole number from 1 to 65535, found 0",
    );
    check(
        "number = 1",
        "number = 70000",
        "4 participants[1].number: expected a whole number from 1 to 65535, found 70000",
    );
    check(
        "[\"originates\"]",
        "[\"originator\"]",
        "5 participants[1].roles: expected \"originates\" or \"receives\", found \"originator\"\n\
         7 participants[1].limits: expected no limits for a participant that does not originate",
    );
}

#[test]
fn names_numbers_and_routes_are_unique_and_lead_somewhere() {
    check(
        "number = 2",
        "number = 1",
        "11 participants[2].number: expected a number of its own: 1 is already the number of \"operator-1\"",
    );
    check(
        "name = \"acquirer-1\"",
        "name = \"operator-1\"",
        "10 participants[2].name: the name \"operator-1\" is already taken\n\
         17 routes[1].destination: expected the name of a participant, found \"acquirer-1\"",
    );
    check(
        "destination = \"acquirer-1\"",
        "destination = \"acquirer-9\"",
        "17 routes[1].destination: expected the name of a participant, found \"acquirer-9\"",
    );
    check(
        "destination = \"acquirer-1\"",
        "destination = \"operator-1\"",
        "17 routes[1].destination: \"operator-1\" does not have the role \"receives\"",
    );
    check(
        "[[routes]]",
        "[[routes]]\nmps = \"acq1\"\nmerchants = \"*\"\ndestination = \"acquirer-1\"\n[[routes]]",
        "20 routes[2].mps: there is already a route for \"*\" of acq1",
    );
    check(
        "mps = \"acq1\"",
        "",
        "15 routes[1].mps: is missing: expected the id of a payment system, up to 8 letters, digits, '.', '-' or '_'",
    );
}

#[test]
fn several_threads_of_links_have_a_driver_beside_them() {
    let with = |transport: &str| format!("{GOOD}[transport]\n{transport}");
    let config = Config::parse(&with("io_threads = 3\n"), Path::new("h.toml")).unwrap();
    assert_eq!((config.transport.io_threads, config.transport.driver), (3, DriverMode::Auto));
    assert_eq!(Config::parse(GOOD, Path::new("h.toml")).unwrap().transport.io_threads, 1);
    for wrong in ["0", "65", "-1", "1.5", "\"two\""] {
        let said = faults(&with(&format!("io_threads = {wrong}\n")));
        let expected =
            format!("19 transport.io_threads: expected a whole number from 1 to 64, found {wrong}");
        assert_eq!(said, expected);
    }
    assert_eq!(
        faults(&with("driver = \"inline\"\nio_threads = 2\n")),
        "19 transport.driver: expected \"auto\" or \"thread\" with io_threads above 1: the driver runs inline with one thread of \
         links only"
    );
    for fine in ["driver = \"inline\"\nio_threads = 1\n", "driver = \"thread\"\nio_threads = 64\n"] {
        assert!(Config::parse(&with(fine), Path::new("h.toml")).is_ok(), "{fine}");
    }
}

#[test]
fn all_faults_are_listed_at_once_in_the_order_of_the_file() {
    let text = format!(
        "admin = \"0.0.0.0:7071\"\nlisten = [\"localhost\"]\n{}\n[journal]\ngather_us = 5.5\nsegmentbytes = 1\n",
        GOOD.replace("\"12.34\"", "12.34").replace("acquirer-1\"\nnumber", "Acquirer 1\"\nnumber")
    );
    let error = Config::parse(&text, Path::new("h.toml")).unwrap_err();
    let keys: Vec<_> = error.faults().iter().map(|f| (f.line, f.key.as_str())).collect();
    assert_eq!(
        keys,
        [
            (1, "admin"),
            (2, "listen"),
            (9, "participants[1].limits.level_3.EUR.amount"),
            (12, "participants[2].name"),
            (19, "routes[1].destination"),
            (22, "journal.gather_us"),
            (23, "journal.segmentbytes"),
        ],
        "{error}"
    );
    assert!(
        error.to_string().starts_with("h.toml:1: admin: expected a loopback address, found 0.0.0.0:7071\n")
    );
}

#[test]
fn what_is_no_toml_names_its_line() {
    assert_eq!(faults(&format!("{GOOD}[journal\n")), "18 : unclosed table, expected `]`");
    assert_eq!(faults("name = \"a\"\nname b\n"), "2 : key with no value, expected `=`");
    assert!(faults("name = \"a\"\nname = \"b\"\n").contains("duplicate key"));
    let no_value = "2 : name has no value: something must stand behind the =";
    for value in ["", " ", " # a word", "\n"] {
        assert_eq!(
            faults(&format!("# switch\nname ={value}\nadmin = \"127.0.0.1:1\"\n")),
            no_value,
            "{value:?}"
        );
    }
    assert_eq!(faults("name = switch\n"), "1 : text stands in quotes: name = \"switch\"");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::load(Path::new("/nowhere/h.toml")).unwrap_err();
    assert!(matches!(error, ConfigError::Unreadable { .. }));
    assert!(error.to_string().starts_with("/nowhere/h.toml: "));
}

#[test]
fn a_reload_says_what_takes_effect_and_what_waits_for_a_restart() {
    let parse = |text: &str| Config::parse(text, Path::new("h.toml")).unwrap();
    let running = parse(GOOD);
    let changed = GOOD.replace("50000.00", "60000.00").replace("mps = \"acq1\"", "mps = \"acq2\"").replacen(
        '\n',
        "name = \"other\"\n[journal]\ngather_us = 10\n",
        1,
    );
    let reload = running.replaced_by(parse(&changed));
    let changes: Vec<_> = reload.changes.iter().map(ToString::to_string).collect();
    assert_eq!(
        changes,
        [
            "participants.operator-1.caps.EUR: 50000.00 -> 60000.00",
            "routes.*@acq1: acquirer-1 (pay_debtor originator, reserve_debtor destination) -> none",
            "routes.*@acq2: none -> acquirer-1 (pay_debtor originator, reserve_debtor destination)",
            "journal.gather_us: 0 -> 10 (after a restart)",
            "name: switch -> other (after a restart)",
        ]
    );
    assert_eq!(reload.config.participants[0].caps[0].1.minor(), 6_000_000);
    assert_eq!(reload.config.name, "switch", "what needs a restart stays as it runs");
    assert!(running.replaced_by(running.clone()).changes.is_empty());
}

#[test]
fn a_reload_names_every_documented_key_that_changes() {
    let running = Config::parse(GOOD, Path::new("h.toml")).unwrap();
    let text = include_str!("../../docs/holdfast.example.toml");
    let mut section = "";
    let mut changed = 0;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
        }
        let entry = line.trim_start_matches("# ").split_once(" = ").filter(|_| !section.starts_with('['));
        let Some((key, value)) = entry.and_then(|(k, v)| Some((k, v.parse::<u64>().ok()?))) else { continue };
        let file = format!(
            "{GOOD}\n[{section}]\n{key} = {}\n",
            value + if key == "segment_bytes" { 4_096 } else { 1 }
        );
        // A value out of its range, or one that does not go with the others, changes nothing.
        let Ok(new) = Config::parse(&file, Path::new("h.toml")) else { continue };
        let changes = running.replaced_by(new).changes;
        let keys: Vec<_> = changes.iter().map(|change| change.key.as_str()).collect();
        assert_eq!(keys, [format!("{section}.{key}")]);
        changed += 1;
    }
    assert!(changed > 25, "{changed}");
}

#[test]
fn the_hold_of_a_verification_is_no_longer_than_any_hold() {
    let with = |requests: &str| format!("{GOOD}\n[requests]\n{requests}\n");
    let parse = |text: &str| Config::parse(text, Path::new("h.toml")).unwrap().settings.verify_hold_max_ms;
    assert_eq!(parse(GOOD), 600_000);
    assert_eq!(parse(&with("hold_max_ms = 30000")), 30_000, "the default follows");
    assert_eq!(
        faults(&with("hold_max_ms = 30000\nverify_hold_max_ms = 30001")),
        "19 requests.verify_hold_max_ms: expected at most hold_max_ms"
    );
}

#[test]
fn limits_have_the_digits_of_their_currency() {
    let yen = GOOD.replace("caps = { EUR = \"50000.00\" }", "caps = { EUR = \"1\", JPY = \"1\" }").replace(
        "EUR = { amount = \"12.34\" }",
        "EUR = { amount = \"12.34\" }, JPY = { daily_amount = \"500\" }",
    );
    let config = Config::parse(&yen, Path::new("h.toml")).unwrap();
    let limits = &config.participants[0].limits[0].1;
    let of = |code: &str| limits.of(holdfast_protocol::Currency::from_code(code).unwrap());
    assert_eq!(of("EUR").amount.unwrap().minor(), 1_234);
    assert_eq!((of("JPY").amount, of("JPY").daily_amount.unwrap().minor()), (None, 500));
}

#[test]
fn there_is_a_limit_to_participants_routes_and_addresses() {
    use holdfast_core::registry::{PARTICIPANTS_MAX, ROUTES_MAX};
    let routes: String = (0..ROUTES_MAX)
        .map(|n| format!("[[routes]]\nmps = \"acq1\"\nmerchants = \"m{n}\"\ndestination = \"acquirer-1\"\n"))
        .collect();
    assert_eq!(
        faults(&format!("{GOOD}{routes}")),
        format!(
            "{} routes[20001]: is one too many: expected at most 20000 routes",
            18 + 4 * (ROUTES_MAX - 1)
        )
    );
    let participant = |n| {
        format!(
            "[[participants]]\nname = \"p{n}\"\nnumber = {n}\nroles = [\"receives\"]\ncaps = {{ EUR = \"0\" }}\n"
        )
    };
    let participants: String = (3..PARTICIPANTS_MAX + 2).map(participant).collect();
    let found = faults(&format!("{GOOD}{participants}"));
    assert!(
        found.ends_with("participants[4097]: is one too many: expected at most 4096 participants"),
        "{found}"
    );
    let listen: Vec<_> = (1..=65).map(|port| format!("\"127.0.0.1:{port}\"")).collect();
    assert_eq!(
        faults(&format!("listen = [{}]\n{GOOD}", listen.join(", "))),
        "1 listen: is one too many: expected at most 64 addresses"
    );
}
