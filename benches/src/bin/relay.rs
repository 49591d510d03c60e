//! The raw relay: how fast payments could be if the switch did nothing but pass them on.
//!
//! An operator sends pays to a switch that decodes each, sets the originator and sends it on to an acquirer, which
//! approves; the answers go back the same way. The frames, TLS, certificates and QUIC settings are those of the switch;
//! there is no core, no journal and no book. It prints one line of JSON.
//!
//! The switch has a thread of its own; operator and acquirer share another.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use clap::Parser;
use hdrhistogram::Histogram;
use holdfast_benches::write_certificates;
use holdfast_link::{Credentials, Identity, LinkSettings, bind_client, bind_server};
use holdfast_protocol::{
    Amount, Answer, ApprovalCode, Authorize, Channel, Currency, DecidedBy, Epoch, Extensions, FrameReader,
    InstrumentReference, Kind, LaneOpen, Message, Outcome, ParticipantNumber, Partition, Reason, RequestId,
    SecurityLevel, Sequence, State, UnixMillis,
};
use quinn::rustls::pki_types::CertificateDer;
use quinn::{Connection, RecvStream, SendStream};
use tokio::sync::{Notify, oneshot};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Payments over QUIC through a switch that only passes them on.
#[derive(Parser)]
struct Options {
    /// How long to measure, after a warm-up of a tenth of it.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How many payments are unanswered at once. With a rate: at most.
    #[arg(long, default_value_t = 4_096)]
    window: u64,
    /// Payments a second, open loop; without it as many as the window allows.
    #[arg(long)]
    rate: Option<u64>,
    /// Bytes of a UDP payload.
    #[arg(long, default_value_t = 1_452)]
    mtu: u16,
}

/// Chunks taken with one read.
const CHUNKS: usize = 64;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("the system gives a runtime")
}

fn main() {
    let options = Options::parse();
    let directory = tempfile::tempdir().expect("there is a temporary directory");
    write_certificates(directory.path());
    let settings = LinkSettings { mtu: options.mtu, ..LinkSettings::default() };
    let (address_is, address) = oneshot::channel();
    let (server, credentials) = (settings.clone(), load(directory.path(), "switch"));
    // It ends with the process.
    thread::spawn(move || runtime().block_on(serve(server, credentials, address_is)));
    let report = runtime().block_on(async {
        let address = address.await.expect("the switch binds a socket");
        let acquirer = dial(&settings, load(directory.path(), "acquirer-1"), address).await;
        let approving = tokio::spawn(approve(acquirer));
        let operator = dial(&settings, load(directory.path(), "operator-1"), address).await;
        let report = operate(&options, operator).await;
        approving.abort();
        report
    });
    println!("{report}");
}

fn load(directory: &Path, name: &str) -> Credentials {
    Credentials::from_directory(directory, name).expect("the certificates were written just now")
}

/// The lane of a link, and what keeps it open.
struct Lane {
    send: SendStream,
    receive: RecvStream,
    _connection: Connection,
}

async fn dial(settings: &LinkSettings, credentials: Credentials, address: SocketAddr) -> Lane {
    let tls = credentials.client().expect("the key goes with the certificate");
    let endpoint = bind_client(([127, 0, 0, 1], 0).into(), settings, tls).expect("loopback can be bound");
    let connecting = endpoint.quinn.connect(address, "localhost").expect("the address is valid");
    let connection = connecting.await.expect("the switch listens");
    let (mut send, receive) = connection.open_bi().await.expect("a link allows five streams");
    let mut open = BytesMut::new();
    Message::from(LaneOpen { lane: 0 }).encode(&mut open);
    send.write_chunk(open.freeze()).await.expect("the switch reads");
    Lane { send, receive, _connection: connection }
}

