//! Handshakes under way at one endpoint. Who may begin one is for the [`super::crowd`] to say.

use std::sync::Arc;

use quinn::{Connection, Incoming};
use tokio::task::JoinSet;
use tracing::{debug, warn};

use super::crowd::Dial;
use super::shared::Shared;
use crate::telemetry::Matter;

/// See the module.
#[derive(Debug)]
pub(super) struct Handshakes {
    shared: Arc<Shared>,
    /// Which of the threads of links it is.
    thread: usize,
    tasks: JoinSet<Option<Connection>>,
}

/// A link's place among those of all threads; given back when dropped.
#[derive(Debug)]
pub(super) struct Standing {
    shared: Arc<Shared>,
    thread: usize,
}

impl Drop for Standing {
    fn drop(&mut self) {
        self.shared.crowd.ended(self.thread);
    }
}

impl Handshakes {
    pub(super) fn new(shared: Arc<Shared>, thread: usize) -> Self {
        Self { shared, thread, tasks: JoinSet::new() }
    }

    /// Somebody dials.
    pub(super) fn begin(&mut self, incoming: Incoming) {
        let displaced = match self.shared.crowd.dial(incoming.remote_address_validated()) {
            Dial::Refused => return self.refuse(incoming),
            Dial::AddressAsked => return self.ask_address(incoming),
            Dial::Begins(place) => {
                let displaced = place.displaced;
                place.take(self.tasks.spawn(shake_hands(incoming, Arc::clone(&self.shared))));
                displaced
            }
        };
        for _ in 0..displaced {
            self.shared.telemetry.links.handshakes_displaced.add_shared(1);
            if let Some(times) = self.shared.remark(Matter::HandshakeDisplaced) {
                warn!(times, "crowded: handshakes that are not finished give way to newer ones");
            }
        }
    }

    /// The next link whose handshake is done. Stays pending while there is none under way.
    pub(super) async fn done(&mut self) -> (Connection, Standing) {
        loop {
            let Some(ended) = self.tasks.join_next_with_id().await else { std::future::pending().await };
            let (id, connection) = match ended {
                Ok((id, connection)) => (id, connection),
                Err(error) => (error.id(), None),
            };
            if let Some(connection) = connection {
                self.shared.crowd.stands(id, self.thread);
                return (connection, Standing { shared: Arc::clone(&self.shared), thread: self.thread });
            }
            self.shared.crowd.failed(id);
        }
    }

    /// Refused before any cryptography: a thousand dials cost next to nothing.
    fn refuse(&self, incoming: Incoming) {
        self.shared.telemetry.links.dials_refused.add_shared(1);
        if let Some(times) = self.shared.remark(Matter::DialRefused) {
            let address = incoming.remote_address();
            warn!(%address, times, "dial refused: links_max is reached");
        }
        incoming.refuse();
    }

    /// When it gets crowded, an address must show that it is real before it takes a place.
    fn ask_address(&self, incoming: Incoming) {
        self.shared.telemetry.links.addresses_asked.add_shared(1);
        let address = incoming.remote_address();
        if let Some(times) = self.shared.remark(Matter::AddressAsked) {
            warn!(%address, times, "crowded: addresses are asked to show that they are real");
        }
        if let Err(error) = incoming.retry() {
            debug!(%address, %error, "an address could not be asked to show itself");
        }
    }
}

async fn shake_hands(incoming: Incoming, shared: Arc<Shared>) -> Option<Connection> {
    let address = incoming.remote_address();
    match tokio::time::timeout(shared.limits.sign_on_timeout, incoming).await {
        Ok(Ok(connection)) => return Some(connection),
        Ok(Err(error)) => shared.handshake_failed(address, &error.to_string()),
        Err(_) => shared.handshake_failed(address, "not finished in time"),
    }
    shared.telemetry.links.handshakes_failed.add_shared(1);
    None
}
