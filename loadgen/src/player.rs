//! A participant on stage: one link, and behind it an operator, a destination, or both.
//!
//! One wake-up takes all that has come, lets time pass, and flushes once. When a link breaks and the run tolerates it,
//! the player dials again with a back-off and says everything unanswered again; otherwise the run ends.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use holdfast_participant::backoff::Backoff;
use holdfast_participant::{Link, LinkConfig, LinkError, LinkSender, PushError, Received};
use holdfast_protocol::{Message, UnixMillis};
use tokio::sync::watch;

use crate::alarm::Alarm;
use crate::destination::Destination;
use crate::operator::{Operator, Outgoing};
use crate::random::Random;
use crate::stage::{Now, Stage};

/// Where the run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// Operations are sent.
    Sending,
    /// The run ends early: no new operations, those in flight end.
    Stopping,
    /// Everybody leaves.
    Over,
    /// Everybody leaves because a link broke: what is unanswered ends as an error.
    Broken,
}

/// Bytes that may wait on a link before no new work is added.
const WAITING_BYTES_MAX: usize = 1 << 20;
/// Arrivals closer together than this are sent in one go: a wake-up costs more than it gains.
const TICK: Duration = Duration::from_micros(200);
/// The longest sleep: draining, windows and histories are looked at this often.
const IDLE: Duration = Duration::from_millis(100);
/// Pauses between attempts to dial.
const PAUSE_FIRST: Duration = Duration::from_millis(20);
const PAUSE_LONGEST: Duration = Duration::from_millis(500);

/// One participant.
#[derive(Debug)]
pub struct Player {
    /// What all share.
    pub stage: Rc<Stage>,
    /// Its name.
    pub name: String,
    /// Where the switch listens.
    pub address: SocketAddr,
    /// How to dial.
    pub config: LinkConfig,
    /// What it sends, and its place among the operators.
    pub operator: Option<(u32, Operator)>,
    /// What it answers.
    pub destination: Destination,
    /// Where the run is.
    pub act: watch::Receiver<Act>,
    /// Whether it is cut off from the switch.
    pub cut: watch::Receiver<bool>,
    /// Messages that the link had no room for.
    pub overflow: VecDeque<Message>,
    /// The switch's time when it was known last, and when that was.
    pub clock: (UnixMillis, Instant),
    /// When the histories were handed to their writer last.
    pub handed_over: Instant,
}

/// Why a player left before the end.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// Its link broke and the run does not tolerate that, or dialling again cannot help.
    #[error("{name}: {source}")]
    Link {
        /// Who.
        name: String,
        /// Why.
        source: Box<LinkError>,
    },
    /// The timer failed.
    #[error("timer: {0}")]
    Timer(#[from] std::io::Error),
}

/// How playing on one link ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    /// The run is over.
    Over,
    /// It is cut off.
    Cut,
}

/// A link's way out with room for what does not fit.
struct Out<'a> {
    sender: &'a mut LinkSender,
    overflow: &'a mut VecDeque<Message>,
}

impl Outgoing for Out<'_> {
    #[inline]
    fn push(&mut self, message: &Message) {
        if !self.overflow.is_empty() {
            self.overflow.push_back(message.clone());
            return;
        }
        match self.sender.push(message) {
            Ok(_) => {}
            Err(PushError::Full(_)) => self.overflow.push_back(message.clone()),
            Err(error @ PushError::NotForALane(_)) => {
                unreachable!("players send only what goes on lanes: {error}")
            }
        }
    }

    fn has_room(&self) -> bool {
        self.overflow.is_empty() && self.sender.waiting_bytes() < WAITING_BYTES_MAX
    }
}

impl Out<'_> {
    /// Puts what did not fit on the link.
    fn unload(&mut self) {
        while let Some(message) = self.overflow.front() {
            if self.sender.push(message).is_err() {
                return;
            }
            self.overflow.pop_front();
        }
    }
}

