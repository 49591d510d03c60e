//! Operators and destinations as processes of their own that may be killed at any moment, and that write down what they
//! see (docs/HISTORY.md). What a destination has applied it knows after a kill from its own histories.

mod destination;
mod diary;
mod late;
mod operator;

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use holdfast_link::Credentials;
use holdfast_participant::{Link, LinkConfig, Roles};
use holdfast_protocol::ParticipantNumber;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Between two dials of a switch that is not there.
const REDIAL: Duration = Duration::from_millis(100);
/// How long a party that was asked to end takes leave.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);

/// Who a party is and where it finds everything.
#[derive(Clone, Debug)]
pub struct Party {
    /// Of the switch.
    pub switch: SocketAddr,
    /// Certificates.
    pub certs: PathBuf,
    /// As in its certificate.
    pub name: String,
    /// As in the configuration.
    pub number: ParticipantNumber,
    /// The directory of the histories.
    pub history: PathBuf,
    /// How often it was started.
    pub start: u32,
    /// Of an operator: requests in a second.
    pub rate: u32,
}

impl Party {
    /// Pays, reserves, captures, releases and reverses until it is asked to end (SIGTERM).
    ///
    /// # Errors
    /// Where its certificates or histories cannot be used.
    pub async fn operate(&self) -> Result<(), Box<dyn Error>> {
        operator::run(self).await
    }

    /// Answers and acknowledges until it is asked to end (SIGTERM).
    ///
    /// # Errors
    /// Where its certificates or histories cannot be used.
    pub async fn receive(&self) -> Result<(), Box<dyn Error>> {
        destination::run(self).await
    }

    fn config(&self, roles: Roles) -> Result<LinkConfig, Box<dyn Error>> {
        let credentials = Credentials::from_directory(&self.certs, &self.name)?;
        Ok(LinkConfig { sign_on_timeout: Duration::from_secs(2), ..LinkConfig::new(credentials, roles) })
    }

    /// A link, as soon as there is one; none where the party is asked to end before.
    async fn dial(&self, config: &LinkConfig, terminate: &mut Signal) -> Option<Link> {
        loop {
            tokio::select! {
                dialled = Link::dial(config, self.switch) => {
                    if let Ok(link) = dialled {
                        return Some(link);
                    }
                }
                _ = terminate.recv() => return None,
            }
            tokio::select! {
                () = tokio::time::sleep(REDIAL) => {}
                _ = terminate.recv() => return None,
            }
        }
    }
}

fn terminations() -> std::io::Result<Signal> {
    signal(SignalKind::terminate())
}

/// A clock that counts nanoseconds since the party began.
#[derive(Clone, Copy, Debug)]
struct Stopwatch(Instant);

impl Stopwatch {
    fn nanos(self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
