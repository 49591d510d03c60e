//! The task of one participant: a thin shell that moves messages between the link and the state machines.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast_protocol::{Message, RequestId, UnixMillis};
use tokio::sync::{mpsc, oneshot, watch};

use super::ParticipantError;
use super::serving::{Serving, ServingEvent};
use super::slot::{LinkEvent, LinkSlot, NoLink};
use crate::destination::{Handler, LinkTerms};
use crate::link::{LinkError, Received, Shared, Stream};
use crate::operator::inquiries::{Inquiries, OPERATORS};
use crate::operator::{CallId, CallOutcome, CallRequest, Calls, InquiryOutcome};

/// How long the task sleeps at most with nothing to do.
const IDLE: Duration = Duration::from_secs(60);

/// What the fronts ask of the task. A deadline is in switch time.
pub(super) enum Command {
    Call(CallId, Box<CallRequest>, UnixMillis, oneshot::Sender<CallOutcome>),
    Inquire(RequestId, UnixMillis, oneshot::Sender<InquiryOutcome>),
    /// Finish what is in flight, sign off, end; at the latest by then.
    Close(Instant),
}

/// What the fronts may read: the latest link's terms and clock, whether it stands, and why not.
#[derive(Clone, Debug, Default)]
pub(super) struct LinkView {
    pub(super) shared: Option<Arc<Shared>>,
    pub(super) linked: bool,
    /// Why the last attempt or link ended; none while a link stands.
    pub(super) no_link: Option<Arc<NoLink>>,
}

pub(super) struct Engine<H> {
    pub(super) slot: LinkSlot,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) view: watch::Sender<LinkView>,
    pub(super) calls: Calls,
    pub(super) callers: HashMap<RequestId, oneshot::Sender<CallOutcome>>,
    pub(super) inquiries: Inquiries,
    pub(super) inquirers: HashMap<u64, oneshot::Sender<InquiryOutcome>>,
    pub(super) serving: Option<Serving<H>>,
    pub(super) received: Vec<Received>,
    pub(super) closing: Option<Instant>,
    pub(super) drain_sent: bool,
}

enum Event {
    Command(Option<Command>),
    Link(LinkEvent),
    Serving(ServingEvent),
    Time,
}

