//! An operator: pays and reserves, captures, releases and reverses what it got, and repeats what a lost link left open.
//! To some of it it comes back late. What was open when it was killed stays unknown to it; the switch ends it.

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use holdfast_loadgen::history::record::{EventKind, Role, payment_id_digest};
use holdfast_participant::{Link, Received, RequestIds, Roles};
use holdfast_protocol::{
    Answer, Authorize, Inquiry, Message, MessageType, Outcome, ParticipantNumber, Refund, RequestId, Status,
    UnixMillis,
};
use tokio::signal::unix::Signal;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::diary::Diary;
use super::late::{self, Late};
use super::{LEAVE_WITHIN, Party, terminations};
use crate::requests::{capture, now, pay, refund, release, reserve, reverse, reverse_refund};

/// Requests unanswered at once.
const OPEN_MAX: usize = 200;
/// Beats of an operator in a second, at most.
const BEATS_MAX: u32 = 250;
/// Late requests in one beat, at most.
const LATE_MAX: usize = 2;
/// How long a request may live, which is within the window of the drill's switch, and a reservation that nobody captures.
const LIFE_MS: u64 = 4_500;
const HOLD_MS: u64 = 8_000;

pub(super) async fn run(party: &Party) -> Result<(), Box<dyn Error>> {
    let config = party.config(Roles::Originator)?;
    let mut terminate = terminations()?;
    let beats = party.rate.clamp(1, BEATS_MAX);
    let mut clock = interval(Duration::from_secs(1) / beats);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let diary = Diary::begin(party, Role::Operator, now())?;
    let mut desk = Desk {
        number: party.number,
        diary,
        ids: RequestIds::new()?,
        open: HashMap::new(),
        refunded: HashMap::new(),
        late: Late::default(),
        sent: 0,
        ending: false,
    };
    let each_beat = (party.rate / beats).max(1);
    while let Some(mut link) = party.dial(&config, &mut terminate).await {
        desk.repeat(&mut link)?;
        if desk.serve(&mut link, &mut terminate, &mut clock, each_beat).await? {
            desk.diary.close(link.switch_time())?;
            link.sign_off(LEAVE_WITHIN).await;
            return Ok(());
        }
    }
    Ok(desk.diary.close(now())?)
}

/// A request without an answer.
struct Open {
    message: Message,
    original: RequestId,
    expires: UnixMillis,
    copies: u8,
}

struct Desk {
    number: ParticipantNumber,
    diary: Diary,
    ids: RequestIds,
    open: HashMap<RequestId, Open>,
    /// What refunds refund.
    refunded: HashMap<RequestId, Authorize>,
    late: Late,
    /// New requests so far.
    sent: u64,
    ending: bool,
}

impl Desk {
    /// Until the link ends (false) or the party has ended in good order (true).
    async fn serve(
        &mut self,
        link: &mut Link,
        terminate: &mut Signal,
        clock: &mut Interval,
        each_beat: u32,
    ) -> std::io::Result<bool> {
        let mut received = Vec::new();
        loop {
            let mut lost = false;
            tokio::select! {
                taken = link.take(&mut received) => lost = taken.is_err(),
                _ = clock.tick() => {
                    self.give_up(link.switch_time());
                    if !self.ending {
                        self.come_back(link)?;
                    }
                    let room = OPEN_MAX.saturating_sub(self.open.len()).min(each_beat as usize);
                    for _ in 0..if self.ending { 0 } else { room } {
                        self.new_work(link)?;
                    }
                }
                _ = terminate.recv() => self.ending = true,
            }
            for Received { message, .. } in received.drain(..) {
                match message {
                    Message::Answer(answer) => self.heard(link, &answer)?,
                    Message::Status(status) => self.told(link, &status),
                    _ => {}
                }
            }
            self.diary.write()?;
            if lost || link.flush().is_err() {
                return Ok(false);
            }
            if self.ending && self.open.is_empty() {
                return Ok(true);
            }
        }
    }

    fn new_work(&mut self, link: &mut Link) -> std::io::Result<()> {
        self.sent += 1;
        let payee = if self.sent.is_multiple_of(2) { "shop@acq-1" } else { "shop@acq-2" };
        let minor = 100 + self.sent % 900;
        let created = link.switch_time();
        let made = if self.sent % 5 < 3 { pay(payee, minor) } else { reserve(payee, minor) };
        let id = self.ids.next(created);
        let hold_until = match made.kind {
            holdfast_protocol::Kind::Pay => UnixMillis::default(),
            _ => created.plus(HOLD_MS),
        };
        let request = Authorize { id, expires: created.plus(LIFE_MS), hold_until, ..made };
        self.send(link, request.clone().into(), id, id, request.expires)
    }

