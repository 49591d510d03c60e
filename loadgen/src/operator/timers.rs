//! What an operator does because time passed: arrivals, waits that end, requests that stay unanswered.

use std::cmp::Ordering;

use holdfast_protocol::MessageType;

use super::operation::{Operation, Phase, Purpose, Wake};
use super::{Loop, Operator, Outgoing};
use crate::accounting::Ending;
use crate::history::record::{EventKind, Record};
use crate::stage::Now;
use crate::traffic::arrival::Arrival;

/// How often the table is looked through for what stays unanswered.
const SWEEP_NS: u64 = 250_000_000;
/// How long after its budget a request may stay unanswered before it is said again.
const UNANSWERED_GRACE_NS: u64 = 1_000_000_000;
/// Pause before the same is asked again.
const INQUIRY_PAUSE_NS: u64 = 200_000_000;
/// Inquiries about one operation, one after the other, before the operator gives up.
const INQUIRIES_MAX: u8 = 50;

/// An operation whose wait ends. The earliest is the greatest, for the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timer {
    due_ns: u64,
    number: u64,
    slot: u32,
}

impl Ord for Timer {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due_ns, other.number).cmp(&(self.due_ns, self.number))
    }
}

impl PartialOrd for Timer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Operator {
    /// When [`Self::on_time`] has something to do, in nanoseconds since the start.
    pub fn next_wake_ns(&self) -> u64 {
        let timer = self.timers.peek().map_or(u64::MAX, |timer| timer.due_ns);
        let sweep = if self.in_flight() > 0 { self.next_sweep_ns } else { u64::MAX };
        let arrival = match (&self.next, self.pace) {
            // In a closed loop answers bring the next; with a full window they do as well.
            (_, Loop::Closed) => u64::MAX,
            (Some(_), Loop::Open) if self.unanswered >= self.window => u64::MAX,
            (Some(_), Loop::Open) if self.steering.paused => u64::MAX,
            (Some(arrival), Loop::Open) => arrival.at_ns,
            (None, Loop::Open) => u64::MAX,
        };
        arrival.min(timer).min(sweep)
    }

    /// Does what is due. Without a link nothing is sent, and what is past its deadline is shed.
    pub fn on_time(&mut self, at: Now, out: Option<&mut dyn Outgoing>) {
        self.steer(at);
        let Some(out) = out else {
            self.held_back_until_ns = u64::MAX;
            self.shed(at);
            return;
        };
        self.wake(at, out);
        if at.ns >= self.next_sweep_ns {
            self.next_sweep_ns = at.ns + SWEEP_NS;
            self.sweep(at, out);
            self.forget_ended(at);
        }
        match self.pace {
            Loop::Open => self.send_due(at, out),
            Loop::Closed => self.fill_window(at, out),
        }
    }

    /// No more arrivals: what is due and was not sent is shed.
    pub fn stop(&mut self, at: Now) {
        self.steer(at);
        if self.pace == Loop::Open {
            while self.peek_ns().is_some_and(|at_ns| at_ns <= at.ns) {
                self.shed_next();
            }
        }
        self.next = None;
        self.closed = true;
    }

    /// When the next arrival comes.
    pub(super) fn peek_ns(&mut self) -> Option<u64> {
        if self.next.is_none() && !self.closed {
            self.next = self.arrivals.next();
            self.closed = self.next.is_none();
        }
        self.next.as_ref().map(|arrival| arrival.at_ns)
    }

    fn shed_next(&mut self) {
        if let Some(arrival) = self.next.take() {
            let mut tally = self.tally.borrow_mut();
            let counts = tally.accounting.of_mut(arrival.scenario);
            counts.scheduled += 1;
            counts.shed += 1;
            tally.offered += 1;
            tally.offered_in_time += u64::from(self.stage.rules.measures(arrival.at_ns));
        }
    }

    fn shed(&mut self, at: Now) {
        let budget_ns = self.stage.rules.budget_ns();
        while self.peek_ns().is_some_and(|at_ns| at_ns.saturating_add(budget_ns) < at.ns) {
            self.shed_next();
        }
    }

    fn send_due(&mut self, at: Now, out: &mut dyn Outgoing) {
        let budget_ns = self.stage.rules.budget_ns();
        if self.held_back_until_ns == u64::MAX {
            // The window was full until now.
            self.held_back_until_ns = at.ns;
        }
        while let Some(at_ns) = self.peek_ns() {
            if at_ns > at.ns {
                return;
            }
            if at_ns.saturating_add(budget_ns) < at.ns {
                self.shed_next();
                continue;
            }
            if self.unanswered >= self.window || !out.has_room() {
                self.note_held_back();
                self.held_back_until_ns = u64::MAX;
                return;
            }
            let Some(slot) = self.take_slot() else { return };
            if let Some(arrival) = self.next.take() {
                self.begin(at, slot, arrival, out);
            }
        }
    }

    /// Counts an arrival that had to wait, once.
    fn note_held_back(&mut self) {
        let number = self.next.as_ref().map(|arrival| arrival.number);
        if self.held_back_number != number {
            self.held_back_number = number;
            self.tally.borrow_mut().held_back += 1;
        }
    }

