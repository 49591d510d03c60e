//! Deliveries of all destinations: which is ready, which waits for a link, which was sent, and since when.

use std::collections::BTreeSet;

use holdfast_protocol::{Instance, ParticipantNumber, UnixMillis};

use super::outbound::{self, Head};
use super::{Flight, Schedule};
use crate::ledger::apply::Touched;
use crate::ledger::state::{Ledger, Transaction};
use crate::settings::Settings;

impl Schedule {
    /// A fact changed a transaction: notes since when its first delivery is the first. Called for each fact in recovery,
    /// too, so that a delivery is as old after a restart as before.
    pub(crate) fn touched(&mut self, ledger: &Ledger, touched: Touched, at: UnixMillis) {
        let Touched { index, destination, gone, .. } = touched;
        let transaction = (!gone).then(|| ledger.transactions.get(index));
        self.head_is(index, destination, transaction, at);
    }

    /// The first delivery of a transaction that comes out of a snapshot waits since then.
    pub(crate) fn restore(&mut self, ledger: &Ledger, index: u32, since: UnixMillis) {
        let transaction = ledger.transactions.get(index);
        self.head_is(index, transaction.destination, Some(transaction), since);
    }

    /// Since when the first delivery of a transaction is the first; none where it has none.
    pub(crate) fn waits_since(&self, index: u32) -> Option<UnixMillis> {
        let flight = self.flight(index);
        (flight.head_number > 0).then_some(flight.head_since)
    }

    pub(super) fn head_is(
        &mut self,
        index: u32,
        destination: ParticipantNumber,
        transaction: Option<&Transaction>,
        at: UnixMillis,
    ) {
        let number = transaction.and_then(|t| t.deliveries.first()).map_or(0, |first| first.number().0);
        let flight = self.flight_mut(index);
        let Flight { head_number: before, head_since: since, .. } = *flight;
        if number == before {
            return;
        }
        flight.head_number = number;
        flight.head_since = at;
        let oldest = &mut self.destination(destination).outbound.oldest;
        if before > 0 {
            oldest.remove(&(since, index));
        }
        if number > 0 {
            oldest.insert((at, index));
        }
    }

    /// A transaction has something to deliver and nothing of it is on its way.
    pub(crate) fn enqueue(&mut self, index: u32, destination: ParticipantNumber) {
        let flight = self.flight_mut(index);
        if flight.head == Head::Idle {
            flight.head = Head::Ready;
            flight.sends = 0;
            self.destination(destination).outbound.ready.push_back(index);
        }
    }

    /// The next delivery of a destination that may leave now, with those first that waited for a link that has come
    /// (`may_go` of their instance). What is no longer ready is passed over: taking it out of the middle of a long queue
    /// would cost more.
    pub(crate) fn pop_ready(
        &mut self,
        destination: ParticipantNumber,
        window: u32,
        may_go: impl Fn(Option<Instance>) -> bool,
        destination_of: impl Fn(u32) -> ParticipantNumber,
    ) -> Option<u32> {
        let outbound = &mut self.destinations.get_mut(&destination)?.outbound;
        if outbound.sent >= window {
            return None;
        }
        if let Some(index) = outbound.take_waiting(may_go) {
            self.flight_mut(index).head = Head::Ready;
            return Some(index);
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
                self.destination(destination).outbound.stop_waiting(instance, index);
            }
            Head::Sent(at) => {
                self.retries.remove(&(at, index));
                self.destination(destination).outbound.sent -= 1;
            }
        }
    }

    /// Transactions of a destination whose first delivery was sent and is not acknowledged.
    pub(crate) fn on_their_way(&self, destination: ParticipantNumber) -> u32 {
        self.destinations.get(&destination).map_or(0, |d| d.outbound.sent)
    }

    /// The transactions of a destination with something unacknowledged, by the age of their first such delivery.
    pub(crate) fn by_age(
        &self,
        destination: ParticipantNumber,
    ) -> std::collections::btree_set::Iter<'_, (UnixMillis, u32)> {
        static NONE: BTreeSet<(UnixMillis, u32)> = BTreeSet::new();
        self.destinations.get(&destination).map_or(NONE.iter(), |d| d.outbound.oldest.iter())
    }

    /// Since when the oldest delivery of a destination waits.
    pub(crate) fn oldest(&self, destination: ParticipantNumber) -> Option<UnixMillis> {
        self.destinations.get(&destination)?.outbound.oldest.first().map(|(since, _)| *since)
    }
}