impl Player {
    /// Plays until the run is over. The link must be signed on.
    ///
    /// # Errors
    /// Where the link broke for good.
    pub async fn play(mut self, link: Link) -> Result<(), PlayError> {
        let mut alarm = Alarm::new()?;
        let mut link = Some(link);
        let result = loop {
            let Some(mut current) = link.take() else {
                match self.dial_again().await {
                    Ok(dialled) => link = dialled,
                    Err(error) => break Err(error),
                }
                if link.is_none() {
                    break Ok(());
                }
                continue;
            };
            match self.perform(&mut current, &mut alarm).await {
                Ok(Left::Cut) => {
                    if let Err(error) = current.abandon() {
                        tracing::warn!(name = %self.name, %error, "the switch was told that the link is cut");
                    }
                }
                Ok(Left::Over) => {
                    let broken = *self.act.borrow() == Act::Broken;
                    self.close(broken);
                    current.sign_off(Duration::from_secs(1)).await;
                    return Ok(());
                }
                Err(PlayError::Link { name, source }) => {
                    self.stage.faults.borrow_mut().broken_links += 1;
                    tracing::info!(%name, %source, "link broken");
                    if !self.stage.rules.tolerate_restarts || source.is_final() {
                        break Err(PlayError::Link { name, source });
                    }
                }
                Err(error @ PlayError::Timer(_)) => break Err(error),
            }
        };
        self.close(result.is_err());
        result
    }

    fn close(&mut self, broken: bool) {
        let now = self.now(Instant::now());
        let mut drained = !broken;
        if let Some((_, operator)) = &mut self.operator {
            drained &= operator.is_finished();
            operator.close(now, broken);
        }
        self.destination.close(now, drained);
    }

    fn now(&self, instant: Instant) -> Now {
        let (time, then) = self.clock;
        let passed = instant.saturating_duration_since(then).as_millis();
        Now { ns: self.stage.ns_at(instant), switch: time.plus(u64::try_from(passed).unwrap_or(0)) }
    }

    fn link_error(&self, source: LinkError) -> PlayError {
        PlayError::Link { name: self.name.clone(), source: Box::new(source) }
    }

    /// Lets arrivals pass whose deadline passes while there is no link.
    fn let_time_pass(&mut self) {
        let now = self.now(Instant::now());
        if let Some((_, operator)) = &mut self.operator {
            if *self.act.borrow() != Act::Sending {
                operator.stop(now);
            }
            operator.on_time(now, None);
        }
    }

    /// Dials until there is a link, not while it is cut off; `None` when the run is over. Arrivals whose deadline passes
    /// meanwhile are shed.
    async fn dial_again(&mut self) -> Result<Option<Link>, PlayError> {
        let mut backoff = Backoff::new(PAUSE_FIRST, PAUSE_LONGEST);
        let mut random = Random::new(self.stage.ns(), u64::from(std::process::id()));
        self.overflow.clear();
        let (config, address) = (self.config.clone(), self.address);
        let mut act = self.act.clone();
        loop {
            while *self.cut.borrow() {
                self.let_time_pass();
                let (over, uncut) = (act.wait_for(|act| *act >= Act::Over), self.cut.wait_for(|cut| !*cut));
                tokio::select! {
                    _ = uncut => {}
                    _ = over => return Ok(None),
                    () = tokio::time::sleep(IDLE) => {}
                }
            }
            let over = act.wait_for(|act| *act >= Act::Over);
            let dialled = tokio::select! {
                dialled = Link::dial(&config, address) => dialled,
                _ = over => return Ok(None),
            };
            match dialled {
                Ok(link) => return Ok(Some(link)),
                Err(error) if error.is_final() => return Err(self.link_error(error)),
                Err(error) => tracing::debug!(name = %self.name, %error, "dial failed"),
            }
            self.let_time_pass();
            let over = act.wait_for(|act| *act >= Act::Over);
            tokio::select! {
                () = tokio::time::sleep(backoff.failed(random.bits() as u32)) => {}
                _ = over => return Ok(None),
            }
        }
    }

