//! Forwards and their answers.

use std::cmp::Ordering;

use holdfast_protocol::{
    Amount, Answer, ApprovalCode, Authorize, DecidedBy, Epoch, Extensions, Kind, Message, Outcome,
    ParticipantNumber, Partition, Reason, RequestId, Sequence, State, lane_of,
};

use super::memory::{Remembered, Standing};
use super::{Destination, Key};
use crate::history::record::{AnswerPlace, EventKind, Record, payment_id_digest};
use crate::operator::Outgoing;
use crate::random::mix;
use crate::stage::Now;
use crate::traffic::fate::Fate;

/// How long after the deadline a late answer leaves.
const LATE_NS: u64 = 250_000_000;

/// An answer on its way too late. The earliest is the greatest, for the heap.
#[derive(Debug)]
pub(super) struct LateAnswer {
    due_ns: u64,
    request: Box<Authorize>,
    answer: Answer,
}

impl PartialEq for LateAnswer {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for LateAnswer {}

impl PartialOrd for LateAnswer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for LateAnswer {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due_ns, other.answer.id).cmp(&(self.due_ns, self.answer.id))
    }
}

impl Destination {
    /// Takes a forward.
    #[inline]
    pub fn on_forward(&mut self, at: Now, request: &Authorize, out: &mut dyn Outgoing) {
        let Some(originator) = request.originator else { return };
        {
            let mut tally = self.tally.borrow_mut();
            tally.forwards += 1;
            tally.latest_ns = at.ns;
        }
        let fate = Fate::from_instrument(&request.instrument);
        let key = fate.and_then(|_| self.key_of_new(originator, request.id));
        let (Some(key), Some(fate)) = (key, fate) else {
            return self.refuse_stranger(at, request, out);
        };
        let known = self.stage.memory.borrow().look_up(key.operator, key.fields.number, request.id);
        let Ok(known) = known else {
            self.stage
                .faults
                .borrow_mut()
                .stray(|| format!("a forward with the number of another id: {request:?}"));
            return self.refuse_stranger(at, request, out);
        };
        let is_new = known.standing == Standing::Unseen;
        self.write_received(at, request, is_new);
        if is_new {
            self.carry_out(at, key, request, fate, out);
            self.stage.own_times.note(key.operator, key.fields.slot);
        } else {
            self.on_repeat(at, key, request, known, out);
        }
    }

    fn write_received(&mut self, at: Now, request: &Authorize, applied: bool) {
        if let (Some(history), Some(originator)) = (&mut self.history, request.originator) {
            let digest = payment_id_digest(&request.payment_id);
            history.write(
                Record::new(EventKind::Received, at.into()).authorize(request, originator, applied, digest),
            );
        }
    }

    /// Nobody of this run sent it: another operator uses the switch, or the switch invented it.
    fn refuse_stranger(&mut self, at: Now, request: &Authorize, out: &mut dyn Outgoing) {
        self.tally.borrow_mut().foreign += 1;
        self.write_received(at, request, true);
        let answer = answer(request, Outcome::Declined, Reason::InstrumentUnknown, Amount::ZERO);
        self.send_answer(at, request, answer, out);
    }

    #[inline]
    fn carry_out(&mut self, at: Now, key: Key, request: &Authorize, fate: Fate, out: &mut dyn Outgoing) {
        let amount = match fate {
            Fate::ApproveHalf => half(request.amount),
            Fate::ApprovePart(part) => part.min(request.amount),
            Fate::Approve | Fate::Late | Fate::Decline(_) | Fate::Silent => request.amount,
        };
        let standing = match fate {
            Fate::Approve | Fate::ApproveHalf | Fate::ApprovePart(_) => Standing::Approved,
            Fate::Late => Standing::Late,
            Fate::Decline(_) => Standing::Declined,
            Fate::Silent => Standing::Silent,
        };
        let remembered = Remembered { standing, destination: self.index, amount: amount.minor() };
        self.stage.memory.borrow_mut().remember(key.operator, key.fields.number, request.id, remembered);
        match fate {
            Fate::Approve | Fate::ApproveHalf | Fate::ApprovePart(_) => {
                self.book_approval(key, request.kind, amount);
                self.send_answer(at, request, answer(request, Outcome::Approved, Reason::None, amount), out);
            }
            Fate::Decline(reason) => {
                self.send_answer(at, request, answer(request, Outcome::Declined, reason, Amount::ZERO), out);
            }
            Fate::Silent => self.write_silent(at, request),
            Fate::Late => {
                self.book_approval(key, request.kind, amount);
                self.write_silent(at, request);
                let due_ns = at.ns + u64::from(request.budget_ms) * 1_000_000 + LATE_NS;
                let answer = answer(request, Outcome::Approved, Reason::None, amount);
                self.late.push(LateAnswer { due_ns, request: Box::new(request.clone()), answer });
            }
        }
    }

