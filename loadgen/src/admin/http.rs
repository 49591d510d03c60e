//! One GET over HTTP/1.1 on loopback. Absent on purpose: everything else of HTTP; the admin interface needs no more.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The longest answer.
const BYTES_MAX: u64 = 16 << 20;

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The connection failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It took too long.
    #[error("no answer within {} s", TIMEOUT.as_secs())]
    TimedOut,
    /// It was not 200 or not HTTP.
    #[error("unexpected answer: {0:?}")]
    Unexpected(String),
}

/// The body of a successful answer.
pub(super) async fn get(address: SocketAddr, path: &str) -> Result<String, HttpError> {
    tokio::time::timeout(TIMEOUT, exchange(address, path)).await.map_err(|_| HttpError::TimedOut)?
}

async fn exchange(address: SocketAddr, path: &str) -> Result<String, HttpError> {
    let mut stream = TcpStream::connect(address).await?;
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: */*\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.take(BYTES_MAX).read_to_end(&mut bytes).await?;
    let text = String::from_utf8(bytes).map_err(|_| HttpError::Unexpected("not UTF-8".to_owned()))?;
    body(&text)
}

fn body(answer: &str) -> Result<String, HttpError> {
    let unexpected = || HttpError::Unexpected(answer.lines().next().unwrap_or_default().to_owned());
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(unexpected)?;
    let mut lines = head.lines();
    if lines.next().and_then(|status| status.split(' ').nth(1)) != Some("200") {
        return Err(unexpected());
    }
    let header = |name: &str| {
        head.lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned()))
    };
    if header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        return dechunk(body).ok_or_else(unexpected);
    }
    match header("content-length").map(|length| length.parse::<usize>()) {
        Some(Ok(length)) => body.get(..length).map(str::to_owned).ok_or_else(unexpected),
        Some(Err(_)) => Err(unexpected()),
        None => Ok(body.to_owned()),
    }
}

fn dechunk(mut rest: &str) -> Option<String> {
    let mut whole = String::new();
    loop {
        let (size, tail) = rest.split_once("\r\n")?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(whole);
        }
        whole.push_str(tail.get(..size)?);
        rest = tail.get(size..)?.strip_prefix("\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_come_by_length_by_chunks_and_to_the_end() {
        let ok = |answer: &str| body(answer).unwrap();
        assert_eq!(ok("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloXX"), "hello");
        assert_eq!(ok("HTTP/1.1 200 OK\r\nA: b\r\n\r\nto the end"), "to the end");
        assert_eq!(
            ok(
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6; x=y\r\n world\r\n0\r\n\r\n"
            ),
            "hello world"
        );
    }

    #[test]
    fn what_is_no_good_answer_is_an_error() {
        for answer in [
            "",
            "HTTP/1.1 500 no\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        ] {
            assert!(body(answer).is_err(), "{answer:?}");
        }
    }
}
