//! Who may ask: programs on this machine, and no page in a browser on it.
//!
//! A page can make a browser send requests to loopback addresses. It cannot set a header of its own to another origin,
//! so orders need one; and under a name of its own that it points to 127.0.0.1 it would be the same origin, so the
//! name asked for must be this machine's.

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// The header that every order carries, and every answer: so that nobody takes another server for a switch.
pub const HEADER: &str = "x-holdfast";

pub(super) async fn check(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
    let error = if !is_this_machine(host) {
        "the host asked for is not this machine's loopback address"
    } else if request.method() != Method::GET && !request.headers().contains_key(HEADER) {
        "an order needs the header X-Holdfast: 1"
    } else {
        return signed(next.run(request).await);
    };
    signed((StatusCode::FORBIDDEN, Json(json!({ "error": error }))).into_response())
}

fn signed(mut answer: Response) -> Response {
    answer.headers_mut().insert(HEADER, HeaderValue::from_static(crate::build::VERSION));
    answer
}

fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_this_machine;

    #[test]
    fn only_loopback_names_are_this_machine() {
        for host in
            ["127.0.0.1:7071", "127.0.0.1", "localhost:7071", "LOCALHOST", "[::1]:7071", "127.9.9.9:1"]
        {
            assert!(is_this_machine(host), "{host}");
        }
        for host in
            ["", "evil.example:7071", "127.0.0.1.evil.example", "10.0.0.1:7071", "localhost.evil:7071"]
        {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
