//! The raw relay: how fast payments could be if the switch did nothing but pass them on.
//!
//! Operators send pays to a switch that finds the frames and sends them on, each operator's to an acquirer of its own; the
//! acquirer approves, and the answers go back the same way. The frames, TLS, certificates and QUIC settings are those of
//! the switch; there is no core, no journal and no book, and nobody reads more of a frame than its length and its id.
//! It prints one line of JSON.
//!
//! The switch has a thread of its own; operators and acquirers share another.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use clap::Parser;
use hdrhistogram::Histogram;
use holdfast_benches::raw_frames::{Frames, Template};
use holdfast_benches::traffic::{Pays, START, approval};
use holdfast_benches::write_certificates;
use holdfast_link::{Credentials, Identity, LinkSettings, bind_client, bind_server};
use holdfast_protocol::{LaneOpen, Message};
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
    /// Operators, and as many acquirers.
    #[arg(long, default_value_t = 3)]
    links: u64,
    /// How many payments are unanswered at once, over all operators. With a rate: at most.
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
    assert!(options.links > 0 && options.window >= options.links, "each operator has one payment under way");
    let directory = tempfile::tempdir().expect("there is a temporary directory");
    write_certificates(directory.path());
    let settings = LinkSettings { mtu: options.mtu, ..LinkSettings::default() };
    let (address_is, address) = oneshot::channel();
    let (server, credentials, links) = (settings.clone(), load(directory.path(), "switch"), options.links);
    // It ends with the process.
    thread::spawn(move || runtime().block_on(serve(server, credentials, links, address_is)));
    let report = runtime().block_on(async {
        let address = address.await.expect("the switch binds a socket");
        let mut lanes = Vec::new();
        for _ in 0..options.links {
            let acquirer = dial(&settings, load(directory.path(), "acquirer-1"), address).await;
            tokio::spawn(approve(acquirer));
            lanes.push(dial(&settings, load(directory.path(), "operator-1"), address).await);
        }
        operate(&options, lanes).await
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

/// The switch: operators, acquirers, and between them nothing but the frames.
async fn serve(
    settings: LinkSettings,
    credentials: Credentials,
    links: u64,
    address_is: oneshot::Sender<SocketAddr>,
) {
    let tls = credentials.server(Arc::new(|_| true)).expect("the key goes with the certificate");
    let endpoint = bind_server(([127, 0, 0, 1], 0).into(), &settings, tls).expect("loopback can be bound");
    address_is.send(endpoint.quinn.local_addr().expect("it is bound")).expect("the main thread waits");
    let (mut operators, mut acquirers) = (Vec::new(), Vec::new());
    for _ in 0..2 * links {
        let incoming = endpoint.quinn.accept().await.expect("the endpoint is open");
        let connection = incoming.await.expect("our own participants dial");
        let place = if is_operator(&connection) { &mut operators } else { &mut acquirers };
        let (send, receive) = connection.accept_bi().await.expect("each opens a lane");
        place.push(Lane { send, receive, _connection: connection });
    }
    let mut pumps = Vec::new();
    for (operator, acquirer) in operators.into_iter().zip(acquirers) {
        pumps.push(tokio::spawn(async move {
            let forwards = pump(operator.receive, acquirer.send, Frames::take_whole);
            let answers = pump(acquirer.receive, operator.send, Frames::take_whole);
            tokio::join!(forwards, answers)
        }));
    }
    for ended in pumps {
        ended.await.expect("a pump does not panic");
    }
}

fn is_operator(connection: &Connection) -> bool {
    let identity = connection.peer_identity().expect("a certificate is demanded");
    let chain = identity.downcast::<Vec<CertificateDer<'static>>>().expect("rustls gives certificates");
    let identity = Identity::from_der(chain.first().expect("there is one")).expect("it was made by us");
    matches!(identity, Identity::Participant(name) if name.starts_with("operator"))
}

/// Reads what has come and writes what `each` makes of the whole frames in it, in one go; until the link ends.
async fn pump(mut receive: RecvStream, mut send: SendStream, mut each: impl FnMut(&mut Frames) -> Bytes) {
    let mut frames = Frames::default();
    let mut chunks: [Bytes; CHUNKS] = std::array::from_fn(|_| Bytes::new());
    while let Ok(Some(count)) = receive.read_chunks(&mut chunks).await {
        for chunk in &mut chunks[..count] {
            frames.push(&std::mem::take(chunk));
        }
        let out = each(&mut frames);
        if !out.is_empty() && send.write_chunk(out).await.is_err() {
            return;
        }
    }
}

async fn approve(lane: Lane) {
    let Lane { send, receive, _connection } = lane;
    let mut answer = Template::new(&approval(&Pays::default().next(START).1).into());
    let mut out = BytesMut::new();
    pump(receive, send, |frames| {
        frames.take_each(|id| answer.write(id, &mut out));
        out.split().freeze()
    })
    .await;
}

/// What the two halves of an operator have in common.
struct Progress {
    started: Instant,
    /// When the payment with this number, modulo the length, was to be sent; nanoseconds since the start.
    intended_ns: Vec<AtomicU64>,
    answered: AtomicU64,
    came: Notify,
    over: AtomicBool,
}

impl Progress {
    fn now_ns(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).expect("a run is shorter than 500 years")
    }
}

async fn operate(options: &Options, lanes: Vec<Lane>) -> serde_json::Value {
    let warm_up = Duration::from_millis(options.seconds * 100);
    let end = warm_up + Duration::from_secs(options.seconds);
    let started = Instant::now();
    let operators: Vec<_> = lanes
        .into_iter()
        .map(|lane| {
            let window = options.window / options.links;
            let rate = options.rate.map(|rate| (rate / options.links).max(1));
            tokio::spawn(operator(lane, window, rate, started, warm_up, end))
        })
        .collect();
    let mut histogram = histogram();
    for operator in operators {
        histogram.add(operator.await.expect("it does not panic")).expect("all have the same bounds");
    }
    report(options, &histogram, (end - warm_up).as_secs_f64())
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("the bounds are valid")
}

/// One operator from its first payment to `end`; the latencies of what was answered after the warm-up.
async fn operator(
    lane: Lane,
    window: u64,
    rate: Option<u64>,
    started: Instant,
    warm_up: Duration,
    end: Duration,
) -> Histogram<u64> {
    let Lane { send, mut receive, _connection } = lane;
    let slots = window.next_power_of_two();
    let progress = Arc::new(Progress {
        started,
        intended_ns: (0..slots).map(|_| AtomicU64::new(0)).collect(),
        answered: AtomicU64::new(0),
        came: Notify::new(),
        over: AtomicBool::new(false),
    });
    let sending = tokio::spawn(send_pays(send, Arc::clone(&progress), rate, window));
    let mut histogram = histogram();
    let mut frames = Frames::default();
    let mut chunks: [Bytes; CHUNKS] = std::array::from_fn(|_| Bytes::new());
    loop {
        let Ok(Some(count)) = receive.read_chunks(&mut chunks).await else { break };
        for chunk in &mut chunks[..count] {
            frames.push(&std::mem::take(chunk));
        }
        let now = started.elapsed();
        if now >= end {
            break;
        }
        let mut latencies = Runs::new(&mut histogram, now >= warm_up);
        let now_ns = progress.now_ns();
        frames.take_each(|id| {
            let slot = (u128::from_be_bytes(id) & u128::from(slots - 1)) as usize;
            latencies.add(now_ns.saturating_sub(progress.intended_ns[slot].load(Ordering::Relaxed)).max(1));
        });
        let came = latencies.finish();
        progress.answered.fetch_add(came, Ordering::Relaxed);
        progress.came.notify_one();
    }
    progress.over.store(true, Ordering::Relaxed);
    progress.came.notify_one();
    sending.await.expect("it does not panic");
    histogram
}

/// Payments that were sent together have one latency where they come back together: it is recorded once for all.
struct Runs<'a> {
    histogram: &'a mut Histogram<u64>,
    recorded: bool,
    latency_ns: u64,
    of: u64,
    came: u64,
}

