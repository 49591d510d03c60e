//! Where wires come in: sessions of all partitions, and the ways between these.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use crossbeam::channel::{Receiver, Sender, unbounded};
use holdfast::driver::Event;
use holdfast::driver::peers::{Peers, WakePeer};
use holdfast::session::Member;
use holdfast::session::control::Offer;
use holdfast_core::view::SessionId;
use holdfast_protocol::{ParticipantNumber, Partition, UnixMillis};

use super::configuration::Configuration;
use super::plan::{Party, Plan};

/// Who may sign on.
pub(crate) type Members = BTreeMap<ParticipantNumber, Arc<Member>>;

/// Ways to the drivers of all partitions.
#[derive(Debug)]
pub(crate) struct Ways(Vec<(Sender<Event>, Receiver<Event>)>);

impl Ways {
    pub(crate) fn new(partitions: u16) -> Self {
        Self((0..partitions).map(|_| unbounded()).collect())
    }

    /// What one takes its events with, and its ways to the others. All of them have a turn each step, and need no waking.
    pub(crate) fn of(&self, partition: Partition) -> (Receiver<Event>, Peers) {
        let way = |(events, _): &(Sender<Event>, _)| -> (_, WakePeer) { (events.clone(), Box::new(|| ())) };
        let peers = Peers::new(partition, self.0.iter().map(way).collect());
        (self.0[usize::from(partition.0)].1.clone(), peers)
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Door<'a> {
    pub(crate) at: Instant,
    pub(crate) time: UnixMillis,
    /// By partition.
    pub(crate) offers: Vec<Offer>,
    pub(crate) members: Rc<Members>,
    pub(crate) ways: &'a Ways,
    pub(crate) sessions: &'a mut u64,
}

impl Door<'_> {
    pub(crate) fn partitions(&self) -> u16 {
        u16::try_from(self.offers.len()).expect("there are few")
    }

    pub(crate) fn offer(&self, to: ParticipantNumber) -> &Offer {
        &self.offers[usize::from(to.home(self.partitions()).0)]
    }

    pub(crate) fn tell(&self, partition: Partition, event: Event) {
        let (events, _) = &self.ways.0[usize::from(partition.0)];
        events.send(event).expect("the driver holds the other end");
    }

    pub(crate) fn tell_all(&self, event: &Event) {
        for partition in (0..self.partitions()).map(Partition) {
            self.tell(partition, event.for_partition(partition, self.partitions()));
        }
    }

    /// Who may sign on as this participant; nobody where it takes no part.
    pub(crate) fn member(&self, number: ParticipantNumber) -> Option<Arc<Member>> {
        self.members.get(&number).map(Arc::clone)
    }

    pub(crate) fn admit(&mut self) -> SessionId {
        *self.sessions += 1;
        SessionId((*self.sessions << 16) | (*self.sessions & 0xffff))
    }
}

/// Everybody who is configured now.
pub(crate) fn members(plan: &Plan, now: &Configuration) -> Members {
    let parties = plan.operators.iter().map(|party| (party, true));
    let parties = parties.chain(plan.destinations.iter().map(|party| (party, false)));
    // The core counts inquiries against its own budget, under the simulator's clock.
    let member = |(party, originates): (&Party, bool)| {
        let name = format!("participant-{}", party.number);
        let member = Member::new(name, party.number, originates, !originates, u32::MAX);
        (party.number, Arc::new(member))
    };
    parties.filter(|(party, _)| !now.removed.contains(&party.number)).map(member).collect()
}
