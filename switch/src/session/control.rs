//! The control stream of a link: sign-on, echoes, drain, sign-off.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use holdfast_protocol::{
    Echo, Epoch, FrameReader, Message, Partition, Reason, SignOn, UnixMillis, Welcome, version::VERSION,
};

use super::directory::Member;

/// What a welcome tells every participant.
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    /// Which partition this is.
    pub partition: Partition,
    /// Its epoch.
    pub epoch: Epoch,
    /// Requests a participant may have unanswered.
    pub window: u32,
    /// The longest life of a request.
    pub window_max_ms: u32,
    /// How far an id may lie ahead.
    pub skew_max_ms: u32,
    /// The largest budget.
    pub budget_max_ms: u32,
    /// The longest hold.
    pub hold_max_ms: u64,
}

/// How often a silent peer is asked, and how long it may stay silent.
#[derive(Clone, Copy, Debug)]
pub struct EchoTimes {
    /// Between two echoes.
    pub interval: Duration,
    /// Until an unanswered echo takes the link out of routing.
    pub patience: Duration,
}

/// What the peer wants on the control stream after its sign-on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// No new work.
    Drain,
    /// Another number of unanswered forwards.
    Window(u32),
    /// To go.
    SignOff,
}

/// One link's control stream.
#[derive(Debug)]
pub struct Control {
    frames: FrameReader,
    times: EchoTimes,
    next_echo: Instant,
    asked: Option<Instant>,
    correlation: u64,
    /// The correlation of the first echo that is unanswered.
    asked_from: u64,
    /// Frames to write.
    pub out: BytesMut,
}

impl Control {
    /// A link that has just been accepted.
    pub fn new(times: EchoTimes, now: Instant) -> Self {
        Self {
            frames: FrameReader::default(),
            times,
            next_echo: now + times.interval,
            asked: None,
            correlation: 0,
            asked_from: 1,
            out: BytesMut::new(),
        }
    }

    /// Takes a chunk until the sign-on is whole.
    ///
    /// # Errors
    /// The reason to end the link: another frame came first, or one that cannot be read.
    pub fn sign_on(&mut self, chunk: Bytes) -> Result<Option<SignOn>, Reason> {
        self.frames.push(chunk);
        let Some(frame) = self.frames.next_frame().map_err(|e| e.reason)? else { return Ok(None) };
        match Message::decode(&frame) {
            Ok(Message::SignOn(sign_on)) => Ok(Some(sign_on)),
            Ok(_) => Err(Reason::ProtocolViolation),
            Err(_) => Err(Reason::FrameMalformed),
        }
    }

    /// Answers a sign-on.
    ///
    /// # Errors
    /// [`Reason::VersionUnsupported`], or [`Reason::RoleNotConfigured`].
    pub fn welcome(
        &mut self,
        sign_on: &SignOn,
        member: &Member,
        offer: &Offer,
        now: UnixMillis,
    ) -> Result<(), Reason> {
        if !(sign_on.version_min..=sign_on.version_max).contains(&VERSION) {
            return Err(Reason::VersionUnsupported);
        }
        if (sign_on.originates && !member.originates) || (sign_on.receives && !member.receives) {
            return Err(Reason::RoleNotConfigured);
        }
        let welcome = Welcome {
            version: VERSION,
            participant: member.number,
            partition: offer.partition,
            epoch: offer.epoch,
            time: now,
            window: offer.window,
            window_max_ms: offer.window_max_ms,
            skew_max_ms: offer.skew_max_ms,
            budget_max_ms: offer.budget_max_ms,
            hold_max_ms: offer.hold_max_ms,
        };
        Message::Welcome(welcome).encode(&mut self.out);
        Ok(())
    }

    /// Takes a chunk after the sign-on; an empty chunk takes what came together with the sign-on.
    ///
    /// # Errors
    /// The reason to end the link.
    pub fn receive(&mut self, chunk: Bytes, now: UnixMillis, wishes: &mut Vec<Wish>) -> Result<(), Reason> {
        if !chunk.is_empty() {
            self.frames.push(chunk);
        }
        while let Some(frame) = self.frames.next_frame().map_err(|e| e.reason)? {
            match Message::decode(&frame).map_err(|_| Reason::FrameMalformed)? {
                Message::Echo(echo) if echo.reply => {
                    // A reply to any echo since the first unanswered one shows that the peer lives.
                    if echo.correlation >= self.asked_from {
                        self.asked = None;
                    }
                }
                Message::Echo(echo) => {
                    let reply = Echo { correlation: echo.correlation, time: now, reply: true };
                    Message::Echo(reply).encode(&mut self.out);
                }
                Message::Window(window) => wishes.push(Wish::Window(window.window)),
                Message::Drain(_) => wishes.push(Wish::Drain),
                Message::SignOff(_) => wishes.push(Wish::SignOff),
                // For people who watch; nothing in version 1 asks the switch to act on one.
                Message::Notice(_) => {}
                Message::SignOn(_)
                | Message::Welcome(_)
                | Message::LaneOpen(_)
                | Message::Authorize(_)
                | Message::Answer(_)
                | Message::Capture(_)
                | Message::Release(_)
                | Message::Reverse(_)
                | Message::Refund(_)
                | Message::Acknowledge(_)
                | Message::Inquiry(_)
                | Message::Status(_)
                | Message::DecidedThrough(_)
                | Message::Complete(_) => return Err(Reason::ProtocolViolation),
            }
        }
        Ok(())
    }

    /// Asks again where it is time.
    ///
    /// # Errors
    /// [`Reason::EchoUnanswered`] where the peer has been silent for too long.
    pub fn tick(&mut self, now: Instant, time: UnixMillis) -> Result<(), Reason> {
        if self.asked.is_some_and(|asked| now.saturating_duration_since(asked) >= self.times.patience) {
            return Err(Reason::EchoUnanswered);
        }
        if now >= self.next_echo {
            self.next_echo = now + self.times.interval;
            self.correlation += 1;
            if self.asked.is_none() {
                self.asked = Some(now);
                self.asked_from = self.correlation;
            }
            Message::Echo(Echo { correlation: self.correlation, time, reply: false }).encode(&mut self.out);
        }
        Ok(())
    }

    /// When [`Self::tick`] is due.
    pub fn next_tick(&self) -> Instant {
        self.asked.map_or(self.next_echo, |asked| (asked + self.times.patience).min(self.next_echo))
    }
}
