//! One task for each direction of each stream.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use holdfast_protocol::Reason;
use quinn::{RecvStream, SendStream};
use tracing::debug;

use super::shared::Shared;
use crate::driver::Event;
use crate::session::spread::{Part, spread};
use crate::session::{Inbound, Outbound, Received};

/// Chunks taken with one read: each holds what came in one packet, so this bounds a batch to about 64 packets.
const CHUNKS_PER_READ: usize = 64;

/// Reads a payment lane until it ends; returns why the link must end.
pub(super) async fn read_lane(
    mut stream: RecvStream,
    mut inbound: Inbound,
    lane: u8,
    shared: Arc<Shared>,
) -> Reason {
    let mut chunks: [Bytes; CHUNKS_PER_READ] = std::array::from_fn(|_| Bytes::new());
    let mut before = (0, 0);
    loop {
        let count = match stream.read_chunks(&mut chunks).await {
            Ok(Some(count)) => count,
            // A lane ends only together with its link.
            Ok(None) | Err(_) => return Reason::SignedOff,
        };
        let now = Instant::now();
        let mut received = Received::after(before.0, before.1);
        let mut end = None;
        for chunk in &mut chunks[..count] {
            if let Err(reason) = inbound.receive(std::mem::take(chunk), now, &mut received) {
                end = Some(reason);
                break;
            }
        }
        before = (received.first.len(), received.work.len());
        let (refusals, refused) =
            (std::mem::take(&mut received.refusals), std::mem::take(&mut received.refused));
        if !refusals.is_empty()
            && inbound.outbound().push(usize::from(lane) + 1, refusals.freeze())
                > shared.limits.outbound_bytes_max
        {
            end = Some(Reason::NotReading);
        }
        shared.refused(inbound.member(), &refused);
        // What came before a bad frame was good and is decided.
        let from = inbound.from();
        for (partition, part) in spread(received, shared.partitions(), lane, inbound.outbound()) {
            let Part { first, answers, work } = part;
            shared.tell(partition, Event::Received { from, lane, at: now, first, answers, work }).await;
        }
        if let Some(reason) = end {
            return reason;
        }
    }
}

/// Writes what is queued for a stream, everything that is ready in one call, until the link ends; or, where nothing more
/// will come, until the peer has all of it.
pub(super) async fn write_stream(mut stream: SendStream, index: usize, outbound: Arc<Outbound>) -> Reason {
    let mut chunks = Vec::new();
    loop {
        outbound.wait(index, &mut chunks).await;
        if chunks.is_empty() {
            // A stream that the peer stopped, or whose link is lost, has nobody left to wait for.
            if stream.finish().is_ok()
                && let Ok(Some(code)) = stream.stopped().await
            {
                debug!(index, code = code.into_inner(), "the peer stopped the stream before its end");
            }
            return Reason::SwitchStopping;
        }
        let bytes: usize = chunks.iter().map(Bytes::len).sum();
        if stream.write_all_chunks(&mut chunks).await.is_err() {
            return Reason::SignedOff;
        }
        chunks.clear();
        outbound.written(bytes);
    }
}
