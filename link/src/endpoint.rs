//! UDP sockets with buffers that were read back, and quinn endpoints on them.
//!
//! Several threads can have an address together, each with a socket and an endpoint of its own (`SO_REUSEPORT`). Linux then
//! chooses a socket for each packet by the addresses and ports of both ends and by how many sockets there are. So:
//!
//! Invariant: nothing is read before the last socket of an address is bound, and none is closed while another one's links live.
//! The packets of a link then all come to the thread that accepted it. A participant whose address changes on the way may
//! come to another thread, where nobody knows its link; that loses nothing, since links do not migrate (see `server_config`).
//!
//! Invariant: the first socket of an address is bound without sharing, so a second switch is refused as ever. Only then the
//! address is opened for the others, and only to processes of the same user that ask to share; no switch ever asks so for its first.

use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, EndpointConfig, ServerConfig, TokioRuntime};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::runtime::Handle;

use crate::reset::ResetSecret;
use crate::settings::LinkSettings;

/// The kernel counts at least so many bytes of a socket's buffer for any packet.
const PACKET_BYTES_MIN: usize = 256;

/// A quinn endpoint and what the kernel granted it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The endpoint.
    pub quinn: quinn::Endpoint,
    /// Bytes of the receive buffer that the kernel granted. Linux counts its own overhead in it.
    pub receive_buffer_bytes: usize,
    settings: LinkSettings,
}

/// An endpoint that dials. Must be called inside a tokio runtime.
///
/// # Errors
/// Where the socket cannot be made.
pub fn bind_client(
    local: SocketAddr,
    settings: &LinkSettings,
    tls: Arc<QuicClientConfig>,
) -> io::Result<Endpoint> {
    let socket = sized(socket(local)?, settings)?;
    socket.bind(&local.into())?;
    let mut endpoint = endpoint(socket, settings, None, EndpointConfig::default())?;
    let mut client = ClientConfig::new(tls);
    client.transport_config(settings.transport(endpoint.receive_buffer_bytes));
    endpoint.quinn.set_default_client_config(client);
    Ok(endpoint)
}

/// An endpoint that is dialled. Must be called inside a tokio runtime.
///
/// # Errors
/// Where the address cannot be bound.
pub fn bind_server(
    listen: SocketAddr,
    settings: &LinkSettings,
    tls: Arc<QuicServerConfig>,
) -> io::Result<Endpoint> {
    let socket = sized(listening_socket(listen)?, settings)?;
    socket.bind(&listen.into())?;
    endpoint(socket, settings, Some(tls), EndpointConfig::default())
}

/// The same for one that is started again after it ended without a goodbye: whoever was linked to it then learns so from the
/// first packet it sends to the new one. One for each of these runtimes, which may all have to begin to run yet; the links
/// are spread over them.
///
/// # Errors
/// Where the address cannot be bound.
pub fn bind_restarting_server(
    listen: SocketAddr,
    settings: &LinkSettings,
    tls: &Arc<QuicServerConfig>,
    secret: &ResetSecret,
    runtimes: &[Handle],
) -> io::Result<Vec<Endpoint>> {
    let sockets = listening_sockets(listen, settings, runtimes.len())?;
    let bound = sockets.into_iter().zip(runtimes).enumerate();
    let endpoints = bound.map(|(thread, (socket, runtime))| {
        let _inside = runtime.enter();
        let mut config = EndpointConfig::default();
        secret.configure(&mut config, listen, thread);
        endpoint(socket, settings, Some(Arc::clone(tls)), config)
    });
    endpoints.collect()
}

/// Takes an address just as an endpoint that is dialled does. Nobody else can have it until the socket is dropped.
///
/// # Errors
/// Where the address cannot be bound.
pub fn take_address(listen: SocketAddr) -> io::Result<UdpSocket> {
    let socket = listening_socket(listen)?;
    socket.bind(&listen.into())?;
    Ok(socket.into())
}

impl Endpoint {
    /// Uses other certificates for links from now on; those that stand are not touched.
    pub fn set_server_tls(&self, tls: Arc<QuicServerConfig>) {
        self.quinn.set_server_config(Some(server_config(&self.settings, self.receive_buffer_bytes, tls)));
    }
}

fn server_config(settings: &LinkSettings, granted_bytes: usize, tls: Arc<QuicServerConfig>) -> ServerConfig {
    let mut server = ServerConfig::with_crypto(tls);
    server.transport_config(settings.transport(granted_bytes));
    // A participant that moves to another address dials again; a moved link would escape the limits on links, and where
    // several threads have the address its packets might come to one that does not know it.
    server.migration(false);
    server
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))
}

/// One on an IPv6 address takes IPv6 alone, whatever the machine's default is (`net.ipv6.bindv6only`): `0.0.0.0` and `[::]`
/// can then both have a port. Only an IPv4 address in IPv6's form (`::ffff:127.0.0.1`) could not be bound so.
fn listening_socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = socket(address)?;
    if let IpAddr::V6(ip) = address.ip() {
        socket.set_only_v6(ip.to_ipv4_mapped().is_none())?;
    }
    Ok(socket)
}

