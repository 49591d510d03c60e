//! A disk that rots: what was durable is no longer as it was written.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use holdfast_protocol::Authorize;
use holdfast_tests::processes::{SwitchHome, run, run_well, text};
use holdfast_tests::requests::pay;

use crate::{approved, home, parties};

/// Names and bytes of all files of a directory, but for the lock.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    let named = entries.map(|entry| (entry.file_name().into_string().unwrap(), entry.path()));
    named.filter(|(name, _)| name != "lock").map(|(name, path)| (name, fs::read(path).unwrap())).collect()
}

/// Flips a bit in the frame that holds the reservation of a request; says where the frame is.
fn rot(home: &SwitchHome, request: &Authorize) -> u64 {
    let path = home.journal().join("000000000001.segment");
    let mut bytes = fs::read(&path).unwrap();
    let id = request.id.to_bytes();
    let at = bytes.windows(id.len()).position(|window| window == id).expect("the journal holds the id");
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    // Each turn of this test is one frame of one block.
    (at as u64) / 4_096 * 4_096
}

fn output(output: &std::process::Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn a_rotten_journal_is_not_started_and_cut_only_when_told_to() {
    let (directory, home) = home();
    let process = home.start();
    let (mut operator, mut acquirer) = parties(&home).await;
    let requests: Vec<Authorize> = (0..6).map(|n| pay("shop@acq-1", 100 + n)).collect();
    for request in &requests {
        approved(&mut operator, &mut acquirer, request).await;
    }
    drop((operator, acquirer));
    home.stop(process);
    let journal = home.journal();
    let sound = run_well("holdfast", &["journal", "repair", text(&journal)]);
    assert!(output(&sound).contains("nothing to repair"), "{sound:?}");

    let offset = rot(&home, &requests[3]);
    let place = format!("segment 1 offset {offset}");
    let refused = run("holdfast", &["serve", "--config", text(&home.config())]);
    assert_eq!(refused.status.code(), Some(6), "{refused:?}");
    assert!(output(&refused).contains(&place), "no {place} in {refused:?}");

    let before = files(&journal);
    let explained = run("holdfast", &["journal", "repair", text(&journal)]);
    assert_eq!(explained.status.code(), Some(6), "{explained:?}");
    let said = output(&explained);
    // Of the damaged one the approval can still be read; the two after it are whole.
    assert!(said.contains(&place) && said.contains("of which 1 cannot be read"), "{said}");
    for (n, request) in requests.iter().enumerate() {
        assert_eq!(said.contains(&request.id.to_string()), n >= 3, "{n}: {said}");
    }
    assert!(said.contains("reserved, approved; all of it") && said.contains("nothing was changed"), "{said}");
    assert!(said.contains("time          20") && said.contains("facts         "), "{said}");
    assert_eq!(files(&journal), before, "it only explains");

    let copy = directory.path().join("cut-away");
    let cut = run_well("holdfast", &["journal", "repair", text(&journal), "--cut", text(&copy)]);
    assert!(output(&cut).contains("a switch can start"), "{cut:?}");
    let copied = files(&copy);
    assert!(copied.contains_key("000000000001.segment"), "{:?}", copied.keys());
    assert!(copied.iter().all(|(name, bytes)| before[name] == *bytes), "what is removed is kept as it was");
    run_well("holdfast", &["journal", "verify", text(&journal)]);
    let process = home.start();
    assert!(home.status().contains("\"debits\":\"303\""), "three of six are left: {}", home.status());
    let (mut operator, mut acquirer) = parties(&home).await;
    approved(&mut operator, &mut acquirer, &requests[0]).await;
    approved(&mut operator, &mut acquirer, &pay("shop@acq-1", 1)).await;
    drop((operator, acquirer));
    home.stop(process);
}
