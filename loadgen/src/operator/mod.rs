//! An operator of a mobile payment system, played: sends what its schedule says and judges what it hears.
//!
//! No I/O and no clock: time, messages and the state of the link are handed in, messages come out. An operation costs
//! one slot in a table, found from the id; nothing on its path is allocated or hashed.
//!
//! Promises: each operation that was sent ends exactly once; a request is said again only under the same id, with the
//! same content and the repeat flag; nothing is called "not done" once two copies of its request were sent.

mod answers;
mod course;
mod expectations;
mod operation;
mod refunds;
mod requests;
mod statuses;
mod steered;
mod timers;

use std::cell::RefCell;
use std::collections::{BinaryHeap, HashMap};
use std::rc::Rc;

use holdfast_protocol::{Message, MessageType, Outcome, ParticipantNumber, Reason, RequestId};

use crate::accounting::{Accounting, Ending, Fault};
use crate::first_answers::FirstAnswers;
use crate::flows::Flow;
use crate::history::History;
use crate::measure::batch::{Batch, Recorded};
use crate::operation_id::{IdSpace, SLOTS_MAX};
use crate::stage::{Now, Stage};
use crate::steering::Steering;
use crate::traffic::arrival::Arrival;
use crate::traffic::arrivals::Arrivals;
pub(crate) use operation::kind_of;
use operation::{Operation, Phase};
use timers::Timer;

/// Where messages go.
pub trait Outgoing {
    /// Takes a message for sending.
    fn push(&mut self, message: &Message);
    /// Whether new work may be added; answers and follow-ups are always taken.
    fn has_room(&self) -> bool;
}

/// What an operator counts. Read by the progress display while the run goes on.
#[derive(Debug, Default)]
pub struct Tally {
    /// Endings by scenario.
    pub accounting: Accounting,
    /// Latencies since the last slice was taken.
    pub recorded: Recorded,
    /// Money with each destination, in the order of the payees.
    pub flows: Vec<Flow>,
    /// Whether everything that was scheduled was sent or shed.
    pub all_sent: bool,
    /// Arrivals so far, warm-up included; sent or shed.
    pub offered: u64,
    /// Authorizes that had an outcome so far.
    pub completed: u64,
    /// Of those, approved before their deadline.
    pub good: u64,
    /// Arrivals within the measured time.
    pub offered_in_time: u64,
    /// Arrivals that found the window full, or the link with too much to send.
    pub held_back: u64,
    /// Authorizes that had an outcome within the measured time.
    pub completed_in_time: u64,
    /// Of those, approved before their deadline.
    pub good_in_time: u64,
    /// Inquiries that the switch refused for lack of budget.
    pub inquiries_refused: u64,
    /// Requests said again.
    pub repeats: u64,
    /// Requests that the switch owes an answer.
    pub unanswered: u32,
    /// When the first outcomes after faults were heard.
    pub first_answers: FirstAnswers,
    /// When the first approvals were.
    pub first_approvals: FirstAnswers,
}

impl Tally {
    /// Waits for the first outcome and the first approval at `from_ns` or later, for this fault.
    pub fn expect(&mut self, fault: usize, from_ns: u64) {
        self.first_answers.expect(fault, from_ns);
        self.first_approvals.expect(fault, from_ns);
    }
}

/// In a closed loop the next operation begins when one ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loop {
    /// Arrivals come when the schedule says.
    Open,
    /// Operations are kept in flight, up to the window.
    Closed,
}

/// An operation that ended and may still get a second answer.
#[derive(Clone, Copy, Debug)]
struct Ended {
    /// Which of its requests were refunds: bit n of step n.
    refund_steps: u16,
    /// What its last request was, and of which transaction.
    last: (MessageType, RequestId),
    /// Which of its requests that was.
    step: u8,
    outcome: Outcome,
    reason: Reason,
}

/// How long an operation is remembered for second answers: until no request can be repeated, and at most this many in a
/// generation.
const ENDED_NS: u64 = 120_000_000_000;
const ENDED_MAX: usize = 2_000_000;

