//! The control stream as a state machine: sign-on, welcome, echo, window, notices, drain, sign-off.
//!
//! Bytes and time go in, bytes and a deadline come out; nothing here blocks or reads a clock. What the switch may not
//! send ends the link with an error that says so.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use holdfast_protocol::{
    Drain, Echo, FrameReader, Message, MessageType, Notice, Reason, SignOff, SignOn, Welcome, Window,
};

use super::config::LinkConfig;
use super::error::{LinkError, Stream};
use super::shared::Shared;
use crate::switch_clock::SwitchClock;

/// Notices kept for the embedder; an older one makes room for a newer one.
const NOTICES_MAX: usize = 64;
/// Bytes that wait to leave on the control stream. Echo replies beyond it mean that the switch asks without reading.
const CONTROL_BYTES_MAX: usize = 64 << 10;

#[derive(Debug)]
enum Phase {
    /// The sign-on left; the welcome is awaited.
    SigningOn { sent: Instant },
    /// Signed on.
    Open(Arc<Shared>),
}

/// The control stream of one link.
#[derive(Debug)]
pub(crate) struct Control {
    phase: Phase,
    reader: FrameReader,
    /// What waits to leave.
    pub(crate) out: BytesMut,
    notices: VecDeque<Reason>,
    /// Set by whatever an embedder may want to look at.
    changed: bool,
    /// Correlation of the echo on its way, and when it left.
    echo: Option<(u64, Instant)>,
    echoes: u64,
    next_echo: Instant,
    sign_on_timeout: Duration,
    echo_interval: Duration,
    echo_timeout: Duration,
    version: u16,
}

impl Control {
    pub(crate) fn new(config: &LinkConfig, sign_on: &SignOn, now: Instant) -> Self {
        let mut out = BytesMut::new();
        Message::SignOn(sign_on.clone()).encode(&mut out);
        Self {
            phase: Phase::SigningOn { sent: now },
            reader: FrameReader::default(),
            out,
            notices: VecDeque::new(),
            changed: false,
            echo: None,
            echoes: 0,
            next_echo: now + config.echo_interval,
            sign_on_timeout: config.sign_on_timeout,
            echo_interval: config.echo_interval,
            echo_timeout: config.echo_timeout,
            version: sign_on.version_max,
        }
    }

    /// What the link knows since the welcome; `None` before it.
    pub(crate) const fn shared(&self) -> Option<&Arc<Shared>> {
        match &self.phase {
            Phase::SigningOn { .. } => None,
            Phase::Open(shared) => Some(shared),
        }
    }

    /// Takes a chunk of the control stream.
    pub(crate) fn handle_chunk(&mut self, chunk: Bytes, now: Instant) -> Result<(), LinkError> {
        let nonsense = |source| LinkError::Nonsense { on: Stream::Control, source };
        self.reader.push(chunk);
        while let Some(frame) = self.reader.next_frame().map_err(nonsense)? {
            let message = Message::decode(&frame).map_err(nonsense)?;
            self.handle_message(message, now)?;
        }
        Ok(())
    }

    fn handle_message(&mut self, message: Message, now: Instant) -> Result<(), LinkError> {
        match message {
            Message::Welcome(welcome) => self.welcome(welcome, now),
            Message::Echo(echo) => self.echo(echo, now),
            Message::Window(window) => self.window(window),
            Message::Notice(notice) => self.notice(&notice),
            Message::Drain(_) => self.drained(),
            Message::SignOff(_) => Err(LinkError::Ended(Reason::SignedOff)),
            Message::SignOn(_)
            | Message::LaneOpen(_)
            | Message::Authorize(_)
            | Message::Answer(_)
            | Message::Capture(_)
            | Message::Release(_)
            | Message::Reverse(_)
            | Message::Acknowledge(_)
            | Message::Inquiry(_)
            | Message::Status(_)
            | Message::DecidedThrough(_)
            | Message::Complete(_) => Err(violation(message.message_type())),
        }
    }