impl<H: Handler> Engine<H> {
    /// Runs until it is closed or cannot go on.
    pub(super) async fn run(mut self) -> Result<(), ParticipantError> {
        loop {
            self.pump();
            if self.has_finished() {
                break;
            }
            let wake = tokio::time::sleep_until(self.next_wake().into());
            let serving = async {
                match &mut self.serving {
                    Some(serving) => serving.next().await,
                    None => std::future::pending().await,
                }
            };
            let event = tokio::select! {
                command = self.commands.recv(), if self.closing.is_none() => Event::Command(command),
                event = self.slot.next(&mut self.received) => Event::Link(event),
                event = serving => Event::Serving(event),
                () = wake => Event::Time,
            };
            match event {
                Event::Command(command) => self.command(command),
                Event::Link(event) => self.link_event(event)?,
                Event::Serving(event) => {
                    let now = self.now();
                    if let Some(serving) = &mut self.serving {
                        serving.handle(event, now)?;
                    }
                }
                Event::Time => {}
            }
        }
        let within = self.closing.map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now()));
        if let Some(link) = self.slot.into_link() {
            link.sign_off(within.max(Duration::from_millis(100))).await;
        }
        Ok(())
    }

    /// Switch time; zero before the first link, when nothing has a deadline yet.
    fn now(&self) -> UnixMillis {
        self.view.borrow().shared.as_ref().map_or_else(UnixMillis::default, |shared| shared.clock.now())
    }

    fn command(&mut self, command: Option<Command>) {
        match command {
            Some(Command::Call(call, request, deadline, caller)) => {
                match self.calls.start(call, *request, deadline) {
                    Ok(()) => {
                        self.callers.insert(call.id, caller);
                    }
                    Err(outcome) => tell(caller, outcome),
                }
            }
            Some(Command::Inquire(id, deadline, inquirer)) => {
                self.inquirers.insert(self.inquiries.start(id, deadline), inquirer);
            }
            Some(Command::Close(by)) => self.closing = Some(by),
            // Every front and the owner are gone.
            None => self.closing = Some(Instant::now()),
        }
    }

    fn link_event(&mut self, event: LinkEvent) -> Result<(), ParticipantError> {
        match event {
            LinkEvent::Up => self.link_up(),
            LinkEvent::Came => {
                if let Err(error) = self.take_received() {
                    let down = self.slot.down(error);
                    return self.link_event(down);
                }
            }
            LinkEvent::Down(no_link) => {
                // Whatever came before the end still counts.
                if let Err(error) = self.take_received() {
                    tracing::warn!(%error, "the link ended with what cannot be taken");
                }
                let error = no_link.error.clone();
                self.link_down(no_link);
                if error.is_final() {
                    return Err(ParticipantError::Link(error));
                }
            }
        }
        Ok(())
    }

    fn link_up(&mut self) {
        let Some(link) = self.slot.link() else { return };
        let shared = Arc::clone(link.halves().0.shared());
        let (window, lanes) = (link.window(), link.lanes());
        let welcome = &shared.welcome;
        let terms =
            LinkTerms { lanes, window_max_ms: welcome.window_max_ms, skew_max_ms: welcome.skew_max_ms };
        tracing::info!(participant = %welcome.participant, epoch = welcome.epoch.0, "signed on");
        let now = shared.clock.now();
        self.view.send_replace(LinkView { shared: Some(shared), linked: true, no_link: None });
        self.drain_sent = false;
        self.calls.link_up(window);
        self.inquiries.link_up();
        if let Some(serving) = &mut self.serving {
            serving.book.link_up(terms, now);
        }
    }

    fn link_down(&mut self, no_link: NoLink) {
        let again = !no_link.error.is_final();
        tracing::warn!(
            switch = no_link.address.map(tracing::field::display),
            attempts = no_link.attempts,
            error = %no_link.error,
            again,
            "no link to the switch"
        );
        self.calls.link_lost(&no_link);
        self.view.send_modify(|view| (view.linked, view.no_link) = (false, Some(Arc::new(no_link))));
        if let Some(serving) = &mut self.serving {
            serving.book.link_lost();
        }
    }

    fn take_received(&mut self) -> Result<(), LinkError> {
        let now = self.now();
        if let Some(link) = self.slot.link() {
            self.calls.set_window(link.window());
            link.take_notices().for_each(|reason| tracing::info!(%reason, "notice of the switch"));
        }
        let mut received = std::mem::take(&mut self.received);
        if !received.is_empty() {
            self.slot.good();
        }
        let taken = received.drain(..).try_for_each(|one| self.take_one(one, now));
        received.clear();
        self.received = received;
        taken
    }

    fn take_one(&mut self, Received { lane, message }: Received, now: UnixMillis) -> Result<(), LinkError> {
        if let Message::Answer(answer) = &message {
            self.calls.answer(answer, now);
            return Ok(());
        }
        if let Message::Status(status) = &message
            && status.correlation & OPERATORS != 0
        {
            self.inquiries.status(status.clone());
            return Ok(());
        }
        match &mut self.serving {
            Some(serving) => serving.book.receive(lane, message, now).map_err(LinkError::Contradiction),
            None => Err(LinkError::Violation { on: Stream::Lane(lane), message: message.message_type() }),
        }
    }

    /// Lets everything that can go forward go forward, and hands it to the link.
    fn pump(&mut self) {
        let now = self.now();
        self.calls.handle_time(now);
        self.inquiries.handle_time(now);
        if let Some(serving) = &mut self.serving {
            serving.pump(now);
        }
        self.send(now);
        while let Some(outcome) = self.calls.next_done() {
            if let Some(caller) = self.callers.remove(&outcome.id()) {
                tell(caller, outcome);
            }
        }
        while let Some((correlation, outcome)) = self.inquiries.next_done() {
            if let Some(inquirer) = self.inquirers.remove(&correlation) {
                tell(inquirer, outcome);
            }
        }
    }

    fn send(&mut self, now: UnixMillis) {
        let bytes_max = self.slot.outgoing_bytes_max();
        let Some(link) = self.slot.link() else { return };
        if self.closing.is_some() && !std::mem::replace(&mut self.drain_sent, true) {
            link.drain(0);
        }
        let (sender, _) = link.halves();
        if let Some(serving) = &mut self.serving {
            serving.send(sender, bytes_max);
        }
        while sender.waiting_bytes() < bytes_max
            && let Some(message) = self.calls.next_send(now).or_else(|| self.inquiries.next_send())
        {
            if let Err(error) = sender.push(&message) {
                tracing::error!(%error, "an operator's message could not be pushed");
            }
        }
        if let Err(error) = sender.try_flush() {
            // The receiving half will say so, too, and knows better why.
            tracing::debug!(%error, "nothing can be sent");
        }
    }

    fn has_finished(&self) -> bool {
        let idle = self.calls.open() == 0
            && self.inquiries.open() == 0
            && self.serving.as_ref().is_none_or(Serving::is_idle);
        self.closing.is_some_and(|by| idle || Instant::now() >= by)
    }

    /// When something is due although nothing comes.
    fn next_wake(&self) -> Instant {
        let now = Instant::now();
        let due = [
            self.calls.next_deadline(),
            self.inquiries.next_deadline(),
            self.serving.as_ref().and_then(|serving| serving.book.next_deadline()),
        ];
        let due = due.into_iter().flatten().min();
        let until = due.map_or(IDLE, |at| Duration::from_millis(at.since(self.now())).min(IDLE));
        // Millisecond clocks: a little later rather than twice.
        let wake = now + until + Duration::from_millis(1);
        self.closing.map_or(wake, |by| wake.min(by))
    }
}

/// A caller that no longer waits has dropped its future: its outcome is its own affair.
fn tell<T>(caller: oneshot::Sender<T>, outcome: T) {
    if caller.send(outcome).is_err() {
        tracing::debug!("a caller stopped waiting before its outcome");
    }
}