    /// Plays on one link until the run is over, the link breaks or is cut.
    async fn perform(&mut self, link: &mut Link, alarm: &mut Alarm) -> Result<Left, PlayError> {
        self.clock = (link.switch_time(), Instant::now());
        self.destination.on_link(link.lanes());
        let mut received: Vec<Received> = Vec::new();
        let mut is_new_link = true;
        let (mut act, mut cut) = (self.act.clone(), self.cut.clone());
        let mut left: Pin<Box<dyn Future<Output = Left>>> = Box::pin(async move {
            // An error means that the director is gone, which ends the run as well.
            tokio::select! {
                _ = act.wait_for(|act| *act >= Act::Over) => Left::Over,
                is_cut = cut.wait_for(|cut| *cut) => if is_cut.is_ok() { Left::Cut } else { Left::Over },
            }
        });
        loop {
            let instant = Instant::now();
            self.turn(link, &mut received, instant, std::mem::take(&mut is_new_link));
            if let Err(error) = link.flush() {
                // Taking, below, finds out why the link ended.
                tracing::debug!(name = %self.name, %error, "nothing can be sent");
            }
            alarm.set(self.next_wake(instant))?;
            let how_it_left = poll_fn(|cx| {
                if let Poll::Ready(how) = left.as_mut().poll(cx) {
                    return Poll::Ready(Ok(Some(how)));
                }
                // The alarm first: a link that always has something must not hold back what is due.
                let rung = alarm.poll(cx)?.is_ready();
                match link.poll_take(cx, &mut received) {
                    Poll::Ready(Ok(_)) => Poll::Ready(Ok(None)),
                    Poll::Ready(Err(error)) => Poll::Ready(Err(self.link_error(error))),
                    Poll::Pending if rung => Poll::Ready(Ok(None)),
                    Poll::Pending => Poll::Pending,
                }
            })
            .await?;
            if let Some(how) = how_it_left {
                return Ok(how);
            }
        }
    }

    /// One wake-up: what came, then what is due.
    fn turn(&mut self, link: &mut Link, received: &mut Vec<Received>, instant: Instant, is_new_link: bool) {
        let (sender, _) = link.halves();
        self.clock = (sender.switch_time_at(instant), instant);
        let now = self.now(instant);
        let window = sender.window();
        let mut out = Out { sender, overflow: &mut self.overflow };
        out.unload();
        // By reference: moving each message out would cost as much as handling it.
        for Received { lane, message } in received.iter() {
            match (message, &mut self.operator) {
                (Message::Answer(answer), Some((_, operator))) => operator.on_answer(now, answer, &mut out),
                (Message::Status(status), Some((_, operator))) => operator.on_status(now, status, &mut out),
                _ => take(&mut self.destination, now, *lane, message, &mut out),
            }
        }
        received.clear();
        self.destination.on_time(now, &mut out);
        self.stage.own_times.end_turn(self.stage.ns().saturating_sub(now.ns));
        if let Some((_, operator)) = &mut self.operator {
            operator.limit_window(window);
            if is_new_link {
                operator.on_link(now, &mut out);
            }
            if *self.act.borrow() != Act::Sending {
                operator.stop(now);
            }
            operator.on_time(now, Some(&mut out));
            operator.fold();
        }
        if instant.saturating_duration_since(self.handed_over) >= IDLE {
            self.handed_over = instant;
            self.destination.hand_over_history();
            if let Some((_, operator)) = &mut self.operator {
                operator.hand_over_history();
            }
        }
    }

    /// When to wake up although nothing came.
    fn next_wake(&mut self, last: Instant) -> Instant {
        let operator_ns = self.operator.as_ref().map_or(u64::MAX, |(_, operator)| operator.next_wake_ns());
        let due_ns = operator_ns.min(self.destination.next_wake_ns());
        let due = match due_ns {
            u64::MAX => last + IDLE,
            due_ns => self.stage.origin + Duration::from_nanos(due_ns),
        };
        due.clamp(last + TICK, last + IDLE)
    }
}

/// What a destination hears.
#[inline]
fn take(destination: &mut Destination, now: Now, lane: u8, message: &Message, out: &mut Out<'_>) {
    match message {
        Message::Authorize(m) => destination.on_forward(now, m, out),
        Message::Capture(m) => destination.on_capture(now, m, out),
        Message::Release(m) => destination.on_release(now, m, out),
        Message::Reverse(m) => destination.on_reverse(now, m, out),
        Message::Refund(m) => destination.on_refund(now, m, out),
        Message::Complete(m) => destination.on_complete(now, m),
        Message::DecidedThrough(m) => destination.on_decided_through(now, lane, *m),
        // The link passes on nothing else; an answer to a destination only is a contradiction.
        Message::Answer(_)
        | Message::Status(_)
        | Message::SignOn(_)
        | Message::Welcome(_)
        | Message::Echo(_)
        | Message::Window(_)
        | Message::Notice(_)
        | Message::Drain(_)
        | Message::SignOff(_)
        | Message::LaneOpen(_)
        | Message::Acknowledge(_)
        | Message::Inquiry(_) => destination.on_unexpected(message),
    }
}