    /// Writes down one copy and sends it.
    fn send(
        &mut self,
        link: &mut Link,
        message: Message,
        id: RequestId,
        original: RequestId,
        expires: UnixMillis,
    ) -> std::io::Result<()> {
        let copies = self.open.get(&id).map_or(1, |open| open.copies.saturating_add(1));
        let message = as_copy(message, copies);
        let sent = self.diary.record(EventKind::Sent, link.switch_time());
        self.diary.add(match &message {
            Message::Authorize(m) => sent.authorize(m, self.number, false, payment_id_digest(&m.payment_id)),
            Message::Capture(m) => sent.capture(m, self.number, false),
            Message::Release(m) => sent.release(m, self.number, false),
            Message::Reverse(m) => sent.reverse(m, self.number, false),
            Message::Refund(m) => sent.refund(m, self.number, false),
            Message::Inquiry(m) => sent.about(MessageType::Inquiry, copies).ids(self.number, m.id, m.id),
            other => panic!("an operator sends no {other:?}"),
        });
        self.diary.write()?;
        // What the link does not take any more is sent over the next one.
        if link.push(&message).is_err() {
            eprintln!("the link takes no more");
        }
        self.open.insert(id, Open { message, original, expires, copies });
        Ok(())
    }

    /// Over a new link everything is asked for again that is still in time.
    fn repeat(&mut self, link: &mut Link) -> std::io::Result<()> {
        self.give_up(link.switch_time());
        let open: Vec<RequestId> = self.open.keys().copied().collect();
        for id in open {
            let Open { message, original, expires, .. } = &self.open[&id];
            let (message, original, expires) = (message.clone(), *original, *expires);
            self.send(link, message, id, original, expires)?;
        }
        Ok(())
    }

    fn heard(&mut self, link: &mut Link, answer: &Answer) -> std::io::Result<()> {
        // A question is settled by a status alone; what comes here is the answer of another copy.
        let asked = |open: &Open| matches!(open.message, Message::Inquiry(_));
        let open =
            if self.open.get(&answer.id).is_some_and(asked) { None } else { self.open.remove(&answer.id) };
        let (message, original, copies) = match &open {
            Some(open) => (kind(&open.message), open.original, open.copies),
            // It was given up, or this is the answer of another copy.
            None => return Ok(()),
        };
        let heard = self.diary.record(EventKind::Heard, link.switch_time());
        let heard = heard.about(message, copies).ids(self.number, answer.id, original);
        self.diary.add(heard.answer(answer));
        if answer.outcome != Outcome::Approved {
            return Ok(());
        }
        match open.map(|open| open.message) {
            Some(Message::Authorize(request)) => self.follow(link, &request),
            Some(Message::Refund(refund)) => self.undo(link, &refund),
            _ => Ok(()),
        }
    }

    /// What is done with what was approved.
    fn follow(&mut self, link: &mut Link, request: &Authorize) -> std::io::Result<()> {
        let chance = u128::from_be_bytes(request.id.to_bytes()) % 10;
        let id = self.ids.next(link.switch_time());
        let expires = id.created().plus(LIFE_MS);
        let next: Message = match (request.kind, chance) {
            (holdfast_protocol::Kind::Pay, 0) => {
                holdfast_protocol::Reverse { id, expires, ..reverse(request) }.into()
            }
            (holdfast_protocol::Kind::Pay, 1..=4) => {
                let part = (request.amount.minor() / 2).max(1);
                let refund = Refund { id, expires, ..refund(request, part) };
                self.refunded.insert(id, request.clone());
                self.send(link, refund.into(), id, id, expires)?;
                if chance > 2 {
                    return Ok(());
                }
                // The reversal of the whole crosses the refund, and waits for it.
                let id = self.ids.next(link.switch_time());
                let reversal = holdfast_protocol::Reverse { id, expires, ..reverse(request) };
                return self.send(link, reversal.into(), id, request.id, expires);
            }
            (holdfast_protocol::Kind::Pay, 5 | 6) => {
                self.late.keep(request);
                return Ok(());
            }
            (holdfast_protocol::Kind::Reserve, 0..=4) => {
                let part = if chance == 0 { request.amount.minor() / 2 } else { request.amount.minor() };
                holdfast_protocol::Capture { id, expires, ..capture(request, part, true) }.into()
            }
            (holdfast_protocol::Kind::Reserve, 5..=7) => {
                holdfast_protocol::Release { id, expires, ..release(request) }.into()
            }
            _ => return Ok(()),
        };
        self.send(link, next, id, request.id, expires)
    }

