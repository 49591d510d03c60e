//! One transaction in a destination's book.

use std::collections::VecDeque;

use holdfast_protocol::{DeliveryNumber, Kind, Reason, TransactionKey, UnixMillis};

use super::handler::Delivery;
use super::record::{Decided, Delivered, DeliveryEffect, Record};

/// How a transaction began here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The handler is deciding on the forward.
    Deciding,
    /// The forward was decided and its record handed to the store.
    Decided(Decided),
    /// A delivery came without its forward: a tombstone, or something forgotten.
    DeliveryOnly,
}

/// What is remembered of one transaction.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) origin: Origin,
    /// Digest of the forward's content; absent where only deliveries came.
    pub(crate) content: Option<u64>,
    /// Deliveries that were carried out.
    pub(crate) delivered: Vec<Delivered>,
    /// The delivery that the handler is carrying out.
    pub(crate) applying: Option<Delivery>,
    /// Deliveries that wait for the decision, or for the one before.
    pub(crate) waiting: VecDeque<Delivery>,
    /// The switch has decided on the approval.
    pub(crate) covered: bool,
    /// The hold, or an approval that was not accepted, was let go after an inquiry.
    pub(crate) let_go: bool,
    /// Nothing more will come.
    pub(crate) complete: bool,
    /// When to ask the switch, as in the book's agenda.
    pub(crate) ask_at: Option<UnixMillis>,
}

impl Entry {
    pub(crate) const fn new(origin: Origin, content: Option<u64>) -> Self {
        Self {
            origin,
            content,
            delivered: Vec::new(),
            applying: None,
            waiting: VecDeque::new(),
            covered: false,
            let_go: false,
            complete: false,
            ask_at: None,
        }
    }

    /// Takes a record into account: the only way in which a recovered entry comes to be.
    pub(crate) fn apply(&mut self, record: &Record) {
        match record {
            Record::Decided(_, decided) => {
                self.origin = Origin::Decided(*decided);
                self.content = Some(decided.content);
            }
            Record::Delivered(_, delivered) => self.delivered.push(*delivered),
            Record::Covered(_) => self.covered = true,
            Record::LetGo(_) => self.let_go = true,
            Record::Complete(_) => self.complete = true,
        }
    }

    /// The records that make this entry.
    pub(crate) fn records(&self, key: TransactionKey) -> impl Iterator<Item = Record> {
        let decided = match self.origin {
            Origin::Decided(decided) => Some(Record::Decided(key, decided)),
            Origin::Deciding | Origin::DeliveryOnly => None,
        };
        let flags = [
            self.covered.then_some(Record::Covered(key)),
            self.let_go.then_some(Record::LetGo(key)),
            self.complete.then_some(Record::Complete(key)),
        ];
        let delivered = self.delivered.iter().map(move |delivered| Record::Delivered(key, *delivered));
        decided.into_iter().chain(delivered).chain(flags.into_iter().flatten())
    }

    /// The approval, where there is one.
    pub(crate) fn approval(&self) -> Option<&Decided> {
        match &self.origin {
            Origin::Decided(decided) if decided.reason == Reason::None => Some(decided),
            Origin::Decided(_) | Origin::Deciding | Origin::DeliveryOnly => None,
        }
    }

    /// Whether the approval binds nobody yet.
    pub(crate) fn provisional(&self) -> bool {
        self.approval().is_some() && !self.covered && !self.let_go && !self.reversed()
    }

    /// Whether a delivery has ended the hold.
    pub(crate) fn hold_ended(&self) -> bool {
        self.let_go || self.delivered.iter().any(|d| d.effect.ends_hold())
    }

    /// Whether it was reversed, perhaps before it came.
    pub(crate) fn reversed(&self) -> bool {
        let waits = |d: &Delivery| matches!(d.task, super::handler::Task::Reverse { .. });
        self.delivered.iter().any(|d| d.effect == DeliveryEffect::Reversed)
            || self.applying.iter().any(waits)
            || self.waiting.iter().any(waits)
    }

    /// Whether something is held: an approved reservation or verification without its ending.
    pub(crate) fn holding(&self) -> Option<UnixMillis> {
        let approval = self.approval()?;
        match approval.kind {
            Kind::Reserve | Kind::Verify if !self.hold_ended() => Some(approval.hold_until),
            Kind::Pay | Kind::Reserve | Kind::Verify => None,
        }
    }

    /// Whether it was delivered something and has not heard that nothing more will come.
    pub(crate) const fn awaiting_completion(&self) -> bool {
        !self.delivered.is_empty() && !self.complete
    }

    /// Whether it must be kept whatever its age.
    pub(crate) fn is_open(&self) -> bool {
        self.origin == Origin::Deciding
            || self.applying.is_some()
            || !self.waiting.is_empty()
            || self.provisional()
            || self.holding().is_some()
            || self.awaiting_completion()
    }

    /// Whether the delivery was carried out.
    pub(crate) fn has(&self, number: DeliveryNumber) -> bool {
        self.delivered.iter().any(|d| d.number == number)
    }

    /// Whether the delivery is being carried out or waits for it.
    pub(crate) fn expects(&self, number: DeliveryNumber) -> bool {
        self.applying.iter().chain(&self.waiting).any(|d| d.number == number)
    }
}
