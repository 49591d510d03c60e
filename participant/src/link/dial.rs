//! From an address to a signed-on link.

use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;
use holdfast_link::{Identity, bind_client};
use quinn::Connection;
use quinn::rustls::pki_types::CertificateDer;

use super::config::LinkConfig;
use super::control::Control;
use super::error::LinkError;
use super::receiver::{ControlStream, LinkReceiver, close, why};
use super::sender::LinkSender;
use super::shared::Shared;

pub(super) async fn dial(
    config: &LinkConfig,
    address: SocketAddr,
) -> Result<(LinkSender, LinkReceiver), LinkError> {
    let sign_on = config.sign_on()?;
    let local = match address {
        SocketAddr::V4(_) => SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
        SocketAddr::V6(_) => SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0),
    };
    let endpoint = bind_client(local, &config.quic, config.credentials.client()?)?.quinn;
    let connecting = endpoint
        .connect(address, &config.server_name)
        .map_err(|source| LinkError::Dial { address, source })?;
    let within_ms = u64::try_from(config.sign_on_timeout.as_millis()).unwrap_or(u64::MAX);
    let connection = tokio::time::timeout(config.sign_on_timeout, connecting)
        .await
        .map_err(|_| LinkError::NoAnswer { address, within_ms })??;
    let signed_on = async {
        is_a_switch(&connection)?;
        let now = Instant::now();
        let control = Control::new(config.patience(), &sign_on, now);
        let (send, receive) = connection.open_bi().await?;
        let timer = Box::pin(tokio::time::sleep_until(control.next_deadline().into()));
        let mut control = ControlStream { control, send, receive, leaving: Bytes::new(), timer };
        let shared = welcome(&mut control).await?;
        let (mut out, mut into) = (Vec::new(), Vec::new());
        for _ in 0..config.lanes {
            let (send, receive) = connection.open_bi().await?;
            out.push(send);
            into.push(receive);
        }
        let mut sender =
            LinkSender::new(connection.clone(), Arc::clone(&shared), out, config.outgoing_bytes_max);
        // The switch learns of a lane with its first bytes.
        sender.flush().await?;
        Ok((sender, control, into, shared))
    };
    match signed_on.await {
        Ok((sender, control, into, shared)) => {
            let receiver =
                LinkReceiver::new(connection, endpoint, shared, control, into, config.messages_per_take);
            Ok((sender, receiver))
        }
        Err(error) => {
            let error = why(connection.clone(), error).await;
            close(&connection, LinkError::reason(&error));
            Err(error)
        }
    }
}

/// The chain was verified by TLS; but a participant's certificate, of the same authority, must not pass for a switch.
fn is_a_switch(connection: &Connection) -> Result<(), LinkError> {
    let identity = connection.peer_identity().ok_or_else(|| LinkError::NotASwitch("none".to_owned()))?;
    let chain = identity
        .downcast::<Vec<CertificateDer<'static>>>()
        .map_err(|_| LinkError::NotASwitch("unreadable".to_owned()))?;
    let leaf = chain.first().ok_or_else(|| LinkError::NotASwitch("none".to_owned()))?;
    match Identity::from_der(leaf)? {
        Identity::Switch(_) => Ok(()),
        Identity::Participant(name) => Err(LinkError::NotASwitch(format!("participant {name}"))),
    }
}

async fn welcome(control: &mut ControlStream) -> Result<Arc<Shared>, LinkError> {
    poll_fn(|cx| {
        if let Err(error) = control.poll(cx) {
            return Poll::Ready(Err(error));
        }
        control.control.shared().map_or(Poll::Pending, |shared| Poll::Ready(Ok(Arc::clone(shared))))
    })
    .await
}
