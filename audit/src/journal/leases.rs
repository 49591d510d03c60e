//! Room under the caps of debtors that moved between partitions: given first, and taken only then.

use std::collections::BTreeMap;

use super::partitions::Part;

/// Of which cap, from where to where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moved {
    /// Whose cap.
    pub debtor: u16,
    /// ISO 4217 number of its currency.
    pub currency: u16,
    /// Which partition gave.
    pub giver: u16,
    /// Which took.
    pub taker: u16,
}

/// What a fact says of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// Or taken.
    pub(super) given: bool,
    /// Until now, in minor units.
    pub(super) total: i128,
    pub(super) sequence: u64,
    pub(super) time_ms: u64,
}

/// In minor units.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    given: i128,
    taken: i128,
    /// Sequence and time of the newest fact of the taker.
    taken_at: (u64, u64),
}

/// What cannot be, and which fact shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// In words.
    pub what: String,
    /// In whose journal.
    pub partition: u16,
    /// Where in that.
    pub sequence: u64,
}

/// What is to be said at the end of all dumps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It cannot be.
    Fault(Fault),
    /// It may be, in words: the giver's dump ends too early to tell.
    Unknown(String),
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Leases {
    moved: BTreeMap<Moved, Totals>,
    fallen: Vec<Fault>,
}

impl Leases {
    /// So much was given or taken in all.
    pub(super) fn note(&mut self, moved: Moved, entry: Entry) {
        let Entry { given, total, sequence, time_ms } = entry;
        let totals = self.moved.entry(moved).or_default();
        let (own, verb, partition) = if given {
            (&mut totals.given, "given", moved.giver)
        } else {
            totals.taken_at = (sequence, time_ms);
            (&mut totals.taken, "taken", moved.taker)
        };
        if total < *own {
            let what = format!("{} {verb} in all, and {total} after it: a total never falls", *own);
            self.fallen.push(Fault { what: format!("{}: {what}", moved.words()), partition, sequence });
        }
        *own = total.max(*own);
    }

    /// What each pair of partitions comes to. A giver's fact is durable before its taker hears of it; so more taken than given is a
    /// fault, if only the giver's dump goes on until then: dumps of a switch that runs are not all of one moment. With `ended` nothing
    /// moved any more when they were made.
    pub fn verdicts(&self, parts: &BTreeMap<u16, Part>, ended: bool) -> Vec<Verdict> {
        let fallen = self.fallen.iter().cloned().map(Verdict::Fault);
        let of_pair = |(moved, totals): (&Moved, &Totals)| verdict(moved, totals, parts, ended);
        fallen.chain(self.moved.iter().filter_map(of_pair)).collect()
    }
}

fn verdict(moved: &Moved, totals: &Totals, parts: &BTreeMap<u16, Part>, ended: bool) -> Option<Verdict> {
    let Totals { given, taken, taken_at: (sequence, time_ms) } = *totals;
    if taken <= given {
        return None;
    }
    let giver = parts.get(&moved.giver);
    if given == 0 && giver.is_some_and(|giver| !giver.is_whole()) {
        // What it gave stood in what went to an archive.
        return None;
    }
    let what = format!("{}: {taken} taken, and {given} given", moved.words());
    let is_seen = ended || giver.is_none_or(|giver| giver.end_ms > time_ms);
    Some(if is_seen {
        Verdict::Fault(Fault { what, partition: moved.taker, sequence })
    } else {
        Verdict::Unknown(format!("{what} when the dump of partition {} ends, which is before", moved.giver))
    })
}

impl Moved {
    fn words(&self) -> String {
        let Self { debtor, currency, giver, taker } = self;
        format!("the cap of participant {debtor} in currency {currency}, from partition {giver} to {taker}")
    }
}
