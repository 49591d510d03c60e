//! The course of one transaction, replayed from its facts: money, state and deliveries after each of them.
//!
//! It follows the table "How the money moves" of `docs/JOURNAL.md`. A fact that the table does not allow is a fault and
//! moves nothing, so that one fault is not reported as ten.

mod deliveries;

use crate::finding::Class;
use crate::history::Message;
use crate::journal::{Debtor, Fact, FactKind};
use crate::numbers::{BY_DESTINATION, BY_SWITCH, is_captured_by_approval, reason, state};

/// The money before a fact.
#[derive(Clone, Copy)]
struct Before {
    open: u64,
    kept: u64,
}

/// Where the money stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// The journal does not know the transaction.
    #[default]
    Unknown,
    /// A reversal came before it.
    Tombstone,
    /// Held while the destination's answer is out.
    Pending,
    /// Approved and held.
    Held,
    /// Nothing is held any more.
    Closed,
}

/// What a destination must acknowledge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Counted from one.
    pub number: u16,
    /// Capture, release or reverse.
    pub message: Message,
    /// The request's id.
    pub id: u128,
    /// Of a capture.
    pub amount: u64,
    /// A capture that ends the hold: it was asked for as the last, or takes all that is held.
    pub last: bool,
    /// Which fact decided it, by its place in [`crate::transaction::Transaction::facts`].
    pub fact: usize,
    /// The fact that acknowledged it.
    pub acknowledged: Option<usize>,
    /// A whole reversal came before it was ever sent: it need not be.
    pub superseded: bool,
}

/// What a request got, and which fact decided it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The request.
    pub id: u128,
    /// Authorize, capture, release or reverse.
    pub message: Message,
    /// 1 approved, 2 declined.
    pub outcome: u8,
    /// Zero for an approval.
    pub reason: u16,
    /// 1 destination, 2 switch, 3 stand-in.
    pub decided_by: u8,
    /// Approved, captured, released or undone; zero for a decline.
    pub amount: u64,
    /// By its place in [`crate::transaction::Transaction::facts`].
    pub fact: usize,
}

/// A fact that should not be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which rule it breaks.
    pub class: Class,
    /// Which fact.
    pub fact: usize,
    /// Why.
    pub what: String,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Course {
    /// Where the money stands at the end.
    pub phase: Phase,
    /// Held or once held.
    pub held_for: u64,
    /// Captured in all.
    pub captured: u64,
    /// Ended without capture.
    pub released: u64,
    /// Captured and undone by its reversal; what refunds gave back is not in it.
    pub reversed: u64,
    /// Of a refund that was undone after the reversal of its original: what that reversal took.
    pub taken: u64,
    /// Reversed as a whole: nothing of it stays captured, whatever becomes of its refunds.
    undone: bool,
    /// The fact that accepted the request, by its place.
    pub reserved: Option<usize>,
    /// The fact that approved it, by its place.
    pub approved: Option<usize>,
    /// Where it went; zero for nowhere.
    pub destination: u16,
    /// ISO 4217 number.
    pub currency: u16,
    /// 1 pay, 2 reserve, 3 verify, 4 refund.
    pub payment_kind: u8,
    /// Who carries the hold.
    pub debtor: Debtor,
    /// In the order of their numbers.
    pub deliveries: Vec<Delivery>,
    /// What each request got, in the order of the facts.
    pub decisions: Vec<Decision>,
    /// What the facts did wrong.
    pub faults: Vec<Fault>,
    /// After each fact the states that an answer may tell, as bits.
    states: Vec<u16>,
}

impl Course {
    /// Replays the facts.
    pub fn of(facts: &[Fact]) -> Self {
        let mut course = Self::default();
        let mut now = 1 << state::NONE;
        for (at, fact) in facts.iter().enumerate() {
            if let Some(fault) = Self::second(facts, at) {
                course.faults.push(fault);
            } else {
                let before = Before { open: course.open(), kept: course.kept() };
                if let Some(after) = course.apply(facts, at) {
                    now = after;
                }
                course.decide(fact, at, before);
            }
            course.states.push(now);
        }
        course
    }

    /// Held and neither captured nor released.
    pub fn open(&self) -> u64 {
        self.held_for.saturating_sub(self.captured).saturating_sub(self.released)
    }

    /// Captured and not undone. What its refunds give back they have for themselves.
    pub const fn kept(&self) -> u64 {
        if self.undone { 0 } else { self.captured }
    }

    /// Whether an answer that rests on a fact may tell this state: one the transaction had then or later.
    pub fn had_state_since(&self, fact: usize, state: u8) -> bool {
        self.states[fact..].iter().any(|states| states & (1 << state) != 0)
    }

