//! One side in each process: what they wrote joins with the journal as if they had been one, and neither calls its books closed.

use std::fs;
use std::path::Path;
use std::time::Duration;

use holdfast_tests::processes::{Process, text};
use holdfast_tests::wait::wait_until;

use super::scene::{Scene, summary};

const SIGNED_ON_WITHIN: Duration = Duration::from_secs(60);
const ENDS_WITHIN: Duration = Duration::from_secs(60);

fn start(scene: &Scene, command: &str, more: &[&str], log: &Path) -> Process {
    let arguments = scene.arguments(command, more);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Process::start("loadgen", &arguments, log)
}

#[test]
fn an_operator_and_an_acquirer_in_processes_of_their_own_are_audited_together() {
    let scene = Scene::new();
    let (out_acquirer, out_operator) = (scene.path("acquirer"), scene.path("operator"));
    let more = ["--name", "acquirer-1", "-o", text(&out_acquirer)];
    let mut acquirer = start(&scene, "acquirer", &more, &scene.path("acquirer.log"));
    wait_until("the acquirer is signed on", SIGNED_ON_WITHIN, || {
        assert_eq!(acquirer.ended(), None, "{}", acquirer.log_tail());
        scene.home.status().contains("\"session\":").then_some(())
    });
    // Two runs of the operator against the same acquirer: the second brings other ids under the same numbers.
    let mix = "pay:4,reserve:2,partial:1,release:1,verify:1,reverse:1,duplicate:1,refund:4,inquiry:1";
    let mut more =
        vec!["--name", "operator-1", "--operators", "1", "--acquirers", "1", "-r", "100", "-w", "0s"];
    more.extend(["--mix", mix, "--decline-rate", "0.05", "-q"]);
    let out_before = scene.path("before");
    scene.load("operator", &[&more[..], &["-d", "1s", "-o", text(&out_before)]].concat());
    scene.load("operator", &[&more[..], &["-d", "3s", "--seed", "9", "-o", text(&out_operator)]].concat());
    acquirer.terminate();
    let status = acquirer.wait(ENDS_WITHIN);
    assert!(status.success(), "{}", acquirer.log_tail());
    let (of_operator, of_acquirer) = (summary(&out_operator), summary(&out_acquirer));
    assert_eq!(of_operator["verdict"]["books"], "not_compared");
    assert!(of_operator["verdict"]["remarks"].to_string().contains("one side alone"), "{of_operator:#}");
    assert_eq!(of_operator["latency_us"]["switch_only"]["count"], 0, "whose time it was cannot be told");
    assert!(of_operator["latency_us"]["service"]["count"].as_u64().unwrap() > 200);
    assert_eq!((&of_acquirer["books"], &of_acquirer["strays"]), (&"not_compared".into(), &0.into()));
    assert!(of_acquirer["forwards"].as_u64().unwrap() > 350, "{of_acquirer:#}");
    assert_eq!(of_acquirer["open_holds"], 0);
    let booked = &of_acquirer["booked"]["1"];
    assert!(booked["captured"].as_i64() > Some(0) && booked["refunded"].as_i64() > Some(0), "{booked}");
    let together = scene.path("together");
    fs::create_dir_all(together.join("history")).unwrap();
    for (number, out) in [&out_acquirer, &out_before, &out_operator].into_iter().enumerate() {
        for file in fs::read_dir(out.join("history")).unwrap() {
            let file = file.unwrap();
            let name = format!("{number}-{}", file.file_name().into_string().unwrap());
            fs::copy(file.path(), together.join("history").join(name)).unwrap();
        }
    }
    scene.audit(&together);
}

#[test]
fn an_acquirer_whose_switch_is_gone_says_so_and_writes_what_it_has() {
    let mut scene = Scene::new();
    let out = scene.path("acquirer");
    let more = ["--name", "acquirer-2", "-o", text(&out)];
    let mut acquirer = start(&scene, "acquirer", &more, &scene.path("acquirer.log"));
    wait_until("the acquirer is signed on", SIGNED_ON_WITHIN, || {
        assert_eq!(acquirer.ended(), None, "{}", acquirer.log_tail());
        scene.home.status().contains("\"session\":").then_some(())
    });
    scene.switch.kill();
    assert_eq!(acquirer.wait(ENDS_WITHIN).code(), Some(1), "{}", acquirer.log_tail());
    let summary = summary(&out);
    assert_eq!(summary["books"], "not_compared");
    assert!(summary["broken"].as_str().is_some_and(|why| why.contains("acquirer-2")), "{summary:#}");
}
