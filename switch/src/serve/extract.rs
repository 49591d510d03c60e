//! What one driver says of itself, taken between two turns; joined over all partitions it is what the switch says.
//!
//! Plain values: they are put into words by whoever asked, not on the driver's thread.

use std::collections::{BTreeMap, BTreeSet};

use holdfast_core::Core;
use holdfast_core::ledger::Position;
use holdfast_core::overview::{Undelivered, Unfinished};
use holdfast_core::registry::{ParticipantRecord, ParticipantStatus};
use holdfast_journal::{Handle, Log};
use holdfast_protocol::{BusinessDate, ParticipantNumber, UnixMillis};

use super::report::name_of;
use crate::admin::report::{JournalReport, LinkReport, OddityReport, PartitionReport, QueueReport};
use crate::driver::Driver;

/// What alarms are about.
#[derive(Clone, Debug, Default)]
pub(super) struct Watched {
    /// Of everybody who is configured, or is not and has something open.
    pub(super) positions: BTreeMap<ParticipantNumber, Vec<Position>>,
    pub(super) undelivered: BTreeMap<ParticipantNumber, Undelivered>,
    pub(super) journal_full: bool,
}

/// A participant that is configured, or is not any more and has something open.
#[derive(Clone, Debug)]
pub(super) struct Taking {
    pub(super) name: String,
    /// None where it was removed.
    pub(super) status: Option<ParticipantStatus>,
    pub(super) originates: bool,
    pub(super) receives: bool,
    pub(super) unfinished: Unfinished,
}

/// One of its links.
#[derive(Clone, Debug)]
pub(super) struct Linked {
    pub(super) of: ParticipantNumber,
    pub(super) unanswered: u64,
    pub(super) report: LinkReport,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Extract {
    pub(super) partitions: Vec<PartitionReport>,
    pub(super) business_date: Option<BusinessDate>,
    pub(super) open_days: BTreeSet<BusinessDate>,
    pub(super) participants: BTreeMap<ParticipantNumber, Taking>,
    /// Every driver knows all links; what the first says of them counts.
    pub(super) links: Vec<Linked>,
    pub(super) watched: Watched,
    pub(super) oddities: OddityReport,
    pub(super) queues: QueueReport,
    pub(super) journal: JournalReport,
}

impl Watched {
    pub(super) fn of(driver: &Driver<Handle>) -> Self {
        Self { journal_full: driver.log().is_full(), ..Self::of_core(driver.core()) }
    }

    pub(super) fn of_core(core: &Core) -> Self {
        let configured =
            core.participants().map(|(record, _, positions)| (record.number, positions.to_vec()));
        let removed =
            core.removed_participants().map(|(record, positions)| (record.number, positions.to_vec()));
        Self {
            positions: configured.chain(removed).collect(),
            undelivered: core.undelivered().into_iter().map(|one| (one.destination, one)).collect(),
            journal_full: false,
        }
    }

    /// With what another partition says.
    pub(super) fn join(mut self, other: Self) -> Self {
        for (number, positions) in other.positions {
            let kept = self.positions.entry(number).or_default();
            for position in positions {
                match kept.iter_mut().find(|kept| kept.currency == position.currency) {
                    Some(kept) => *kept = kept.joined(&position),
                    None => kept.push(position),
                }
            }
        }
        for (destination, behind) in other.undelivered {
            let kept = self.undelivered.entry(destination).or_insert_with(|| Undelivered::none(destination));
            kept.join(&behind);
        }
        self.journal_full |= other.journal_full;
        self
    }
}

impl Extract {
    pub(super) fn of(driver: &Driver<Handle>, now: UnixMillis) -> Self {
        let core = driver.core();
        let taking = |record: &ParticipantRecord, status| {
            let taking = Taking {
                name: name_of(core, record.number),
                status,
                originates: record.originates,
                receives: record.receives,
                unfinished: core.unfinished(record.number),
            };
            (record.number, taking)
        };
        let configured = core.participants().map(|(record, status, _)| taking(record, Some(status)));
        let removed = core.removed_participants().map(|(record, _)| taking(record, None));
        Self {
            partitions: vec![PartitionReport {
                partition: driver.partition().0,
                epoch: core.epoch().0,
                sequence: core.sequence().0,
                durable: driver.log().durable().0,
            }],
            business_date: core.business_date(),
            open_days: core.open_days().collect(),
            participants: configured.chain(removed).collect(),
            links: links(driver, now),
            watched: Watched::of(driver),
            oddities: oddities(core),
            queues: queues(driver),
            journal: journal(driver.log()),
        }
    }

    /// Whoever has something open is in it.
    pub(super) fn name(&self, number: ParticipantNumber) -> String {
        self.participants.get(&number).map_or_else(|| number.to_string(), |taking| taking.name.clone())
    }

    /// With what another partition says.
    pub(super) fn join(mut self, other: Self) -> Self {
        self.partitions.extend(other.partitions);
        self.business_date = self.business_date.max(other.business_date);
        self.open_days.extend(other.open_days);
        for (number, taking) in other.participants {
            let Some(kept) = self.participants.get_mut(&number) else {
                self.participants.insert(number, taking);
                continue;
            };
            kept.unfinished.pending += taking.unfinished.pending;
            kept.unfinished.undelivered += taking.unfinished.undelivered;
            kept.unfinished.open += taking.unfinished.open;
        }
        self.watched = self.watched.join(other.watched);
        self.oddities.add(&other.oddities);
        self.queues.add(&other.queues);
        self.journal.add(&other.journal);
        self
    }
}

fn links(driver: &Driver<Handle>, now: UnixMillis) -> Vec<Linked> {
    let linked = |live: &crate::driver::sessions::Live| Linked {
        of: live.from.participant,
        unanswered: live.outbound.unanswered().into(),
        report: LinkReport {
            session: live.from.session.0,
            instance: live.from.instance.0,
            address: live.address.to_string(),
            originates: live.sign_on.originates,
            receives: live.sign_on.receives,
            lanes: live.sign_on.lanes,
            age_ms: now.since(live.since),
            outbound_bytes: live.outbound.queued_bytes() as u64,
        },
    };
    driver.sessions().iter().map(linked).collect()
}

fn oddities(core: &Core) -> OddityReport {
    let counters = core.counters();
    OddityReport {
        forwards_repeated: counters.forwards_repeated,
        answers_unexpected: counters.answers_unexpected,
        approvals_wrong: counters.approvals_wrong,
        approvals_late: counters.approvals_late,
        declines_late: counters.declines_late,
        acknowledgements_unexpected: counters.acknowledgements_unexpected,
        reversals_before_request: counters.reversals_before_request,
        configurations_refused: counters.configurations_refused,
    }
}

/// What of the queues the driver knows.
fn queues(driver: &Driver<Handle>) -> QueueReport {
    let (core, queues) = (driver.core(), driver.queues());
    QueueReport {
        pending: core.pending(),
        open: core.open(),
        remembered: core.remembered(),
        recalled: core.recalled_kept(),
        outbox: queues.outbox_turns as u64,
        inputs: (queues.events + queues.work) as u64,
        ..QueueReport::default()
    }
}

/// What of the journal its handle knows.
fn journal(log: &Handle) -> JournalReport {
    let counts = log.statistics().counts();
    JournalReport {
        syncs: counts.syncs,
        bytes: counts.bytes,
        frames: counts.frames,
        facts: counts.facts,
        unsynced_bytes: log.unsynced_bytes(),
        full: log.is_full(),
        ..JournalReport::default()
    }
}
