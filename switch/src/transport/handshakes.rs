//! Handshakes under way, and who may begin one.
//!
//! Invariant I8: there are never more than half as many as places for links. When they are all taken, the oldest gives way
//! to the newest: whoever means it is done in a few round trips, and whoever never finishes only displaces himself.

use std::collections::VecDeque;
use std::sync::Arc;

use quinn::{Connection, Incoming};
use tokio::task::{AbortHandle, JoinSet};
use tracing::{debug, warn};

use super::shared::Shared;
use crate::telemetry::Matter;

/// See the module.
#[derive(Debug)]
pub(super) struct Handshakes {
    shared: Arc<Shared>,
    tasks: JoinSet<Option<Connection>>,
    /// Those that are not finished, the oldest first.
    unfinished: VecDeque<AbortHandle>,
}

impl Handshakes {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, tasks: JoinSet::new(), unfinished: VecDeque::new() }
    }

    /// Somebody dials while so many links stand.
    pub(super) fn begin(&mut self, incoming: Incoming, links: usize) {
        let places = self.shared.limits.links_max;
        if links >= places {
            return self.refuse(incoming);
        }
        let crowded = links + self.unfinished.len() >= places / 2;
        if crowded && !incoming.remote_address_validated() {
            return self.ask_address(incoming);
        }
        let most = (places / 2).max(1).min(places - links);
        while self.unfinished.len() >= most && self.displace_oldest() {}
        self.unfinished.push_back(self.tasks.spawn(shake_hands(incoming, Arc::clone(&self.shared))));
    }

    /// The next link whose handshake is done. Stays pending while there is none under way.
    pub(super) async fn done(&mut self) -> Connection {
        loop {
            let Some(ended) = self.tasks.join_next_with_id().await else { std::future::pending().await };
            let (id, connection) = match ended {
                Ok((id, connection)) => (id, connection),
                Err(error) => (error.id(), None),
            };
            self.unfinished.retain(|task| task.id() != id);
            if let Some(connection) = connection {
                return connection;
            }
        }
    }

    /// Refused before any cryptography: a thousand dials cost next to nothing.
    fn refuse(&self, incoming: Incoming) {
        self.shared.telemetry.links.dials_refused.add(1);
        if let Some(times) = self.shared.remark(Matter::DialRefused) {
            let address = incoming.remote_address();
            warn!(%address, times, "dial refused: links_max is reached");
        }
        incoming.refuse();
    }

    /// When it gets crowded, an address must show that it is real before it takes a place.
    fn ask_address(&self, incoming: Incoming) {
        self.shared.telemetry.links.addresses_asked.add(1);
        let address = incoming.remote_address();
        if let Some(times) = self.shared.remark(Matter::AddressAsked) {
            warn!(%address, times, "crowded: addresses are asked to show that they are real");
        }
        if let Err(error) = incoming.retry() {
            debug!(%address, %error, "an address could not be asked to show itself");
        }
    }

    /// Returns whether there was one to displace.
    fn displace_oldest(&mut self) -> bool {
        let oldest = self.unfinished.iter().position(|task| !task.is_finished());
        let Some(oldest) = oldest.and_then(|place| self.unfinished.remove(place)) else { return false };
        oldest.abort();
        self.shared.telemetry.links.handshakes_displaced.add(1);
        if let Some(times) = self.shared.remark(Matter::HandshakeDisplaced) {
            warn!(times, "crowded: handshakes that are not finished give way to newer ones");
        }
        true
    }
}

async fn shake_hands(incoming: Incoming, shared: Arc<Shared>) -> Option<Connection> {
    let address = incoming.remote_address();
    match tokio::time::timeout(shared.limits.sign_on_timeout, incoming).await {
        Ok(Ok(connection)) => return Some(connection),
        Ok(Err(error)) => shared.handshake_failed(address, &error.to_string()),
        Err(_) => shared.handshake_failed(address, "not finished in time"),
    }
    shared.telemetry.links.handshakes_failed.add(1);
    None
}
