//! A directory that takes no results costs the files and not the figures: these are said first, and then what could not be written.

use std::fs;

use holdfast_tests::processes::{run, text};

use super::scene::Scene;

const RUN_ERROR: i32 = 1;

/// Where a file should go there is a directory: it cannot be written, whoever the test runs as.
#[test]
fn what_was_measured_is_said_before_it_is_written() {
    let scene = Scene::new();
    let small =
        ["--operators", "2", "--acquirers", "2", "--mix", "pay:1", "--seed", "5", "-d", "1s", "-w", "0s"];
    let load = [&small[..], &["-r", "100"]].concat();
    let search = [&small[..], &["--slo", "p50<10s", "--from", "100", "--top", "100"]].concat();
    let sweep = [&small[..], &["--rates", "50,100", "--repeats", "1"]].concat();
    let commands = [
        ("run", "summary.json", load, "operations"),
        ("capacity", "capacity.json", search, "capacity: "),
        ("sweep", "sweep.json", sweep, "rate/s"),
    ];
    for (command, file, more, said) in commands {
        let out = scene.path(command);
        fs::create_dir_all(out.join(file)).unwrap();
        let arguments = scene.arguments(command, &[&more[..], &["--quiet", "-o", text(&out)]].concat());
        let load = run("loadgen", &arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let (printed, complained) =
            (String::from_utf8_lossy(&load.stdout), String::from_utf8_lossy(&load.stderr));
        assert_eq!(load.status.code(), Some(RUN_ERROR), "{printed}{complained}");
        assert!(printed.contains(said), "{command}: {printed}{complained}");
        assert!(complained.contains(file), "{command}: {complained}");
    }
}
