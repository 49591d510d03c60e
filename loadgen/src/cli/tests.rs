//! Command lines that are understood, and those that are not.

use std::time::Duration;

use clap::CommandFactory;

use super::*;

/// The arguments of `loadgen run` with this line.
pub(crate) fn run(line: &str) -> Result<RunArguments, clap::Error> {
    let words = ["loadgen", "run"].into_iter().chain(line.split_whitespace());
    Arguments::try_parse_from(words).map(|arguments| match arguments.command {
        Command::Run(run) => *run,
        other => panic!("{other:?} is no run"),
    })
}

/// The arguments of `loadgen selftest` with this line.
pub(crate) fn selftest(line: &str) -> SelftestArguments {
    let words = ["loadgen", "selftest"].into_iter().chain(line.split_whitespace());
    match Arguments::try_parse_from(words).unwrap().command {
        Command::Selftest(selftest) => *selftest,
        other => panic!("{other:?} is no selftest"),
    }
}

/// The arguments of `loadgen drill` with this line.
pub(crate) fn drill(line: &str) -> DrillArguments {
    let words = ["loadgen", "drill"].into_iter().chain(line.split_whitespace());
    match Arguments::try_parse_from(words).unwrap().command {
        Command::Drill(drill) => *drill,
        other => panic!("{other:?} is no drill"),
    }
}

/// The arguments of `loadgen compare` with this line.
pub(crate) fn compare(line: &str) -> CompareArguments {
    let words = ["loadgen", "compare"].into_iter().chain(line.split_whitespace());
    match Arguments::try_parse_from(words).unwrap().command {
        Command::Compare(compare) => *compare,
        other => panic!("{other:?} is no comparison"),
    }
}

#[test]
fn the_command_line_is_consistent() {
    Arguments::command().debug_assert();
}

#[test]
fn help_names_what_there_is() {
    let mut command = Arguments::command();
    for subcommand in command.get_subcommands_mut() {
        let help = subcommand.render_long_help().to_string();
        let name = subcommand.get_name();
        assert!(!help.contains("LOADGEN_OPTION"), "{name}: a variable of that name does nothing");
        for address in help.split("127.0.0.1:").skip(1) {
            assert!(address.starts_with("7070") || address.starts_with("7071"), "{name}: {address:.20}");
        }
        let places = ["--switch <ADDR>", "scripts/demo.sh --serve"];
        assert!(
            !help.contains(places[0]) || help.contains(places[1]),
            "{name} says where the addresses come from"
        );
        assert!(name != "drill" || help.contains("of whichever kind"), "{help}");
    }
    let variable = |name: &str| (name == "LOADGEN_RATE").then(|| "77".into());
    let words = "loadgen run --switch 127.0.0.1:1 --certs c".split(' ').map(Into::into);
    let resolved = configuration::resolve(words, variable).unwrap();
    assert_eq!(resolved.options["rate"].as_str(), Some("77"), "the variable that help names counts");
}

#[test]
fn the_line_of_the_documentation_is_understood() {
    let run = run(
        "--switch 127.0.0.1:7070 --certs certs --admin 127.0.0.1:7071 -r max -d 10s -w 500ms --mix pay:40,reserve:15 \
         --operators 3 --acquirers 2 --decline-rate 0.1 --silent-rate 0.01 --late-rate 0 --window 512 --seed 9 -o out \
         --slo p99<50ms --slo errors<0.01%",
    )
    .unwrap();
    assert_eq!(run.rate, Rate::Max);
    assert_eq!((run.duration, run.warmup), (Duration::from_secs(10), Duration::from_millis(500)));
    let load = run.load;
    assert_eq!(
        (load.traffic.operators, load.traffic.acquirers, load.place.window, load.traffic.seed),
        (3, 2, 512, Some(9))
    );
    let objectives: Vec<_> = run.objectives.iter().map(ToString::to_string).collect();
    assert_eq!(objectives, ["p99<50ms", "errors<0.01%"]);
}

#[test]
fn a_switch_may_be_named() {
    let named = run("--switch localhost:7070 --certs certs --admin localhost:7071").unwrap().load.place;
    assert!(named.switch.ip().is_loopback() && named.switch.port() == 7070, "{}", named.switch);
    assert!(named.admin.ip().is_loopback() && named.admin.port() == 7071, "{}", named.admin);
    assert_eq!(run("--switch localhost --certs certs").unwrap_err().exit_code(), 2);
}

#[test]
fn wrong_values_are_refused() {
    for wrong in [
        "-r 0",
        "-r fast",
        "-d 5x",
        "-d -1s",
        "--decline-rate 1.1",
        "--operators 0",
        "--mix teleport:1",
        "--slo p99",
        "--slo p42<1ms",
        "--amounts uniform:9..1",
        "--payers few",
        "--phase 2",
    ] {
        let line = format!("--switch 127.0.0.1:7070 --certs certs --no-admin {wrong}");
        assert_eq!(run(&line).unwrap_err().exit_code(), 2, "{wrong}");
    }
}

#[test]
fn the_admin_address_is_the_switchs_usual_one_unless_the_run_goes_without() {
    let address = |line: &str| run(line).unwrap().load.place.admin_address();
    let usual = "127.0.0.1:7071".parse().ok();
    assert_eq!(address("--switch 127.0.0.1:7070 --certs certs"), usual);
    assert_eq!(address("--switch 127.0.0.1:7070 --certs certs --no-admin"), None);
}
