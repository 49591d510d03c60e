//! A switch played by the test: a real QUIC endpoint with real certificates, and no opinion of its own.

#![allow(dead_code, unreachable_pub, reason = "each test program uses its part")]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use holdfast_link::{Credentials, Endpoint, LinkSettings, bind_server};
use holdfast_participant::{LinkConfig, Roles};
use holdfast_protocol::{
    Epoch, FrameReader, Message, ParticipantNumber, Partition, SignOn, UnixMillis, Welcome,
};
use quinn::{Connection, RecvStream, SendStream, VarInt};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use tempfile::TempDir;

/// The switch's time when it welcomes somebody.
pub const SWITCH_TIME: u64 = 1_795_305_600_000;

/// The longest that anything on loopback may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Awaits what must happen, and says what it was if it does not.
pub async fn wait_until<T>(what: &str, happens: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, happens).await.unwrap_or_else(|_| panic!("waited in vain until {what}"))
}

/// A listening switch and the directory of its certificates.
pub struct PlayedSwitch {
    endpoint: Endpoint,
    directory: TempDir,
}

fn certificate(issuer: &CertifiedIssuer<'_, KeyPair>, directory: &Path, name: &str, uri: &str) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.subject_alt_names.push(SanType::URI(uri.try_into().unwrap()));
    let certificate = params.signed_by(&key, issuer).unwrap();
    std::fs::write(directory.join(format!("{name}.pem")), certificate.pem()).unwrap();
    std::fs::write(directory.join(format!("{name}.key")), key.serialize_pem()).unwrap();
}

/// A directory as `holdfast certs` makes it, with one participant.
pub fn certificates() -> TempDir {
    let directory = TempDir::new().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(directory.path().join("ca.pem"), issuer.pem()).unwrap();
    certificate(&issuer, directory.path(), "switch", "holdfast://switch/switch");
    certificate(&issuer, directory.path(), "operator-1", "holdfast://participant/operator-1");
    directory
}

impl PlayedSwitch {
    pub fn start() -> Self {
        Self::start_as("switch")
    }

    /// Listens with the certificate of `name`.
    pub fn start_as(name: &str) -> Self {
        Self::start_admitting(name, true)
    }

    /// Listens with the certificate of `name`; `admits`: whether it takes participants' certificates.
    pub fn start_admitting(name: &str, admits: bool) -> Self {
        let directory = certificates();
        let tls = Credentials::from_directory(directory.path(), name).unwrap();
        let tls = tls.server(Arc::new(move |_| admits)).unwrap();
        let endpoint = bind_server("127.0.0.1:0".parse().unwrap(), &LinkSettings::default(), tls).unwrap();
        Self { endpoint, directory }
    }

    pub fn address(&self) -> SocketAddr {
        self.endpoint.quinn.local_addr().unwrap()
    }

    pub fn config(&self, roles: Roles) -> LinkConfig {
        LinkConfig::new(Credentials::from_directory(self.directory.path(), "operator-1").unwrap(), roles)
    }

    /// Accepts the next connection and reads its sign-on.
    pub async fn accept(&self) -> PlayedLink {
        wait_until("a participant signs on", async {
            let connection = self.endpoint.quinn.accept().await.unwrap().await.unwrap();
            let (send, receive) = connection.accept_bi().await.unwrap();
            let mut control = PlayedStream { send, receive, frames: FrameReader::default() };
            let Message::SignOn(sign_on) = control.receive().await else { panic!("a sign-on comes first") };
            PlayedLink { connection, control, lanes: Vec::new(), sign_on }
        })
        .await
    }

    /// Takes part in the next handshake, which must fail.
    pub async fn accept_nobody(&self) {
        let connecting = self.endpoint.quinn.accept().await.unwrap();
        wait_until("the handshake fails", connecting.into_future())
            .await
            .expect_err("the authorities differ");
    }

    /// Accepts the next connection, welcomes it and accepts its lanes.
    pub async fn accept_and_welcome(&self) -> PlayedLink {
        let mut link = self.accept().await;
        link.control.send(&[welcome().into()]).await;
        link.accept_lanes().await;
        link
    }

    pub fn close(&self) {
        self.endpoint.quinn.close(VarInt::from_u32(411), b"");
    }
}

pub fn welcome() -> Welcome {
    Welcome {
        version: 1,
        participant: ParticipantNumber::new(1).unwrap(),
        partition: Partition(0),
        epoch: Epoch(1),
        time: UnixMillis::new(SWITCH_TIME).unwrap(),
        window: 1_000,
        window_max_ms: 60_000,
        skew_max_ms: 5_000,
        budget_max_ms: 60_000,
        hold_max_ms: 86_400_000,
    }
}

/// The switch's end of one link.
pub struct PlayedLink {
    pub connection: Connection,
    pub control: PlayedStream,
    pub lanes: Vec<PlayedStream>,
    pub sign_on: SignOn,
}

impl PlayedLink {
    pub async fn accept_lanes(&mut self) {
        wait_until("the lanes are opened", async {
            for expected in 0..self.sign_on.lanes {
                let (send, receive) = self.connection.accept_bi().await.unwrap();
                let mut lane = PlayedStream { send, receive, frames: FrameReader::default() };
                let Message::LaneOpen(open) = lane.receive().await else { panic!("a lane says its number") };
                assert_eq!(open.lane, expected);
                self.lanes.push(lane);
            }
        })
        .await;
    }

    /// Ends the control stream and the lanes, and closes with a number once the participant has their ends: the order
    /// in which a link ends where packets go their own ways.
    pub async fn end_streams_then_close(&mut self, number: u32) {
        for stream in std::iter::once(&mut self.control).chain(&mut self.lanes) {
            stream.send.finish().unwrap();
            wait_until("the end of a stream is there", stream.send.stopped()).await.unwrap();
        }
        self.connection.close(VarInt::from_u32(number), b"");
    }

    /// The number with which the participant closes the connection.
    pub async fn closed_with(&self) -> u64 {
        match wait_until("the participant closes the link", self.connection.closed()).await {
            quinn::ConnectionError::ApplicationClosed(close) => close.error_code.into_inner(),
            other => panic!("closed otherwise: {other}"),
        }
    }
}

/// One stream of a link.
pub struct PlayedStream {
    pub send: SendStream,
    receive: RecvStream,
    frames: FrameReader,
}

impl PlayedStream {
    pub async fn receive(&mut self) -> Message {
        wait_until("the participant sends the next message", async {
            loop {
                if let Some(frame) = self.frames.next_frame().unwrap() {
                    return Message::decode(&frame).unwrap();
                }
                let chunk = self.receive.read_chunk(64 << 10, true).await.unwrap();
                self.frames.push(chunk.expect("the participant keeps its streams open").bytes);
            }
        })
        .await
    }

    pub async fn send(&mut self, messages: &[Message]) {
        let mut bytes = BytesMut::new();
        messages.iter().for_each(|message| message.encode(&mut bytes));
        self.send_bytes(bytes.freeze()).await;
    }

    pub async fn send_bytes(&mut self, bytes: bytes::Bytes) {
        wait_until("the participant takes what it is sent", self.send.write_chunk(bytes)).await.unwrap();
    }
}
