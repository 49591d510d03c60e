//! The wrongs that are done while the switch recovers: facts that are not replayed, and parts of a snapshot that are not
//! there.
//!
//! What a snapshot lacks is taken from the recovered core when all facts are applied, so that the core's own assertions
//! about facts that name it do not speak before the checkers can.

use holdfast_core::snapshot::{Entry, Restoring};
use holdfast_core::transaction::money::Money;
use holdfast_core::{Core, Fact};
use holdfast_journal::News;
use holdfast_protocol::{Currency, ParticipantNumber, Sequence, Total, TransactionKey};

use super::Planted;
use crate::sim::switch::chain;

/// One recovery with a wrong in it, or without.
#[derive(Debug)]
pub(crate) struct Recovery {
    planted: Option<Planted>,
    /// The last fact of the snapshot it goes on from.
    snapshot: Option<Sequence>,
    /// No frame after the snapshot was applied yet.
    first_frame: bool,
    /// Snapshots that did not count, and why.
    pub(crate) unusable: Vec<String>,
}

impl Recovery {
    pub(crate) fn new(planted: Option<Planted>) -> Self {
        Self { planted, snapshot: None, first_frame: true, unusable: Vec::new() }
    }

    pub(crate) fn news(&mut self, news: &News<'_>) {
        match news {
            News::SnapshotUnusable(at, why) => {
                self.snapshot = None;
                self.unusable.push(format!("{at}: {}", chain(why)));
            }
            News::SnapshotLoaded(_, sequence) => self.snapshot = Some(*sequence),
            News::Applied(..) => self.first_frame = false,
        }
    }

    /// A fact as it is replayed.
    pub(crate) fn apply(&self, core: &mut Core, fact: &Fact) {
        let left_out = match self.planted {
            Some(Planted::FactNotReplayed) => matches!(fact, Fact::LateAnswer { reversal: false, .. }),
            Some(Planted::FactsAfterSnapshotSkipped) => self.snapshot.is_some() && self.first_frame,
            _ => false,
        };
        // In its place one that changes nothing of a transaction.
        core.apply_recovered(if left_out { &Fact::Forgotten(0) } else { fact });
    }

    /// The core as it is recovered.
    pub(crate) fn recovered(&self, core: Core) -> Core {
        let Some(through) = self.snapshot else { return core };
        let again = match self.planted {
            Some(Planted::WindowNotRecovered) => without(&core, &|entry| is_of_window(entry, through)),
            Some(Planted::DigestBlindToLimits) => changed(&core, &|entry| Some(without_usage(entry))),
            Some(Planted::SnapshotMissesHold) => without_hold(&core, through),
            Some(Planted::SnapshotMissesDelivery) => without_delivery(&core, through),
            _ => None,
        };
        again.unwrap_or(core)
    }
}

/// The digest as a wrong would have it reckoned.
pub(crate) fn digest(core: &Core, planted: Option<Planted>) -> String {
    let seen = match planted {
        Some(Planted::DigestBlindToLimits) => changed(core, &|entry| Some(without_usage(entry))),
        _ => None,
    };
    seen.as_ref().unwrap_or(core).digest().to_string()
}

/// The core with each entry changed or left out; none where that makes no ledger.
fn changed(core: &Core, change: &dyn Fn(Entry) -> Option<Entry>) -> Option<Core> {
    let mut restoring = Restoring::new(Core::new(core.settings().clone()));
    let added = core.entries(&mut |entry| change(entry).map_or(Ok(()), |entry| restoring.add(entry)));
    let mut again = added.and_then(|()| restoring.finish()).ok()?;
    again.set_epoch(core.epoch());
    Some(again)
}

fn without(core: &Core, left_out: &dyn Fn(&Entry) -> bool) -> Option<Core> {
    changed(core, &|entry| (!left_out(&entry)).then_some(entry))
}

/// Remembered, and decided before the snapshot.
fn is_of_window(entry: &Entry, through: Sequence) -> bool {
    match entry {
        Entry::Closed(entry) => entry.closed.sequence <= through.0,
        Entry::FollowUp(parts) => parts.sequence <= through.0,
        Entry::ClosedUntil(..) | Entry::Extensions(..) => true,
        Entry::Beginning(_)
        | Entry::Founded(..)
        | Entry::Participant(_)
        | Entry::Lease(_)
        | Entry::Routes(_)
        | Entry::Epoch(..)
        | Entry::Day(_)
        | Entry::Open(_) => false,
    }
}

fn without_usage(mut entry: Entry) -> Entry {
    if let Entry::Participant(participant) = &mut entry {
        participant.usages.clear();
    }
    entry
}

/// The first open transaction that fits.
fn open<T>(
    core: &Core,
    mut fits: impl FnMut(&holdfast_core::snapshot::Transaction) -> Option<T>,
) -> Option<T> {
    let mut found = None;
    let walked = core.entries::<()>(&mut |entry| {
        match &entry {
            Entry::Open(entry) if found.is_none() => found = fits(&entry.transaction),
            _ => {}
        }
        Ok(())
    });
    walked.ok().and(found)
}

/// One hold less, and its debtor's position as if it had never been: positions and open reservations agree (I3).
fn without_hold(core: &Core, through: Sequence) -> Option<Core> {
    let (key, debtor, currency, amount) = open(core, |t| {
        let held = t.money == Money::Held && t.sequence <= through.0 && t.deliveries.is_empty();
        let debtor = core.open_details(t.key)?.debtor?;
        let debtor = match debtor {
            holdfast_core::registry::Debtor::Originator => t.key.originator,
            holdfast_core::registry::Debtor::Destination => t.destination,
            holdfast_core::registry::Debtor::Outside => return None,
        };
        let amount = t.held_for.checked_sub(t.captured)?.checked_sub(t.released)?;
        held.then_some((t.key, debtor, t.terms?.currency, amount))
    })?;
    let lets_go = (debtor, currency, Total::from(amount));
    changed(core, &|entry| without_transaction(entry, key, lets_go))
}

fn without_transaction(
    mut entry: Entry,
    key: TransactionKey,
    (debtor, currency, amount): (ParticipantNumber, Currency, Total),
) -> Option<Entry> {
    match &mut entry {
        Entry::Open(open) if open.transaction.key == key => return None,
        Entry::Participant(participant) if participant.record.number == debtor => {
            let positions = participant.positions.iter_mut();
            for position in positions.filter(|position| position.currency == currency) {
                position.held = position.held.checked_sub(amount)?;
            }
        }
        _ => {}
    }
    Some(entry)
}

/// The last delivery of one transaction is not there; if it is the only one, of one that is still held.
fn without_delivery(core: &Core, through: Sequence) -> Option<Core> {
    let key = open(core, |t| {
        let least = if t.money.is_closed() { 2 } else { 1 };
        (t.sequence <= through.0 && t.deliveries.len() >= least).then_some(t.key)
    })?;
    changed(core, &|mut entry| {
        if let Entry::Open(open) = &mut entry
            && open.transaction.key == key
        {
            open.transaction.deliveries.pop();
        }
        Some(entry)
    })
}
