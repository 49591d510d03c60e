//! The state that facts change, and nothing else does (I7).

use std::collections::BTreeMap;

use holdfast_protocol::{
    Amount, ApprovalCode, Authorize, BusinessDate, DecidedBy, DeliveryNumber, Epoch, Extensions, Instance,
    ParticipantNumber, Partition, PaymentId, Reason, TransactionKey, UnixMillis,
};

use super::leases::Leases;
use super::participants::Participants;
use super::record::Terms;
use super::remembered::Remembered;
use super::slab::Slab;
use crate::effect::Delivery;
use crate::registry::Debtor;
use crate::route::RouteTable;
use crate::settings::Settings;
use crate::transaction::TransactionKind;
use crate::transaction::money::Money;

/// A transaction that is pending, held or not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Who originated it, and the id of its authorize.
    pub key: TransactionKey,
    /// Where it was or would be forwarded to.
    pub destination: ParticipantNumber,
    /// Which instance got the forward first; none for a tombstone.
    pub instance: Option<Instance>,
    /// None for a tombstone whose original has not arrived.
    pub terms: Option<Terms>,
    /// Of the request.
    pub captures_many: bool,
    /// Of the request.
    pub partial_allowed: bool,
    /// How its money stands.
    pub money: Money,
    /// Requested while pending, approved after.
    pub held_for: Amount,
    /// Of that, captured.
    pub captured: Amount,
    /// Of that, ended without capture.
    pub released: Amount,
    /// Captured and undone by its reversal. What refunds gave back is not in it.
    pub reversed: Amount,
    /// When the switch reverses unless the destination answered.
    pub deadline: UnixMillis,
    /// When its hold expires.
    pub hold_until: UnixMillis,
    /// The business date.
    pub settlement_date: BusinessDate,
    /// Of the issuer.
    pub approval_code: ApprovalCode,
    /// Why it was declined.
    pub reason: Reason,
    /// Who decided the authorize.
    pub decided_by: DecidedBy,
    /// Of the fact that decided the authorize; zero while pending.
    pub sequence: u64,
    /// Of the request.
    pub payment_id: PaymentId,
    /// The request as received, while it may be forwarded again.
    pub content: Option<u32>,
    /// What the destination has not acknowledged, in order.
    pub deliveries: Vec<Delivery>,
    /// How many deliveries there were.
    pub deliveries_made: u8,
    /// A contradiction of the destination was noted.
    pub late_noted: bool,
    /// The latest second among its id and those of its captures, releases and reversals.
    pub latest_second: u64,
}

impl Transaction {
    /// held_for − captured − released.
    pub(crate) fn open_amount(&self) -> Amount {
        self.held_for
            .checked_sub(self.captured)
            .and_then(|rest| rest.checked_sub(self.released))
            .expect("I5: captured and released never exceed what is held for")
    }

    /// Whether it gives back what another captured.
    pub(crate) fn is_refund(&self) -> bool {
        self.terms.is_some_and(|terms| terms.kind == TransactionKind::Refund)
    }

    /// Whose position carries the hold.
    pub(crate) fn debtor(&self) -> Option<ParticipantNumber> {
        match self.terms?.debtor {
            Debtor::Originator => Some(self.key.originator),
            Debtor::Destination => Some(self.destination),
            Debtor::Outside => None,
        }
    }

    /// Who is credited by a capture.
    pub(crate) fn creditor(&self) -> Option<ParticipantNumber> {
        match self.terms?.debtor {
            Debtor::Originator => Some(self.destination),
            Debtor::Destination => Some(self.key.originator),
            Debtor::Outside => None,
        }
    }

    /// What its debtor's position holds for it.
    pub(crate) fn hold_on_position(&self) -> Amount {
        if self.debtor().is_some() { self.open_amount() } else { Amount::ZERO }
    }

    /// The number of the delivery after the last.
    pub(crate) fn next_delivery(&self) -> DeliveryNumber {
        DeliveryNumber(u16::from(self.deliveries_made) + 1)
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// How many facts were applied.
    pub(crate) sequence: u64,
    pub(crate) participants: Participants,
    pub(crate) routes: RouteTable,
    pub(crate) business_date: Option<BusinessDate>,
    /// Pending transactions of each date that is not closed.
    pub(crate) days: BTreeMap<BusinessDate, u64>,
    pub(crate) transactions: Slab<Transaction>,
    pub(crate) contents: Slab<Authorize>,
    pub(crate) remembered: Remembered,
    pub(crate) pending: u32,
    /// Of the whole journal: its first fact says it, where there are several.
    pub(crate) partition: Partition,
    pub(crate) partitions: u16,
    pub(crate) leases: Leases,
    /// From which sequence on which epoch decided: one for each start of the switch that decided something.
    epochs: Vec<(u64, Epoch)>,
}

impl Ledger {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            sequence: 0,
            participants: Participants::default(),
            routes: RouteTable::new(settings.hash_seed),
            business_date: None,
            days: BTreeMap::new(),
            transactions: Slab::new(),
            contents: Slab::new(),
            remembered: Remembered::new(
                settings.hash_seed,
                settings.expected_rate_per_s as usize,
                settings.remembered_seconds(),
            ),
            pending: 0,
            partition: Partition(0),
            partitions: 1,
            leases: Leases::default(),
            epochs: Vec::new(),
        }
    }

    /// Facts from the next one on are decided under this epoch.
    pub(crate) fn set_epoch(&mut self, epoch: Epoch) {
        if self.epoch() == epoch {
            return;
        }
        // An epoch without facts leaves nothing behind: no journal tells of it either.
        self.epochs.pop_if(|(from, _)| *from > self.sequence);
        self.epochs.push((self.sequence + 1, epoch));
    }

    /// From which fact on which epoch decided, of those that decided any.
    pub(crate) fn epochs_decided(&self) -> impl Iterator<Item = &(u64, Epoch)> {
        self.epochs.iter().filter(|(from, _)| *from <= self.sequence)
    }

    /// How many epochs are kept.
    #[cfg(test)]
    pub(crate) fn epochs_kept(&self) -> usize {
        self.epochs.len()
    }

    /// The epoch of the next fact.
    pub(crate) fn epoch(&self) -> Epoch {
        self.epochs.last().map_or(Epoch(0), |(_, epoch)| *epoch)
    }

    /// From which fact on the newest epoch decides.
    pub(crate) fn last_epoch_from(&self) -> u64 {
        self.epochs.last().map_or(0, |(from, _)| *from)
    }

    /// From this fact on this epoch decided: as a snapshot says.
    pub(crate) fn restore_epoch(&mut self, from: u64, epoch: Epoch) {
        self.epochs.push((from, epoch));
    }

    /// Under which epoch a fact was decided.
    pub(crate) fn epoch_of(&self, sequence: u64) -> Epoch {
        self.epochs.iter().rev().find(|(from, _)| *from <= sequence).map_or(Epoch(0), |(_, epoch)| *epoch)
    }

    /// The date that new work and new movements get. Nothing is accepted before the first cutover.
    pub(crate) fn date(&self) -> BusinessDate {
        self.business_date.expect("nothing is accepted before the first cutover")
    }

    /// What came along with an answer.
    pub(crate) fn extensions(&self, key: TransactionKey) -> Extensions {
        self.remembered.extensions(key.originator, key.id)
    }
}
