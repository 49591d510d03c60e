//! What links refunds with their originals: two transactions that are judged apart, and one rule over both (rule 15).
//!
//! While the dump is read, in the order of the journal, it is counted how much of each original its refunds give back; a
//! reversal is told what was left for it. Judged is an original when its turn comes.

use std::collections::{HashMap, HashSet};

use crate::course::Course;
use crate::finding::{Class, Evidence, Findings};
use crate::journal::{Debtor, Fact, FactKind};
use crate::numbers::REFUND;
use crate::shard::Key;
use crate::transaction::Transaction;

/// How a refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Pending,
    Approved,
    Ended,
}

#[derive(Clone, Copy, Debug)]
struct Refund {
    original: Key,
    amount: u64,
    stage: Stage,
}

/// A refund was accepted.
#[derive(Clone, Copy, Debug)]
struct Accepted {
    partition: u16,
    sequence: u64,
    refund: Key,
    /// What counts as refunded from then on.
    in_all: u64,
    debtor: Debtor,
    currency: u16,
    destination: u16,
}

#[derive(Clone, Debug, Default)]
struct Original {
    pending: u64,
    refunded: u64,
    reversed: bool,
    /// A reversal that did not wait for a refund.
    too_early: Option<u64>,
    accepted: Vec<Accepted>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Refunds {
    refunds: HashMap<Key, Refund>,
    originals: HashMap<Key, Original>,
    judged: HashSet<Key>,
}

impl Refunds {
    /// Takes the next fact about a transaction; of a refund that was accepted with the id of its original.
    pub fn take(&mut self, fact: &mut Fact, refund_of: Option<u128>) {
        let key = Key { originator: fact.originator, original: fact.original };
        match fact.kind {
            FactKind::Reserved if fact.payment_kind == REFUND => {
                let original = Key { originator: fact.originator, original: refund_of.unwrap_or_default() };
                self.accept(fact, key, original);
            }
            FactKind::Approved => self.decide(key, fact.amount, Stage::Approved),
            FactKind::Declined => self.decide(key, 0, Stage::Ended),
            FactKind::Reversed => {
                fact.goes_on = self.undo(key);
                self.reverse(fact, key);
            }
            FactKind::Reserved
            | FactKind::DeclinedAtOnce
            | FactKind::LateAnswer
            | FactKind::Captured
            | FactKind::Released
            | FactKind::Expired
            | FactKind::Tombstoned
            | FactKind::FollowUpDeclined
            | FactKind::Acknowledged => {}
        }
    }

    /// An original came back into memory, and the dump may not reach back to its refunds.
    pub fn recalled(&mut self, key: Key, refunded: u64) {
        self.originals.entry(key).or_insert(Original { refunded, ..Original::default() });
    }

    fn accept(&mut self, fact: &Fact, refund: Key, original: Key) {
        self.refunds.insert(refund, Refund { original, amount: fact.amount, stage: Stage::Pending });
        let sums = self.originals.entry(original).or_default();
        sums.pending += fact.amount;
        sums.accepted.push(Accepted {
            partition: fact.partition,
            sequence: fact.sequence,
            refund,
            in_all: sums.pending + sums.refunded,
            debtor: fact.debtor,
            currency: fact.currency,
            destination: fact.destination,
        });
    }

    fn decide(&mut self, key: Key, approved: u64, stage: Stage) {
        let Some(refund) = self.refunds.get_mut(&key).filter(|refund| refund.stage == Stage::Pending) else {
            return;
        };
        if let Some(sums) = self.originals.get_mut(&refund.original) {
            sums.pending = sums.pending.saturating_sub(refund.amount);
            sums.refunded += approved;
        }
        (refund.amount, refund.stage) = (approved, stage);
    }

    /// A refund is reversed. Says whether the reversal of its original takes what it gives up.
    fn undo(&mut self, key: Key) -> bool {
        self.decide(key, 0, Stage::Ended);
        let Some(refund) = self.refunds.get_mut(&key).filter(|refund| refund.stage == Stage::Approved) else {
            return false;
        };
        refund.stage = Stage::Ended;
        let Some(sums) = self.originals.get_mut(&refund.original) else { return false };
        sums.refunded = sums.refunded.saturating_sub(refund.amount);
        sums.reversed
    }

    fn reverse(&mut self, fact: &mut Fact, key: Key) {
        let Some(sums) = self.originals.get_mut(&key).filter(|sums| !sums.reversed) else { return };
        fact.amount = sums.refunded;
        sums.reversed = true;
        if sums.pending > 0 {
            sums.too_early = Some(fact.sequence);
        }
    }

    /// Judges a transaction as the original of refunds.
    pub fn check(&mut self, transaction: &Transaction, course: &Course, findings: &mut Findings) {
        let key = transaction.key;
        let Some(original) = self.originals.get(&key) else { return };
        let Some(reserved) = course.reserved.and_then(|at| transaction.facts.get(at)) else { return };
        self.judged.insert(key);
        let mut fault = |class, sequence, what: &dyn Fn() -> String| {
            findings.add(class, || {
                let evidence = Evidence::Journal { partition: reserved.partition, sequence, fact: "refund" };
                (Some(key.to_string()), what(), vec![evidence])
            });
        };
        if let Some(sequence) = original.too_early {
            fault(Class::IllegalCourse, sequence, &|| "reversed while a refund of it was pending".to_owned());
        }
        for one in &original.accepted {
            let until = transaction.facts.partition_point(|fact| fact.sequence < one.sequence);
            let then = Course::of(&transaction.facts[..until]);
            if one.in_all > then.kept() {
                fault(Class::OverRefunded, one.sequence, &|| {
                    let Accepted { refund, in_all, .. } = one;
                    format!("with refund {refund} {in_all} is given back of {}", then.kept())
                });
            }
            let same = (one.currency, one.destination) == (reserved.currency, reserved.destination);
            if !same || one.debtor != opposite(reserved.debtor) {
                fault(Class::ContentDiffers, one.sequence, &|| {
                    let refund = one.refund;
                    format!(
                        "refund {refund} has another currency, destination or debtor than follows from it"
                    )
                });
            }
        }
    }

    /// Originals that the journal does not know, although it begins with its first fact.
    pub fn check_missing(&self, findings: &mut Findings) {
        let missing = self.originals.iter().filter(|(key, _)| !self.judged.contains(key));
        let mut missing: Vec<_> = missing.flat_map(|(_, original)| &original.accepted).collect();
        missing.sort_unstable_by_key(|one| one.sequence);
        for one in missing {
            findings.add(Class::Phantom, || {
                let Accepted { partition, sequence, .. } = *one;
                let evidence = Evidence::Journal { partition, sequence, fact: "refund" };
                let what = "a refund of what the journal never accepted".to_owned();
                (Some(one.refund.to_string()), what, vec![evidence])
            });
        }
    }
}

/// Whoever was paid gives back.
const fn opposite(debtor: Debtor) -> Debtor {
    match debtor {
        Debtor::Originator => Debtor::Destination,
        Debtor::Destination => Debtor::Originator,
        Debtor::Outside => Debtor::Outside,
    }
}
