//! `loadgen check` over a run of the real programs: clean as it is, and each kind of damage is found (LG-5).

use std::fs;

use holdfast_tests::processes::{SwitchHome, run, run_well, text};

const CLEAN: i32 = 0;
const FINDINGS: i32 = 5;
const UNREADABLE: i32 = 1;

#[test]
fn a_run_checks_clean_and_each_damage_to_it_is_found() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = SwitchHome::new(directory.path(), 2, 2);
    let switch = home.start();
    let out = directory.path().join("out");
    let (listen, admin, certs) = (home.listen.to_string(), home.admin.to_string(), home.certs());
    let mut arguments = vec!["run", "--switch", &listen, "--admin", &admin, "--certs", text(&certs)];
    arguments.extend(["--operators", "2", "--acquirers", "2", "--rate", "100", "--duration", "3s"]);
    arguments.extend(["--warmup", "0s", "--decline-rate", "0.1", "--quiet", "--output", text(&out)]);
    let load = run("loadgen", &arguments);
    assert!(matches!(load.status.code(), Some(0 | 4)), "{}", String::from_utf8_lossy(&load.stdout));
    assert_eq!(check(&[text(&out)]), UNREADABLE, "without a dump there is nothing to compare with");
    fs::write(out.join("status.json"), home.status()).unwrap();
    home.stop(switch);
    let journal = home.journal();
    let dump = run_well("holdfast", &["journal", "dump", text(&journal)]);
    fs::write(out.join("journal.jsonl"), dump.stdout).unwrap();
    assert_eq!(check(&[text(&out)]), CLEAN);
    for mutation in ["lose", "dup", "flip"] {
        for seed in ["1", "2", "3"] {
            let code = check(&[text(&out), "--mutate", mutation, "--seed", seed]);
            assert_eq!(code, FINDINGS, "{mutation}, seed {seed}");
        }
    }
    assert_eq!(check(&[text(&out)]), CLEAN, "what lies in the directory was not touched");
}

fn check(arguments: &[&str]) -> i32 {
    let output = run("loadgen", &[&["check"], arguments].concat());
    let code = output.status.code().expect("it ends by itself");
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    code
}
