//! What the core may know about the volatile world: read-only, supplied with each input.

use std::collections::BTreeMap;

use holdfast_protocol::{Instance, ParticipantNumber};

/// One signed-on link, numbered since the start of the process; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// A signed-on link as the core sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveSession {
    /// The link.
    pub session: SessionId,
    /// Whose instance.
    pub instance: Instance,
    /// It takes forwards and deliveries.
    pub receives: bool,
    /// Its instances share their deduplication store.
    pub shared_deduplication: bool,
    /// It asked for no new work.
    pub draining: bool,
    /// How many forwards it takes unanswered.
    pub window: u32,
}

impl LiveSession {
    /// Whether its destination knows over this link what an instance got (`None`: what any may get).
    pub fn takes_deliveries_of(&self, instance: Option<Instance>) -> bool {
        self.shared_deduplication || instance.is_none_or(|instance| instance == self.instance)
    }
}

/// The volatile world.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The live links of each participant, in the order of their instances.
    pub links: BTreeMap<ParticipantNumber, Vec<LiveSession>>,
    /// The disk is full: only what finishes open work is taken.
    pub journal_full: bool,
    /// The disk is behind, too much is not synced: new work is busy, what is under way goes on.
    pub journal_behind: bool,
    /// The switch is stopping: no new work.
    pub stopping: bool,
    /// It has just started, and destinations may be on their way back: new work for one that is not there is busy, not declined.
    pub just_started: bool,
}

impl View {
    /// The live links of a participant that take forwards and deliveries.
    pub fn receivers(&self, participant: ParticipantNumber) -> impl Iterator<Item = &LiveSession> {
        self.links.get(&participant).into_iter().flatten().filter(|s| s.receives)
    }
}
