//! `loadgen compare` against a real switch: the same configuration twice, in turns.

use std::fs;
use std::path::Path;

use holdfast_tests::processes::{SwitchHome, run, text};
use serde_json::Value;

/// What so few runs end with, unless everything is the same beyond doubt.
const TOO_FEW: i32 = 4;
const REPEATS: usize = 3;

fn comparison(directory: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(directory.join("compare.json")).unwrap()).unwrap()
}

fn word<'a>(summary: &'a Value, name: &str) -> &'a str {
    summary["switch_build"][name].as_str().expect("the switch says which build it is")
}

#[test]
fn a_configuration_is_run_in_turns_with_itself_and_what_is_left_can_be_compared_again() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = SwitchHome::new(directory.path(), 2, 2);
    let switch = home.start();
    let config = directory.path().join("run.toml");
    let place = format!(
        "switch = \"{}\"\nadmin = \"{}\"\ncerts = \"{}\"\n",
        home.listen,
        home.admin,
        text(&home.certs())
    );
    let own = directory.path().join("own");
    let place = format!("{place}output = \"{}\"\n", text(&own));
    let load =
        "operators = 2\nacquirers = 2\nmix = \"pay:1\"\nrate = 200\nduration = \"1s\"\nwarmup = \"200ms\"\n";
    fs::write(&config, place + load).unwrap();
    let (out, again) = (directory.path().join("out"), directory.path().join("again"));
    let seed = ["--seed", "5", "-o"];
    let mut arguments = vec!["compare", text(&config), text(&config), "--repeats", "3"];
    arguments.extend(seed.iter().chain(&[text(&out)]));
    let compared = run("loadgen", &arguments);
    let status: Value = serde_json::from_str(&home.status()).unwrap();
    home.stop(switch);
    let said = String::from_utf8_lossy(&compared.stderr);
    assert!(matches!(compared.status.code(), Some(0 | TOO_FEW)), "{}: {said}", compared.status);
    assert_eq!(said.lines().filter(|line| line.starts_with("pair ")).count(), 2 * REPEATS, "{said}");
    let found = comparison(&out);
    assert_eq!(found["can_tell"], false, "{found}");
    // A busy machine may make a run invalid, and then nothing is left to compare.
    if found["left_out"].as_array().unwrap().is_empty() {
        let all = found["metrics"].as_array().unwrap();
        let p50 = all.iter().find(|metric| metric["metric"] == "response p50");
        assert_eq!(
            p50.expect("enough was answered for a p50")["runs"],
            serde_json::json!([REPEATS, REPEATS])
        );
    }
    assert!(!own.exists(), "the configuration's own directory is left alone");
    for side in ["a", "b"] {
        let seeds = (1..=REPEATS).map(|n| out.join(side).join(format!("{n:02}")).join("summary.json"));
        let again =
            fs::read_to_string(out.join(side).join("01/config.toml")).expect("each can be made again");
        assert!(
            again.contains("rate") && !again.contains("output"),
            "it would write over another's results:\n{again}"
        );
        let all: Vec<Value> =
            seeds.map(|path| serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()).collect();
        assert!(all.windows(2).all(|pair| pair[0]["seed"] != pair[1]["seed"]), "each pair has its seed");
        let build = format!("{} ({})", word(&all[0], "version"), word(&all[0], "commit"));
        assert_eq!(status["build"], build, "the switch that was measured is named");
    }
    let (a, b) = (out.join("a"), out.join("b"));
    let mut arguments = vec!["compare", text(&a), text(&b), "--quiet"];
    arguments.extend(seed.iter().chain(&[text(&again)]));
    assert_eq!(run("loadgen", &arguments).status.code(), compared.status.code());
    assert_eq!(comparison(&again)["metrics"], found["metrics"], "the same runs and the same seed");
}
