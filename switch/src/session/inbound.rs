//! From the bytes of one lane to inputs for the driver.
//!
//! What cannot be an input is refused here, with a numbered reason, before it costs anybody else anything: bad fields,
//! messages outside the participant's role, requests beyond the window. Such a refusal says nothing about the books, so
//! it need not wait for the disk.

use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use holdfast_core::{From, Input};
use holdfast_protocol::{
    Amount, Answer, ApprovalCode, DecidedBy, DecodeError, Epoch, FrameReader, Inquiry, Message, MessageType,
    Outcome, ParticipantNumber, Partition, Reason, RequestId, Reverse, Sequence, State, Status, frame::Frame,
};

use super::directory::Member;
use super::outbound::Outbound;

/// Refusals in a row, beyond the window, that end a link as flooding.
const REFUSALS_IN_A_ROW_MAX: u32 = 10_000;

/// One lane of a signed-on link.
#[derive(Debug)]
pub struct Inbound {
    from: From,
    member: Arc<Member>,
    outbound: Arc<Outbound>,
    originates: bool,
    receives: bool,
    window: u32,
    retry_after_ms: u16,
    lane: u8,
    opened: bool,
    frames: FrameReader,
    refusals_in_a_row: u32,
}

/// What the role of a link allows, agreed at sign-on.
#[derive(Clone, Copy, Debug)]
pub struct Agreed {
    /// It sends requests.
    pub originates: bool,
    /// It takes forwards and deliveries.
    pub receives: bool,
    /// Requests that may be unanswered.
    pub window: u32,
    /// What a busy refusal says about when to come again.
    pub retry_after_ms: u16,
}

/// What one read brought.
#[derive(Debug, Default)]
pub struct Received {
    /// Answers, acknowledgements and reversals: they free what is held and go first.
    pub first: Vec<Input>,
    /// Requests, in the order they came.
    pub work: Vec<Input>,
    /// How many of `first` are answers.
    pub answers: u64,
    /// Refusals to send back on the same lane.
    pub refusals: BytesMut,
    /// Reason of each refusal, for the counters.
    pub refused: Vec<Reason>,
}

impl Received {
    /// Nothing yet, with room for as much as the last read brought: most bring about as much.
    pub fn after(first: usize, work: usize) -> Self {
        Self { first: Vec::with_capacity(first), work: Vec::with_capacity(work), ..Self::default() }
    }
}

impl Inbound {
    /// A lane of a link that signed on.
    pub fn new(from: From, member: Arc<Member>, outbound: Arc<Outbound>, agreed: Agreed, lane: u8) -> Self {
        let Agreed { originates, receives, window, retry_after_ms } = agreed;
        Self {
            from,
            member,
            outbound,
            originates,
            receives,
            window,
            retry_after_ms,
            lane,
            opened: false,
            frames: FrameReader::default(),
            refusals_in_a_row: 0,
        }
    }

    /// Whose lane it is.
    pub const fn from(&self) -> From {
        self.from
    }

    /// Whose lane it is, by name.
    pub fn member(&self) -> &Member {
        &self.member
    }

    /// Where refusals go.
    pub const fn outbound(&self) -> &Arc<Outbound> {
        &self.outbound
    }

    /// Takes one chunk of the lane's stream.
    ///
    /// # Errors
    /// The reason why the link must end: a frame that cannot be read, a message the protocol does not allow here, or a
    /// flood.
    pub fn receive(&mut self, chunk: Bytes, now: Instant, into: &mut Received) -> Result<(), Reason> {
        // Taken out while its frames, which borrow from it, are looked at.
        let mut frames = std::mem::take(&mut self.frames);
        frames.push(chunk);
        let result = self.frames_of(&mut frames, now, into);
        self.frames = frames;
        result
    }

    fn frames_of(
        &mut self,
        frames: &mut FrameReader,
        now: Instant,
        into: &mut Received,
    ) -> Result<(), Reason> {
        while let Some(frame) = frames.next_frame().map_err(|e| e.reason)? {
            match Message::decode(&frame) {
                Ok(message) => self.message(message, now, into)?,
                Err(error) => self.undecodable(&frame, error, into)?,
            }
        }
        Ok(())
    }

    fn message(&mut self, message: Message, now: Instant, into: &mut Received) -> Result<(), Reason> {
        let from = self.from;
        if !self.opened {
            self.opened = matches!(message, Message::LaneOpen(open) if open.lane == self.lane);
            return self.must(self.opened);
        }
        match message {
            Message::Authorize(m) => {
                let fault = m.originator.is_some() || m.settlement_date.is_some();
                if !self.member.may_authorize(now) {
                    return self.refuse_request(m.id, Reason::Busy, into);
                }
                if self.admit(m.id, fault, into)? {
                    into.work.push(Input::Authorize(from, m));
                }
            }
            Message::Refund(m) => {
                let fault = m.id == m.original || m.originator.is_some() || m.settlement_date.is_some();
                if !self.member.may_authorize(now) {
                    return self.refuse_request(m.id, Reason::Busy, into);
                }
                if self.admit(m.id, fault, into)? {
                    into.work.push(Input::Refund(from, m));
                }
            }
            Message::Answer(m) => {
                self.must(self.receives && m.originator.is_some())?;
                into.answers += 1;
                into.first.push(Input::Answer(from, m));
            }
            Message::Acknowledge(m) => {
                self.must(self.receives)?;
                into.first.push(Input::Acknowledge(from, m));
            }
            Message::Capture(m) => {
                let fault = m.id == m.original
                    || m.originator.is_some()
                    || m.delivery.is_some()
                    || m.settlement_date.is_some();
                if self.admit(m.id, fault, into)? {
                    into.work.push(Input::Capture(from, m));
                }
            }
            Message::Release(m) => {
                let fault = m.id == m.original || m.originator.is_some() || m.delivery.is_some() || m.expired;
                if self.admit(m.id, fault, into)? {
                    into.work.push(Input::Release(from, m));
                }
            }
            Message::Reverse(m) => self.reverse(m, into)?,
            Message::Inquiry(m) => self.inquire(m, now, into)?,
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
            | Message::Complete(_) => return Err(Reason::ProtocolViolation),
        }
        Ok(())
    }