impl<'a> Runs<'a> {
    fn new(histogram: &'a mut Histogram<u64>, recorded: bool) -> Self {
        Self { histogram, recorded, latency_ns: 0, of: 0, came: 0 }
    }

    fn add(&mut self, latency_ns: u64) {
        if latency_ns != self.latency_ns {
            self.end();
            self.latency_ns = latency_ns;
        }
        self.of += 1;
    }

    fn end(&mut self) {
        if self.recorded && self.of > 0 {
            self.histogram.saturating_record_n(self.latency_ns, self.of);
        }
        self.came += std::mem::take(&mut self.of);
    }

    fn finish(mut self) -> u64 {
        self.end();
        self.came
    }
}

async fn send_pays(mut send: SendStream, progress: Arc<Progress>, rate: Option<u64>, window: u64) {
    let mut request = Template::new(&Pays::default().next(START).1.into());
    let (mut sent, slots) = (0_u64, progress.intended_ns.len() as u64);
    let mut out = BytesMut::new();
    while !progress.over.load(Ordering::Relaxed) {
        let now_ns = progress.now_ns();
        let allowed = progress.answered.load(Ordering::Relaxed) + window;
        let due = rate.map_or(allowed, |rate| (u128::from(now_ns) * u128::from(rate) / 1_000_000_000) as u64);
        while sent < due.min(allowed) {
            // With a rate latency counts from when it was to be sent, not from when there was time for it.
            let intended_ns =
                rate.map_or(now_ns, |rate| (u128::from(sent) * 1_000_000_000 / u128::from(rate)) as u64);
            progress.intended_ns[(sent % slots) as usize].store(intended_ns, Ordering::Relaxed);
            request.write(u128::from(sent).to_be_bytes(), &mut out);
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

fn report(options: &Options, histogram: &Histogram<u64>, seconds: f64) -> serde_json::Value {
    let us = |quantile: f64| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
    serde_json::json!({
        "payments": histogram.len(),
        "seconds": seconds,
        "rate_per_s": (histogram.len() as f64 / seconds).round(),
        "offered_per_s": options.rate,
        "links": options.links,
        "window": options.window,
        "mtu": options.mtu,
        "latency_us": {
            "p50": us(0.5), "p90": us(0.9), "p99": us(0.99), "p999": us(0.999),
            "max": histogram.max() as f64 / 1_000.0,
        },
    })
}
