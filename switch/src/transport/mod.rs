//! QUIC: accepts links and moves chunks between their streams and the sessions.
//!
//! A thin shell around [`crate::session`]: what is decided about bytes is decided there, so that a simulator runs it.
//! Every task here is owned by its link's task, and that by the acceptor.

mod crowd;
mod handshakes;
mod link;
pub mod shared;
mod streams;

use std::sync::Arc;

use tokio::task::JoinSet;
use tracing::{debug, info};

use handshakes::Handshakes;
pub use shared::{LinkLimits, Shared, ToDriver, Wake};

/// Accepts links until the endpoint is closed or fails, then waits until the last one has ended. `thread` is which of the
/// [`LinkLimits::threads`] it runs on, from zero.
pub async fn accept(endpoint: quinn::Endpoint, shared: Arc<Shared>, thread: usize) {
    let mut links = JoinSet::new();
    let mut handshakes = Handshakes::new(Arc::clone(&shared), thread);
    loop {
        tokio::select! {
            incoming = endpoint.accept() => {
                let Some(incoming) = incoming else { break };
                handshakes.begin(incoming);
            }
            (connection, standing) = handshakes.done() => {
                links.spawn(link::serve_link(connection, Arc::clone(&shared), standing));
            }
            Some(ended) = links.join_next() => {
                if let Err(error) = ended {
                    debug!(%error, "a link's task did not end by itself");
                }
            }
        }
    }
    drop(handshakes);
    while links.join_next().await.is_some() {}
    info!(thread = thread + 1, "all links have ended");
}
