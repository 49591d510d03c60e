//! QUIC: accepts links and moves chunks between their streams and the sessions.
//!
//! A thin shell around [`crate::session`]: what is decided about bytes is decided there, so that a simulator runs it.
//! Every task here is owned by its link's task, and that by the acceptor.

mod link;
pub mod shared;
mod streams;

use std::sync::Arc;

use tokio::task::JoinSet;
use tracing::{debug, info};

pub use shared::{LinkLimits, Shared, Wake};

/// Accepts links until the endpoint is closed, then waits until the last one has ended.
pub async fn accept(endpoint: quinn::Endpoint, shared: Arc<Shared>) {
    let mut links = JoinSet::new();
    loop {
        tokio::select! {
            incoming = endpoint.accept() => {
                let Some(incoming) = incoming else { break };
                if links.len() >= shared.limits.links_max {
                    // Refused before any cryptography: a thousand dials cost next to nothing.
                    incoming.refuse();
                    continue;
                }
                // When it gets crowded, an address must show that it is real before it takes a place.
                if links.len() >= shared.limits.links_max / 2 && !incoming.remote_address_validated() {
                    if let Err(error) = incoming.retry() {
                        debug!(%error, "an address could not be asked to show itself");
                    }
                    continue;
                }
                links.spawn(link::handshake_and_serve(incoming, Arc::clone(&shared)));
            }
            Some(ended) = links.join_next() => {
                if let Err(error) = ended {
                    debug!(%error, "a link's task did not end by itself");
                }
            }
        }
    }
    while links.join_next().await.is_some() {}
    info!("all links have ended");
}
