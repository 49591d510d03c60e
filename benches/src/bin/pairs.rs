//! Hold then commit in Redis: what one would pick instead of a switch, asked as fast as it answers.
//!
//! Each connection sends so many holds, reads their answers, sends their commits and reads those: a pair counts when its
//! commit was answered. Ids never repeat, accounts are spread. It prints one line of JSON, and fails where an answer
//! is another than it must be, or where the server's books do not hold what was committed.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use clap::Parser;
use hdrhistogram::Histogram;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Pairs of hold and commit in Redis.
#[derive(Parser)]
struct Options {
    /// Where Redis listens, with the functions of `hold_commit.lua`.
    #[arg(long)]
    address: SocketAddr,
    /// How long to measure, after a warm-up of a tenth of it.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Connections.
    #[arg(long, default_value_t = 32)]
    connections: u64,
    /// Commands that a connection sends before it reads.
    #[arg(long, default_value_t = 16)]
    pipeline: u64,
}

const ACCOUNTS: u64 = 100_000;
const AMOUNT: u64 = 1_250;
const CAP: u64 = 1_000_000_000_000;
const HELD: &[u8] = b"$4\r\nheld\r\n";
const COMMITTED: &[u8] = b"$9\r\ncommitted\r\n";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let options = Options::parse();
    let warm_up = Duration::from_millis(options.seconds * 100);
    let end = warm_up + Duration::from_secs(options.seconds);
    let started = Instant::now();
    let connections: Vec<_> = (0..options.connections)
        .map(|n| tokio::spawn(connection(options.address, n, options.pipeline, started, warm_up, end)))
        .collect();
    let (mut histogram, mut pairs) = (histogram(), 0);
    for connection in connections {
        let (latencies, committed) = connection.await.expect("it does not panic");
        histogram.add(latencies).expect("all have the same bounds");
        pairs += committed;
    }
    let booked = booked(options.address).await;
    assert_eq!(booked, (0, pairs * AMOUNT), "what is held and debited at the end is what was committed");
    let us = |quantile: f64| histogram.value_at_quantile(quantile);
    let report = serde_json::json!({
        "pairs": histogram.len(),
        "pairs_per_s": (histogram.len() as f64 / options.seconds as f64).round(),
        "connections": options.connections,
        "pipeline": options.pipeline,
        "latency_us": { "p50": us(0.5), "p99": us(0.99), "p999": us(0.999), "max": histogram.max() },
    });
    println!("{report}");
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("the bounds are valid")
}

/// Pairs over one connection until `end`: the microseconds of those after the warm-up, and how many there were in all.
async fn connection(
    address: SocketAddr,
    number: u64,
    pipeline: u64,
    started: Instant,
    warm_up: Duration,
    end: Duration,
) -> (Histogram<u64>, u64) {
    let mut stream = TcpStream::connect(address).await.expect("Redis listens");
    stream.set_nodelay(true).expect("a socket has this option");
    let (mut histogram, mut made) = (histogram(), 0);
    while started.elapsed() < end {
        let first = made;
        made += pipeline;
        let sent = Instant::now();
        let of = |n: u64| (account(number, n), number << 40 | n);
        let holds = commands(first..made, |out, n| {
            let ((account, id), cap) = (of(n), CAP.to_string());
            command(out, &["FCALL", "hold", "2", &account, &format!("h:{id}"), "1250", &cap]);
        });
        ask(&mut stream, &holds, HELD, pipeline).await;
        let commits = commands(first..made, |out, n| {
            let (account, id) = of(n);
            command(out, &["FCALL", "commit", "2", &account, &format!("h:{id}"), "1250"]);
        });
        ask(&mut stream, &commits, COMMITTED, pipeline).await;
        let now = started.elapsed();
        if now >= warm_up && now < end {
            let took = u64::try_from(sent.elapsed().as_micros()).expect("a run is short");
            histogram.saturating_record_n(took.max(1), pipeline);
        }
    }
    (histogram, made)
}

fn account(connection: u64, n: u64) -> String {
    let spread = (connection << 40 | n).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    format!("a:{}", spread % ACCOUNTS)
}

fn commands(numbers: std::ops::Range<u64>, mut each: impl FnMut(&mut String, u64)) -> String {
    let mut out = String::new();
    for n in numbers {
        each(&mut out, n);
    }
    out
}

fn command(out: &mut String, words: &[&str]) {
    write!(out, "*{}\r\n", words.len()).expect("a string takes everything");
    for word in words {
        write!(out, "${}\r\n{word}\r\n", word.len()).expect("a string takes everything");
    }
}

/// Sends commands and reads that many answers, all of which must be this one.
async fn ask(stream: &mut TcpStream, commands: &str, answer: &[u8], count: u64) {
    stream.write_all(commands.as_bytes()).await.expect("Redis reads");
    let mut answers = vec![0; answer.len() * usize::try_from(count).expect("a pipeline is short")];
    stream.read_exact(&mut answers).await.expect("Redis answers");
    for came in answers.chunks(answer.len()) {
        assert_eq!(came, answer, "Redis answered {:?}", String::from_utf8_lossy(&answers));
    }
}

/// What all accounts hold, and their debits.
async fn booked(address: SocketAddr) -> (u64, u64) {
    let script = "local h, d = 0, 0 for n = 0, tonumber(ARGV[1]) - 1 do \
        local a = redis.call('HMGET', 'a:' .. n, 'held', 'debits') \
        h = h + (tonumber(a[1]) or 0) d = d + (tonumber(a[2]) or 0) end \
        return string.format('%020d%020d', h, d)";
    let mut stream = TcpStream::connect(address).await.expect("Redis listens");
    let mut asked = String::new();
    command(&mut asked, &["EVAL", script, "0", &ACCOUNTS.to_string()]);
    stream.write_all(asked.as_bytes()).await.expect("Redis reads");
    let mut answer = [0; 47];
    stream.read_exact(&mut answer).await.expect("Redis answers");
    let text = std::str::from_utf8(&answer).expect("digits");
    let numbers = text.strip_prefix("$40\r\n").unwrap_or_else(|| panic!("Redis answered {text}"));
    let number = |digits: &str| digits.parse().expect("twenty digits");
    (number(&numbers[..20]), number(&numbers[20..40]))
}
