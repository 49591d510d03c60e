//! Talks to the admin interface of a running switch.

use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
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
    patience: Duration,
}

impl Client {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self::patient(address, TIMEOUT)
    }

    fn patient(address: SocketAddr, patience: Duration) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(patience))
            .http_status_as_error(false)
            // It is on this machine; a proxy of the environment is for elsewhere.
            .proxy(None)
            .build();
        Self { agent: config.into(), address, patience }
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
        let unreachable = |error: ureq::Error| Failure::Unreachable(self.no_answer(&error));
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

    /// Nobody answered: what that means, and what to do.
    fn no_answer(&self, error: &ureq::Error) -> String {
        let address = self.address;
        match error {
            ureq::Error::Timeout(_) => format!(
                "what listens at {address} gave no answer within {} s: the switch is stopped (as by SIGSTOP), overloaded or stuck, or \
                 something else has the port; `ss -lntp` says which process it is. Look at its log, and ask again",
                self.patience.as_secs_f64()
            ),
            ureq::Error::Io(source) if source.kind() == std::io::ErrorKind::ConnectionRefused => format!(
                "no switch answers at {address}: {error}. It does not run, or has another admin address: --admin HOST:PORT, or --config \
                 FILE with what it runs"
            ),
            _ => format!("no switch answers at {address}: {error}"),
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

/// The address that a text names: HOST:PORT or IP:PORT. Of several that a name has, the first at which somebody listens.
pub(super) fn admin_address(text: &str) -> Result<SocketAddr, String> {
    let wanted = "expected HOST:PORT or IP:PORT, as in localhost:7071, 127.0.0.1:7071 or [::1]:7071";
    let has_port =
        text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    if !has_port {
        return Err(wanted.to_owned());
    }
    let addresses = text.to_socket_addrs().map_err(|error| format!("{error}; {wanted}"))?;
    let addresses: Vec<SocketAddr> = addresses.collect();
    let listens = |address: &&SocketAddr| TcpStream::connect_timeout(address, TIMEOUT).is_ok();
    let first = addresses.first().copied().ok_or_else(|| format!("the name has no address; {wanted}"))?;
    // Of one address there is nothing to choose: whether anybody answers there is said when it is asked.
    Ok(if addresses.len() > 1 { addresses.iter().find(listens).copied().unwrap_or(first) } else { first })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_host_name_is_an_address_and_what_is_none_is_said_with_the_form() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(admin_address(&format!("localhost:{}", address.port())), Ok(address));
        assert_eq!(admin_address(&address.to_string()), Ok(address));
        assert_eq!(admin_address("[::1]:9"), Ok("[::1]:9".parse().unwrap()));
        for wrong in ["localhost", "127.0.0.1", ":7071", "localhost:", "localhost:no", "7071", "::1"] {
            let said = admin_address(wrong).unwrap_err();
            assert!(
                said.contains("HOST:PORT or IP:PORT") && said.contains("localhost:7071"),
                "{wrong}: {said}"
            );
        }
    }

    #[test]
    fn a_switch_that_does_not_answer_in_time_is_told_apart_from_one_that_is_not_there() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let silent = Client::patient(address, Duration::from_millis(50)).get("/status").unwrap_err();
        let said = silent.to_string();
        assert_eq!(silent.exit_code(), 4);
        assert!(said.contains("gave no answer within 0.05 s") && said.contains("SIGSTOP"), "{said}");
        drop(listener);
        let gone = Client::patient(address, TIMEOUT).get("/status").unwrap_err().to_string();
        assert!(gone.contains("does not run") && gone.contains("--admin HOST:PORT"), "{gone}");
    }
}