    fn fill_window(&mut self, at: Now, out: &mut dyn Outgoing) {
        if at.ns >= self.stage.rules.measure_until_ns {
            self.next = None;
            self.closed = true;
            return;
        }
        while !self.closed && !self.steering.paused && self.unanswered < self.window && out.has_room() {
            if self.peek_ns().is_none() {
                return;
            }
            let Some(slot) = self.take_slot() else { return };
            if let Some(arrival) = self.next.take() {
                self.begin(at, slot, Arrival { at_ns: at.ns, ..arrival }, out);
            }
        }
    }

    /// Lets an operation wait for `after_ns`.
    pub(super) fn wait(&mut self, at: Now, slot: u32, after_ns: u64, wake: Wake) {
        self.set_phase(slot, Phase::Waiting(wake));
        if let Some(operation) = &self.slots[slot as usize] {
            let due_ns = at.ns.saturating_add(after_ns);
            self.timers.push(Timer { due_ns, number: operation.arrival.number, slot });
        }
    }

    fn wake(&mut self, at: Now, out: &mut dyn Outgoing) {
        while let Some(timer) = self.timers.peek().copied().filter(|timer| timer.due_ns <= at.ns) {
            self.timers.pop();
            let Some(operation) = &self.slots[timer.slot as usize] else { continue };
            if operation.arrival.number != timer.number {
                continue;
            }
            match operation.phase {
                Phase::Waiting(Wake::Repeat) => self.repeat(at, timer.slot, out),
                Phase::Waiting(Wake::Ask(purpose)) => self.ask(at, timer.slot, purpose, out),
                Phase::Waiting(Wake::FollowUp) => self.follow_up(at, timer.slot, out),
                Phase::Authorizing | Phase::Following | Phase::Confirming | Phase::Asking(_) => {}
            }
        }
    }

    /// Says again what has been unanswered for longer than its budget and a grace, and asks about what has expired.
    fn sweep(&mut self, at: Now, out: &mut dyn Outgoing) {
        let patience_ns = self.stage.rules.budget_ns() + UNANSWERED_GRACE_NS;
        for slot in 0..self.slots.len() {
            let Some(operation) = &self.slots[slot] else { continue };
            if !operation.phase.is_unanswered() || operation.step_sent_ns + patience_ns > at.ns {
                continue;
            }
            let slot = operation.slot;
            self.press(at, slot, out);
        }
    }

    /// Goes on with a request that got no answer: says it again, or asks once it has expired, or gives up.
    pub(super) fn press(&mut self, at: Now, slot: u32, out: &mut dyn Outgoing) {
        let rules = self.stage.rules;
        let Some(operation) = &self.slots[slot as usize] else { return };
        let expired = at.switch > operation.step_expires(&rules);
        match operation.phase {
            Phase::Asking(_) if operation.asked >= INQUIRIES_MAX => self.give_up(at, slot),
            Phase::Asking(purpose) => self.ask(at, slot, purpose, out),
            Phase::Authorizing | Phase::Following | Phase::Confirming if expired => {
                self.ask(at, slot, Purpose::Resolve, out);
            }
            Phase::Authorizing | Phase::Following | Phase::Confirming => self.repeat(at, slot, out),
            Phase::Waiting(_) => {}
        }
    }

    /// Asks again after a pause, or gives up.
    pub(super) fn ask_later(&mut self, at: Now, slot: u32, purpose: Purpose) {
        let Some(operation) = &self.slots[slot as usize] else { return };
        if operation.asked >= INQUIRIES_MAX {
            self.give_up(at, slot);
        } else {
            self.wait(at, slot, INQUIRY_PAUSE_NS, Wake::Ask(purpose));
        }
    }

    /// Nobody says what became of it.
    pub(super) fn give_up(&mut self, at: Now, slot: u32) {
        self.give_up_inquiry(at, slot);
        let Some(operation) = &self.slots[slot as usize] else { return };
        let (message, copies) = (message_of(operation), operation.copies);
        let original = operation.transaction(self.space);
        let id = if message == MessageType::Authorize { original } else { operation.request(self.space) };
        if let Some(history) = &mut self.history {
            let record = Record::new(EventKind::GaveUp, at.into());
            history.write(record.about(message, copies).ids(self.number, id, original));
        }
        self.end(slot, Ending::Unknown);
    }

    /// Writes down that an inquiry, if one is out, will not be waited for.
    pub(super) fn give_up_inquiry(&mut self, at: Now, slot: u32) {
        let Some(operation) = &self.slots[slot as usize] else { return };
        let (Phase::Asking(_), Some(history)) = (operation.phase, &mut self.history) else { return };
        let original = operation.transaction(self.space);
        let record = Record::new(EventKind::GaveUp, at.into()).about(MessageType::Inquiry, operation.asked);
        history.write(record.ids(self.number, original, original));
    }
}

/// Which message the request of this step is, as histories write it: a refund opens a transaction as an authorize does.
pub(super) const fn message_of(operation: &Operation) -> MessageType {
    use super::operation::FollowUp;
    match operation.current {
        FollowUp::Capture { .. } => MessageType::Capture,
        FollowUp::Release => MessageType::Release,
        FollowUp::Reverse | FollowUp::ReverseRefund => MessageType::Reverse,
        FollowUp::Refund { .. }
        | FollowUp::Check
        | FollowUp::SecondCopy
        | FollowUp::Expire
        | FollowUp::Done => MessageType::Authorize,
    }
}
