//! What the benchmarks share: how long they run, certificates for a link on loopback, and how raw outputs become figures.
//!
//! Absent on purpose: goals. A benchmark says what is; what it should be stands in the documents.

pub mod figures;
pub mod gate;
pub mod growth;
pub mod in_memory;
pub mod raw_frames;
pub mod room;
pub mod traffic;

use std::path::Path;

use holdfast::certs;
use holdfast::config::Config;

/// Whether this run only shows that the benchmarks work (`cargo bench -- --test`): then they remember less.
pub fn is_test_run() -> bool {
    std::env::args().any(|argument| argument == "--test")
}

/// A switch, an operator and an acquirer, as in every benchmark with a link.
const CONFIG: &str = r#"
name = "switch"
listen = ["127.0.0.1:0"]

[[participants]]
name = "operator-1"
number = 1
roles = ["originates"]
caps = { EUR = "999999999999.00" }
limits = { level_3 = {} }

[[participants]]
name = "acquirer-1"
number = 11
roles = ["receives"]
caps = { EUR = "0.00" }

[[routes]]
mps = "acq-1"
destination = "acquirer-1"
"#;

/// Writes `ca.pem` and the certificates and keys of `switch`, `operator-1` and `acquirer-1`.
pub fn write_certificates(directory: &Path) {
    let config = Config::parse(CONFIG, &directory.join("holdfast.toml")).expect("it is valid");
    certs::issue(directory, &config, true).expect("the directory can be written");
}