    /// To what the switch has forgotten since.
    fn come_back(&mut self, link: &mut Link) -> std::io::Result<()> {
        let time = link.switch_time();
        for _ in 0..LATE_MAX.min(OPEN_MAX.saturating_sub(self.open.len())) {
            let Some(paid) = self.late.take_due(time) else { break };
            let id = self.ids.next(time);
            let expires = id.created().plus(LIFE_MS);
            match u128::from_be_bytes(paid.id.to_bytes()) / 10 % 3 {
                0 => {
                    let reversal = holdfast_protocol::Reverse { id, expires, ..reverse(&paid) };
                    self.send(link, reversal.into(), id, paid.id, expires)?;
                }
                1 => {
                    let part = (paid.amount.minor() / 2).max(1);
                    let refund = Refund { id, expires, ..refund(&paid, part) };
                    self.refunded.insert(id, paid);
                    self.send(link, refund.into(), id, id, expires)?;
                }
                _ => {
                    let inquiry = Inquiry { id: paid.id, originator: None, correlation: self.sent };
                    self.send(link, inquiry.into(), paid.id, paid.id, expires)?;
                }
            }
        }
        Ok(())
    }

    /// What is said of a payment that was approved long ago.
    fn told(&mut self, link: &Link, status: &Status) {
        // Another copy was answered before, or it was given up.
        if self.open.remove(&status.id).is_none() {
            return;
        }
        let told = self.diary.record(EventKind::Told, link.switch_time()).about(MessageType::Inquiry, 0);
        self.diary.add(told.ids(self.number, status.id, status.id).status(status));
        late::must_know(status);
    }

    /// Some refunds are taken back again.
    fn undo(&mut self, link: &mut Link, refund: &Refund) -> std::io::Result<()> {
        let Some(original) = self.refunded.remove(&refund.id) else { return Ok(()) };
        if !u128::from_be_bytes(refund.id.to_bytes()).is_multiple_of(3) {
            return Ok(());
        }
        let id = self.ids.next(link.switch_time());
        let expires = id.created().plus(LIFE_MS);
        let reversal = holdfast_protocol::Reverse { id, expires, ..reverse_refund(refund, &original) };
        self.send(link, reversal.into(), id, refund.id, expires)
    }

    /// What has expired is not waited for any more: its outcome is unknown.
    fn give_up(&mut self, now: UnixMillis) {
        // The switch may still answer just before the end.
        let over: Vec<_> = self.open.extract_if(|_, open| open.expires.plus(2_000) < now).collect();
        for (id, open) in over {
            let gave_up = self.diary.record(EventKind::GaveUp, now);
            let gave_up = gave_up.about(kind(&open.message), open.copies);
            self.diary.add(gave_up.ids(self.number, id, open.original));
        }
    }
}

fn kind(message: &Message) -> MessageType {
    match message {
        Message::Authorize(_) => MessageType::Authorize,
        Message::Capture(_) => MessageType::Capture,
        Message::Release(_) => MessageType::Release,
        Message::Reverse(_) => MessageType::Reverse,
        // Written down as a request that opens a transaction.
        Message::Refund(_) => MessageType::Authorize,
        Message::Inquiry(_) => MessageType::Inquiry,
        other => panic!("an operator sends no {other:?}"),
    }
}

/// The same request as its n-th copy.
fn as_copy(message: Message, copy: u8) -> Message {
    let (repeat, attempt) = (copy > 1, copy);
    match message {
        Message::Authorize(m) => Message::Authorize(Authorize { repeat, attempt, ..m }),
        Message::Capture(m) => Message::Capture(holdfast_protocol::Capture { repeat, attempt, ..m }),
        Message::Release(m) => Message::Release(holdfast_protocol::Release { repeat, attempt, ..m }),
        Message::Reverse(m) => Message::Reverse(holdfast_protocol::Reverse { repeat, attempt, ..m }),
        Message::Refund(m) => Message::Refund(Refund { repeat, attempt, ..m }),
        // Which changes nothing, and so has no copies.
        Message::Inquiry(m) => Message::Inquiry(m),
        other => panic!("an operator sends no {other:?}"),
    }
}
