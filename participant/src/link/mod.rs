//! The batch interface: a signed-on link to the switch.
//!
//! Push as many messages as are ready, flush once, take all that has come. Made for a million messages a second on one
//! core: a message costs its encoding or decoding and nothing else.
//!
//! Invariant: whatever the switch sends, the link ends with a [`LinkError`] that says so, and never panics.

mod config;
mod control;
mod dial;
mod error;
mod receiver;
mod sender;
mod shared;

use std::future::poll_fn;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use holdfast_protocol::{Message, Reason, UnixMillis, Welcome};

pub use config::{LinkConfig, Roles};
pub use error::{LinkError, PushError, Stream};
pub use receiver::{LinkReceiver, Received};
pub use sender::LinkSender;
pub(crate) use shared::Shared;

/// Both halves of a link. See [`Self::split`] for using them apart.
#[derive(Debug)]
pub struct Link {
    sender: LinkSender,
    receiver: LinkReceiver,
}

impl Link {
    /// Dials a switch, signs on and opens the lanes. Must be called inside a tokio runtime, of either kind.
    ///
    /// # Errors
    /// Where there is no link within [`LinkConfig::sign_on_timeout`], or the switch does not want it.
    pub async fn dial(config: &LinkConfig, address: SocketAddr) -> Result<Self, LinkError> {
        let (sender, receiver) = dial::dial(config, address).await?;
        Ok(Self { sender, receiver })
    }

    /// The two halves, to be used in different tasks or in different arms of a select. They share no lock.
    pub fn split(self) -> (LinkSender, LinkReceiver) {
        (self.sender, self.receiver)
    }

    /// Both halves at once, for embedders that drive them in one future.
    pub const fn halves(&mut self) -> (&mut LinkSender, &mut LinkReceiver) {
        (&mut self.sender, &mut self.receiver)
    }

    /// See [`LinkSender::push`].
    ///
    /// # Errors
    /// As [`LinkSender::push`].
    #[inline]
    pub fn push(&mut self, message: &Message) -> Result<u8, PushError> {
        self.sender.push(message)
    }

    /// Hands over what QUIC takes at once; [`Self::take`] takes up the rest. See [`LinkSender::try_flush`].
    ///
    /// # Errors
    /// The link ended; [`Self::take`] knows better why.
    pub fn flush(&mut self) -> Result<bool, LinkError> {
        self.sender.try_flush()
    }

    /// Waits until something has come, while what was pushed keeps leaving. See [`LinkReceiver::take`].
    ///
    /// # Errors
    /// As [`LinkReceiver::take`].
    pub async fn take(&mut self, out: &mut Vec<Received>) -> Result<usize, LinkError> {
        poll_fn(|cx| self.poll_take(cx, out)).await
    }

    /// As [`Self::take`], for embedders that poll themselves.
    ///
    /// # Errors
    /// As [`LinkReceiver::take`].
    pub fn poll_take(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut Vec<Received>,
    ) -> Poll<Result<usize, LinkError>> {
        let flushed = self.sender.poll_flush(cx);
        match (self.receiver.poll_take(cx, out), flushed) {
            // The receiving half knows better why the link ended.
            (Poll::Pending, Poll::Ready(Err(error))) => self.receiver.end(error, cx),
            (taken, _) => taken,
        }
    }

    /// The switch's time now: what ids and expiries are stamped in.
    pub fn switch_time(&self) -> UnixMillis {
        self.sender.switch_time()
    }

    /// What the switch agreed to at sign-on.
    pub fn welcome(&self) -> &Welcome {
        self.sender.welcome()
    }

    /// How many requests may be unanswered now.
    pub fn window(&self) -> u32 {
        self.sender.window()
    }

    /// Whether the switch asked for no new work.
    pub fn draining(&self) -> bool {
        self.sender.draining()
    }

    /// How many lanes there are.
    pub fn lanes(&self) -> u8 {
        self.sender.lanes()
    }

    /// The notices since the last call.
    pub fn take_notices(&mut self) -> impl Iterator<Item = Reason> {
        self.receiver.take_notices()
    }

    /// See [`LinkReceiver::drain`].
    pub fn drain(&mut self, within_ms: u32) {
        self.receiver.drain(within_ms);
    }

    /// See [`LinkReceiver::close`].
    pub fn close(&mut self, reason: Reason) {
        self.receiver.close(reason);
    }

    /// Leaves the link as a cut cable would, for drills: from now on nothing of it reaches the switch, not even a goodbye,
    /// and the switch has to find out by itself. What was on its way is unknown.
    ///
    /// # Errors
    /// There is no socket to move the link to; the switch was told goodbye.
    pub fn abandon(self) -> std::io::Result<()> {
        self.receiver.abandon()
    }

    /// Hands over what was pushed, signs off and closes. See [`LinkReceiver::sign_off`].
    pub async fn sign_off(mut self, within: Duration) {
        match tokio::time::timeout(within, self.sender.flush()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the link ended before the sign-off"),
            Err(_) => tracing::debug!("what was pushed did not leave before the sign-off"),
        }
        self.receiver.sign_off(within).await;
    }
}