    #[inline]
    fn book_approval(&mut self, key: Key, kind: Kind, amount: Amount) {
        match kind {
            Kind::Pay => {
                let mut tally = self.tally.borrow_mut();
                tally.flows[key.operator as usize].pay_captured += i128::from(amount.minor());
            }
            Kind::Reserve | Kind::Verify => {
                let mut memory = self.stage.memory.borrow_mut();
                memory.add_hold(key.operator, key.fields.number, amount.minor());
            }
        }
    }

    fn write_silent(&mut self, at: Now, request: &Authorize) {
        if let (Some(history), Some(originator)) = (&mut self.history, request.originator) {
            let record = Record::new(EventKind::Silent, at.into())
                .about(holdfast_protocol::MessageType::Authorize, 0)
                .ids(originator, request.id, request.id);
            history.write(record);
        }
    }

    /// A forward seen before gets the answer it got before.
    fn on_repeat(
        &mut self,
        at: Now,
        key: Key,
        request: &Authorize,
        known: Remembered,
        out: &mut dyn Outgoing,
    ) {
        if !request.repeat && known.standing != Standing::Tombstone {
            self.stage.faults.borrow_mut().stray(|| format!("forwarded twice as new: {request:?}"));
        }
        if known.destination != self.index {
            self.stage.faults.borrow_mut().stray(|| format!("forwarded to two destinations: {request:?}"));
        }
        let amount = Amount::from_minor(known.amount).unwrap_or(Amount::ZERO);
        let again = match known.standing {
            Standing::Approved => answer(request, Outcome::Approved, Reason::None, amount),
            Standing::Declined => {
                let reason = match Fate::from_instrument(&request.instrument) {
                    Some(Fate::Decline(reason)) => reason,
                    _ => Reason::DoNotHonour,
                };
                answer(request, Outcome::Declined, reason, Amount::ZERO)
            }
            // It was undone, or its undoing came first: it will never be carried out (rule 11).
            Standing::Reversed | Standing::Tombstone => {
                answer(request, Outcome::Refused, Reason::ReversedBeforeArrival, Amount::ZERO)
            }
            Standing::Unseen | Standing::Silent | Standing::Late => return,
        };
        self.send_answer(at, request, again, out);
        self.stage.own_times.note(key.operator, key.fields.slot);
    }

    /// When the next late answer is due, in nanoseconds since the start.
    pub fn next_wake_ns(&self) -> u64 {
        self.late.peek().map_or(u64::MAX, |late| late.due_ns)
    }

    /// Sends the late answers that are due.
    pub fn on_time(&mut self, at: Now, out: &mut dyn Outgoing) {
        while self.late.peek().is_some_and(|late| late.due_ns <= at.ns) {
            let Some(late) = self.late.pop() else { return };
            self.send_answer(at, &late.request, late.answer, out);
        }
    }

    /// Where the next answer on the lane of this id stands.
    #[inline]
    pub(super) fn next_place(&mut self, id: RequestId) -> AnswerPlace {
        let lane = lane_of(id, self.lanes);
        let count = &mut self.answered[usize::from(lane)];
        *count += 1;
        AnswerPlace { link: self.links, lane, count: *count }
    }

    #[inline]
    fn send_answer(&mut self, at: Now, request: &Authorize, answer: Answer, out: &mut dyn Outgoing) {
        let place = self.next_place(request.id);
        if let (Some(history), Some(originator)) = (&mut self.history, request.originator) {
            let record = Record::new(EventKind::Answered, at.into())
                .ids(originator, request.id, request.id)
                .answered(&answer, request, place);
            history.write(record);
        }
        out.push(&Message::Answer(answer));
    }
}

fn half(amount: Amount) -> Amount {
    Amount::from_minor(amount.minor() / 2).unwrap_or(amount)
}

#[inline]
fn answer(request: &Authorize, outcome: Outcome, reason: Reason, amount: Amount) -> Answer {
    answer_to(request.id, request.originator, outcome, reason, amount)
}

#[inline]
pub(super) fn answer_to(
    id: RequestId,
    originator: Option<ParticipantNumber>,
    outcome: Outcome,
    reason: Reason,
    amount: Amount,
) -> Answer {
    let approval_code = match outcome {
        Outcome::Approved => approval_code(id),
        Outcome::Declined | Outcome::Refused => ApprovalCode::NONE,
    };
    Answer {
        id,
        originator,
        outcome,
        state: State::None,
        reason,
        decided_by: DecidedBy::Destination,
        amount,
        approval_code,
        settlement_date: None,
        partition: Partition(0),
        epoch: Epoch(0),
        sequence: Sequence(0),
        retry_after_ms: 0,
        extensions: Extensions::NONE,
    }
}

/// Six characters that follow from the id, so that a repeat has the same.
#[inline]
fn approval_code(id: RequestId) -> ApprovalCode {
    let mut bits = mix(id.get() as u64);
    let code = std::array::from_fn(|_| {
        let digit = b'0' + (bits % 10) as u8;
        bits /= 10;
        digit
    });
    ApprovalCode::new(code).unwrap_or(ApprovalCode::NONE)
}
