//! UDP sockets with buffers that were read back, and quinn endpoints on them.

use std::io;
use std::net::{SocketAddr, UdpSocket};
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

fn bind(
    address: SocketAddr,
    settings: &LinkSettings,
    server: Option<Arc<QuicServerConfig>>,
    secret: Option<&ResetSecret>,
) -> io::Result<Endpoint> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
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
