//! Deliveries of all destinations: which waits for a link with room, which was sent over which, and since when.

use std::collections::BTreeSet;

use holdfast_protocol::{ParticipantNumber, UnixMillis};

use super::outbound::{self, Head};
use super::{Flight, Schedule};
use crate::ledger::apply::Touched;
use crate::ledger::state::{Ledger, Transaction};
use crate::settings::Settings;
use crate::view::{SessionId, View};

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
    pub(crate) fn enqueue(&mut self, index: u32, transaction: &Transaction) {
        let flight = self.flight_mut(index);
        if flight.head == Head::Idle {
            flight.sends = 0;
            self.wait(index, transaction);
        }
    }

    /// The next delivery of a destination that may leave now, and over which link.
    pub(crate) fn next_delivery(
        &self,
        view: &View,
        destination: ParticipantNumber,
        window: u32,
    ) -> Option<(u32, SessionId)> {
        self.destinations.get(&destination)?.outbound.next(view.receivers(destination), window)
    }

    /// A delivery waits for room in the window of a link that may take it, behind all that wait.
    pub(super) fn wait(&mut self, index: u32, transaction: &Transaction) {
        self.waits += 1;
        let (instance, order) = (transaction.instance, self.waits);
        self.flight_mut(index).head = Head::Waiting(instance, order);
        self.destination(transaction.destination).outbound.wait(instance, order, index);
    }

    /// A delivery leaves over a link. Returns which send it is.
    pub(crate) fn send(
        &mut self,
        index: u32,
        transaction: &Transaction,
        over: SessionId,
        settings: &Settings,
        now: UnixMillis,
    ) -> u8 {
        self.head_done(index, transaction.destination);
        let flight = self.flight_mut(index);
        flight.sends = flight.sends.saturating_add(1);
        let attempt = flight.sends;
        let at = now.plus(outbound::pause(settings, transaction, attempt));
        flight.head = Head::Sent(at, over);
        self.retries.insert((at, index));
        self.destination(transaction.destination).outbound.send(over, index);
        attempt
    }

    /// A delivery whose pause is over waits again. Returns its destination.
    pub(crate) fn take_retry(&mut self, ledger: &Ledger, now: UnixMillis) -> Option<ParticipantNumber> {
        let (_, index) = self.retries.first().copied().filter(|(at, _)| *at <= now)?;
        let transaction = ledger.transactions.get(index);
        self.head_done(index, transaction.destination);
        self.wait(index, transaction);
        Some(transaction.destination)
    }

    /// What a lost link had not acknowledged waits for the next: no pause holds it up, and it takes up no window.
    pub(super) fn put_back(&mut self, ledger: &Ledger, destination: ParticipantNumber, link: SessionId) {
        let sent = self.destinations.get_mut(&destination).map(|d| d.outbound.lost(link));
        for index in sent.unwrap_or_default() {
            self.head_done(index, destination);
            self.wait(index, ledger.transactions.get(index));
        }
    }

    /// The first delivery was acknowledged.
    pub(crate) fn acknowledged(&mut self, index: u32, destination: ParticipantNumber) {
        if let Head::Sent(_, over) = self.flight(index).head {
            self.destination(destination).outbound.acknowledged(over);
        }
        self.head_done(index, destination);
    }

    /// The first delivery waits no longer, and is no longer on its way.
    pub(crate) fn head_done(&mut self, index: u32, destination: ParticipantNumber) {
        let head = std::mem::take(&mut self.flight_mut(index).head);
        match head {
            Head::Idle => {}
            Head::Waiting(instance, order) => {
                self.destination(destination).outbound.stop_waiting(instance, order);
            }
            Head::Sent(at, over) => {
                self.retries.remove(&(at, index));
                self.destination(destination).outbound.no_longer_sent(over, index);
            }
        }
    }

    /// Transactions of a destination whose first delivery was sent and is not acknowledged.
    pub(crate) fn on_their_way(&self, destination: ParticipantNumber) -> usize {
        self.destinations.get(&destination).map_or(0, |d| d.outbound.on_their_way())
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
