//! A switch that decides nothing: it passes payments on to the destination that their payment ID names, and answers back.
//!
//! No core, no journal, no book, no deadline: what is left is the generator, the links, and the least that any switch must
//! do. Only payments; a message of any other kind ends the link. On demand it is a queue in front of one server, whose
//! latencies are known.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use holdfast_link::{Credentials, Identity, LinkSettings, bind_server};
use holdfast_protocol::{
    Answer, Echo, Epoch, FrameReader, Message, Outcome, ParticipantNumber, Partition, State, UnixMillis,
    Welcome,
};
use quinn::rustls::pki_types::CertificateDer;
use quinn::{Connection, RecvStream, SendStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::LocalSet;

use super::server::Server;
use crate::run::RunError;

/// Where to reach it; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct NullSwitch {
    pub(super) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Who takes part, in the order of the participant numbers, with the MPS id that leads there.
pub(super) type Members = Vec<(String, String)>;

impl NullSwitch {
    /// Listens on loopback, on a thread of its own.
    ///
    /// # Errors
    /// Where no socket or thread can be had.
    pub(super) fn start(
        credentials: Credentials,
        settings: LinkSettings,
        members: Members,
        server: Option<Server>,
    ) -> Result<Self, RunError> {
        let (stop, stopped) = oneshot::channel();
        let (address_is, address) = std::sync::mpsc::channel();
        let serve = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            match runtime {
                Ok(runtime) => runtime.block_on(LocalSet::new().run_until(async {
                    listen(credentials, settings, Table::new(members, server), &address_is, stopped).await;
                })),
                Err(error) => tell(&address_is, Err(error)),
            }
        };
        let thread = std::thread::Builder::new()
            .name("null-switch".to_owned())
            .spawn(serve)
            .map_err(RunError::io("thread"))?;
        let gone = || std::io::Error::other("it ended at once");
        let address = address.recv().map_err(|_| gone()).and_then(|address| address);
        let address = address.map_err(RunError::io("the switch of the selftest"))?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for NullSwitch {
    fn drop(&mut self) {
        // Dropping the sender ends the thread.
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("the switch of the selftest panicked");
        }
    }
}

type AddressIs = std::sync::mpsc::Sender<std::io::Result<SocketAddr>>;

fn tell(address_is: &AddressIs, address: std::io::Result<SocketAddr>) {
    address_is.send(address).expect("the selftest waits for the address");
}

async fn listen(
    credentials: Credentials,
    settings: LinkSettings,
    table: Table,
    address_is: &AddressIs,
    stopped: oneshot::Receiver<()>,
) {
    let bound = credentials.server(Arc::new(|_| true)).map_err(std::io::Error::other).and_then(|tls| {
        let endpoint =
            bind_server(([127, 0, 0, 1], 0).into(), &settings, tls).map_err(std::io::Error::other)?;
        let address = endpoint.quinn.local_addr()?;
        Ok((endpoint, address))
    });
    let endpoint = match bound {
        Ok((endpoint, address)) => {
            tell(address_is, Ok(address));
            endpoint
        }
        Err(error) => return tell(address_is, Err(error)),
    };
    let table = Rc::new(table);
    let accepting = async {
        while let Some(incoming) = endpoint.quinn.accept().await {
            let table = Rc::clone(&table);
            tokio::task::spawn_local(async move {
                if let Err(error) = attend(incoming, &table).await {
                    tracing::debug!(%error, "a link of the selftest ended");
                }
            });
        }
    };
    tokio::select! {
        () = accepting => {}
        () = serve(&table) => {}
        // An error means that the selftest is over.
        _ = stopped => {}
    }
    endpoint.quinn.close(0_u32.into(), b"");
    endpoint.quinn.wait_idle().await;
}

/// Lets go what has been served, where there is a server.
async fn serve(table: &Table) {
    let Some(server) = &table.server else { return std::future::pending().await };
    loop {
        let served = server.next().await;
        served.iter().for_each(|(place, message)| table.push(*place, message));
        table.wake();
    }
}

/// What waits for one participant.
#[derive(Debug, Default)]
struct Outbound {
    bytes: RefCell<BytesMut>,
    came: Notify,
}

/// Everybody, by participant number less one, and by MPS id.
struct Table {
    names: HashMap<String, u16>,
    places: HashMap<String, usize>,
    outbound: Vec<RefCell<Rc<Outbound>>>,
    server: Option<Server>,
}

impl Table {
    fn new(members: Members, server: Option<Server>) -> Self {
        let outbound = members.iter().map(|_| RefCell::default()).collect();
        let (mut names, mut places) = (HashMap::new(), HashMap::new());
        for (number, (name, mps)) in (1..).zip(members) {
            names.insert(name, number);
            places.insert(mps, usize::from(number) - 1);
        }
        Self { names, places, outbound, server }
    }

    fn number(&self, connection: &Connection) -> Option<ParticipantNumber> {
        let identity = connection.peer_identity()?;
        let chain = identity.downcast::<Vec<CertificateDer<'static>>>().ok()?;
        match Identity::from_der(chain.first()?) {
            Ok(Identity::Participant(name)) => {
                self.names.get(&name).copied().and_then(ParticipantNumber::new)
            }
            Ok(Identity::Switch(_)) | Err(_) => None,
        }
    }

    fn push(&self, place: usize, message: &Message) {
        if let Some(outbound) = self.outbound.get(place) {
            message.encode(&mut outbound.borrow().bytes.borrow_mut());
        }
    }

    /// Wakes everybody for whom something waits.
    fn wake(&self) {
        for outbound in &self.outbound {
            let outbound = outbound.borrow();
            if !outbound.bytes.borrow().is_empty() {
                outbound.came.notify_one();
            }
        }
    }

    /// Passes a message of a lane on; whether it is one that it knows.
    fn pass_on(&self, from: ParticipantNumber, message: Message) -> bool {
        match message {
            Message::Authorize(mut request) => {
                request.originator = Some(from);
                if let Some(place) = self.places.get(request.payment_id.mps.as_str()) {
                    match &self.server {
                        Some(server) => server.take(*place, Message::Authorize(request)),
                        None => self.push(*place, &Message::Authorize(request)),
                    }
                }
                true
            }
            Message::Answer(Answer { originator: Some(originator), outcome, .. }) => {
                let Message::Answer(mut answer) = message else { return false };
                answer.originator = None;
                answer.state = if outcome == Outcome::Approved { State::Captured } else { State::None };
                self.push(usize::from(originator.get()) - 1, &Message::Answer(answer));
                true
            }
            Message::LaneOpen(_) => true,
            _ => false,
        }
    }
}

type Broken = Box<dyn std::error::Error>;

/// One link from its handshake to its end.
async fn attend(incoming: quinn::Incoming, table: &Rc<Table>) -> Result<(), Broken> {
    let connection = incoming.await?;
    let Some(number) = table.number(&connection) else { return Err("nobody of this selftest".into()) };
    let (send, receive) = connection.accept_bi().await?;
    let (lane_send, lane_receive) = {
        let mut control = Control { send, receive, frames: FrameReader::default() };
        control.welcome(number).await?;
        let lane = connection.accept_bi().await?;
        tokio::task::spawn_local(async move { control.attend().await });
        lane
    };
    let outbound = Rc::new(Outbound::default());
    *table.outbound[usize::from(number.get()) - 1].borrow_mut() = Rc::clone(&outbound);
    tokio::try_join!(read_lane(lane_receive, number, table), write_lane(lane_send, &outbound)).map(|_| ())
}

async fn read_lane(mut receive: RecvStream, number: ParticipantNumber, table: &Table) -> Result<(), Broken> {
    let mut frames = FrameReader::default();
    let mut chunks: [Bytes; 64] = std::array::from_fn(|_| Bytes::new());
    while let Some(count) = receive.read_chunks(&mut chunks).await? {
        for chunk in &mut chunks[..count] {
            frames.push(std::mem::take(chunk));
            while let Some(frame) = frames.next_frame().map_err(|error| error.to_string())? {
                let message = Message::decode(&frame).map_err(|error| error.to_string())?;
                if !table.pass_on(number, message) {
                    return Err("a message that is no payment".into());
                }
            }
        }
        table.wake();
    }
    Err("the lane ended".into())
}

async fn write_lane(mut send: SendStream, outbound: &Outbound) -> Result<(), Broken> {
    loop {
        outbound.came.notified().await;
        let bytes = outbound.bytes.borrow_mut().split().freeze();
        send.write_chunk(bytes).await?;
    }
}

/// The control stream of one link.
struct Control {
    send: SendStream,
    receive: RecvStream,
    frames: FrameReader,
}

impl Control {
    async fn next(&mut self) -> Result<Message, Broken> {
        loop {
            if let Some(frame) = self.frames.next_frame().map_err(|error| error.to_string())? {
                return Ok(Message::decode(&frame).map_err(|error| error.to_string())?);
            }
            let chunk = self.receive.read_chunk(4_096, true).await?;
            self.frames.push(chunk.ok_or("the control stream ended")?.bytes);
        }
    }

    async fn say(&mut self, message: Message) -> Result<(), Broken> {
        let mut out = BytesMut::new();
        message.encode(&mut out);
        Ok(self.send.write_chunk(out.freeze()).await?)
    }

    async fn welcome(&mut self, participant: ParticipantNumber) -> Result<(), Broken> {
        let Message::SignOn(_) = self.next().await? else { return Err("no sign-on".into()) };
        let welcome = Welcome {
            version: 1,
            participant,
            partition: Partition(0),
            epoch: Epoch(1),
            time: now(),
            window: 1_000_000,
            window_max_ms: 60_000,
            skew_max_ms: 5_000,
            budget_max_ms: 60_000,
            hold_max_ms: 86_400_000,
        };
        self.say(welcome.into()).await
    }

    /// Answers echoes until the link ends.
    async fn attend(mut self) {
        while let Ok(message) = self.next().await {
            if let Message::Echo(Echo { correlation, reply: false, .. }) = message {
                let echo = Echo { correlation, time: now(), reply: true };
                if self.say(echo.into()).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).ok().and_then(UnixMillis::new).unwrap_or_default()
}
