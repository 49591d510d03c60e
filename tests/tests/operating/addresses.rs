//! Where a switch listens: on the addresses of the shipped example, for both families.

use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use holdfast_participant::{Credentials, Link, LinkConfig, Roles};
use holdfast_tests::peer::{Peer, pays, sign_on};
use holdfast_tests::processes::SwitchHome;
use holdfast_tests::skipped::skipped;

const EXAMPLE: &str = include_str!("../../../docs/holdfast.example.toml");
const ENDS_WITHIN: Duration = Duration::from_secs(60);

/// A port that is free for every address of IPv4 and of IPv6; none where this machine has no IPv6.
fn port_of_both() -> Option<u16> {
    UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).ok()?;
    // Unless the machine is told otherwise, this one takes both families.
    let port = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).ok()?.local_addr().unwrap().port();
    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).map(|_| port).ok()
}

/// The line of the example that says where to listen, with other ports.
fn listen_of_example(port: u16) -> String {
    let line = EXAMPLE.lines().find(|line| line.starts_with("listen = ")).expect("the example listens");
    let other = line.replace(":7070", &format!(":{port}"));
    assert!(other.contains("0.0.0.0") && other.contains("[::]") && !other.contains(":7070"), "{other}");
    other
}

fn listening(home: &SwitchHome, line: &str) {
    let toml = fs::read_to_string(home.config()).unwrap();
    let own = format!("listen = [\"{}\"]", home.listen);
    assert!(toml.contains(&own), "{toml}");
    fs::write(home.config(), toml.replace(&own, line)).unwrap();
}

#[tokio::test]
async fn the_listen_addresses_of_the_example_serve_participants_of_both_families() {
    let Some(port) = port_of_both() else { return skipped("this machine has no IPv6") };
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = SwitchHome::new(directory.path(), 2, 2);
    listening(&home, &listen_of_example(port));
    let process = home.start();
    let v4 = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
    // Each pays over its family, and is paid over the other.
    for (number, (from, to)) in [(v4, v6), (v6, v4)].into_iter().enumerate().map(|(at, way)| (at + 1, way)) {
        let mut operator = Peer::dial_at(from, &home.certs(), &format!("operator-{number}")).await;
        operator.sign_on(sign_on(true, false)).await;
        let mut acquirer = Peer::dial_at(to, &home.certs(), &format!("acquirer-{number}")).await;
        acquirer.sign_on(sign_on(false, true)).await;
        pays(&mut operator, &mut acquirer, &format!("shop@acq-{number}")).await;
    }
    for address in [v4, v6] {
        let credentials = Credentials::from_directory(&home.certs(), "operator-1").unwrap();
        let link = Link::dial(&LinkConfig::new(credentials, Roles::Originator), address).await;
        assert!(link.is_ok(), "the participant library reaches {address}: {:?}", link.err());
    }
    home.stop(process);
}

#[test]
fn where_an_address_cannot_be_had_nothing_was_written() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = SwitchHome::new(directory.path(), 1, 1);
    let before = files(directory.path());
    let port = home.listen.port();
    // These two are in each other's way, and nobody else is.
    listening(&home, &format!("listen = [\"0.0.0.0:{port}\", \"127.0.0.1:{port}\"]"));
    let mut process = home.start_unready();
    let (status, log) = (process.wait(ENDS_WITHIN), process.log_tail());
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains(&format!("cannot listen on 127.0.0.1:{port}")), "{log}");
    let mut after = files(directory.path());
    after.retain(|name| name != "switch.log");
    assert_eq!(after, before, "no journal was begun");
}

fn files(directory: &std::path::Path) -> Vec<String> {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}
