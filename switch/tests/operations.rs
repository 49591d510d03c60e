//! A real switch, run and stopped as its operators do: from the command line and by signals.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod served;

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

use holdfast::admin::report::StatusReport;
use holdfast::certs;
use holdfast::config::Config;
use holdfast::serve::Switch;
use holdfast_protocol::{BusinessDate, UnixMillis};
use rustix::process::Signal;
use served::Served;

const CONFIG: &str = r#"
name = "main"
listen = ["127.0.0.1:0"]
admin = "127.0.0.1:0"
journal = { segment_bytes = 33554432, full_reserve_bytes = 0 }
[[participants]]
name = "operator-1"
number = 1
roles = ["originates"]
caps = { EUR = "500.00" }
limits = { level_3 = {} }
[[participants]]
name = "acquirer-1"
number = 2
roles = ["receives"]
caps = { EUR = "0" }
[[participants]]
name = "acquirer-2"
number = 3
roles = ["receives"]
caps = { EUR = "0" }
[[routes]]
mps = "acq1"
destination = "acquirer-1"
"#;

/// A process that one test is just starting holds the locks of a journal that another has open in this process, until
/// it runs its own program: so one test at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A directory with configuration and certificates, for one test at a time.
struct Site {
    directory: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
}

fn site() -> (Site, PathBuf) {
    let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("holdfast.toml");
    std::fs::write(&file, CONFIG).unwrap();
    certs::issue(&directory.path().join("certs"), &Config::load(&file).unwrap(), false).unwrap();
    (Site { directory, _turn: turn }, file)
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_holdfast"))
}

/// What a command prints; it must end with a code.
#[track_caller]
fn check(output: &Output, code: i32) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    if code == 0 { String::from_utf8_lossy(&output.stdout).into_owned() } else { error.into_owned() }
}

/// Runs a command of the operators against a switch of this process.
#[track_caller]
fn operate(switch: &Switch, code: i32, arguments: &[&str]) -> String {
    let admin = switch.admin.to_string();
    check(&program().args(arguments).args(["--admin", &admin]).output().unwrap(), code)
}

#[track_caller]
fn status(switch: &Switch) -> StatusReport {
    serde_json::from_str(&operate(switch, 0, &["status", "--json"])).unwrap()
}