fn sized(socket: Socket, settings: &LinkSettings) -> io::Result<Socket> {
    socket.set_recv_buffer_size(settings.socket_buffer_bytes)?;
    socket.set_send_buffer_size(settings.socket_buffer_bytes)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// So many sockets on one address; see the module for who may have it. For port 0 the first gets one, and the others join it.
fn listening_sockets(address: SocketAddr, settings: &LinkSettings, count: usize) -> io::Result<Vec<Socket>> {
    let first = sized(listening_socket(address)?, settings)?;
    first.bind(&address.into())?;
    let mut sockets = vec![first];
    if count > 1 {
        sockets[0].set_reuse_port(true)?;
        let given = sockets[0].local_addr()?;
        for _ in 1..count {
            let socket = sized(listening_socket(address)?, settings)?;
            socket.set_reuse_port(true)?;
            socket.bind(&given)?;
            sockets.push(socket);
        }
        for socket in &sockets {
            discard(socket)?;
        }
    }
    Ok(sockets)
}

/// What came before the last socket was bound: what follows it may come to another one. Whoever sent it does so again.
fn discard(socket: &Socket) -> io::Result<()> {
    let mut byte = [MaybeUninit::uninit()];
    // Each takes more than that of the buffer, so what came before is gone then, however fast more comes.
    for _ in 0..=socket.recv_buffer_size()? / PACKET_BYTES_MIN {
        match socket.recv(&mut byte) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn endpoint(
    socket: Socket,
    settings: &LinkSettings,
    server: Option<Arc<QuicServerConfig>>,
    mut config: EndpointConfig,
) -> io::Result<Endpoint> {
    let receive_buffer_bytes = socket.recv_buffer_size()?;
    config.max_udp_payload_size(settings.mtu.max(1_472)).map_err(io::Error::other)?;
    let server = server.map(|tls| server_config(settings, receive_buffer_bytes, tls));
    let quinn = quinn::Endpoint::new(config, server, socket.into(), Arc::new(TokioRuntime))?;
    Ok(Endpoint { quinn, receive_buffer_bytes, settings: settings.clone() })
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn every_address_of_ipv4_and_every_one_of_ipv6_share_a_port() {
        let Ok(probe) = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)) else {
            return eprintln!("SKIPPED: this machine has no IPv6");
        };
        // That socket had both families, so the port is free in both.
        let port = probe.local_addr().unwrap().port();
        drop(probe);
        let _v4 = take_address((Ipv4Addr::UNSPECIFIED, port).into()).unwrap();
        let _v6 = take_address((Ipv6Addr::UNSPECIFIED, port).into()).unwrap();
        for taken in [(Ipv4Addr::LOCALHOST, port).into(), SocketAddr::from((Ipv6Addr::LOCALHOST, port))] {
            let error = take_address(taken).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "{taken}");
        }
    }

    /// Three threads have it.
    fn shared() -> (Vec<Socket>, SocketAddr) {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let sockets = listening_sockets(any, &LinkSettings::default(), 3).unwrap();
        let address = sockets[0].local_addr().unwrap().as_socket().unwrap();
        (sockets, address)
    }

    #[test]
    fn nobody_joins_an_address_that_several_threads_have() {
        let (sockets, address) = shared();
        let everywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
        for wanted in [address, everywhere] {
            assert_eq!(take_address(wanted).unwrap_err().kind(), io::ErrorKind::AddrInUse);
            for threads in 1..4 {
                let error = listening_sockets(wanted, &LinkSettings::default(), threads).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "{wanted} for {threads}");
            }
        }
        drop(sockets);
        take_address(address).unwrap();
    }

    #[test]
    fn each_sender_is_heard_by_one_thread_and_each_thread_hears_some() {
        let (sockets, address) = shared();
        let senders: Vec<_> = (0..64).map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).collect();
        for _ in 0..3 {
            for sender in &senders {
                sender.send_to(b"packet", address).unwrap();
            }
        }
        let sockets: Vec<UdpSocket> = sockets.into_iter().map(UdpSocket::from).collect();
        let heard: Vec<Vec<SocketAddr>> = sockets
            .iter()
            .map(|socket| std::iter::from_fn(|| Some(socket.recv_from(&mut [0; 16]).ok()?.1)).collect())
            .collect();
        assert!(heard.iter().all(|by_one| !by_one.is_empty()), "{heard:?}");
        for sender in &senders {
            let from = sender.local_addr().unwrap();
            let times = heard.iter().map(|by_one| by_one.iter().filter(|whose| **whose == from).count());
            let mut times: Vec<usize> = times.collect();
            times.sort_unstable();
            assert_eq!(times, [0, 0, 3], "{from}");
        }
    }

    #[test]
    fn what_came_before_the_last_thread_was_there_is_discarded() {
        let socket =
            sized(listening_socket((Ipv4Addr::LOCALHOST, 0).into()).unwrap(), &LinkSettings::default());
        let socket = socket.unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        for _ in 0..100 {
            sender.send_to(&[7; 1_200], address).unwrap();
        }
        discard(&socket).unwrap();
        sender.send_to(b"after", address).unwrap();
        let (mut bytes, socket) = ([0; 16], UdpSocket::from(socket));
        assert_eq!(socket.recv(&mut bytes).unwrap(), 5);
        assert_eq!(socket.recv(&mut bytes).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn an_ipv4_address_in_the_form_of_ipv6_can_be_listened_on() {
        if UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).is_err() {
            return eprintln!("SKIPPED: this machine has no IPv6");
        }
        take_address((Ipv4Addr::LOCALHOST.to_ipv6_mapped(), 0).into()).unwrap();
    }
}
