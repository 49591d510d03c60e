//! UDP sockets with buffers that were read back, and quinn endpoints on them.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, EndpointConfig, ServerConfig, TokioRuntime};
use socket2::{Domain, Protocol, Socket, Type};

use crate::reset::ResetSecret;
use crate::settings::LinkSettings;

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
    let mut endpoint = bind(local, settings, None, None)?;
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
    bind(listen, settings, Some(tls), None)
}

/// The same for one that is started again after it ended without a goodbye: whoever was linked to it then learns so from the
/// first packet it sends to the new one.
///
/// # Errors
/// Where the address cannot be bound.
pub fn bind_restarting_server(
    listen: SocketAddr,
    settings: &LinkSettings,
    tls: Arc<QuicServerConfig>,
    secret: &ResetSecret,
) -> io::Result<Endpoint> {
    bind(listen, settings, Some(tls), Some(secret))
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
    // A participant that moves to another address dials again; a moved link would escape the limits on links.
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

fn bind(
    address: SocketAddr,
    settings: &LinkSettings,
    server: Option<Arc<QuicServerConfig>>,
    secret: Option<&ResetSecret>,
) -> io::Result<Endpoint> {
    let socket = if server.is_some() { listening_socket(address)? } else { socket(address)? };
    socket.set_recv_buffer_size(settings.socket_buffer_bytes)?;
    socket.set_send_buffer_size(settings.socket_buffer_bytes)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    let receive_buffer_bytes = socket.recv_buffer_size()?;
    let socket: UdpSocket = socket.into();
    let mut config = EndpointConfig::default();
    config.max_udp_payload_size(settings.mtu.max(1_472)).map_err(io::Error::other)?;
    if let Some(secret) = secret {
        secret.configure(&mut config, address);
    }
    let server = server.map(|tls| server_config(settings, receive_buffer_bytes, tls));
    let quinn = quinn::Endpoint::new(config, server, socket, Arc::new(TokioRuntime))?;
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

    #[test]
    fn an_ipv4_address_in_the_form_of_ipv6_can_be_listened_on() {
        if UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).is_err() {
            return eprintln!("SKIPPED: this machine has no IPv6");
        }
        take_address((Ipv4Addr::LOCALHOST.to_ipv6_mapped(), 0).into()).unwrap();
    }
}
