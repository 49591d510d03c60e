//! Deadlines, retries and windows: what is rebuilt from the ledger and the time after a restart.
//!
//! Nothing here is in the digest, and nothing here decides about money.

mod deliveries;
mod forwards;
pub(crate) mod leases;
mod outbound;
mod pending;
pub(crate) mod recalls;
pub(crate) mod reversals;
mod wheel;

use std::collections::{BTreeMap, BTreeSet};

use holdfast_protocol::{ParticipantNumber, UnixMillis};

pub(crate) use forwards::Unsent;
use forwards::{Forward, Forwards};
use leases::Rounds;
pub(crate) use outbound::Head;
use outbound::Outbound;
use pending::PendingLists;
use recalls::Recalls;
use reversals::Reversals;
use wheel::Wheel;

use crate::ledger::state::{Ledger, Transaction};
use crate::transaction::money::Money;
use crate::view::SessionId;

/// Open transactions that room is made for in advance, so that no payment waits while a table is copied. Memory is taken
/// only when it is used.
const ROOM: usize = 1 << 20;

/// What is volatile about an open transaction.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flight {
    /// Where the answer to the authorize goes: the link of its latest copy.
    pub(crate) waiter: Option<SessionId>,
    /// Where the forward is.
    forward: Forward,
    /// How often the forward may have been sent.
    pub(crate) forwards: u8,
    /// How the first unacknowledged delivery stands.
    pub(crate) head: Head,
    /// How often it may have been sent.
    pub(crate) sends: u8,
    /// Which of the transaction's deliveries is the first that is not acknowledged; zero where there is none.
    head_number: u16,
    /// The time of the fact since which it is the first.
    pub(crate) head_since: UnixMillis,
}

#[derive(Debug, Default)]
struct Destination {
    forwards: Forwards,
    outbound: Outbound,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Schedule {
    flights: Vec<Flight>,
    wheel: Wheel,
    pending: PendingLists,
    destinations: BTreeMap<ParticipantNumber, Destination>,
    /// When which delivery is sent again.
    retries: BTreeSet<(UnixMillis, u32)>,
    /// Forwards that no link has, in all.
    unsent: usize,
    /// How many deliveries have waited so far: the place of the last in the order.
    waits: u64,
    /// Destinations for which a step reached its limit: the next tick goes on.
    left_over: BTreeSet<ParticipantNumber>,
    /// Requests that wait until their original was looked up.
    pub(crate) recalls: Recalls,
    /// Reversals that wait for the pending refunds of their original.
    pub(crate) reversals: Reversals,
    /// Questions for leases.
    pub(crate) rounds: Rounds,
    /// Inquiries of each participant in the second given.
    inquiries: BTreeMap<ParticipantNumber, (u64, u32)>,
}

impl Schedule {
    pub(crate) fn new() -> Self {
        Self {
            flights: Vec::with_capacity(ROOM),
            wheel: Wheel::new(),
            pending: PendingLists::default(),
            destinations: BTreeMap::new(),
            retries: BTreeSet::new(),
            unsent: 0,
            waits: 0,
            left_over: BTreeSet::new(),
            recalls: Recalls::default(),
            reversals: Reversals::default(),
            rounds: Rounds::default(),
            inquiries: BTreeMap::new(),
        }
    }

    /// Rebuilds everything from the ledger: whatever may have been sent counts as sent. Only since when a delivery waits
    /// is known from the facts that were applied, see [`Self::touched`].
    pub(crate) fn rebuild(&mut self, ledger: &Ledger, now: UnixMillis) {
        let before = std::mem::replace(self, Self::new());
        for (index, transaction) in ledger.transactions.iter() {
            let flight = before.flight(index);
            let since = if flight.head_number > 0 { flight.head_since } else { now };
            *self.flight_mut(index) = Flight { forwards: 1, sends: 1, ..Flight::default() };
            self.head_is(index, transaction.destination, Some(transaction), since);
            match transaction.money {
                Money::Pending => {
                    self.wheel.set(index, transaction.deadline);
                    self.pending.add(transaction.destination.get(), index);
                    self.add_unsent(index, transaction);
                }
                Money::Held => self.wheel.set(index, transaction.hold_until),
                Money::Closed(_) => {}
            }
            if !transaction.deliveries.is_empty() {
                self.wait(index, transaction);
            }
        }
    }

    pub(crate) fn flight(&self, index: u32) -> Flight {
        self.flights.get(index as usize).copied().unwrap_or_default()
    }

    pub(crate) fn flight_mut(&mut self, index: u32) -> &mut Flight {
        let index = index as usize;
        if self.flights.len() <= index {
            self.flights.resize(index + 1, Flight::default());
        }
        &mut self.flights[index]
    }

    fn destination(&mut self, number: ParticipantNumber) -> &mut Destination {
        self.destinations.entry(number).or_default()
    }

    /// A new transaction waits for its destination.
    pub(crate) fn begin(&mut self, index: u32, transaction: &Transaction, waiter: Option<SessionId>) {
        *self.flight_mut(index) = Flight { waiter, ..Flight::default() };
        self.wheel.set(index, transaction.deadline);
        self.pending.add(transaction.destination.get(), index);
    }

    /// A transaction waits for its destination no longer. Returns who waits for the answer.
    pub(crate) fn decided(&mut self, index: u32, destination: ParticipantNumber) -> Option<SessionId> {
        self.wheel.cancel(index);
        self.pending.remove(index);
        self.answered(index, destination);
        self.flight_mut(index).waiter.take()
    }

    pub(crate) fn set_deadline(&mut self, index: u32, deadline: UnixMillis) {
        self.wheel.set(index, deadline);
    }

    pub(crate) fn cancel_deadline(&mut self, index: u32) {
        self.wheel.cancel(index);
    }

    /// The next transaction whose deadline was reached.
    pub(crate) fn take_due(&mut self, now: UnixMillis) -> Option<u32> {
        self.wheel.take(now)
    }

    /// When something is to be done next.
    pub(crate) fn next_deadline(&self) -> Option<UnixMillis> {
        if !self.left_over.is_empty() {
            return Some(UnixMillis::default());
        }
        let retry = self.retries.first().map(|(at, _)| at.get());
        let recall = self.recalls.next().map(UnixMillis::get);
        let deadline = self.wheel.next().into_iter().chain(retry).chain(recall).min()?;
        Some(UnixMillis::from_48_bits(deadline))
    }

    /// Takes one inquiry off the budget of a participant for a second; false where it is spent.
    pub(crate) fn spend_inquiry(&mut self, who: ParticipantNumber, second: u64, budget: u32) -> bool {
        let (counted, count) = self.inquiries.entry(who).or_insert((second, 0));
        if *counted != second {
            (*counted, *count) = (second, 0);
        }
        *count += 1;
        *count <= budget
    }

    /// A step stopped at its limit: the next tick goes on with this destination.
    pub(crate) fn leave_over(&mut self, destination: ParticipantNumber) {
        self.left_over.insert(destination);
    }

    /// Destinations for which a step reached its limit.
    pub(crate) fn take_left_over(&mut self) -> BTreeSet<ParticipantNumber> {
        std::mem::take(&mut self.left_over)
    }
}