/// See the module.
#[derive(Debug)]
pub struct Operator {
    stage: Rc<Stage>,
    index: usize,
    number: ParticipantNumber,
    space: IdSpace,
    arrivals: Arrivals,
    /// The next arrival, not due yet or not sent yet.
    next: Option<Arrival>,
    pace: Loop,
    /// How a person changed the load, as far as it is followed.
    steering: Steering,
    /// Set when no more arrivals are wanted.
    closed: bool,
    /// The most requests unanswered: as configured, and as the switch allows.
    window_wanted: u32,
    window: u32,
    unanswered: u32,
    /// The arrival that was counted last as held back.
    held_back_number: Option<u64>,
    /// Until when arrivals had to wait for the window or the link, the end of time while they do: what was due by then is
    /// late because of the switch.
    held_back_until_ns: u64,
    slots: Vec<Option<Operation>>,
    free: Vec<u32>,
    timers: BinaryHeap<Timer>,
    next_sweep_ns: u64,
    /// The younger and the older generation.
    ended: [HashMap<u64, Ended>; 2],
    next_generation_ns: u64,
    batch: Batch,
    tally: Rc<RefCell<Tally>>,
    history: Option<History>,
}

impl Operator {
    /// An operator, counted from zero, that is to sign on.
    pub fn new(stage: Rc<Stage>, index: u32, arrivals: Arrivals, pace: Loop, window: u32) -> Self {
        let space = IdSpace::clone(&stage.spaces[index as usize]);
        let flows = vec![Flow::default(); stage.payees.destinations()];
        let tally = Rc::new(RefCell::new(Tally { flows, ..Tally::default() }));
        Self {
            stage,
            index: index as usize,
            number: ParticipantNumber::new(1).expect("one is not zero"),
            space,
            arrivals,
            next: None,
            pace,
            steering: Steering::default(),
            closed: false,
            window_wanted: window,
            window,
            unanswered: 0,
            held_back_number: None,
            held_back_until_ns: 0,
            slots: Vec::new(),
            free: Vec::new(),
            timers: BinaryHeap::new(),
            next_sweep_ns: 0,
            ended: [HashMap::new(), HashMap::new()],
            next_generation_ns: ENDED_NS,
            batch: Batch::default(),
            tally,
            history: None,
        }
    }

    /// What it counts.
    pub fn tally(&self) -> Rc<RefCell<Tally>> {
        Rc::clone(&self.tally)
    }

    /// Its participant number and where it writes what it sees.
    pub fn signed_on(&mut self, number: ParticipantNumber, history: Option<History>) {
        self.number = number;
        self.history = history;
    }

    /// The window that the switch allows now. A tenth of it is left for follow-ups, repeats and inquiries.
    pub fn limit_window(&mut self, of_switch: u32) {
        self.window = self.window_wanted.min(of_switch - of_switch / 10).max(1);
    }

