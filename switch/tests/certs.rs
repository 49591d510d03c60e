//! Certificates of the development authority carry real handshakes, and are treated as secrets.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use holdfast::certs::{CertsError, issue};
use holdfast::config::Config;
use holdfast_link::{Credentials, Identity};
use quinn::{ClientConfig, Endpoint, ServerConfig};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

const CONFIG: &str = r#"
        name = "main"
        listen = ["127.0.0.1:7070", "0.0.0.0:7072", "192.0.2.7:7070"]
        tls = { names = ["switch.example"] }
        [[participants]]
        name = "operator-1"
        number = 1
        roles = ["originates"]
        caps = { EUR = "1" }
        limits = { level_3 = {} }
        [[participants]]
        name = "acquirer-1"
        number = 2
        roles = ["receives"]
        caps = { EUR = "1" }
    "#;

fn config() -> Config {
    Config::parse(CONFIG, Path::new("h.toml")).unwrap()
}

fn identity(file: &Path) -> Identity {
    Identity::from_der(&CertificateDer::from_pem_file(file).unwrap()).unwrap()
}

#[test]
fn each_name_gets_a_certificate_with_its_identity_and_a_private_key() {
    let dir = tempfile::tempdir().unwrap();
    let written = issue(dir.path(), &config(), false).unwrap();
    let names: Vec<_> = written.iter().map(|f| f.file_name().unwrap().to_str().unwrap()).collect();
    let expected = [
        "ca.pem",
        "switch.pem",
        "switch.key",
        "operator-1.pem",
        "operator-1.key",
        "acquirer-1.pem",
        "acquirer-1.key",
    ];
    assert_eq!(names, expected);
    assert_eq!(identity(&dir.path().join("switch.pem")), Identity::Switch("main".to_owned()));
    let operator = identity(&dir.path().join("operator-1.pem"));
    assert_eq!(operator, Identity::Participant("operator-1".to_owned()));
    for file in &written {
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        let is_key = file.extension().unwrap() == "key";
        assert_eq!(mode & 0o077 == 0, is_key, "{} has mode {mode:o}", file.display());
    }
}