#[test]
fn orders_take_effect_and_survive_a_restart() {
    let (_site, file) = site();
    let switch = Switch::start(Config::load(&file).unwrap()).unwrap();
    let before = status(&switch);
    assert_eq!((before.state.as_str(), before.epoch), ("serving", 1));
    assert_eq!(before.positions.len(), 3);

    operate(&switch, 0, &["participant", "suspend", "operator-1"]);
    operate(&switch, 0, &["participant", "drain", "acquirer-1"]);
    assert!(
        operate(&switch, 5, &["participant", "drain", "nobody"]).contains("no such participant: nobody; ")
    );
    let explained = operate(&switch, 0, &["route", "explain", "shop-1@acq1"]);
    assert!(explained.ends_with("now: 204 DestinationNotAccepting\n"), "{explained}");
    let now = u64::try_from(UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    let date_in =
        |days: u64| BusinessDate::from_utc(UnixMillis::new(now + days * 86_400_000).unwrap()).to_string();
    let (date, leap) = (date_in(7), date_in(3_650));
    assert!(operate(&switch, 5, &["cutover", &leap]).contains("too far ahead"));
    operate(&switch, 0, &["cutover", &date]);
    assert!(operate(&switch, 5, &["cutover", &date]).contains("only moves it forward"));
    let unknown = "operator-1/019f0000-0000-7000-8000-000000000001";
    operate(&switch, 5, &["transaction", unknown]);
    let ordered = status(&switch);
    assert!(ordered.durable > before.durable, "what the operator was told is on disk");
    switch.stop().unwrap();

    let switch = Switch::start(Config::load(&file).unwrap()).unwrap();
    let after = status(&switch);
    assert_eq!((after.epoch, after.business_date.as_str()), (2, date.as_str()));
    let statuses: Vec<_> = after.participants.iter().map(|p| p.status.as_str()).collect();
    assert_eq!(statuses, ["suspended", "draining", "active"]);
    operate(&switch, 0, &["participant", "resume", "1"]);
    assert_eq!(status(&switch).participants[0].status, "active", "by number too");
    assert_eq!(operate(&switch, 0, &["participant", "resume", "1"]), "operator-1 takes part\n");
    switch.stop().unwrap();
}

#[test]
fn a_reload_changes_caps_routes_and_participants_at_once() {
    let (_site, file) = site();
    let switch = Switch::start(Config::load(&file).unwrap()).unwrap();
    let (kept, _) = CONFIG.split_once("[[participants]]\nname = \"acquirer-2\"").unwrap();
    let routes = "[[routes]]\nmps = \"acq9\"\ndestination = \"acquirer-1\"\n";
    std::fs::write(&file, format!("{}{routes}", kept.replace("500.00", "600.00"))).unwrap();
    let changes = operate(&switch, 0, &["reload"]);
    let expected = "participants.operator-1.caps.EUR: 500.00 -> 600.00\n\
                    participants.acquirer-2: caps.EUR 0.00; name acquirer-2; number 3; roles receives -> none\n\
                    routes.*@acq1: acquirer-1 (pay_debtor originator, reserve_debtor destination) -> none\n\
                    routes.*@acq9: none -> acquirer-1 (pay_debtor originator, reserve_debtor destination)\n";
    assert_eq!(changes, expected);
    let now = status(&switch);
    assert_eq!(now.participants.len(), 2);
    assert_eq!(now.positions[0].cap.as_deref(), Some("60000"));
    assert!(operate(&switch, 0, &["route", "explain", "x@acq9"]).contains("-> acquirer-1"));

    std::fs::write(&file, format!("{kept}{routes}nonsense = 1\n")).unwrap();
    assert!(operate(&switch, 5, &["reload"]).contains("routes[1].nonsense: is no key here"));
    let now = status(&switch);
    assert_eq!(now.positions[0].cap.as_deref(), Some("60000"), "all runs on as it was");
    assert_eq!(now.oddities.configurations_refused, 1);
    assert!(now.alarms[0].starts_with("the last reload was refused, what ran before runs on: "), "{now:?}");
    let ends: Vec<_> = now.certificates.iter().map(|certificate| certificate.of.as_str()).collect();
    assert_eq!(ends, ["switch", "authority"]);
    assert!(now.certificates.iter().all(|certificate| certificate.valid_until_ms > now.time_ms));

    let agreed = kept.replace("level_3 = {}", "level_2 = {}");
    assert_ne!(agreed, kept);
    std::fs::write(&file, format!("{}{routes}", agreed.replace("500.00", "600.00"))).unwrap();
    let expected = "participants.operator-1.limits.level_2: not agreed -> agreed\n\
                    participants.operator-1.limits.level_3: agreed -> not agreed\n";
    assert_eq!(operate(&switch, 0, &["reload"]), expected);
    assert!(status(&switch).alarms.is_empty(), "a good reload ends the alarm");
    switch.stop().unwrap();
}

/// The user that owns nothing, on every Linux.
const NOBODY: u32 = 65_534;

#[test]
fn signals_reload_and_stop_it() {
    let (site, file) = site();
    let mut served = Served::start(&file);
    served.read_to("listening");
    std::fs::write(&file, CONFIG.replace("500.00", "-1")).unwrap();
    served.signal(Signal::HUP);
    served.read_to("not reloaded");
    std::fs::write(&file, CONFIG.replace("500.00", "700.00")).unwrap();
    served.signal(Signal::HUP);
    served.read_to("participants.operator-1.caps.EUR: 500.00 -> 700.00");
    served.signal(Signal::TERM);
    served.read_to("stopped");
    assert_eq!(served.end().0, Some(0));

    let journal = site.directory.path().join("journal");
    check(&program().args(["journal", "verify"]).arg(&journal).output().unwrap(), 0);
    let facts = check(&program().args(["journal", "dump"]).arg(&journal).output().unwrap(), 0);
    assert!(facts.contains(r#""cap":"70000""#), "the reload is in the journal: {facts}");
}

#[test]
fn json_logs_have_numbers_as_numbers_and_participants_by_name() {
    let (_site, file) = site();
    // Twice, so that a journal is recovered.
    for _ in 0..2 {
        let mut served = Served::start_with(&["--log-format", "json"], &file);
        served.read_to("\"listening\"");
        served.signal(Signal::TERM);
        let (code, text) = served.end();
        assert_eq!(code, Some(0), "{text}");
        let mut measures = 0;
        for line in text.lines() {
            let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap();
            for (key, value) in fields {
                let measure = ["_ms", "_us", "_bytes", "_per_s"].iter().any(|unit| key.ends_with(unit));
                if measure || matches!(key.as_str(), "segment" | "segments" | "facts" | "epoch") {
                    measures += 1;
                    assert!(value.is_number(), "{key} of {line}");
                }
            }
        }
        assert!(measures > 2, "{text}");
    }
}

#[test]
fn a_file_that_the_switch_may_not_read_is_named_with_what_to_do() {
    let (site, file) = site();
    let key = site.directory.path().join("certs/switch.key");
    let mut serve = program();
    serve.args(["serve", "--config"]).arg(&file);
    let step = if rustix::process::geteuid().is_root() {
        // The directory is the other user's as far as it must be: only the key is root's.
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(site.directory.path(), open).unwrap();
        serve.uid(NOBODY).gid(NOBODY);
        format!("{} belongs to root with mode 0600: `chown ", key.display())
    } else {
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o000)).unwrap();
        format!("with mode 0000: `chmod u+rw {}`", key.display())
    };
    let output = match serve.output() {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            return eprintln!("SKIPPED: another user than root may not run the program where it was built");
        }
        output => output.unwrap(),
    };
    let text = check(&output, 1);
    assert!(text.contains("Permission denied") && text.contains("this process runs as "), "{text}");
    assert!(text.contains(&step), "{step:?} is not in {text}");
}