/// The switch: one operator, one acquirer, and between them nothing but the frames.
async fn serve(settings: LinkSettings, credentials: Credentials, address_is: oneshot::Sender<SocketAddr>) {
    let tls = credentials.server(Arc::new(|_| true)).expect("the key goes with the certificate");
    let endpoint = bind_server(([127, 0, 0, 1], 0).into(), &settings, tls).expect("loopback can be bound");
    address_is.send(endpoint.quinn.local_addr().expect("it is bound")).expect("the main thread waits");
    let (mut operator, mut acquirer) = (None, None);
    while operator.is_none() || acquirer.is_none() {
        let incoming = endpoint.quinn.accept().await.expect("the endpoint is open");
        let connection = incoming.await.expect("our own participants dial");
        let place = if is_operator(&connection) { &mut operator } else { &mut acquirer };
        let (send, receive) = connection.accept_bi().await.expect("each opens a lane");
        *place = Some(Lane { send, receive, _connection: connection });
    }
    let (Some(operator), Some(acquirer)) = (operator, acquirer) else { return };
    let originator = ParticipantNumber::new(1);
    let forwards = pump(operator.receive, acquirer.send, move |message, out| {
        if let Message::Authorize(mut request) = message {
            request.originator = originator;
            Message::Authorize(request).encode(out);
        }
    });
    let answers = pump(acquirer.receive, operator.send, |message, out| {
        if let Message::Answer(mut answer) = message {
            answer.originator = None;
            Message::Answer(answer).encode(out);
        }
    });
    tokio::join!(forwards, answers);
}

fn is_operator(connection: &Connection) -> bool {
    let identity = connection.peer_identity().expect("a certificate is demanded");
    let chain = identity.downcast::<Vec<CertificateDer<'static>>>().expect("rustls gives certificates");
    let identity = Identity::from_der(chain.first().expect("there is one")).expect("it was made by us");
    matches!(identity, Identity::Participant(name) if name.starts_with("operator"))
}

/// Reads what has come, hands each message to `each`, and writes what that made in one go; until the link ends.
async fn pump(mut receive: RecvStream, mut send: SendStream, mut each: impl FnMut(Message, &mut BytesMut)) {
    let mut reader = FrameReader::default();
    let mut chunks: [Bytes; CHUNKS] = std::array::from_fn(|_| Bytes::new());
    let mut out = BytesMut::new();
    while let Ok(Some(count)) = receive.read_chunks(&mut chunks).await {
        for chunk in &mut chunks[..count] {
            take(&mut reader, std::mem::take(chunk), |message| each(message, &mut out));
        }
        if !out.is_empty() && send.write_chunk(out.split().freeze()).await.is_err() {
            return;
        }
    }
}

fn take(reader: &mut FrameReader, chunk: Bytes, mut each: impl FnMut(Message)) {
    reader.push(chunk);
    while let Some(frame) = reader.next_frame().expect("our own frames") {
        each(Message::decode(&frame).expect("our own messages"));
    }
}

async fn approve(lane: Lane) {
    let Lane { send, receive, _connection } = lane;
    pump(receive, send, |message, out| {
        if let Message::Authorize(request) = message {
            let answer = Answer {
                id: request.id,
                originator: request.originator,
                outcome: Outcome::Approved,
                state: State::None,
                reason: Reason::None,
                decided_by: DecidedBy::Destination,
                amount: request.amount,
                approval_code: ApprovalCode::NONE,
                settlement_date: None,
                partition: Partition(0),
                epoch: Epoch(0),
                sequence: Sequence(0),
                retry_after_ms: 0,
                extensions: Extensions::NONE,
            };
            Message::Answer(answer).encode(out);
        }
    })
    .await;
}

/// What the two halves of the operator have in common.
struct Progress {
    started: Instant,
    /// When the payment with this number, modulo the length, was to be sent; nanoseconds since the start.
    intended_ns: Vec<AtomicU64>,
    answered: AtomicU64,
    came: Notify,
    over: AtomicBool,
}

