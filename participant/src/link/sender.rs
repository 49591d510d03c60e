//! The half of a link that sends.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use holdfast_protocol::frame::FRAME_BYTES_MAX;
use holdfast_protocol::{LaneOpen, Message, RequestId, UnixMillis, Welcome, lane_of};
use quinn::{Connection, SendStream, WriteError};

use super::error::{LinkError, PushError, Stream};
use super::shared::Shared;

/// The blocks that frames are encoded into.
const BUFFER_BYTES: usize = 64 << 10;

/// One payment lane's way out.
#[derive(Debug)]
struct LaneOut {
    stream: SendStream,
    /// Frames pushed since the last write.
    pushed: BytesMut,
    /// What the last write left over.
    leaving: Bytes,
}

/// Encodes messages straight into the outgoing buffer of their lane; nothing leaves before a flush.
///
/// Everything about one transaction goes on the lane its original's id hashes to, so it stays in order.
#[derive(Debug)]
pub struct LinkSender {
    connection: Connection,
    shared: Arc<Shared>,
    lanes: Vec<LaneOut>,
    outgoing_bytes_max: usize,
}

impl LinkSender {
    pub(super) fn new(
        connection: Connection,
        shared: Arc<Shared>,
        streams: Vec<SendStream>,
        outgoing_bytes_max: usize,
    ) -> Self {
        let lanes = (0_u8..).zip(streams).map(|(lane, stream)| {
            let mut pushed = BytesMut::with_capacity(BUFFER_BYTES);
            Message::LaneOpen(LaneOpen { lane }).encode(&mut pushed);
            LaneOut { stream, pushed, leaving: Bytes::new() }
        });
        Self { connection, shared, lanes: lanes.collect(), outgoing_bytes_max }
    }

    /// Takes a message for sending and says on which lane it will go.
    ///
    /// # Errors
    /// [`PushError::Full`]: flush first. [`PushError::NotForALane`]: a participant does not send this.
    #[inline]
    pub fn push(&mut self, message: &Message) -> Result<u8, PushError> {
        let original = original_of(message)?;
        let lane = lane_of(original, self.lanes());
        let out = self.lanes.get_mut(usize::from(lane)).ok_or(PushError::Full(lane))?;
        if out.pushed.len() + out.leaving.len() >= self.outgoing_bytes_max {
            return Err(PushError::Full(lane));
        }
        message.encode(&mut out.pushed);
        Ok(lane)
    }

    /// Hands all that was pushed to QUIC, one write for each lane. Waits while the switch does not read: keep the
    /// receiving half running meanwhile. Cancelling it loses nothing.
    ///
    /// # Errors
    /// The link ended.
    pub async fn flush(&mut self) -> Result<(), LinkError> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Hands over what QUIC takes at once. `false`: something is left, which the next flush takes up.
    ///
    /// # Errors
    /// The link ended.
    pub fn try_flush(&mut self) -> Result<bool, LinkError> {
        match self.poll_flush(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => done.map(|()| true),
            Poll::Pending => Ok(false),
        }
    }

    /// As [`Self::flush`], for embedders that poll themselves.
    ///
    /// # Errors
    /// The link ended.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        let mut done = true;
        for (lane, out) in (0_u8..).zip(&mut self.lanes) {
            done &= out.poll_write(cx, Stream::Lane(lane))?.is_ready();
        }
        if done { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    /// Bytes that were pushed and not handed to QUIC yet.
    pub fn waiting_bytes(&self) -> usize {
        self.lanes.iter().map(|out| out.pushed.len() + out.leaving.len()).sum()
    }

    /// How many lanes there are.
    pub fn lanes(&self) -> u8 {
        u8::try_from(self.lanes.len()).expect("the configuration allows four lanes at most")
    }

    /// The switch's time now: what ids and expiries are stamped in.
    pub fn switch_time(&self) -> UnixMillis {
        self.shared.clock.now()
    }

    /// The switch's time at an instant, for embedders that read the clock once for a batch.
    pub fn switch_time_at(&self, instant: std::time::Instant) -> UnixMillis {
        self.shared.clock.at(instant)
    }

    /// What the switch agreed to at sign-on.
    pub fn welcome(&self) -> &Welcome {
        &self.shared.welcome
    }

    /// How many requests may be unanswered now.
    pub fn window(&self) -> u32 {
        self.shared.window()
    }

    /// Whether the switch asked for no new work.
    pub fn draining(&self) -> bool {
        self.shared.draining()
    }

    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The connection, for its statistics.
    pub const fn connection(&self) -> &Connection {
        &self.connection
    }
}

impl LaneOut {
    fn poll_write(&mut self, cx: &mut Context<'_>, on: Stream) -> Result<Poll<()>, LinkError> {
        loop {
            if self.leaving.is_empty() {
                if self.pushed.is_empty() {
                    return Ok(Poll::Ready(()));
                }
                self.leaving = self.pushed.split().freeze();
                if self.pushed.capacity() < FRAME_BYTES_MAX {
                    // A block serves many flushes; QUIC keeps it until all of it is acknowledged.
                    self.pushed.reserve(BUFFER_BYTES);
                }
            }
            match poll_chunk(&mut self.stream, &mut self.leaving, cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Err(write_failed(error, on)),
                Poll::Pending => return Ok(Poll::Pending),
            }
        }
    }
}

/// One write. The future keeps nothing between polls but what the stream itself keeps.
pub(super) fn poll_chunk(
    stream: &mut SendStream,
    chunk: &mut Bytes,
    cx: &mut Context<'_>,
) -> Poll<Result<(), WriteError>> {
    pin!(stream.write_chunks(std::slice::from_mut(chunk))).poll(cx).map_ok(|_| ())
}

pub(super) fn write_failed(error: WriteError, on: Stream) -> LinkError {
    match error {
        WriteError::ConnectionLost(lost) => lost.into(),
        WriteError::Stopped(_) | WriteError::ClosedStream | WriteError::ZeroRttRejected => {
            LinkError::StreamClosed(on)
        }
    }
}

/// The original's id, whose hash chooses the lane.
#[inline]
fn original_of(message: &Message) -> Result<RequestId, PushError> {
    match message {
        Message::Authorize(m) => Ok(m.id),
        // A transaction of its own.
        Message::Refund(m) => Ok(m.id),
        Message::Answer(m) => Ok(m.id),
        Message::Capture(m) => Ok(m.original),
        Message::Release(m) => Ok(m.original),
        Message::Reverse(m) => Ok(m.original),
        Message::Acknowledge(m) => Ok(m.original),
        Message::Inquiry(m) => Ok(m.id),
        Message::SignOn(_)
        | Message::Welcome(_)
        | Message::Echo(_)
        | Message::Window(_)
        | Message::Notice(_)
        | Message::Drain(_)
        | Message::SignOff(_)
        | Message::LaneOpen(_)
        | Message::Status(_)
        | Message::DecidedThrough(_)
        | Message::Complete(_) => Err(PushError::NotForALane(message.message_type())),
    }
}