#[test]
fn what_keeps_it_from_starting_has_its_own_exit_code() {
    let (site, file) = site();
    let mut served = Served::start(&file);
    served.read_to("listening");
    let (code, text) = Served::start(&file).end();
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("in use by another process"), "{text}");
    let journal = site.directory.path().join("journal");
    let busy = check(&program().args(["journal", "verify"]).arg(&journal).output().unwrap(), 1);
    assert!(busy.contains("copy the directory") && busy.contains("holdfast status"), "{busy}");
    let busy = check(&program().args(["journal", "repair"]).arg(&journal).output().unwrap(), 1);
    assert!(busy.contains("copy the directory") && busy.contains("holdfast status"), "{busy}");
    let cut = site.directory.path().join("cut");
    let repair = program().args(["journal", "repair"]).arg(&journal).arg("--cut").arg(&cut).output().unwrap();
    let reindex = program().args(["journal", "reindex"]).arg(&journal).output().unwrap();
    for writes in [repair, reindex] {
        let busy = check(&writes, 1);
        assert!(busy.contains("in use by another process") && busy.contains("stop it first"), "{busy}");
    }
    assert!(!cut.exists(), "nothing was changed");
    served.signal(Signal::TERM);
    assert_eq!(served.end().0, Some(0));

    // An address that somebody else has.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let admin = format!("admin = \"{}\"", taken.local_addr().unwrap());
    std::fs::write(&file, CONFIG.replace("admin = \"127.0.0.1:0\"", &admin)).unwrap();
    let (code, text) = Served::start(&file).end();
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(&admin) && text.contains("`ss -lntup` says who has it"), "{text}");

    // A port for participants that somebody else has: nothing is left behind, as after any other fault of the configuration.
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let elsewhere = CONFIG
        .replace("127.0.0.1:0\"]", &format!("{}\"]", taken.local_addr().unwrap()))
        .replace("segment_bytes =", "directory = \"new-journal\", segment_bytes =");
    std::fs::write(&file, &elsewhere).unwrap();
    assert!(
        elsewhere.contains("new-journal") && elsewhere.contains(&taken.local_addr().unwrap().to_string())
    );
    let (code, text) = Served::start(&file).end();
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("cannot listen on") && text.contains("`ss -lntup` says who has it"), "{text}");
    assert!(!site.directory.path().join("new-journal").exists(), "no journal was begun");

    // Certificates that nobody made yet.
    let tls = "tls = { certificate = \"none/switch.pem\", key = \"none/switch.key\", ca = \"none/ca.pem\" }\njournal =";
    std::fs::write(&file, CONFIG.replace("journal =", tls)).unwrap();
    let (code, text) = Served::start(&file).end();
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("`holdfast certs ") && text.contains("none --config") && text.contains("ca.pem"),
        "{text}"
    );

    // The same file with an admin port of its own: the second start meets the address before the journal.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    std::fs::write(&file, CONFIG.replace("admin = \"127.0.0.1:0\"", &format!("admin = \"{port}\""))).unwrap();
    let mut served = Served::start(&file);
    served.read_to("listening");
    let (code, text) = Served::start(&file).end();
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("does this switch run already") && text.contains(&port.to_string()), "{text}");
    served.signal(Signal::TERM);
    assert_eq!(served.end().0, Some(0));

    let mut segments: Vec<_> = std::fs::read_dir(site.directory.path().join("journal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "segment"))
        .collect();
    segments.sort();
    let mut bytes = std::fs::read(&segments[0]).unwrap();
    // In the header of the frame after the one that begins the epoch; later frames call it durable.
    bytes[2 * 4_096 + 40] ^= 1;
    std::fs::write(&segments[0], bytes).unwrap();
    let (code, text) = Served::start(&file).end();
    assert_eq!(code, Some(6), "{text}");
    assert!(text.contains("the journal is corrupt at segment 1 offset 8192"), "{text}");

    std::fs::write(&file, "listen = 1\n").unwrap();
    assert_eq!(Served::start(&file).end().0, Some(3));
}
