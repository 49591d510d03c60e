//! What all players of one run share: settings, clocks, ids, payees. All players run on one thread.

use std::cell::{Cell, RefCell};
use std::time::Instant;

use holdfast_protocol::{Channel, Currency, ParticipantNumber, SecurityLevel, UnixMillis};

use crate::destination::known::Known;
use crate::destination::memory::Memory;
use crate::operation_id::IdSpace;
use crate::steering::Steering;
use crate::traffic::payees::Payees;

/// Now, by both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Nanoseconds since the run began.
    pub ns: u64,
    /// The switch's time.
    pub switch: UnixMillis,
}

/// Times and choices that every request follows.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// How long an operator waits for an answer.
    pub budget_ms: u32,
    /// How long after its creation a request may be accepted as new work.
    pub expires_ms: u64,
    /// The currency of every amount.
    pub currency: Currency,
    /// Under which security level requests are sent.
    pub security_level: SecurityLevel,
    /// The channel requests are said to come by.
    pub channel: Channel,
    /// Arrivals before this, in nanoseconds since the start, are warm-up and not measured.
    pub measure_from_ns: u64,
    /// No arrivals after this.
    pub measure_until_ns: u64,
    /// A broken link is dialled again and does not fail the run.
    pub tolerate_restarts: bool,
}

impl Rules {
    /// Whether what was meant to be sent then is measured.
    #[inline]
    pub const fn measures(&self, at_ns: u64) -> bool {
        at_ns >= self.measure_from_ns && at_ns < self.measure_until_ns
    }

    /// The budget in nanoseconds.
    pub const fn budget_ns(&self) -> u64 {
        self.budget_ms as u64 * 1_000_000
    }
}

/// See the module.
#[derive(Debug)]
pub struct Stage {
    /// When the run began: zero of all nanoseconds.
    pub origin: Instant,
    /// Times and choices.
    pub rules: Rules,
    /// Who can be paid.
    pub payees: Payees,
    /// The ids of each operator.
    pub spaces: Vec<IdSpace>,
    /// Which operator has which participant number, once it has signed on.
    pub operators: Operators,
    /// How long after its creation a request may still be repeated, or followed by what was recorded.
    pub remembered_ms: u64,
    /// What the destinations remember.
    pub memory: RefCell<Memory>,
    /// How long destinations took themselves.
    pub own_times: OwnTimes,
    /// Contradictions that belong to no operation any more, and examples of all.
    pub faults: RefCell<Faults>,
    /// How often a player waited for its history to be written.
    pub history_stalls: Cell<u64>,
    /// How a person changed the load.
    pub steering: Cell<Steering>,
    /// What came to destinations that are played apart from the operators; `None` where everybody is played here.
    pub known: Option<RefCell<Known>>,
}

impl Stage {
    /// Nanoseconds since the run began.
    #[inline]
    pub fn ns_at(&self, instant: Instant) -> u64 {
        u64::try_from(instant.saturating_duration_since(self.origin).as_nanos()).unwrap_or(u64::MAX)
    }

    /// Nanoseconds since the run began, now.
    #[inline]
    pub fn ns(&self) -> u64 {
        self.ns_at(Instant::now())
    }
}

/// How long destinations took for their answers, without a look at the clock for each: an answer names the turn it was
/// given in, and the turn knows how long it was.
#[derive(Debug)]
pub struct OwnTimes {
    /// The turn of the latest answer, by operator and slot.
    turns: Vec<RefCell<Vec<u32>>>,
    /// The lengths of the last turns in nanoseconds, by the low bits of their number.
    lengths: Box<[Cell<u32>]>,
    current: Cell<u32>,
}

/// Turns whose length is known: seconds of them. An answer that takes longer is off by less than a turn.
const TURNS: usize = 1 << 16;

impl OwnTimes {
    /// Nothing was answered yet.
    pub fn new(operators: u32) -> Self {
        Self {
            turns: (0..operators).map(|_| RefCell::new(Vec::new())).collect(),
            lengths: vec![Cell::new(0); TURNS].into_boxed_slice(),
            current: Cell::new(0),
        }
    }

    /// A turn has ended.
    pub fn end_turn(&self, length_ns: u64) {
        let turn = self.current.get();
        self.lengths[turn as usize % TURNS].set(u32::try_from(length_ns).unwrap_or(u32::MAX));
        self.current.set(turn.wrapping_add(1));
    }

    /// The request in this slot is answered in this turn.
    #[inline]
    pub fn note(&self, operator: u32, slot: u32) {
        let Some(turns) = self.turns.get(operator as usize) else { return };
        let mut turns = turns.borrow_mut();
        if slot as usize >= turns.len() {
            turns.resize(slot as usize + 1, 0);
        }
        turns[slot as usize] = self.current.get();
    }

    /// How long the turn took in which the request in this slot was answered, in nanoseconds.
    #[inline]
    pub fn of(&self, operator: usize, slot: u32) -> u64 {
        let turn = self.turns[operator].borrow().get(slot as usize).copied();
        turn.map_or(0, |turn| u64::from(self.lengths[turn as usize % TURNS].get()))
    }
}

/// Operators by participant number.
#[derive(Debug)]
pub struct Operators {
    /// One more than the operator's place, by number; zero for nobody.
    places: Box<[Cell<u16>]>,
}

impl Default for Operators {
    fn default() -> Self {
        Self { places: vec![Cell::new(0); usize::from(u16::MAX) + 1].into_boxed_slice() }
    }
}

impl Operators {
    /// The operator with this participant number, counted from zero.
    #[inline]
    pub fn find(&self, number: ParticipantNumber) -> Option<u32> {
        u32::from(self.places[usize::from(number.get())].get()).checked_sub(1)
    }

    /// Notes the participant number that the switch gave an operator.
    pub fn set(&self, number: ParticipantNumber, index: u32) {
        let place = u16::try_from(index + 1).expect("the command line allows 64 operators");
        self.places[usize::from(number.get())].set(place);
    }
}

/// Examples kept of what went wrong.
const EXAMPLES_MAX: usize = 20;

/// What went wrong in the run.
#[derive(Debug, Default)]
pub struct Faults {
    /// Contradictions outside any operation: an answer nobody asked for, a forward nobody sent.
    pub strays: u64,
    /// Links that broke.
    pub broken_links: u64,
    /// The first of all, in words.
    pub examples: Vec<String>,
}

impl Faults {
    /// Keeps an example in words, as long as there is room.
    pub fn example(&mut self, text: impl FnOnce() -> String) {
        if self.examples.len() < EXAMPLES_MAX {
            let text = text();
            tracing::warn!("{text}");
            self.examples.push(text);
        }
    }

    /// Counts a contradiction that belongs to no operation.
    pub fn stray(&mut self, text: impl FnOnce() -> String) {
        self.strays += 1;
        self.example(text);
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use tests::played_stage;