    /// What a request got.
    pub fn decision(&self, id: u128, message: Message) -> Option<&Decision> {
        // A tombstone decides its original for the first time, the original itself for the last.
        self.decisions.iter().rev().find(|d| d.id == id && d.message == message)
    }

    /// Whether a whole reversal was decided for the destination.
    pub fn reversal_queued(&self) -> bool {
        self.deliveries.iter().any(|d| d.message == Message::Reverse)
    }

    /// Notes what the request of a fact got.
    fn decide(&mut self, fact: &Fact, at: usize, before: Before) {
        let (outcome, reason, decided_by, amount) = match fact.kind {
            FactKind::Approved => (1, 0, BY_DESTINATION, fact.amount),
            FactKind::DeclinedAtOnce | FactKind::FollowUpDeclined => (2, fact.reason, fact.decided_by, 0),
            FactKind::Declined => (2, fact.reason, fact.decided_by, 0),
            FactKind::Captured => (1, 0, BY_SWITCH, fact.amount),
            FactKind::Released => (1, 0, BY_SWITCH, before.open),
            FactKind::Reversed => (1, 0, BY_SWITCH, before.open + before.kept.saturating_sub(fact.amount)),
            FactKind::Tombstoned => (1, 0, BY_SWITCH, 0),
            FactKind::Reserved | FactKind::LateAnswer | FactKind::Expired | FactKind::Acknowledged => return,
        };
        let (id, message) = (fact.id, fact.decided_message());
        self.decisions.push(Decision { id, message, outcome, reason, decided_by, amount, fact: at });
    }

    /// The fault of a fact that comes a second time, or decides again what is decided.
    fn second(facts: &[Fact], at: usize) -> Option<Fault> {
        let fact = &facts[at];
        let follows = match fact.decided_message() {
            Message::Capture | Message::Release | Message::Reverse => true,
            Message::None | Message::Authorize | Message::Inquiry => false,
        };
        if follows == (fact.id == fact.original) {
            let what = format!("{} has an id that does not fit it", fact.kind.name());
            return Some(Fault { class: Class::IllegalCourse, fact: at, what });
        }
        // Several deliveries are acknowledged; that none is acknowledged twice is seen by its number.
        if fact.kind == FactKind::Acknowledged {
            return None;
        }
        let before = facts[..at].iter().filter(|before| before.id == fact.id);
        for before in before {
            if before.kind == fact.kind {
                let what = format!("a second {} for the same id", fact.kind.name());
                return Some(Fault { class: Class::AppliedTwice, fact: at, what });
            }
            if before.decides() && fact.decides() {
                let what = format!("{} after {} for the same id", fact.kind.name(), before.kind.name());
                return Some(Fault { class: Class::OutcomeChanged, fact: at, what });
            }
        }
        None
    }

    fn fault(&mut self, at: usize, what: impl Into<String>) -> Option<u16> {
        self.faults.push(Fault { class: Class::IllegalCourse, fact: at, what: what.into() });
        None
    }

    /// The states after a fact, `None` where it changes none.
    fn apply(&mut self, facts: &[Fact], at: usize) -> Option<u16> {
        let fact = &facts[at];
        match fact.kind {
            FactKind::Reserved => self.reserve(fact, at),
            FactKind::DeclinedAtOnce => match self.phase {
                Phase::Unknown | Phase::Tombstone => {
                    self.phase = Phase::Closed;
                    Some(1 << state::DECLINED | 1 << state::REVERSED)
                }
                Phase::Pending | Phase::Held | Phase::Closed => {
                    self.fault(at, "declined at once although it was accepted before")
                }
            },
            FactKind::Approved => self.approve(fact, at),
            FactKind::Declined => self.decline(fact, at),
            FactKind::LateAnswer => {
                if self.reserved.is_none() {
                    return self.fault(at, "an answer to a request that was never forwarded");
                }
                if fact.reversal {
                    self.deliver(fact, at, Message::Reverse);
                }
                None
            }
            FactKind::Captured => self.capture(fact, at),
            FactKind::Released => match self.phase {
                Phase::Held => Some(self.end(fact, at, Message::Release, 1 << state::RELEASED)),
                _ => self.fault(at, "released without an open hold"),
            },
            FactKind::Expired => {
                let until = self.reserved.map_or(0, |reserved| facts[reserved].hold_until);
                match self.phase {
                    Phase::Held if fact.time_ms < until => self.fault(at, "expired before its time"),
                    Phase::Held => Some(self.end(fact, at, Message::Release, 1 << state::EXPIRED)),
                    _ => self.fault(at, "expired without an open hold"),
                }
            }
            FactKind::Reversed => self.reverse(facts, at),
            FactKind::Tombstoned => {
                if self.reserved.is_some() {
                    return self.fault(at, "a tombstone for a transaction that is known");
                }
                if self.phase == Phase::Unknown {
                    self.phase = Phase::Tombstone;
                }
                if fact.destination != 0 {
                    self.destination = fact.destination;
                    self.deliver(fact, at, Message::Reverse);
                }
                self.decline_original(fact, at, reason::REVERSED_BEFORE_ARRIVAL);
                Some(1 << state::NONE | 1 << state::REVERSED)
            }
            FactKind::FollowUpDeclined => None,
            FactKind::Acknowledged => self.acknowledge(fact, at),
        }
    }

