//! Dials that never become links: most of what the dialler sends is lost on the way.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use holdfast_link::{Credentials, Endpoint, LinkSettings, bind_client};
use quinn::Connecting;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use crate::fixture::Fixture;
use crate::peer::wait_for;

/// How far each dial gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gets {
    /// Its first packet arrives and nothing after: its address may be a lie.
    FirstPacket,
    /// It also shows that its address is real, where it is asked to; the handshake is never finished.
    AddressShown,
}

/// Dials under way, each from an address of its own. They stay as they are until this is dropped.
#[derive(Debug)]
pub struct Unfinished {
    _dials: Vec<Connecting>,
    _dialler: Endpoint,
    _relay: JoinSet<()>,
}

/// Longer than any packet.
const PACKET_BYTES: usize = 2_048;
/// The bits of a long header that say what it is, and two of its kinds.
const KIND: u8 = 0xf0;
const INITIAL: u8 = 0xc0;
const RETRY: u8 = 0xf0;

/// Dials the switch so often and waits until each dial got as far as it may.
pub async fn dial_unfinished(fixture: &Fixture, name: &str, count: usize, gets: Gets) -> Unfinished {
    let tls = Credentials::from_directory(&fixture.certs(), name).unwrap().client().unwrap();
    let dialler = bind_client((Ipv4Addr::LOCALHOST, 0).into(), &LinkSettings::default(), tls).unwrap();
    let front = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap());
    let dialled = front.local_addr().unwrap();
    let mut relay = JoinSet::new();
    let (arrived, mut arrivals) = tokio::sync::mpsc::channel(count);
    relay.spawn(forward(front, fixture.address(), gets, arrived));
    let mut dials = Vec::new();
    for _ in 0..count {
        let dial = dialler.quinn.connect(dialled, "localhost").unwrap();
        wait_for("a dial to reach the switch", arrivals.recv()).await.expect("the relay runs");
        match gets {
            // It may give up: nothing that it sends arrives any more.
            Gets::FirstPacket => drop(dial),
            Gets::AddressShown => dials.push(dial),
        }
    }
    Unfinished { _dials: dials, _dialler: dialler, _relay: relay }
}

/// Lets pass what may pass, one socket for each dial, which is known by the id that the dialler chose for itself.
async fn forward(
    front: Arc<UdpSocket>,
    switch: SocketAddr,
    gets: Gets,
    arrived: tokio::sync::mpsc::Sender<()>,
) {
    let mut dials: HashMap<Vec<u8>, Arc<UdpSocket>> = HashMap::new();
    let mut shown: HashMap<Vec<u8>, ()> = HashMap::new();
    let mut backward = JoinSet::new();
    let mut packet = [0; PACKET_BYTES];
    loop {
        let (bytes, dialler) = front.recv_from(&mut packet).await.unwrap();
        let Some((source, with_token)) = initial(&packet[..bytes]) else { continue };
        if let Some(socket) = dials.get(&source) {
            let shows = gets == Gets::AddressShown && with_token;
            if shows && shown.insert(source, ()).is_none() {
                socket.send(&packet[..bytes]).await.unwrap();
            }
            continue;
        }
        let socket = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap());
        socket.connect(switch).await.unwrap();
        socket.send(&packet[..bytes]).await.unwrap();
        dials.insert(source, Arc::clone(&socket));
        backward.spawn(pass_retries(socket, Arc::clone(&front), dialler));
        arrived.send(()).await.expect("whoever dialled waits");
    }
}

/// Of the switch's packets only those pass that ask for the address.
async fn pass_retries(from: Arc<UdpSocket>, front: Arc<UdpSocket>, dialler: SocketAddr) {
    let mut packet = [0; PACKET_BYTES];
    // A socket that was told that nobody listens has nothing more to pass.
    while let Ok(bytes) = from.recv(&mut packet).await {
        if packet[..bytes].first().is_some_and(|first| first & KIND == RETRY) {
            front.send_to(&packet[..bytes], dialler).await.unwrap();
        }
    }
}

/// Of an Initial packet (RFC 9000, section 17.2.2): the dialler's id, and whether it carries a token.
fn initial(packet: &[u8]) -> Option<(Vec<u8>, bool)> {
    let (first, rest) = packet.split_first()?;
    if first & KIND != INITIAL {
        return None;
    }
    let rest = rest.get(4..)?;
    let (length, rest) = rest.split_first()?;
    let rest = rest.get(usize::from(*length)..)?;
    let (length, rest) = rest.split_first()?;
    let (source, rest) = rest.split_at_checked(usize::from(*length))?;
    Some((source.to_vec(), *rest.first()? != 0))
}