    fn reverse(&mut self, m: Reverse, into: &mut Received) -> Result<(), Reason> {
        let fault = m.id == m.original
            || m.originator.is_some()
            || m.delivery.is_some()
            || m.settlement_date.is_some();
        if self.admit(m.id, fault, into)? {
            // A reversal must not overtake its own original, which would be declined for nothing, nor a refund of it.
            let overtakes = into.work.iter().any(|w| match w {
                Input::Authorize(_, original) => original.id == m.original,
                Input::Refund(_, refund) => refund.id == m.original || refund.original == m.original,
                _ => false,
            });
            let queue = if overtakes { &mut into.work } else { &mut into.first };
            queue.push(Input::Reverse(self.from, m));
        }
        Ok(())
    }

    /// Inquiries have a budget in time, not a place in the window (rule 23).
    fn inquire(&mut self, m: Inquiry, now: Instant, into: &mut Received) -> Result<(), Reason> {
        if self.member.may_inquire(now) {
            into.work.push(Input::Inquire(self.from, m));
            return Ok(());
        }
        self.refuse(Reason::InquiryBudgetSpent, into)?;
        let status = not_looked_up(m.id, m.originator, m.correlation, Reason::InquiryBudgetSpent);
        Message::Status(status).encode(&mut into.refusals);
        Ok(())
    }

    fn must(&self, allowed: bool) -> Result<(), Reason> {
        if allowed { Ok(()) } else { Err(Reason::ProtocolViolation) }
    }

    /// Whether a request goes on to the core; if not, it was refused.
    fn admit(&mut self, id: RequestId, fault: bool, into: &mut Received) -> Result<bool, Reason> {
        if fault {
            return self.refuse_request(id, Reason::Malformed, into).map(|()| false);
        }
        if !self.originates {
            return self.refuse_request(id, Reason::RoleNotAgreed, into).map(|()| false);
        }
        self.count_request(id, into)
    }

    fn count_request(&mut self, id: RequestId, into: &mut Received) -> Result<bool, Reason> {
        if self.outbound.request_came() > self.window {
            self.outbound.answered(1);
            return self.refuse_request(id, Reason::WindowExceeded, into).map(|()| false);
        }
        self.refusals_in_a_row = 0;
        Ok(true)
    }

    fn undecodable(
        &mut self,
        frame: &Frame<'_>,
        error: DecodeError,
        into: &mut Received,
    ) -> Result<(), Reason> {
        let request = match MessageType::from_number(frame.kind) {
            Some(
                MessageType::Authorize
                | MessageType::Capture
                | MessageType::Release
                | MessageType::Reverse
                | MessageType::Refund,
            ) => error.id,
            // Every request of a later version has its own id as its first field, too.
            None if error.reason == Reason::MessageReserved => {
                frame.fixed().first_chunk().map(|id| RequestId::from_bytes(*id))
            }
            Some(_) | None => None,
        };
        match request {
            Some(id) => self.refuse_request(id, error.reason, into),
            None => Err(Reason::FrameMalformed),
        }
    }

    fn refuse_request(&mut self, id: RequestId, reason: Reason, into: &mut Received) -> Result<(), Reason> {
        self.refuse(reason, into)?;
        Message::Answer(refusal(id, reason, self.retry_after_ms)).encode(&mut into.refusals);
        Ok(())
    }

    fn refuse(&mut self, reason: Reason, into: &mut Received) -> Result<(), Reason> {
        into.refused.push(reason);
        self.refusals_in_a_row += 1;
        if self.refusals_in_a_row > REFUSALS_IN_A_ROW_MAX.saturating_add(self.window) {
            return Err(Reason::Flooding);
        }
        Ok(())
    }
}

/// An answer that says no and records nothing.
pub(crate) fn refusal(id: RequestId, reason: Reason, retry_after_ms: u16) -> Answer {
    Answer {
        id,
        originator: None,
        outcome: Outcome::Refused,
        state: State::None,
        reason,
        decided_by: DecidedBy::Switch,
        amount: Amount::ZERO,
        approval_code: ApprovalCode::NONE,
        settlement_date: None,
        partition: Partition(0),
        epoch: Epoch(0),
        sequence: Sequence(0),
        retry_after_ms: match reason {
            Reason::WindowExceeded | Reason::Busy => retry_after_ms,
            _ => 0,
        },
        extensions: holdfast_protocol::Extensions::NONE,
    }
}

/// A status that says why nothing was looked up.
pub(crate) fn not_looked_up(
    id: RequestId,
    originator: Option<ParticipantNumber>,
    correlation: u64,
    reason: Reason,
) -> Status {
    Status {
        id,
        originator,
        correlation,
        reason,
        outcome: None,
        outcome_reason: Reason::None,
        state: State::None,
        decided_by: DecidedBy::Switch,
        undelivered: 0,
        held_for: Amount::ZERO,
        captured: Amount::ZERO,
        released: Amount::ZERO,
        reversed: Amount::ZERO,
        approval_code: ApprovalCode::NONE,
        settlement_date: None,
        partition: Partition(0),
        epoch: Epoch(0),
        sequence: Sequence(0),
    }
}