async fn operate(options: &Options, lane: Lane) -> serde_json::Value {
    let Lane { send, mut receive, _connection } = lane;
    let slots = options.window.next_power_of_two();
    let progress = Arc::new(Progress {
        started: Instant::now(),
        intended_ns: (0..slots).map(|_| AtomicU64::new(0)).collect(),
        answered: AtomicU64::new(0),
        came: Notify::new(),
        over: AtomicBool::new(false),
    });
    let warm_up = Duration::from_millis(options.seconds * 100);
    let end = warm_up + Duration::from_secs(options.seconds);
    let sending = tokio::spawn(send_pays(send, Arc::clone(&progress), options.rate, options.window));
    let mut histogram =
        Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3).expect("the bounds are valid");
    let mut reader = FrameReader::default();
    let mut chunks: [Bytes; CHUNKS] = std::array::from_fn(|_| Bytes::new());
    while progress.started.elapsed() < end {
        let Ok(Some(count)) = receive.read_chunks(&mut chunks).await else { break };
        let now = progress.started.elapsed();
        let now_ns = u64::try_from(now.as_nanos()).expect("a run is shorter than 500 years");
        let mut came = 0;
        for chunk in &mut chunks[..count] {
            take(&mut reader, std::mem::take(chunk), |message| {
                let Message::Answer(answer) = message else { return };
                came += 1;
                let slot = (answer.id.get() & u128::from(slots - 1)) as usize;
                let latency = now_ns.saturating_sub(progress.intended_ns[slot].load(Ordering::Relaxed));
                if now >= warm_up {
                    histogram.saturating_record(latency.max(1));
                }
            });
        }
        progress.answered.fetch_add(came, Ordering::Relaxed);
        progress.came.notify_one();
    }
    progress.over.store(true, Ordering::Relaxed);
    progress.came.notify_one();
    sending.await.expect("it does not panic");
    report(options, &histogram, (progress.started.elapsed() - warm_up).as_secs_f64())
}

async fn send_pays(mut send: SendStream, progress: Arc<Progress>, rate: Option<u64>, window: u64) {
    let mut request = pay();
    let (mut sent, slots) = (0_u64, progress.intended_ns.len() as u64);
    let mut out = BytesMut::new();
    while !progress.over.load(Ordering::Relaxed) {
        let now_ns = u64::try_from(progress.started.elapsed().as_nanos()).expect("a run is short");
        let allowed = progress.answered.load(Ordering::Relaxed) + window;
        let due = rate.map_or(allowed, |rate| (u128::from(now_ns) * u128::from(rate) / 1_000_000_000) as u64);
        while sent < due.min(allowed) {
            // With a rate latency counts from when it was to be sent, not from when there was time for it.
            let intended_ns =
                rate.map_or(now_ns, |rate| (u128::from(sent) * 1_000_000_000 / u128::from(rate)) as u64);
            progress.intended_ns[(sent % slots) as usize].store(intended_ns, Ordering::Relaxed);
            request.id = RequestId::new(UnixMillis::default(), u128::from(sent));
            Message::Authorize(request.clone()).encode(&mut out);
            sent += 1;
        }
        if out.is_empty() {
            let pause = tokio::time::sleep(Duration::from_millis(1));
            tokio::select! {
                () = progress.came.notified() => {}
                () = pause, if rate.is_some() => {}
            }
        } else if send.write_chunk(out.split().freeze()).await.is_err() {
            return;
        }
    }
}

fn pay() -> Authorize {
    Authorize {
        id: RequestId::new(UnixMillis::default(), 0),
        originator: None,
        kind: Kind::Pay,
        payment_id: "shop-1@acq-1".parse().expect("it is a payment ID"),
        instrument: InstrumentReference::new(b"account-4711").expect("it is short"),
        amount: Amount::from_minor(1_250).expect("it is small"),
        currency: Currency::from_code("EUR").expect("the euro is known"),
        security_level: SecurityLevel::Three,
        channel: Channel::PacketData,
        expires: UnixMillis::MAX,
        hold_until: UnixMillis::default(),
        budget_ms: 5_000,
        partial_allowed: false,
        captures_many: false,
        repeat: false,
        attempt: 1,
        settlement_date: None,
        extensions: Extensions::NONE,
    }
}

fn report(options: &Options, histogram: &Histogram<u64>, seconds: f64) -> serde_json::Value {
    let us = |quantile: f64| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
    serde_json::json!({
        "payments": histogram.len(),
        "seconds": seconds,
        "rate_per_s": (histogram.len() as f64 / seconds).round(),
        "offered_per_s": options.rate,
        "window": options.window,
        "mtu": options.mtu,
        "latency_us": {
            "p50": us(0.5), "p90": us(0.9), "p99": us(0.99), "p999": us(0.999),
            "max": histogram.max() as f64 / 1_000.0,
        },
    })
}