    fn reserve(&mut self, fact: &Fact, at: usize) -> Option<u16> {
        if self.phase != Phase::Unknown {
            return self.fault(at, "accepted although it had ended or was reversed before");
        }
        self.phase = Phase::Pending;
        self.reserved = Some(at);
        self.held_for = fact.amount;
        self.destination = fact.destination;
        self.currency = fact.currency;
        self.payment_kind = fact.payment_kind;
        self.debtor = fact.debtor;
        Some(1 << state::PENDING)
    }

    fn approve(&mut self, fact: &Fact, at: usize) -> Option<u16> {
        if self.phase != Phase::Pending {
            return self.fault(at, "approved although it was not waiting for an answer");
        }
        if fact.amount > self.held_for {
            return self.fault(at, format!("approved {} of {}", fact.amount, self.held_for));
        }
        self.held_for = fact.amount;
        self.approved = Some(at);
        if is_captured_by_approval(self.payment_kind) {
            self.captured = fact.amount;
            self.phase = Phase::Closed;
            return Some(1 << state::CAPTURED);
        }
        self.phase = Phase::Held;
        Some(1 << state::HELD)
    }

    fn decline(&mut self, fact: &Fact, at: usize) -> Option<u16> {
        if self.phase != Phase::Pending {
            return self.fault(at, "declined although it was not waiting for an answer");
        }
        self.released = self.held_for;
        self.phase = Phase::Closed;
        if fact.reversal {
            self.deliver(fact, at, Message::Reverse);
        }
        Some(match fact.reason {
            reason::DESTINATION_TIMED_OUT => 1 << state::TIMED_OUT,
            _ => 1 << state::DECLINED,
        })
    }

    fn capture(&mut self, fact: &Fact, at: usize) -> Option<u16> {
        if self.phase != Phase::Held {
            return self.fault(at, "captured without an open hold");
        }
        if fact.amount > self.open() {
            let what = format!("captured {} while {} was held", fact.amount, self.open());
            self.faults.push(Fault { class: Class::AppliedTwice, fact: at, what });
            return None;
        }
        if fact.currency != 0 && fact.currency != self.currency {
            return self.fault(at, "captured in another currency");
        }
        self.captured += fact.amount;
        if fact.last {
            self.released += self.open();
        }
        self.deliver(fact, at, Message::Capture);
        if self.open() > 0 {
            return Some(1 << state::HELD);
        }
        self.phase = Phase::Closed;
        Some(1 << state::CAPTURED)
    }

    /// A release or expiry: what is open is given back.
    fn end(&mut self, fact: &Fact, at: usize, message: Message, ending: u16) -> u16 {
        self.released += self.open();
        self.phase = Phase::Closed;
        self.deliver(fact, at, message);
        if self.captured > 0 { 1 << state::CAPTURED } else { ending }
    }

    fn reverse(&mut self, facts: &[Fact], at: usize) -> Option<u16> {
        let fact = &facts[at];
        match self.phase {
            Phase::Unknown => return self.fault(at, "reversed although the journal does not know it"),
            // Rule 11: nothing is left to undo.
            Phase::Tombstone => return None,
            Phase::Pending => self.decline_original(fact, at, reason::REVERSED_BY_ORIGINATOR),
            Phase::Held => {}
            Phase::Closed if self.kept() == 0 => return None,
            Phase::Closed => {}
        }
        self.released += self.open();
        // What refunds had given back: never more than was captured, or it is a finding about those.
        self.reversed = self.captured.saturating_sub(fact.amount);
        self.taken = if fact.goes_on { self.reversed } else { 0 };
        self.undone = true;
        self.phase = Phase::Closed;
        if fact.superseded_from != 0 {
            for earlier in self.deliveries.iter_mut().filter(|d| d.number >= fact.superseded_from) {
                earlier.superseded = true;
            }
        }
        self.deliver(fact, at, Message::Reverse);
        Some(1 << state::REVERSED)
    }

    /// A reversal decides its original too, where nothing else has.
    fn decline_original(&mut self, fact: &Fact, at: usize, reason: u16) {
        self.decisions.push(Decision {
            id: fact.original,
            message: Message::Authorize,
            outcome: 2,
            reason,
            decided_by: BY_SWITCH,
            amount: 0,
            fact: at,
        });
    }
}