#[test]
fn what_exists_stays_unless_forced() {
    let dir = tempfile::tempdir().unwrap();
    issue(dir.path(), &config(), false).unwrap();
    let key = dir.path().join("operator-1.key");
    let before = std::fs::read(&key).unwrap();
    assert!(
        matches!(issue(dir.path(), &config(), false), Err(CertsError::Exists(files)) if files.len() == 7)
    );
    assert_eq!(std::fs::read(&key).unwrap(), before);
    issue(dir.path(), &config(), true).unwrap();
    assert_ne!(std::fs::read(&key).unwrap(), before);
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

/// What `check-config` prints about a directory of certificates that ends with this code: lines, and remarks.
#[track_caller]
fn checked(directory: &Path, config: &str, code: i32) -> (String, String) {
    let file = directory.join("holdfast.toml");
    std::fs::write(&file, config).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_holdfast"))
        .args(["check-config"])
        .arg(&file)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn check_config_looks_at_every_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let certs = dir.path().join("certs");
    let (_, remarks) = checked(dir.path(), CONFIG, 1);
    assert!(remarks.contains("the switch does not start with these certificates"), "{remarks}");
    assert!(remarks.contains("ca.pem") && remarks.contains("switch.pem"), "{remarks}");

    issue(&certs, &config(), false).unwrap();
    let (lines, remarks) = checked(dir.path(), CONFIG, 0);
    assert_eq!(remarks, "", "all is right");
    assert!(
        lines.contains("switch.pem: holdfast://switch/main, dialled as localhost, switch.example, 127.0.0.1"),
        "{lines}"
    );
    assert!(
        lines.contains("holdfast.toml: right, 2 participants, ") && lines.contains(": 1 authority, "),
        "{lines}"
    );
    assert!(
        lines.contains("certificates of 2 of 2 participants are here, the first valid until 20"),
        "{lines}"
    );

    if rustix::process::geteuid().is_root() {
        // What root reads, the one whose directory it is may not be able to.
        let belongs_to = |user| std::os::unix::fs::chown(&certs, Some(user), None).unwrap();
        belongs_to(65_534);
        let (_, remarks) = checked(dir.path(), CONFIG, 0);
        assert!(remarks.contains("switch.key: only root can read it"), "{remarks}");
        assert!(!remarks.contains("switch.pem"), "everybody can read that: {remarks}");
        belongs_to(0);
    }

    // Each mended again before the next is broken.
    let broken = |what: &dyn Fn() -> std::io::Result<u64>, code: i32, expected: &str| {
        what().unwrap();
        let (_, remarks) = checked(dir.path(), CONFIG, code);
        assert!(remarks.contains(expected), "expected {expected:?} in {remarks}");
        issue(&certs, &config(), true).unwrap();
    };
    let copy = |from: &str, to: &str| std::fs::copy(certs.join(from), certs.join(to));
    broken(&|| copy("operator-1.key", "switch.key"), 1, "switch.key: does not go with ");
    broken(&|| copy("operator-1.key", "acquirer-1.key"), 0, "acquirer-1.key: does not go with ");
    broken(
        &|| copy("operator-1.pem", "acquirer-1.pem"),
        0,
        "acquirer-1.pem: it names the participant operator-1",
    );
    broken(&|| copy("operator-1.pem", "switch.pem"), 1, "switch.pem: it names the participant operator-1");
    broken(&|| copy("switch.pem", "operator-1.pem"), 0, "operator-1.pem: expected a certificate that names");
    broken(&|| copy("operator-1.pem", "ca.pem"), 0, "ca.pem: expected authorities");
    let other = tempfile::tempdir().unwrap();
    issue(other.path(), &config(), false).unwrap();
    broken(
        &|| std::fs::copy(other.path().join("operator-1.pem"), certs.join("operator-1.pem")),
        0,
        "operator-1.pem: the switch would refuse it: ",
    );

    copy("operator-1.pem", "spare.pem").unwrap();
    let (lines, _) = checked(dir.path(), CONFIG, 0);
    assert!(lines.contains("certificates of 2 of 2 participants are here"), "each counts once: {lines}");
    std::fs::remove_file(certs.join("spare.pem")).unwrap();

    let (_, remarks) = checked(dir.path(), &CONFIG.replace("switch.example", "other.example"), 0);
    assert!(remarks.contains("switch.pem: dialled as other.example it would be refused"), "{remarks}");
    let (_, remarks) = checked(dir.path(), &CONFIG.replace("acquirer-1", "acquirer-9"), 0);
    assert!(remarks.contains("it names the participant acquirer-1, which is not configured"), "{remarks}");
    let (_, remarks) = checked(dir.path(), &CONFIG.replace("\"main\"", "\"spare\""), 0);
    assert!(remarks.contains("it names the switch main, the configuration spare"), "{remarks}");
}

/// Dials the switch of one directory with the certificate of another; says whom the switch sees.
async fn dial(switch: &Path, participant: &Path, name: &str, server_name: &str) -> Result<Identity, String> {
    let server = Credentials::from_directory(switch, "switch").unwrap();
    let admit = Arc::new(|identity: &Identity| *identity != Identity::Participant("acquirer-1".to_owned()));
    let server = ServerConfig::with_crypto(server.server(admit).unwrap());
    let listener = Endpoint::server(server, "127.0.0.1:0".parse().unwrap()).unwrap();
    let client = Credentials::from_directory(participant, name).unwrap().client().unwrap();
    let mut dialler = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    dialler.set_default_client_config(ClientConfig::new(client));
    let address = listener.local_addr().unwrap();
    let accept = async {
        let link = listener.accept().await.unwrap().await.map_err(|e| e.to_string())?;
        let chain = link.peer_identity().unwrap().downcast::<Vec<CertificateDer<'static>>>().unwrap();
        Identity::from_der(&chain[0]).map_err(|e| e.to_string())
    };
    let connect = async { dialler.connect(address, server_name).unwrap().await.map_err(|e| e.to_string()) };
    let (seen, link) = tokio::join!(accept, connect);
    link.and(seen)
}

#[tokio::test]
async fn participants_and_switch_shake_hands_by_every_name_of_the_switch() {
    let dir = tempfile::tempdir().unwrap();
    issue(dir.path(), &config(), false).unwrap();
    for server_name in ["localhost", "127.0.0.1", "::1", "switch.example", "192.0.2.7"] {
        let seen = dial(dir.path(), dir.path(), "operator-1", server_name).await;
        assert_eq!(seen, Ok(Identity::Participant("operator-1".to_owned())), "{server_name}");
    }
    assert!(dial(dir.path(), dir.path(), "operator-1", "other.example").await.is_err(), "not its name");
}

#[tokio::test]
async fn strangers_do_not_shake_hands() {
    let ours = tempfile::tempdir().unwrap();
    let theirs = tempfile::tempdir().unwrap();
    issue(ours.path(), &config(), false).unwrap();
    issue(theirs.path(), &config(), false).unwrap();
    assert!(dial(ours.path(), theirs.path(), "operator-1", "localhost").await.is_err(), "other authority");
    let refused = dial(ours.path(), ours.path(), "acquirer-1", "localhost").await.unwrap_err();
    assert!(refused.contains("error 49"), "not admitted: access_denied, as docs/PROTOCOL.md says: {refused}");
    assert!(dial(ours.path(), ours.path(), "switch", "localhost").await.is_err(), "not a client certificate");
}
