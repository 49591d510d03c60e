//! Deadlines, retries and windows: what is rebuilt from the ledger and the time after a restart.
//!
//! Nothing here is in the digest, and nothing here decides about money.

mod outbound;
mod pending;
pub(crate) mod recalls;
mod wheel;

use std::collections::{BTreeMap, BTreeSet};

use holdfast_protocol::{Instance, ParticipantNumber, UnixMillis};

pub(crate) use outbound::Head;
use outbound::Outbound;
use pending::PendingLists;
use recalls::Recalls;
use wheel::Wheel;

use crate::ledger::state::{Ledger, Transaction};
use crate::settings::Settings;
use crate::transaction::money::Money;
use crate::view::{LiveSession, SessionId, View};

/// Open transactions that room is made for in advance, so that no payment waits while a table is copied. Memory is taken
/// only when it is used.
const ROOM: usize = 1 << 20;

/// What is volatile about an open transaction.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flight {
    /// Where the answer to the authorize goes: the link of its latest copy.
    pub(crate) waiter: Option<SessionId>,
    /// The link that has the forward and has not answered.
    pub(crate) forwarded_to: Option<SessionId>,
    /// How often the forward may have been sent.
    pub(crate) forwards: u8,
    /// How the first unacknowledged delivery stands.
    pub(crate) head: Head,
    /// How often it may have been sent.
    pub(crate) sends: u8,
    /// Since when it is the first.
    pub(crate) head_since: UnixMillis,
}

/// Forwards without an answer on one link.
#[derive(Clone, Copy, Debug)]
struct Unanswered {
    session: SessionId,
    count: u32,
}

