//! Forwards on their way to destinations: how many each link has unanswered, and which no link has.
//!
//! What a lost link had leaves again as the windows of the other links, or of the next, have room: a repeat takes a place
//! in a window as what is new does, and a link that drains gets neither (rule 25).

use std::collections::{BTreeMap, VecDeque};

use holdfast_protocol::{Instance, ParticipantNumber, UnixMillis};

use super::Schedule;
use crate::ledger::state::{Ledger, Transaction};
use crate::transaction::money::Money;
use crate::view::{LiveSession, SessionId, View};

/// Forwards without an answer on one link.
#[derive(Clone, Copy, Debug)]
struct Unanswered {
    session: SessionId,
    count: u32,
}

/// Of one destination.
#[derive(Debug, Default)]
pub(super) struct Forwards {
    unanswered: Vec<Unanswered>,
    /// Pending transactions that no link has, by the instance that had them first. What has ended meanwhile is passed
    /// over; there are never more than were pending at once.
    unsent: BTreeMap<Instance, VecDeque<u32>>,
}

impl Forwards {
    /// How many forwards more a link takes.
    fn room(&self, link: &LiveSession) -> u32 {
        let count = self.unanswered.iter().find(|u| u.session == link.session).map_or(0, |u| u.count);
        link.window.saturating_sub(count)
    }
}

/// A forward that no link has, looked at for sending.
pub(crate) enum Unsent {
    /// It may leave over this link.
    Send(u32, SessionId),
    /// It has ended, or its time is over.
    Over,
}

impl Schedule {
    /// The link of a destination with the most room in its window, and whether it has room.
    pub(crate) fn choose<'v>(
        &self,
        view: &'v View,
        destination: ParticipantNumber,
    ) -> Option<(&'v LiveSession, bool)> {
        let forwards = self.destinations.get(&destination).map(|d| &d.forwards);
        let mut best: Option<(&LiveSession, u32)> = None;
        for link in view.receivers(destination).filter(|link| !link.draining) {
            let room = forwards.map_or(link.window, |forwards| forwards.room(link));
            if best.is_none_or(|(_, most)| room > most) {
                best = Some((link, room));
            }
        }
        best.map(|(link, room)| (link, room > 0))
    }

    /// A forward leaves over a link. Says whether it may have left before.
    pub(crate) fn forward(&mut self, index: u32, destination: ParticipantNumber, to: SessionId) -> u8 {
        self.answered(index, destination);
        let flight = self.flight_mut(index);
        flight.forwarded_to = Some(to);
        flight.forwards = flight.forwards.saturating_add(1);
        let attempt = flight.forwards;
        let unanswered = &mut self.destination(destination).forwards.unanswered;
        match unanswered.iter_mut().find(|u| u.session == to) {
            Some(link) => link.count += 1,
            None => unanswered.push(Unanswered { session: to, count: 1 }),
        }
        attempt
    }

    /// The link that had the forward has it no longer.
    pub(super) fn answered(&mut self, index: u32, destination: ParticipantNumber) {
        let Some(session) = self.flight_mut(index).forwarded_to.take() else { return };
        let unanswered = &mut self.destination(destination).forwards.unanswered;
        if let Some(link) = unanswered.iter_mut().find(|u| u.session == session) {
            link.count -= 1;
        }
    }

    /// A link is gone; the forwards it had are unanswered by anybody.
    pub(crate) fn link_lost(&mut self, ledger: &Ledger, destination: ParticipantNumber, session: SessionId) {
        let lost: Vec<u32> = self
            .pending
            .iter(destination.get())
            .filter(|index| self.flight(*index).forwarded_to == Some(session))
            .collect();
        for index in lost {
            self.answered(index, destination);
            self.add_unsent(index, ledger.transactions.get(index));
        }
        if let Some(destination) = self.destinations.get_mut(&destination) {
            destination.forwards.unanswered.retain(|u| u.session != session);
        }
    }

    /// A pending transaction whose forward no link has.
    pub(super) fn add_unsent(&mut self, index: u32, transaction: &Transaction) {
        let instance = transaction.instance.expect("what is pending was forwarded to an instance");
        let forwards = &mut self.destination(transaction.destination).forwards;
        forwards.unsent.entry(instance).or_default().push_back(index);
        self.unsent += 1;
    }

    /// Whether any destination has forwards to be sent again.
    pub(crate) const fn has_unsent(&self) -> bool {
        self.unsent > 0
    }

    /// Takes the next forward of a destination that a link has room for: of its own instance, or of any where the
    /// instances share their deduplication.
    pub(crate) fn take_unsent(
        &mut self,
        view: &View,
        ledger: &Ledger,
        destination: ParticipantNumber,
        now: UnixMillis,
    ) -> Option<Unsent> {
        let forwards = &mut self.destinations.get_mut(&destination)?.forwards;
        let link_for = |instance: Instance| {
            view.receivers(destination).find(|link| {
                !link.draining
                    && (link.instance == instance || link.shared_deduplication)
                    && forwards.room(link) > 0
            })
        };
        let (instance, to) =
            forwards.unsent.keys().find_map(|instance| Some((*instance, link_for(*instance)?.session)))?;
        let queue = forwards.unsent.get_mut(&instance)?;
        let index = queue.pop_front().expect("a queue that is empty is removed");
        if queue.is_empty() {
            forwards.unsent.remove(&instance);
        }
        self.unsent -= 1;
        // The number may be another transaction's by now.
        let waits = ledger.transactions.find(index).is_some_and(|t| {
            t.money == Money::Pending
                && t.destination == destination
                && t.instance == Some(instance)
                && t.deadline > now
        });
        let waits = waits && self.flight(index).forwarded_to.is_none();
        Some(if waits { Unsent::Send(index, to) } else { Unsent::Over })
    }
}
