//! What a participant sees of the world while it acts.

use std::collections::BTreeMap;

use holdfast_core::Core;
use holdfast_protocol::{Answer, Epoch, ParticipantNumber, Partition, Sequence, TransactionKey, UnixMillis};

use super::coverage::Coverage;
use super::faults::{Fault, FaultCounts};
use super::network::{Caller, Network, WireId};
use super::plan::{Party, Plan};
use super::random::Random;
use super::trace::Trace;

/// See the module.
pub(crate) struct Scene<'a> {
    pub(crate) now: UnixMillis,
    /// The switch's time.
    pub(crate) time: UnixMillis,
    /// The latest that it ever was: where the wall clock was set back, a restart resumes at the last journaled time.
    pub(crate) time_high: UnixMillis,
    /// The switch's time when each epoch began.
    pub(crate) began: &'a BTreeMap<(Partition, Epoch), UnixMillis>,
    /// The newest fact of each partition that is really durable.
    pub(crate) durable: Vec<Sequence>,
    /// What the partitions know, for the checkers that stand beside the participants.
    pub(crate) cores: Vec<&'a Core>,
    pub(crate) plan: &'a Plan,
    pub(crate) net: &'a mut Network,
    pub(crate) trace: &'a mut Trace,
    pub(crate) coverage: &'a mut Coverage,
    pub(crate) faults: &'a mut FaultCounts,
    /// Transactions that somebody else was asked about lately.
    pub(crate) gossip: &'a mut Vec<TransactionKey>,
    /// Outcomes of authorizes told in this step, for the checker that knows both sides.
    pub(crate) told: &'a mut Vec<(TransactionKey, Answer)>,
    /// Nothing goes wrong any more.
    pub(crate) calm: bool,
}

impl<'a> Scene<'a> {
    /// What decides for an originator.
    pub(crate) fn core_of(&self, originator: ParticipantNumber) -> &'a Core {
        self.cores[self.home(originator)]
    }

    /// The newest fact that is really durable of what decides for an originator.
    pub(crate) fn durable_of(&self, originator: ParticipantNumber) -> Sequence {
        self.durable[self.home(originator)]
    }

    /// The switch's time when an epoch of what decides for an originator began.
    pub(crate) fn began_of(&self, originator: ParticipantNumber, epoch: Epoch) -> Option<UnixMillis> {
        self.began.get(&(originator.home(self.plan.partitions), epoch)).copied()
    }

    fn home(&self, originator: ParticipantNumber) -> usize {
        originator.home(self.plan.partitions).0.into()
    }

    pub(crate) fn fault(&mut self, fault: Fault) {
        self.faults.add(fault);
    }
}

/// The wires of one participant, one an instance, dialled again when they end.
#[derive(Debug)]
pub(crate) struct Dialler {
    party: Party,
    receives: bool,
    wires: Vec<Option<WireId>>,
    welcomed: Vec<bool>,
    dial_at: Vec<UnixMillis>,
}

impl Dialler {
    pub(crate) fn new(party: Party, receives: bool) -> Self {
        let instances = usize::from(party.instances);
        Self {
            party,
            receives,
            wires: vec![None; instances],
            welcomed: vec![false; instances],
            dial_at: vec![UnixMillis::default(); instances],
        }
    }

    /// Dials what is not there; says which instances were welcomed just now, and when it was there.
    pub(crate) fn keep(&mut self, scene: &mut Scene<'_>, random: &mut Random) -> Vec<(usize, UnixMillis)> {
        let mut welcomed = Vec::new();
        for instance in 0..self.wires.len() {
            match self.wires[instance] {
                Some(wire) if scene.net.here(wire) => {
                    if let Some(welcome) = scene.net.take_welcome(wire).filter(|_| !self.welcomed[instance]) {
                        self.welcomed[instance] = true;
                        welcomed.push((instance, welcome.time));
                    }
                }
                Some(_) | None => {
                    if self.dial_at[instance] <= scene.now {
                        self.dial(instance, scene);
                    }
                    let pause = if scene.calm { 100 } else { random.between(50, 1_500) };
                    self.dial_at[instance] = self.dial_at[instance].max(scene.now.plus(pause));
                }
            }
        }
        welcomed
    }

    /// A new wire, also where there is one: the newer sign-on replaces it.
    pub(crate) fn dial(&mut self, instance: usize, scene: &mut Scene<'_>) {
        let caller = Caller {
            number: self.party.number,
            instance: instance as u16 + 1,
            receives: self.receives,
            shared: self.party.shared,
            window: self.party.window,
        };
        self.wires[instance] = Some(scene.net.dial(caller, scene.now));
        self.welcomed[instance] = false;
    }

    /// Whether it has one link at most, on which order is kept.
    pub(crate) fn is_single(&self) -> bool {
        self.party.instances == 1
    }

    /// Whether it still has this wire.
    pub(crate) fn has(&self, wire: WireId) -> bool {
        self.wires.contains(&Some(wire))
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (usize, WireId)> + '_ {
        self.wires.iter().enumerate().filter_map(|(instance, wire)| Some((instance, (*wire)?)))
    }

    /// The wires over which payments may flow.
    pub(crate) fn ready(&self, net: &Network) -> Vec<(usize, WireId)> {
        self.all().filter(|(instance, wire)| self.welcomed[*instance] && net.ready(*wire)).collect()
    }

    /// The wire of an instance, or of another where they share their store.
    pub(crate) fn wire_for(&self, instance: usize, net: &Network) -> Option<WireId> {
        let ready = self.ready(net);
        let own = ready.iter().find(|(other, _)| *other == instance);
        own.or(if self.party.shared { ready.first() } else { None }).map(|(_, wire)| *wire)
    }
}
