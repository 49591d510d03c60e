//! The one link of a participant: dialled, lost, dialled again; and why there is none, for whoever asks.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use tokio::time::Sleep;

use crate::backoff::Backoff;
use crate::link::{Link, LinkConfig, LinkError, Received};

type Dialing = Pin<Box<dyn Future<Output = Result<Link, LinkError>> + Send>>;

enum State {
    Dialing(Dialing),
    Pausing(Pin<Box<Sleep>>),
    Up(Box<Link>),
}

/// Why a participant has no link now.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no link to the switch at {} (attempt {attempts}): {error}", place(.address.as_ref()))]
pub struct NoLink {
    /// Whom it dialled last; none where no address was given.
    pub address: Option<SocketAddr>,
    /// How many attempts in a row ended without a sign-on, this one included; 0: a link that stood has ended.
    pub attempts: u32,
    /// Why the last link ended, or could not be made.
    pub error: LinkError,
}

fn place(address: Option<&SocketAddr>) -> String {
    address.map_or_else(|| "no address".to_owned(), ToString::to_string)
}

/// What happened to the link.
pub(super) enum LinkEvent {
    /// It is signed on.
    Up,
    /// Messages came, or there is something to look at.
    Came,
    /// It ended, or could not be made; another attempt follows unless the error is final.
    Down(NoLink),
}

/// Dials the switches in turn, with a pause that grows and is jittered.
pub(super) struct LinkSlot {
    config: Arc<LinkConfig>,
    switches: Vec<SocketAddr>,
    next: usize,
    /// Attempts in a row without a sign-on.
    failed: u32,
    backoff: Backoff,
    state: State,
}

impl LinkSlot {
    pub(super) fn new(config: LinkConfig, switches: Vec<SocketAddr>, backoff: Backoff) -> Self {
        let config = Arc::new(config);
        let first = switches.first().copied();
        let state = State::Dialing(dial(Arc::clone(&config), first));
        Self { config, switches, next: 0, failed: 0, backoff, state }
    }

    pub(super) const fn link(&mut self) -> Option<&mut Link> {
        match &mut self.state {
            State::Up(link) => Some(link),
            State::Dialing(_) | State::Pausing(_) => None,
        }
    }

    /// What the slot may have waiting to be sent.
    pub(super) fn outgoing_bytes_max(&self) -> usize {
        self.config.outgoing_bytes_max
    }

    /// The next thing that happens; messages go to `received`. Cancelling it loses nothing.
    pub(super) async fn next(&mut self, received: &mut Vec<Received>) -> LinkEvent {
        loop {
            match &mut self.state {
                State::Up(link) => {
                    return match link.take(received).await {
                        Ok(_) => LinkEvent::Came,
                        Err(error) => self.down(error),
                    };
                }
                State::Dialing(dialing) => {
                    return match dialing.await {
                        Ok(link) => {
                            self.state = State::Up(Box::new(link));
                            self.failed = 0;
                            LinkEvent::Up
                        }
                        Err(error) => self.down(error),
                    };
                }
                State::Pausing(pause) => {
                    pause.await;
                    self.state = State::Dialing(dial(Arc::clone(&self.config), self.address()));
                }
            }
        }
    }

    /// Whom the slot dials, or has dialled.
    fn address(&self) -> Option<SocketAddr> {
        self.switches.get(self.next % self.switches.len().max(1)).copied()
    }

    /// The link has shown that it is good: the next pause is short again.
    pub(super) const fn good(&mut self) {
        self.backoff.succeeded();
    }

    /// Gives the link up.
    pub(super) fn down(&mut self, error: LinkError) -> LinkEvent {
        match &mut self.state {
            State::Up(link) => link.close(error.reason()),
            State::Dialing(_) | State::Pausing(_) => self.failed = self.failed.saturating_add(1),
        }
        let no_link = NoLink { address: self.address(), attempts: self.failed, error };
        self.next = self.next.wrapping_add(1);
        // Without randomness of the operating system the pause only loses its jitter.
        let pause = self.backoff.failed(getrandom::u32().unwrap_or(u32::MAX));
        self.state = State::Pausing(Box::pin(tokio::time::sleep(pause)));
        LinkEvent::Down(no_link)
    }

    /// The link, to be signed off.
    pub(super) fn into_link(self) -> Option<Link> {
        match self.state {
            State::Up(link) => Some(*link),
            State::Dialing(_) | State::Pausing(_) => None,
        }
    }
}

fn dial(config: Arc<LinkConfig>, switch: Option<SocketAddr>) -> Dialing {
    Box::pin(async move {
        let switch = switch.ok_or(LinkError::Configuration("at least one switch address is needed"))?;
        Link::dial(&config, switch).await
    })
}
