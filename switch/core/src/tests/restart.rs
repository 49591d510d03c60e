//! A restart of the small world: what the journal tells, and what a snapshot and the rest of it tell, is the same.

use holdfast_protocol::*;

use super::world::World;
use crate::snapshot::Restoring;
use crate::*;

impl World {
    /// Since when each destination's oldest delivery waits.
    fn ages(&self) -> Vec<(ParticipantNumber, Option<UnixMillis>)> {
        self.core.undelivered().into_iter().map(|u| (u.destination, u.oldest)).collect()
    }

    /// A new process reads the journal. All links are gone. It finds the same with a snapshot of any moment and the rest
    /// of the journal as with all of it; here the moment is two thirds of the way.
    pub(super) fn restart(&mut self) -> Vec<String> {
        let (before, epoch, ages) = (self.core.digest(), self.core.epoch(), self.ages());
        let snapshot_at = self.journal.len() * 2 / 3;
        let mut whole = Core::new(self.settings.clone());
        self.fold(&mut whole, 0, snapshot_at);
        self.core = through_a_snapshot(&whole, &self.settings);
        self.core.keep_leaving();
        self.fold(&mut whole, snapshot_at, self.journal.len());
        assert_eq!(whole.digest(), before, "I7: a restart has the same ledger");
        self.fold_into_own(snapshot_at);
        assert_eq!(self.core.digest(), before, "I7: a snapshot and what follows it make the same ledger");
        self.core.resume(self.at(), Epoch(epoch.0 + 1));
        assert_eq!(self.ages(), ages, "what waits for an acknowledgement is as old as before");
        self.view = View::default();
        Vec::new()
    }

    fn fold_into_own(&mut self, from: usize) {
        let mut core = std::mem::replace(&mut self.core, Core::new(self.settings.clone()));
        self.fold(&mut core, from, self.journal.len());
        self.core = core;
        self.archive.restarted();
        self.archive.take(&mut self.core);
    }

    /// Applies the facts of the journal from one place to another.
    pub(super) fn fold(&self, core: &mut Core, from: usize, to: usize) {
        for (fact, (epoch, time)) in self.journal.iter().zip(&self.frames).take(to).skip(from) {
            core.set_epoch(*epoch);
            core.set_time(*time);
            core.apply_recovered(fact);
        }
    }
}

/// The core that a snapshot of a core brings back.
pub(super) fn through_a_snapshot(core: &Core, settings: &Settings) -> Core {
    let mut restoring = Restoring::new(Core::new(settings.clone()));
    let added = core.entries(&mut |entry| restoring.add(entry));
    added.expect("entries that were taken from a ledger agree");
    restoring.finish().expect("entries that were taken from a ledger agree")
}
