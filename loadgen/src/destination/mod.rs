//! A destination, played: an acquirer, or an operator as destination. It does with each request what the request's
//! instrument reference says, and keeps the promises of a destination: one answer for one id, deliveries applied once
//! and acknowledged each time, a reversal that comes first remembered.
//!
//! No I/O and no clock: time and messages are handed in, messages come out.

mod deliveries;
mod forwards;
pub mod known;
pub mod memory;
mod refunds;

use std::cell::RefCell;
use std::collections::BinaryHeap;
use std::rc::Rc;

use holdfast_protocol::{Complete, DecidedThrough, LANES_MAX, Message, ParticipantNumber, Refund, RequestId};

use crate::flows::Flow;
use crate::history::History;
use crate::history::record::{AnswerPlace, EventKind, Record};
use crate::operation_id::IdFields;
use crate::stage::{Now, Stage};
use forwards::LateAnswer;

/// What a destination counts.
#[derive(Debug, Default)]
pub struct Tally {
    /// Money with each operator, in their order.
    pub flows: Vec<Flow>,
    /// Forwards, repeats included.
    pub forwards: u64,
    /// Captures, releases and reversals, repeats included.
    pub deliveries: u64,
    /// Of both, those that belong to other runs or strangers.
    pub foreign: u64,
    /// When the latest of all came, in nanoseconds since the start.
    pub latest_ns: u64,
}

/// See the module.
#[derive(Debug)]
pub struct Destination {
    stage: Rc<Stage>,
    /// Its place among the payees.
    index: u16,
    tally: Rc<RefCell<Tally>>,
    history: Option<History>,
    late: BinaryHeap<LateAnswer>,
    /// Links so far.
    links: u32,
    lanes: u8,
    /// Answers on each lane of this link.
    answered: [u64; LANES_MAX as usize],
}

/// Whose transaction it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    operator: u32,
    fields: IdFields,
}

impl Destination {
    /// A destination by its place among the payees, that is to sign on.
    pub fn new(stage: Rc<Stage>, index: u16) -> Self {
        let flows = vec![Flow::default(); stage.spaces.len()];
        let tally = Rc::new(RefCell::new(Tally { flows, ..Tally::default() }));
        Self {
            stage,
            index,
            tally,
            history: None,
            late: BinaryHeap::new(),
            links: 0,
            lanes: 1,
            answered: [0; LANES_MAX as usize],
        }
    }

    /// What it counts.
    pub fn tally(&self) -> Rc<RefCell<Tally>> {
        Rc::clone(&self.tally)
    }

    /// Where it writes what it sees.
    pub fn signed_on(&mut self, history: Option<History>) {
        self.history = history;
    }

    /// A link stands, with so many lanes: answers are counted anew.
    pub const fn on_link(&mut self, lanes: u8) {
        self.links += 1;
        self.lanes = lanes;
        self.answered = [0; LANES_MAX as usize];
    }

    /// The operator and the number behind an id; `None` for one of another run or of a stranger.
    #[inline]
    fn key(&self, originator: ParticipantNumber, original: RequestId) -> Option<Key> {
        if let Some(known) = &self.stage.known {
            return known.borrow().find(originator, original);
        }
        let operator = self.stage.operators.find(originator)?;
        let fields = self.stage.spaces.get(operator as usize)?.fields(original)?;
        Some(Key { operator, fields })
    }

    /// The same for what may be new.
    #[inline]
    fn key_of_new(&self, originator: ParticipantNumber, original: RequestId) -> Option<Key> {
        match &self.stage.known {
            Some(known) => known.borrow_mut().take(originator, original),
            None => self.key(originator, original),
        }
    }

    /// The same for a refund of a payment.
    fn key_of_refund(&self, originator: ParticipantNumber, refund: &Refund) -> Option<Key> {
        match &self.stage.known {
            Some(known) => known.borrow_mut().take_refund(originator, refund.id, refund.original),
            None => self.key(originator, refund.id),
        }
    }

    /// Nothing more will come for a transaction.
    pub fn on_complete(&mut self, at: Now, complete: &Complete) {
        if let Some(history) = &mut self.history {
            let record = Record::new(EventKind::Completed, at.into());
            history.write(record.ids(complete.originator, complete.original, complete.original));
        }
        if let Some(key) = self.key(complete.originator, complete.original) {
            self.stage.memory.borrow_mut().complete(key.operator, key.fields.number);
        }
    }

    /// The first answers of a lane are decided.
    pub fn on_decided_through(&mut self, at: Now, lane: u8, through: DecidedThrough) {
        let sent = self.answered.get(usize::from(lane)).copied().unwrap_or(0);
        if through.count > sent {
            self.stage.faults.borrow_mut().stray(|| {
                format!("decided through {} on lane {lane}, where {sent} answers were sent", through.count)
            });
        }
        if let Some(history) = &mut self.history {
            let place = AnswerPlace { link: self.links, lane, count: through.count };
            history.write(Record::new(EventKind::DecidedThrough, at.into()).place(place));
        }
    }

    /// The switch sent a destination what is no business of a destination.
    pub fn on_unexpected(&self, message: &Message) {
        self.stage.faults.borrow_mut().stray(|| format!("a destination was sent {message:?}"));
    }

    /// Hands the history of this far to its writer.
    pub fn hand_over_history(&mut self) {
        if let Some(history) = &mut self.history {
            history.hand_over();
        }
    }

    /// The run is over.
    pub fn close(&mut self, at: Now, drained: bool) {
        if let Some(mut history) = self.history.take() {
            let drained = drained && self.late.is_empty();
            history.write(Record::new(EventKind::Closed, at.into()).drained(drained));
            let stalls = &self.stage.history_stalls;
            stalls.set(stalls.get() + history.stalls());
        }
    }
}

#[cfg(test)]
mod tests;