#[derive(Debug, Default)]
struct Destination {
    unanswered: Vec<Unanswered>,
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
    /// Requests that wait until their original was looked up.
    pub(crate) recalls: Recalls,
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
            recalls: Recalls::default(),
            inquiries: BTreeMap::new(),
        }
    }

    /// Rebuilds everything from the ledger: whatever may have been sent counts as sent.
    pub(crate) fn rebuild(&mut self, ledger: &Ledger, now: UnixMillis) {
        *self = Self::new();
        for (index, transaction) in ledger.transactions.iter() {
            let flight = Flight { forwards: 1, sends: 1, head_since: now, ..Flight::default() };
            *self.flight_mut(index) = flight;
            match transaction.money {
                Money::Pending => {
                    self.wheel.set(index, transaction.deadline);
                    self.pending.add(transaction.destination.get(), index);
                }
                Money::Held => self.wheel.set(index, transaction.hold_until),
                Money::Closed(_) => {}
            }
            if !transaction.deliveries.is_empty() {
                self.wait(index, transaction.destination, transaction.instance);
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

    /// The link of a destination with the most room in its window, if one has room.
    pub(crate) fn choose<'v>(
        &self,
        view: &'v View,
        destination: ParticipantNumber,
    ) -> Option<(&'v LiveSession, bool)> {
        let unanswered = self.destinations.get(&destination).map_or(&[][..], |d| &d.unanswered);
        let room = |link: &LiveSession| {
            let count = unanswered.iter().find(|u| u.session == link.session).map_or(0, |u| u.count);
            link.window.saturating_sub(count)
        };
        let mut best: Option<(&LiveSession, u32)> = None;
        for link in view.receivers(destination).filter(|link| !link.draining) {
            let room = room(link);
            if best.is_none_or(|(_, most)| room > most) {
                best = Some((link, room));
            }
        }
        best.map(|(link, room)| (link, room > 0))
    }

    /// A new transaction waits for its destination.
    pub(crate) fn begin(&mut self, index: u32, transaction: &Transaction, waiter: Option<SessionId>) {
        *self.flight_mut(index) = Flight { waiter, ..Flight::default() };
        self.wheel.set(index, transaction.deadline);
        self.pending.add(transaction.destination.get(), index);
    }

    /// A forward leaves over a link. Says whether it may have left before.
    pub(crate) fn forward(&mut self, index: u32, destination: ParticipantNumber, to: SessionId) -> u8 {
        self.answered(index, destination);
        let flight = self.flight_mut(index);
        flight.forwarded_to = Some(to);
        flight.forwards = flight.forwards.saturating_add(1);
        let attempt = flight.forwards;
        let unanswered = &mut self.destination(destination).unanswered;
        match unanswered.iter_mut().find(|u| u.session == to) {
            Some(link) => link.count += 1,
            None => unanswered.push(Unanswered { session: to, count: 1 }),
        }
        attempt
    }

    /// The link that had the forward has it no longer.
    fn answered(&mut self, index: u32, destination: ParticipantNumber) {
        let Some(session) = self.flight_mut(index).forwarded_to.take() else { return };
        let unanswered = &mut self.destination(destination).unanswered;
        if let Some(link) = unanswered.iter_mut().find(|u| u.session == session) {
            link.count -= 1;
        }
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
        let retry = self.retries.first().map(|(at, _)| at.get());
        let recall = self.recalls.next().map(UnixMillis::get);
        let deadline = self.wheel.next().into_iter().chain(retry).chain(recall).min()?;
        Some(UnixMillis::from_48_bits(deadline))
    }

    /// A link is gone; the forwards it had are unanswered by anybody.
    pub(crate) fn link_lost(&mut self, destination: ParticipantNumber, session: SessionId) -> Vec<u32> {
        let lost: Vec<u32> = self
            .pending
            .iter(destination.get())
            .filter(|index| self.flight(*index).forwarded_to == Some(session))
            .collect();
        for index in &lost {
            self.answered(*index, destination);
        }
        if let Some(destination) = self.destinations.get_mut(&destination) {
            destination.unanswered.retain(|u| u.session != session);
        }
        lost
    }

    /// The pending transactions of a destination that no link has.
    pub(crate) fn unsent(&self, destination: ParticipantNumber) -> Vec<u32> {
        self.pending
            .iter(destination.get())
            .filter(|index| self.flight(*index).forwarded_to.is_none())
            .collect()
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

    // Deliveries.

    /// A transaction has something to deliver and nothing of it is on its way.
    pub(crate) fn enqueue(&mut self, index: u32, destination: ParticipantNumber, now: UnixMillis) {
        let flight = self.flight_mut(index);
        if flight.head == Head::Idle {
            flight.head = Head::Ready;
            flight.sends = 0;
            flight.head_since = now;
            self.destination(destination).outbound.ready.push_back(index);
        }
    }

    /// The next delivery of a destination that may leave now. What is no longer ready is passed over: taking it out of
    /// the middle of a long queue would cost more.
    pub(crate) fn pop_ready(
        &mut self,
        destination: ParticipantNumber,
        window: u32,
        destination_of: impl Fn(u32) -> ParticipantNumber,
    ) -> Option<u32> {
        let outbound = &mut self.destinations.get_mut(&destination)?.outbound;
        if outbound.sent >= window {
            return None;
        }
        let flights = &self.flights;
        // A number may belong to another destination's transaction by now.
        let is_ready = |index: &u32| {
            flights[*index as usize].head == Head::Ready && destination_of(*index) == destination
        };
        std::iter::from_fn(|| outbound.ready.pop_front()).find(is_ready)
    }

    /// A delivery waits for a link of its instance.
    pub(crate) fn wait(&mut self, index: u32, destination: ParticipantNumber, instance: Option<Instance>) {
        self.flight_mut(index).head = Head::Waiting(instance);
        self.destination(destination).outbound.waiting.entry(instance).or_default().insert(index);
    }

    /// A delivery leaves. Returns which send it is.
    pub(crate) fn send(
        &mut self,
        index: u32,
        transaction: &Transaction,
        settings: &Settings,
        now: UnixMillis,
    ) -> u8 {
        let flight = self.flight_mut(index);
        flight.sends = flight.sends.saturating_add(1);
        let attempt = flight.sends;
        let at = now.plus(outbound::pause(settings, transaction, attempt));
        flight.head = Head::Sent(at);
        self.retries.insert((at, index));
        self.destination(transaction.destination).outbound.sent += 1;
        attempt
    }

    /// A delivery whose pause is over: it is on its way no longer.
    pub(crate) fn take_retry(
        &mut self,
        now: UnixMillis,
        destination_of: impl Fn(u32) -> ParticipantNumber,
    ) -> Option<u32> {
        let (at, index) = *self.retries.first()?;
        if at > now {
            return None;
        }
        self.retries.pop_first();
        let outbound = &mut self.destination(destination_of(index)).outbound;
        outbound.sent -= 1;
        outbound.ready.push_back(index);
        self.flight_mut(index).head = Head::Ready;
        Some(index)
    }

    /// The first delivery was acknowledged or is superseded.
    pub(crate) fn head_done(&mut self, index: u32, destination: ParticipantNumber) {
        let head = std::mem::take(&mut self.flight_mut(index).head);
        match head {
            // Its place among the ready is passed over.
            Head::Idle | Head::Ready => {}
            Head::Waiting(instance) => {
                let waiting = &mut self.destination(destination).outbound.waiting;
                if let Some(indexes) = waiting.get_mut(&instance) {
                    indexes.remove(&index);
                }
            }
            Head::Sent(at) => {
                self.retries.remove(&(at, index));
                self.destination(destination).outbound.sent -= 1;
            }
        }
    }

    /// A link came up: what waited for it is ready.
    pub(crate) fn wake(&mut self, destination: ParticipantNumber, instance: Instance, all: bool) {
        let woken = self.destination(destination).outbound.wake(instance, all);
        for index in woken {
            self.flight_mut(index).head = Head::Ready;
        }
    }

    /// The open transactions with something to deliver.
    pub(crate) fn undelivered(&self) -> impl Iterator<Item = (u32, Flight)> {
        let sent = self.retries.iter().map(|(_, index)| *index);
        let outbounds = || self.destinations.values().map(|d| &d.outbound);
        let ready = outbounds()
            .flat_map(|outbound| outbound.ready.iter().copied())
            .filter(|index| self.flight(*index).head == Head::Ready);
        let waiting = outbounds().flat_map(|outbound| outbound.waiting.values().flatten().copied());
        sent.chain(ready).chain(waiting).map(|index| (index, self.flight(index)))
    }
}
