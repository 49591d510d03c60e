//! Talks to the admin interface of a running switch.

use std::net::SocketAddr;
use std::time::Duration;

use ureq::http::StatusCode;
use ureq::{Agent, Body};

use super::Failure;
use crate::admin::HEADER;

/// Longer than the switch takes to say that its driver did not answer.
const TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_BYTES_MAX: u64 = 256 << 20;

/// The admin interface of one switch.
#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
    address: SocketAddr,
}

impl Client {
    pub(super) fn new(address: SocketAddr) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            // It is on this machine; a proxy of the environment is for elsewhere.
            .proxy(None)
            .build();
        Self { agent: config.into(), address }
    }

    pub(super) fn get(&self, path: &str) -> Result<String, Failure> {
        self.read(self.agent.get(self.url(path)).call())
    }

    pub(super) fn post(&self, path: &str) -> Result<String, Failure> {
        self.read(self.agent.post(self.url(path)).header(HEADER, "1").send_empty())
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn read(&self, answer: Result<ureq::http::Response<Body>, ureq::Error>) -> Result<String, Failure> {
        let unreachable = |error: ureq::Error| {
            Failure::Unreachable(format!("no switch answers at {}: {error}", self.address))
        };
        let mut answer = answer.map_err(unreachable)?;
        let is_switch = answer.headers().contains_key(HEADER);
        let server = answer.headers().get("server").and_then(|name| name.to_str().ok()).map(str::to_owned);
        let text =
            answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string().map_err(unreachable)?;
        if !is_switch {
            return Err(Failure::Unreachable(self.other_server(answer.status(), server.as_deref(), &text)));
        }
        let error = || {
            let value: Option<serde_json::Value> = serde_json::from_str(&text).ok();
            value.and_then(|v| v["error"].as_str().map(str::to_owned)).unwrap_or_else(|| text.clone())
        };
        match answer.status() {
            status if status.is_success() => Ok(text),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                Err(Failure::Unreachable(error()))
            }
            _ => Err(Failure::Refused(error())),
        }
    }

    /// Somebody answered, but no switch: what there is to recognize it by.
    fn other_server(&self, status: StatusCode, server: Option<&str>, text: &str) -> String {
        let server = server.map_or_else(|| "a server that does not say its name".to_owned(), str::to_owned);
        let first_line: String = text.trim().lines().next().unwrap_or("").chars().take(80).collect();
        let text = if first_line.is_empty() { String::new() } else { format!(": {first_line}") };
        format!(
            "what answers at {} is no Holdfast switch but {server}, with HTTP {status}{text}; \
             is --admin the admin address of the switch's configuration?",
            self.address
        )
    }
}