    fn welcome(&mut self, welcome: Welcome, now: Instant) -> Result<(), LinkError> {
        let Phase::SigningOn { sent } = self.phase else { return Err(violation(MessageType::Welcome)) };
        if welcome.version != self.version {
            return Err(LinkError::Version(welcome.version));
        }
        let clock = SwitchClock::new(sent, now, welcome.time);
        self.next_echo = now + self.echo_interval;
        self.changed = true;
        self.phase = Phase::Open(Arc::new(Shared::new(clock, welcome)));
        Ok(())
    }

    fn echo(&mut self, echo: Echo, now: Instant) -> Result<(), LinkError> {
        let Phase::Open(shared) = &self.phase else { return Err(violation(MessageType::Echo)) };
        if echo.reply {
            // A reply nobody waits for is a late one: harmless.
            if let Some((_, sent)) = self.echo.take_if(|(correlation, _)| *correlation == echo.correlation) {
                shared.clock.sample(sent, now, echo.time);
            }
            return Ok(());
        }
        let time = shared.clock.at(now);
        if self.out.len() > CONTROL_BYTES_MAX {
            return Err(LinkError::Ended(Reason::NotReading));
        }
        Message::Echo(Echo { correlation: echo.correlation, time, reply: true }).encode(&mut self.out);
        Ok(())
    }

    fn window(&mut self, window: Window) -> Result<(), LinkError> {
        let Phase::Open(shared) = &self.phase else { return Err(violation(MessageType::Window)) };
        shared.set_window(window.window);
        self.changed = true;
        Ok(())
    }

    fn notice(&mut self, notice: &Notice) -> Result<(), LinkError> {
        if notice.reason.number() >= 400 {
            return Err(LinkError::Ended(notice.reason));
        }
        if self.notices.len() == NOTICES_MAX {
            self.notices.pop_front();
        }
        self.notices.push_back(notice.reason);
        self.changed = true;
        Ok(())
    }

    fn drained(&mut self) -> Result<(), LinkError> {
        let Phase::Open(shared) = &self.phase else { return Err(violation(MessageType::Drain)) };
        shared.set_draining();
        self.changed = true;
        Ok(())
    }

    /// When [`Self::handle_time`] is to be called at the latest.
    pub(crate) fn next_deadline(&self) -> Instant {
        match (&self.phase, self.echo) {
            (Phase::SigningOn { sent }, _) => *sent + self.sign_on_timeout,
            (Phase::Open(_), Some((_, sent))) => sent + self.echo_timeout,
            (Phase::Open(_), None) => self.next_echo,
        }
    }

    /// Sends the echo that is due; ends the link where the switch has been silent for too long.
    pub(crate) fn handle_time(&mut self, now: Instant) -> Result<(), LinkError> {
        if now < self.next_deadline() {
            return Ok(());
        }
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let Phase::Open(shared) = &self.phase else {
            return Err(LinkError::SignOnTimedOut(millis(self.sign_on_timeout)));
        };
        if self.echo.is_some() {
            return Err(LinkError::EchoUnanswered(millis(self.echo_timeout)));
        }
        self.echoes += 1;
        self.echo = Some((self.echoes, now));
        self.next_echo = now + self.echo_interval;
        let time = shared.clock.at(now);
        Message::Echo(Echo { correlation: self.echoes, time, reply: false }).encode(&mut self.out);
        Ok(())
    }

    /// Tells the switch how many forwards may be unanswered from now on.
    pub(crate) fn send_window(&mut self, window: u32) {
        Message::Window(Window { window }).encode(&mut self.out);
    }

    /// Asks the switch for no new work.
    pub(crate) fn send_drain(&mut self, within_ms: u32) {
        Message::Drain(Drain { within_ms }).encode(&mut self.out);
    }

    /// Says that nothing is in flight and the link closes.
    pub(crate) fn send_sign_off(&mut self) {
        Message::SignOff(SignOff).encode(&mut self.out);
    }

    /// Whether anything changed that an embedder may want to look at; asking clears it.
    pub(crate) const fn take_changed(&mut self) -> bool {
        std::mem::replace(&mut self.changed, false)
    }

    /// The notices since the last call.
    pub(crate) fn take_notices(&mut self) -> impl Iterator<Item = Reason> {
        self.notices.drain(..)
    }
}

const fn violation(message: MessageType) -> LinkError {
    LinkError::Violation { on: Stream::Control, message }
}