    /// Operations in flight.
    pub const fn in_flight(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether everything it was to send was sent or shed, and has ended.
    pub fn is_finished(&self) -> bool {
        self.closed && self.next.is_none() && self.in_flight() == 0
    }

    /// Moves the samples of this wake-up into the histograms.
    pub fn fold(&mut self) {
        let mut tally = self.tally.borrow_mut();
        tally.all_sent = self.closed && self.next.is_none();
        tally.unanswered = self.unanswered;
        self.batch.fold(&mut tally.recorded);
    }

    /// Hands the history of this far to its writer.
    pub fn hand_over_history(&mut self) {
        if let Some(history) = &mut self.history {
            history.hand_over();
        }
    }

    /// A free slot; `None` where the table is full.
    fn take_slot(&mut self) -> Option<u32> {
        if let Some(slot) = self.free.pop() {
            return Some(slot);
        }
        let slot = u32::try_from(self.slots.len()).ok().filter(|slot| *slot < SLOTS_MAX)?;
        self.slots.push(None);
        Some(slot)
    }

    /// Ends an operation.
    fn end(&mut self, slot: u32, ending: Ending) {
        let Some(operation) = self.slots[slot as usize].take() else { return };
        if operation.phase.is_unanswered() {
            self.unanswered -= 1;
        }
        self.free.push(slot);
        self.tally.borrow_mut().accounting.of_mut(operation.arrival.scenario).end(ending);
        if operation.repeated {
            let (outcome, reason) = match ending {
                Ending::Approved => (Outcome::Approved, Reason::None),
                Ending::Declined(reason) => (Outcome::Declined, reason),
                Ending::NotDone(reason) => (Outcome::Refused, reason),
                Ending::Unknown | Ending::Error(_) => (Outcome::Refused, Reason::None),
            };
            let last = (timers::message_of(&operation), operation.transaction(self.space));
            let (refund_steps, step) = (operation.refund_steps, operation.step);
            let [younger, _] = &mut self.ended;
            younger.insert(operation.arrival.number, Ended { refund_steps, last, step, outcome, reason });
        }
    }

    /// Forgets operations that ended long ago.
    fn forget_ended(&mut self, at: Now) {
        let [younger, older] = &mut self.ended;
        if at.ns >= self.next_generation_ns || younger.len() >= ENDED_MAX {
            self.next_generation_ns = at.ns + ENDED_NS;
            *older = std::mem::take(younger);
        }
    }

    fn find_ended(&self, number: u64) -> Option<Ended> {
        self.ended.iter().find_map(|generation| generation.get(&number)).copied()
    }

    /// Ends an operation as an error, with an example in words.
    fn fail(&mut self, slot: u32, fault: Fault, what: &dyn std::fmt::Debug) {
        if let Some(operation) = &self.slots[slot as usize] {
            let (id, scenario) = (operation.original(self.space), operation.arrival.scenario);
            self.stage.faults.borrow_mut().example(|| {
                format!("{scenario} {}/{id}: {}: {:?} {what:?}", self.number, fault.text(), operation)
            });
        }
        self.end(slot, Ending::Error(fault));
    }

    /// Moves an operation to another phase and keeps the count of what is unanswered.
    fn set_phase(&mut self, slot: u32, phase: Phase) {
        let Some(operation) = &mut self.slots[slot as usize] else { return };
        match (operation.phase.is_unanswered(), phase.is_unanswered()) {
            (false, true) => self.unanswered += 1,
            (true, false) => self.unanswered -= 1,
            (true, true) | (false, false) => {}
        }
        operation.phase = phase;
    }

    /// Ends whatever is left: the run is over.
    pub fn close(&mut self, at: Now, broken: bool) {
        let due = self.next.take().filter(|arrival| arrival.at_ns <= at.ns);
        if let Some(arrival) = due {
            let mut tally = self.tally.borrow_mut();
            let counts = tally.accounting.of_mut(arrival.scenario);
            counts.scheduled += 1;
            counts.shed += 1;
        }
        self.next = None;
        self.closed = true;
        let drained = self.in_flight() == 0;
        for slot in 0..self.slots.len() {
            let slot = u32::try_from(slot).expect("the table has fewer than 2^24 slots");
            let Some(operation) = &self.slots[slot as usize] else { continue };
            let is_late = at.ns > operation.sent_ns + self.stage.rules.budget_ns();
            match (operation.phase.is_unanswered(), broken) {
                (true, true) => {
                    self.end(slot, Ending::Error(Fault::LinkBroken));
                    continue;
                }
                (true, false) if is_late => {
                    self.give_up(at, slot);
                    continue;
                }
                (true | false, _) => {}
            }
            let scenario = operation.arrival.scenario;
            self.tally.borrow_mut().accounting.of_mut(scenario).in_flight_at_end += 1;
            self.slots[slot as usize] = None;
            self.free.push(slot);
        }
        self.fold();
        requests::close_history(&mut self.history, at, drained, &self.stage.history_stalls);
    }
}

#[cfg(test)]
mod frozen;
#[cfg(test)]
mod tests;
