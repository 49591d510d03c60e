//! Forwards on their way to destinations: how many each link has unanswered, and which no link has.
//!
//! What a lost link had leaves again as the windows of the other links, or of the next, have room: a repeat takes a place
//! in a window as what is new does, and a link that drains gets neither (rule 25).

use std::collections::{BTreeMap, BTreeSet};

use holdfast_protocol::{Instance, ParticipantNumber, UnixMillis};

use super::Schedule;
use crate::ledger::state::{Ledger, Transaction};
use crate::view::{LiveSession, SessionId, View};

/// Forwards without an answer on one link.
#[derive(Clone, Copy, Debug)]
struct Unanswered {
    session: SessionId,
    count: u32,
}

/// Where the forward of a transaction is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Forward {
    /// Nowhere: it was answered, or its time is over.
    #[default]
    Done,
    /// This link has it and has not answered.
    Over(SessionId),
    /// No link has it. It may leave to this instance until this deadline.
    Unsent(Instance, UnixMillis),
}

/// Of one destination.
#[derive(Debug, Default)]
pub(super) struct Forwards {
    unanswered: Vec<Unanswered>,
    /// Pending transactions that no link has, by the instance that had them first, the earliest deadline first. What ends
    /// leaves at once, so instances that never come back leave nothing behind (I8).
    unsent: BTreeMap<Instance, BTreeSet<(UnixMillis, u32)>>,
}

impl Forwards {
    /// How many forwards more a link takes.
    fn room(&self, link: &LiveSession) -> u32 {
        let count = self.unanswered.iter().find(|u| u.session == link.session).map_or(0, |u| u.count);
        link.window.saturating_sub(count)
    }

    /// What of the forwards that no link has may leave over a link: of its own instance, or of any where the instances share
    /// their deduplication.
    fn first_for(&self, link: &LiveSession) -> Option<(UnixMillis, u32)> {
        let own = self.unsent.get(&link.instance);
        let any = || self.unsent.first_key_value().map(|(_, first)| first);
        own.or_else(|| link.shared_deduplication.then(any).flatten())?.first().copied()
    }
}

/// A forward that no link has, looked at for sending.
pub(crate) enum Unsent {
    /// It may leave over this link.
    Send(u32, SessionId),
    /// Its time is over.
    Over,
}

impl Schedule {
    /// Of the links of a destination that may take it, the one with the most room in its window, and whether it has room.
    pub(crate) fn choose<'v>(
        &self,
        view: &'v View,
        destination: ParticipantNumber,
        may: &impl Fn(&LiveSession) -> bool,
    ) -> Option<(&'v LiveSession, bool)> {
        let forwards = self.destinations.get(&destination).map(|d| &d.forwards);
        let mut best: Option<(&LiveSession, u32)> = None;
        for link in view.receivers(destination).filter(|link| !link.draining && may(link)) {
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
        flight.forward = Forward::Over(to);
        flight.forwards = flight.forwards.saturating_add(1);
        let attempt = flight.forwards;
        let unanswered = &mut self.destination(destination).forwards.unanswered;
        match unanswered.iter_mut().find(|u| u.session == to) {
            Some(link) => link.count += 1,
            None => unanswered.push(Unanswered { session: to, count: 1 }),
        }
        attempt
    }

    /// The forward is on no link any more, and is not to be sent.
    pub(super) fn answered(&mut self, index: u32, destination: ParticipantNumber) {
        let forward = std::mem::take(&mut self.flight_mut(index).forward);
        match forward {
            Forward::Done => {}
            Forward::Over(session) => {
                let unanswered = &mut self.destination(destination).forwards.unanswered;
                if let Some(link) = unanswered.iter_mut().find(|u| u.session == session) {
                    link.count -= 1;
                }
            }
            Forward::Unsent(instance, deadline) => {
                let unsent = &mut self.destination(destination).forwards.unsent;
                let queue =
                    unsent.get_mut(&instance).expect("what no link has is in the queue of its instance");
                queue.remove(&(deadline, index));
                if queue.is_empty() {
                    unsent.remove(&instance);
                }
                self.unsent -= 1;
            }
        }
    }

    /// A link is gone: the forwards it had are unanswered by anybody, and what it had not acknowledged waits for another.
    pub(crate) fn link_lost(&mut self, ledger: &Ledger, destination: ParticipantNumber, session: SessionId) {
        let lost: Vec<u32> = self
            .pending
            .iter(destination.get())
            .filter(|index| self.flight(*index).forward == Forward::Over(session))
            .collect();
        for index in lost {
            self.answered(index, destination);
            self.add_unsent(index, ledger.transactions.get(index));
        }
        if let Some(destination) = self.destinations.get_mut(&destination) {
            destination.forwards.unanswered.retain(|u| u.session != session);
        }
        self.put_back(ledger, destination, session);
    }

    /// A pending transaction whose forward no link has.
    pub(super) fn add_unsent(&mut self, index: u32, transaction: &Transaction) {
        let instance = transaction.instance.expect("what is pending was forwarded to an instance");
        let deadline = transaction.deadline;
        self.flight_mut(index).forward = Forward::Unsent(instance, deadline);
        let forwards = &mut self.destination(transaction.destination).forwards;
        forwards.unsent.entry(instance).or_default().insert((deadline, index));
        self.unsent += 1;
    }

    /// How many forwards no link has.
    pub(crate) const fn unsent(&self) -> usize {
        self.unsent
    }

    /// The next forward of a destination that a link has room for. It is found by the links that are there: instances that
    /// are not cost nothing (I8).
    pub(crate) fn take_unsent(
        &mut self,
        view: &View,
        destination: ParticipantNumber,
        now: UnixMillis,
    ) -> Option<Unsent> {
        let forwards = &self.destinations.get(&destination)?.forwards;
        if forwards.unsent.is_empty() {
            return None;
        }
        let links = view.receivers(destination).filter(|link| !link.draining && forwards.room(link) > 0);
        let mut found = links.filter_map(|link| Some((forwards.first_for(link)?, link.session)));
        let ((deadline, index), to) = found.next()?;
        if deadline > now {
            return Some(Unsent::Send(index, to));
        }
        self.answered(index, destination);
        Some(Unsent::Over)
    }
}
