//! The half of a link that receives, and that keeps the control stream going.
//!
//! All streams are polled in one future: no task, channel or wake-up for a message.

use std::future::{Future, poll_fn};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use holdfast_protocol::{FrameReader, Message, Reason, UnixMillis, Welcome};
use quinn::{Connection, ReadError, RecvStream, SendStream, VarInt};
use tokio::time::Sleep;

use super::control::Control;
use super::error::{LinkError, Stream};
use super::sender::{poll_chunk, write_failed};
use super::shared::Shared;

/// Chunks taken from QUIC with one call.
const CHUNKS_PER_READ: usize = 32;

/// How long the end of a stream is held back for the close of its link, which says why. They leave in this order, so the
/// close may come a packet later.
const CLOSE_PATIENCE: Duration = Duration::from_millis(500);

/// A message from the switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The lane it came on: a destination counts decided-through for each.
    pub lane: u8,
    /// What. Only what a switch sends on a lane: answer, status, and for a destination authorize, capture, release,
    /// reverse, decided-through and complete.
    pub message: Message,
}

/// One payment lane's way in.
#[derive(Debug)]
struct LaneIn {
    lane: u8,
    stream: RecvStream,
    reader: FrameReader,
}

/// The control stream's both ways.
#[derive(Debug)]
pub(super) struct ControlStream {
    pub(super) control: Control,
    pub(super) send: SendStream,
    pub(super) receive: RecvStream,
    pub(super) leaving: Bytes,
    pub(super) timer: Pin<Box<Sleep>>,
}

/// Finds out why a link ends.
struct Ending(Pin<Box<dyn Future<Output = LinkError> + Send>>);

impl std::fmt::Debug for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ending")
    }
}

/// Takes what the switch sends, answers its echoes, and watches that it is there. It must be polled for the link to
/// stay alive.
#[derive(Debug)]
pub struct LinkReceiver {
    connection: Connection,
    endpoint: quinn::Endpoint,
    shared: Arc<Shared>,
    control: ControlStream,
    lanes: Vec<LaneIn>,
    messages_per_take: usize,
    /// The link ends: what is still to come is why.
    ending: Option<Ending>,
    /// Why the link ended, kept until all that came before was taken.
    ended: Option<LinkError>,
}

impl LinkReceiver {
    pub(super) fn new(
        connection: Connection,
        endpoint: quinn::Endpoint,
        shared: Arc<Shared>,
        control: ControlStream,
        streams: Vec<RecvStream>,
        messages_per_take: usize,
    ) -> Self {
        let lanes = (0_u8..).zip(streams).map(|(lane, stream)| LaneIn {
            lane,
            stream,
            reader: FrameReader::default(),
        });
        let lanes = lanes.collect();
        Self { connection, endpoint, shared, control, lanes, messages_per_take, ending: None, ended: None }
    }

    /// Waits until something has come and appends every message that has arrived to `out`; says how many. Zero means
    /// that only the window, the draining or the notices changed. Cancelling it loses nothing.
    ///
    /// # Errors
    /// The link ended. Everything that arrived before was taken; what was on its way is unknown.
    pub async fn take(&mut self, out: &mut Vec<Received>) -> Result<usize, LinkError> {
        poll_fn(|cx| self.poll_take(cx, out)).await
    }

