//! A peer that says what a test tells it to, byte for byte: over real QUIC, without the participant library's manners.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use holdfast_link::{Credentials, Endpoint, LinkSettings, bind_client};
use holdfast_protocol::{
    Answer, Authorize, FrameReader, Instance, LaneOpen, Message, Outcome, Reason, Refund, SignOn, Welcome,
};
use quinn::{Connection, ConnectionError, RecvStream, SendStream};

use crate::fixture::Fixture;
use crate::requests;

/// How long anything may take before the test says that it did not come.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for something, and names it where it does not come.
pub async fn wait_for<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {PATIENCE:?} for {what}"),
    }
}

/// Asks again and again until it is so, and names it where it does not become so.
pub async fn wait_until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    wait_for(what, async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// One dialled link.
#[derive(Debug)]
pub struct Peer {
    /// The connection.
    pub connection: Connection,
    control: (SendStream, RecvStream),
    lane: Option<(SendStream, RecvStream)>,
    control_frames: FrameReader,
    lane_frames: FrameReader,
    endpoint: Endpoint,
}

/// Dials with certificates of a directory.
pub async fn dial(
    address: SocketAddr,
    certs: &Path,
    name: &str,
) -> Result<(Connection, Endpoint), ConnectionError> {
    let tls = Credentials::from_directory(certs, name).unwrap().client().unwrap();
    let local =
        if address.is_ipv4() { IpAddr::from(Ipv4Addr::LOCALHOST) } else { Ipv6Addr::LOCALHOST.into() };
    let endpoint = bind_client((local, 0).into(), &LinkSettings::default(), tls).unwrap();
    let connecting = endpoint.quinn.connect(address, "localhost").unwrap();
    let connection = wait_for("the handshake", connecting).await?;
    Ok((connection, endpoint))
}

/// A sign-on in both roles or one.
pub fn sign_on(originates: bool, receives: bool) -> SignOn {
    SignOn {
        version_min: 1,
        version_max: 1,
        instance: Instance(1),
        originates,
        receives,
        shared_deduplication: false,
        lanes: 1,
        window: 1_000,
    }
}

impl Peer {
    /// Dials and opens the control stream; nothing is sent yet.
    pub async fn dial(fixture: &Fixture, name: &str) -> Self {
        Self::dial_at(fixture.address(), &fixture.certs(), name).await
    }

    /// Dials a switch wherever it runs.
    pub async fn dial_at(address: SocketAddr, certs: &Path, name: &str) -> Self {
        let (connection, endpoint) = dial(address, certs, name).await.unwrap();
        let control = connection.open_bi().await.unwrap();
        Self {
            connection,
            control,
            lane: None,
            control_frames: FrameReader::default(),
            lane_frames: FrameReader::default(),
            endpoint,
        }
    }

    /// Where the switch sees it.
    pub fn address(&self) -> SocketAddr {
        self.endpoint.quinn.local_addr().unwrap()
    }

    /// Signs on as an operator does.
    pub async fn operator(fixture: &Fixture, name: &str) -> Self {
        let mut peer = Self::dial(fixture, name).await;
        peer.sign_on(sign_on(true, false)).await;
        peer
    }

    /// Signs on as one of an operator's instances does.
    pub async fn instance(fixture: &Fixture, name: &str, instance: u16) -> Self {
        let mut peer = Self::dial(fixture, name).await;
        peer.sign_on(SignOn { instance: Instance(instance), ..sign_on(true, false) }).await;
        peer
    }

    /// Signs on as a destination does.
    pub async fn destination(fixture: &Fixture, name: &str) -> Self {
        let mut peer = Self::dial(fixture, name).await;
        peer.sign_on(sign_on(false, true)).await;
        peer
    }

    /// Signs on and opens one lane.
    pub async fn sign_on(&mut self, sign_on: SignOn) -> Welcome {
        self.send_control(&sign_on.into()).await;
        let mut lane = self.connection.open_bi().await.unwrap();
        lane.0.write_all(&encoded(&[LaneOpen { lane: 0 }.into()])).await.unwrap();
        self.lane = Some(lane);
        match self.next_control().await {
            Some(Message::Welcome(welcome)) => welcome,
            other => panic!("no welcome: {other:?}, closed with {:?}", self.connection.close_reason()),
        }
    }

    /// Sends on the control stream.
    pub async fn send_control(&mut self, message: &Message) {
        self.control.0.write_all(&encoded(std::slice::from_ref(message))).await.unwrap();
    }

    /// Sends raw bytes on the control stream.
    pub async fn send_control_bytes(&mut self, bytes: &[u8]) {
        self.control.0.write_all(bytes).await.unwrap();
    }

    /// The same over a link that may end meanwhile.
    ///
    /// # Errors
    /// Where it has ended, or the switch takes no more of it.
    pub async fn try_send_control_bytes(&mut self, bytes: &[u8]) -> Result<(), quinn::WriteError> {
        self.control.0.write_all(bytes).await
    }

    /// Sends on the lane.
    pub async fn send(&mut self, messages: &[Message]) {
        self.send_bytes(&encoded(messages)).await;
    }

    /// Sends raw bytes on the lane. A link that the switch closes meanwhile is no fault of the test.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        let (send, _) = self.lane.as_mut().expect("the peer has signed on");
        if let Err(error) = send.write_all(bytes).await {
            // A stream of a link that ends may be stopped before the link is closed.
            wait_for(&format!("the end of the link after {error}"), self.connection.closed()).await;
        }
    }

    /// The next message on the control stream, answering echoes; none where the link has ended.
    pub async fn next_control(&mut self) -> Option<Message> {
        wait_for("a message on the control stream", next(&mut self.control.1, &mut self.control_frames)).await
    }

    /// The next message on the lane; none where the link has ended. Echoes are not answered meanwhile, so a test must
    /// not idle for more than the echo's patience.
    pub async fn next(&mut self) -> Option<Message> {
        let (_, receive) = self.lane.as_mut().expect("the peer has signed on");
        wait_for("a message on the lane", next(receive, &mut self.lane_frames)).await
    }

    /// The next message on the lane, however long it takes. Cancel-safe.
    pub async fn next_whenever(&mut self) -> Option<Message> {
        let (_, receive) = self.lane.as_mut().expect("the peer has signed on");
        next(receive, &mut self.lane_frames).await
    }

    /// The next answer on the lane.
    pub async fn next_answer(&mut self) -> Answer {
        loop {
            match self.next().await {
                Some(Message::Answer(answer)) => return answer,
                Some(Message::DecidedThrough(_)) => {}
                other => panic!("no answer: {other:?}, closed with {:?}", self.connection.close_reason()),
            }
        }
    }

    /// The next forward on the lane.
    pub async fn next_forward(&mut self) -> Authorize {
        loop {
            match self.next().await {
                Some(Message::Authorize(forward)) => return forward,
                Some(Message::DecidedThrough(_) | Message::Complete(_)) => {}
                other => panic!("no forward: {other:?}, closed with {:?}", self.connection.close_reason()),
            }
        }
    }

    /// The next refund that is forwarded on the lane.
    pub async fn next_refund(&mut self) -> Refund {
        loop {
            match self.next().await {
                Some(Message::Refund(forward)) => return forward,
                Some(Message::DecidedThrough(_) | Message::Complete(_)) => {}
                other => panic!("no refund: {other:?}, closed with {:?}", self.connection.close_reason()),
            }
        }
    }

    /// Sends one request and returns the outcome and reason of its answer.
    pub async fn ask(&mut self, request: impl Into<Message>) -> (Outcome, Reason) {
        self.send(&[request.into()]).await;
        let answer = self.next_answer().await;
        (answer.outcome, answer.reason)
    }

    /// Why the switch closed the link.
    pub async fn closed(&self) -> Reason {
        match wait_for("the link's end", self.connection.closed()).await {
            ConnectionError::ApplicationClosed(close) => {
                let number = u16::try_from(close.error_code.into_inner()).unwrap();
                Reason::from_number(number).unwrap()
            }
            other => panic!("the switch did not close the link: {other}"),
        }
    }
}

/// Frames of messages.
pub fn encoded(messages: &[Message]) -> Bytes {
    let mut bytes = BytesMut::new();
    for message in messages {
        message.encode(&mut bytes);
    }
    bytes.freeze()
}

async fn next(stream: &mut RecvStream, frames: &mut FrameReader) -> Option<Message> {
    loop {
        if let Some(frame) = frames.next_frame().unwrap() {
            return Some(Message::decode(&frame).unwrap());
        }
        let chunk = stream.read_chunk(65_536, true).await.ok()??;
        frames.push(chunk.bytes);
    }
}

/// Pays through a switch from `operator` to `destination` and sees that it works: nobody else was harmed.
pub async fn pays(operator: &mut Peer, destination: &mut Peer, payment_id: &str) {
    let request = requests::pay(payment_id, 100);
    operator.send(&[request.clone().into()]).await;
    let forward = destination.next_forward().await;
    assert_eq!(forward.id, request.id);
    destination.send(&[requests::approval(&forward, None).into()]).await;
    let answer = operator.next_answer().await;
    assert_eq!((answer.id, answer.outcome), (request.id, Outcome::Approved));
}
