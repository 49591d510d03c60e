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

use super::error::{LinkError, Stream};
use super::shared::Shared;
use crate::switch_clock::SwitchClock;

/// Notices kept for the embedder; an older one makes room for a newer one.
const NOTICES_MAX: usize = 64;
/// Bytes that wait to leave on the control stream. Echo replies beyond it mean that the switch asks without reading.
const CONTROL_BYTES_MAX: usize = 64 << 10;

/// How long this side waits for the switch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For the answer to the sign-on.
    pub(crate) sign_on: Duration,
    /// Between two echoes.
    pub(crate) echo_interval: Duration,
    /// For the reply to an echo.
    pub(crate) echo: Duration,
}

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
    patience: Patience,
    version: u16,
}

impl Control {
    pub(crate) fn new(patience: Patience, sign_on: &SignOn, now: Instant) -> Self {
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
            next_echo: now + patience.echo_interval,
            patience,
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
            | Message::Complete(_)
            | Message::Refund(_) => Err(violation(message.message_type())),
        }
    }

    fn welcome(&mut self, welcome: Welcome, now: Instant) -> Result<(), LinkError> {
        let Phase::SigningOn { sent } = self.phase else { return Err(violation(MessageType::Welcome)) };
        if welcome.version != self.version {
            return Err(LinkError::Version(welcome.version));
        }
        let clock = SwitchClock::new(sent, now, welcome.time);
        self.next_echo = now + self.patience.echo_interval;
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
        shared.set_draining(false);
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
        shared.set_draining(true);
        self.changed = true;
        Ok(())
    }

    /// When [`Self::handle_time`] is to be called at the latest.
    pub(crate) fn next_deadline(&self) -> Instant {
        match (&self.phase, self.echo) {
            (Phase::SigningOn { sent }, _) => *sent + self.patience.sign_on,
            (Phase::Open(_), Some((_, sent))) => sent + self.patience.echo,
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
            return Err(LinkError::SignOnTimedOut(millis(self.patience.sign_on)));
        };
        if self.echo.is_some() {
            return Err(LinkError::EchoUnanswered(millis(self.patience.echo)));
        }
        self.echoes += 1;
        self.echo = Some((self.echoes, now));
        self.next_echo = now + self.patience.echo_interval;
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

#[cfg(test)]
mod tests {
    use holdfast_protocol::{Epoch, Instance, ParticipantNumber, Partition, UnixMillis};

    use super::*;

    const PATIENCE: Patience = Patience {
        sign_on: Duration::from_secs(5),
        echo_interval: Duration::from_secs(1),
        echo: Duration::from_secs(3),
    };

    fn at(ms: u64) -> UnixMillis {
        UnixMillis::new(ms).unwrap()
    }

    fn welcome() -> Welcome {
        Welcome {
            version: 1,
            participant: ParticipantNumber::new(7).unwrap(),
            partition: Partition(0),
            epoch: Epoch(1),
            time: at(5_000_000),
            window: 100,
            window_max_ms: 60_000,
            skew_max_ms: 5_000,
            budget_max_ms: 60_000,
            hold_max_ms: 86_400_000,
        }
    }

    fn signing_on(now: Instant) -> Control {
        let sign_on = SignOn {
            version_min: 1,
            version_max: 1,
            instance: Instance(1),
            originates: true,
            receives: false,
            shared_deduplication: false,
            lanes: 1,
            window: 1,
        };
        let mut control = Control::new(PATIENCE, &sign_on, now);
        assert_eq!(sent(&mut control), [Message::SignOn(sign_on)]);
        control
    }

    fn open(now: Instant) -> Control {
        let mut control = signing_on(now);
        give(&mut control, welcome(), now).unwrap();
        assert!(control.take_changed());
        control
    }

    fn give(control: &mut Control, message: impl Into<Message>, now: Instant) -> Result<(), LinkError> {
        let mut bytes = BytesMut::new();
        message.into().encode(&mut bytes);
        control.handle_chunk(bytes.freeze(), now)
    }

    fn sent(control: &mut Control) -> Vec<Message> {
        let mut reader = FrameReader::default();
        reader.push(control.out.split().freeze());
        std::iter::from_fn(|| reader.next_frame().unwrap().map(|f| Message::decode(&f).unwrap())).collect()
    }

    #[test]
    fn a_sign_on_without_an_answer_times_out() {
        let now = Instant::now();
        let mut control = signing_on(now);
        assert!(control.handle_time(now + Duration::from_millis(4_999)).is_ok());
        let late = control.handle_time(now + Duration::from_secs(5));
        assert!(matches!(late, Err(LinkError::SignOnTimedOut(5_000))), "{late:?}");
    }

    #[test]
    fn an_echo_is_answered_with_its_correlation_and_switch_time() {
        let now = Instant::now();
        let mut control = open(now);
        let later = now + Duration::from_millis(250);
        give(&mut control, Echo { correlation: 9, time: at(1), reply: false }, later).unwrap();
        let reply = Echo { correlation: 9, time: at(5_000_250), reply: true };
        assert_eq!(sent(&mut control), [Message::Echo(reply)]);
        assert!(!control.take_changed(), "nobody needs to look at an echo");
    }

    #[test]
    fn a_switch_that_leaves_an_echo_unanswered_is_given_up() {
        let now = Instant::now();
        let mut control = open(now);
        let asked = now + Duration::from_secs(1);
        assert_eq!(control.next_deadline(), asked);
        control.handle_time(asked).unwrap();
        let [Message::Echo(echo)] = sent(&mut control)[..] else { panic!("an echo is due") };
        give(&mut control, Echo { reply: true, ..echo }, asked + Duration::from_millis(2)).unwrap();
        control.handle_time(asked + Duration::from_secs(1)).unwrap();
        assert_eq!(sent(&mut control).len(), 1, "the next echo");
        let silent = control.handle_time(asked + Duration::from_secs(4));
        assert!(matches!(silent, Err(LinkError::EchoUnanswered(3_000))), "{silent:?}");
    }

    #[test]
    fn window_drain_and_notices_are_there_to_look_at() {
        let now = Instant::now();
        let mut control = open(now);
        give(&mut control, Window { window: 5 }, now).unwrap();
        give(&mut control, Drain { within_ms: 0 }, now).unwrap();
        for _ in 0..NOTICES_MAX + 1 {
            give(&mut control, Notice { reason: Reason::Draining }, now).unwrap();
        }
        assert!(control.take_changed() && !control.take_changed());
        let shared = control.shared().unwrap();
        assert_eq!((shared.window(), shared.draining()), (5, true));
        assert_eq!(control.take_notices().count(), NOTICES_MAX);
        give(&mut control, Window { window: 6 }, now).unwrap();
        let shared = control.shared().unwrap();
        assert_eq!((shared.window(), shared.draining()), (6, false), "a window takes the drain back");
    }

    #[test]
    fn what_ends_a_link_says_why() {
        let now = Instant::now();
        let ended = |message: Message| give(&mut open(now), message, now).unwrap_err().to_string();
        assert!(ended(Notice { reason: Reason::Replaced }.into()).contains("404 Replaced"));
        assert!(ended(Message::SignOff(SignOff)).contains("400 SignedOff"));
        assert!(ended(welcome().into()).contains("Welcome on the control stream"));
        let other = Welcome { version: 2, ..welcome() };
        let other = give(&mut signing_on(now), other, now);
        assert!(matches!(other, Err(LinkError::Version(2))));
        let early = give(&mut signing_on(now), Window { window: 1 }, now);
        assert!(matches!(early, Err(LinkError::Violation { message: MessageType::Window, .. })));
    }

    #[test]
    fn random_bytes_end_the_link_and_never_panic() {
        let now = Instant::now();
        for first in 0..=u8::MAX {
            let bytes: Vec<u8> = (0..64_u8).map(|n| n.wrapping_mul(37) ^ first).collect();
            let mut control = open(now);
            if control.handle_chunk(bytes.into(), now).is_ok() {
                assert!(control.reader.pending_bytes() > 0, "only an unfinished frame is no error");
            }
        }
    }
}