    /// As [`Self::take`], for embedders that poll themselves.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub fn poll_take(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut Vec<Received>,
    ) -> Poll<Result<usize, LinkError>> {
        if let Some(error) = &self.ended {
            return Poll::Ready(Err(error.clone()));
        }
        if self.ending.is_some() {
            return self.poll_ending(cx);
        }
        let before = out.len();
        let progress = self.poll_streams(cx, out);
        let count = out.len() - before;
        if let Err(error) = progress {
            let ended = self.end(error, cx);
            // What arrived whole before the error is still good.
            return if count > 0 { Poll::Ready(Ok(count)) } else { ended };
        }
        if count > 0 || self.control.control.take_changed() { Poll::Ready(Ok(count)) } else { Poll::Pending }
    }

    /// Ends the link because of an error of either half.
    pub(super) fn end(&mut self, error: LinkError, cx: &mut Context<'_>) -> Poll<Result<usize, LinkError>> {
        if let Some(error) = &self.ended {
            return Poll::Ready(Err(error.clone()));
        }
        let connection = self.connection.clone();
        self.ending.get_or_insert_with(|| Ending(Box::pin(why(connection, error))));
        self.poll_ending(cx)
    }

    fn poll_ending(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, LinkError>> {
        let Some(Ending(why)) = &mut self.ending else { return Poll::Pending };
        let Poll::Ready(error) = why.as_mut().poll(cx) else { return Poll::Pending };
        // Tell the switch why, unless it has told us.
        close(&self.connection, error.reason());
        self.ending = None;
        self.ended = Some(error.clone());
        Poll::Ready(Err(error))
    }

    fn poll_streams(&mut self, cx: &mut Context<'_>, out: &mut Vec<Received>) -> Result<(), LinkError> {
        // Lanes before control: a sign-off or notice must not hide answers that came with it.
        let mut lane_error = None;
        for lane in &mut self.lanes {
            if let Err(error) = lane.poll_messages(cx, self.messages_per_take, out) {
                lane_error = Some(error);
                break;
            }
        }
        let control = self.control.poll(cx);
        match (lane_error, control) {
            // The control stream knows best why a link ended.
            (_, Err(error @ LinkError::Ended(_))) => Err(error),
            (Some(error), _) | (None, Err(error)) => Err(error),
            (None, Ok(())) => Ok(()),
        }
    }

    /// Tells the switch how many forwards may be unanswered from now on; at least 1. Leaves with the next poll.
    pub fn set_window(&mut self, window: u32) {
        self.control.control.send_window(window.max(1));
    }

    /// Asks the switch for no new work; what is in flight finishes (rule 25). Zero: without a limit of time. Leaves
    /// with the next poll.
    pub fn drain(&mut self, within_ms: u32) {
        self.control.control.send_drain(within_ms);
    }

    /// Signs off and closes: to be called with nothing in flight. Waits at most `within` for the switch to close.
    pub async fn sign_off(mut self, within: Duration) {
        self.control.control.send_sign_off();
        let mut rest = Vec::new();
        let until_closed = async {
            while self.take(&mut rest).await.is_ok() {
                rest.clear();
            }
        };
        if tokio::time::timeout(within, until_closed).await.is_err() {
            tracing::debug!("the switch did not close the link after the sign-off");
        }
        close(&self.connection, Reason::SignedOff);
        if tokio::time::timeout(within, self.endpoint.wait_idle()).await.is_err() {
            tracing::debug!("the close of the link was not acknowledged");
        }
    }

    /// See [`super::Link::abandon`].
    pub(super) fn abandon(self) -> std::io::Result<()> {
        // A socket of the other family: the kernel takes nothing from it for the switch's address. Where there is none,
        // another port: switches do not let links move.
        let (near, far): (SocketAddr, SocketAddr) = match self.connection.remote_address() {
            SocketAddr::V4(_) => ((Ipv4Addr::UNSPECIFIED, 0).into(), (Ipv6Addr::LOCALHOST, 0).into()),
            SocketAddr::V6(_) => ((Ipv6Addr::UNSPECIFIED, 0).into(), (Ipv4Addr::LOCALHOST, 0).into()),
        };
        let socket = UdpSocket::bind(far).or_else(|_| UdpSocket::bind(near))?;
        self.endpoint.rebind(socket)
    }

    /// Closes at once and tells the switch why. What was on its way is unknown.
    pub fn close(&mut self, reason: Reason) {
        close(&self.connection, reason);
        self.ended.get_or_insert(LinkError::Closed);
    }

    /// The notices since the last call.
    pub fn take_notices(&mut self) -> impl Iterator<Item = Reason> {
        self.control.control.take_notices()
    }

    /// How many lanes there are.
    pub fn lanes(&self) -> u8 {
        u8::try_from(self.lanes.len()).expect("the configuration allows four lanes at most")
    }

    /// The switch's time now.
    pub fn switch_time(&self) -> UnixMillis {
        self.shared.clock.now()
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
}

impl Drop for LinkReceiver {
    fn drop(&mut self) {
        // Without the receiving half nobody answers echoes: a link left behind would only look alive.
        close(&self.connection, Reason::SignedOff);
    }
}

/// The reason with which the switch closes the link wins over the end of a stream, which only goes with it.
pub(super) async fn why(connection: Connection, error: LinkError) -> LinkError {
    if let LinkError::StreamClosed(_) = error
        && let Ok(closed) = tokio::time::timeout(CLOSE_PATIENCE, connection.closed()).await
    {
        return closed.into();
    }
    error
}

pub(super) fn close(connection: &Connection, reason: Reason) {
    connection.close(VarInt::from_u32(u32::from(reason.number())), reason.name().as_bytes());
}

impl ControlStream {
    /// Takes what came, does what is due, sends what waits.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Result<(), LinkError> {
        let mut chunks = [const { Bytes::new() }; CHUNKS_PER_READ];
        while let Poll::Ready(count) = poll_read(&mut self.receive, &mut chunks, cx, Stream::Control)? {
            let now = Instant::now();
            for chunk in chunks.iter_mut().take(count) {
                self.control.handle_chunk(std::mem::take(chunk), now)?;
            }
            self.timer.as_mut().reset(self.control.next_deadline().into());
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            self.control.handle_time(Instant::now())?;
            self.timer.as_mut().reset(self.control.next_deadline().into());
        }
        self.poll_write(cx)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<(), LinkError> {
        loop {
            if self.leaving.is_empty() {
                if self.control.out.is_empty() {
                    return Ok(());
                }
                self.leaving = self.control.out.split().freeze();
            }
            match poll_chunk(&mut self.send, &mut self.leaving, cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Err(write_failed(error, Stream::Control)),
                Poll::Pending => return Ok(()),
            }
        }
    }
}

impl LaneIn {
    fn poll_messages(
        &mut self,
        cx: &mut Context<'_>,
        messages_max: usize,
        out: &mut Vec<Received>,
    ) -> Result<(), LinkError> {
        let enough = out.len().saturating_add(messages_max);
        let mut chunks = [const { Bytes::new() }; CHUNKS_PER_READ];
        let on = Stream::Lane(self.lane);
        while out.len() < enough {
            let Poll::Ready(count) = poll_read(&mut self.stream, &mut chunks, cx, on)? else { return Ok(()) };
            for chunk in chunks.iter_mut().take(count) {
                self.read_chunk(std::mem::take(chunk), out)?;
            }
        }
        Ok(())
    }

    #[inline]
    fn read_chunk(&mut self, chunk: Bytes, out: &mut Vec<Received>) -> Result<(), LinkError> {
        let on = Stream::Lane(self.lane);
        let nonsense = |source| LinkError::Nonsense { on, source };
        self.reader.push(chunk);
        while let Some(frame) = self.reader.next_frame().map_err(nonsense)? {
            let message = Message::decode(&frame).map_err(nonsense)?;
            if !from_switch_on_a_lane(&message) {
                return Err(LinkError::Violation { on, message: message.message_type() });
            }
            out.push(Received { lane: self.lane, message });
        }
        Ok(())
    }
}

/// Whether a switch sends it on a lane. What goes to a destination names the originator, or nobody could keep the
/// originators' ids apart (rule 2).
#[inline]
const fn from_switch_on_a_lane(message: &Message) -> bool {
    match message {
        Message::Answer(_) | Message::Status(_) | Message::DecidedThrough(_) | Message::Complete(_) => true,
        Message::Authorize(m) => m.originator.is_some(),
        Message::Refund(m) => m.originator.is_some(),
        Message::Capture(m) => m.originator.is_some() && m.delivery.is_some(),
        Message::Release(m) => m.originator.is_some() && m.delivery.is_some(),
        Message::Reverse(m) => m.originator.is_some() && m.delivery.is_some(),
        Message::SignOn(_)
        | Message::Welcome(_)
        | Message::Echo(_)
        | Message::Window(_)
        | Message::Notice(_)
        | Message::Drain(_)
        | Message::SignOff(_)
        | Message::LaneOpen(_)
        | Message::Acknowledge(_)
        | Message::Inquiry(_) => false,
    }
}

/// One read of many chunks. The future keeps nothing between polls but what the stream itself keeps.
fn poll_read(
    stream: &mut RecvStream,
    chunks: &mut [Bytes],
    cx: &mut Context<'_>,
    on: Stream,
) -> Result<Poll<usize>, LinkError> {
    match pin!(stream.read_chunks(chunks)).poll(cx) {
        Poll::Pending => Ok(Poll::Pending),
        Poll::Ready(Ok(Some(count))) => Ok(Poll::Ready(count)),
        Poll::Ready(Ok(None)) => Err(LinkError::StreamClosed(on)),
        Poll::Ready(Err(ReadError::ConnectionLost(lost))) => Err(lost.into()),
        Poll::Ready(Err(
            ReadError::Reset(_)
            | ReadError::ClosedStream
            | ReadError::IllegalOrderedRead
            | ReadError::ZeroRttRejected,
        )) => Err(LinkError::StreamClosed(on)),
    }
}
