//! Questions for leases that are under way: which partitions were asked for room under a cap, and what came of it.
//!
//! Bounded by participants and their currencies (I8).

use std::collections::BTreeMap;

use holdfast_protocol::{Partition, Total, UnixMillis};

use crate::ledger::leases::Cap;
use crate::settings::{LEASE_FRESH_MS, LEASE_PATIENCE_MS};

#[derive(Debug)]
struct Round {
    number: u64,
    begun: UnixMillis,
    /// Who has not answered, and what had been taken from it in all when it was asked.
    waiting: BTreeMap<Partition, Total>,
    /// Somebody gave something since.
    brought: bool,
    ended: Option<UnixMillis>,
}

/// How it stands with the room under a cap elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Elsewhere {
    /// Nobody knows now: the others are to be asked.
    Unknown,
    /// The others are being asked.
    Asked,
    /// A moment ago there was none.
    None,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    rounds: BTreeMap<Cap, Round>,
    /// How many there were.
    begun: u64,
}

impl Rounds {
    pub(crate) fn elsewhere(&self, cap: Cap, now: UnixMillis) -> Elsewhere {
        let Some(round) = self.rounds.get(&cap) else { return Elsewhere::Unknown };
        match round.ended {
            // An answer is lost where a queue between partitions was full.
            None if now.since(round.begun) > LEASE_PATIENCE_MS => Elsewhere::Unknown,
            None => Elsewhere::Asked,
            Some(ended) if !round.brought && now.since(ended) <= LEASE_FRESH_MS => Elsewhere::None,
            Some(_) => Elsewhere::Unknown,
        }
    }

    /// Begins to ask these, from each of which so much has been taken; returns the number of the round.
    pub(crate) fn begin(
        &mut self,
        cap: Cap,
        others: impl Iterator<Item = (Partition, Total)>,
        now: UnixMillis,
    ) -> u64 {
        self.begun += 1;
        let number = self.begun;
        let waiting = others.collect();
        self.rounds.insert(cap, Round { number, begun: now, waiting, brought: false, ended: None });
        number
    }

    /// One of them has answered what it has given in all. That may have come by another way meanwhile, and is something all the same.
    pub(crate) fn told(&mut self, cap: Cap, number: u64, by: Partition, given: Total, now: UnixMillis) {
        // A late answer says nothing of how it stands now.
        let Some(round) = self.rounds.get_mut(&cap).filter(|round| round.number == number) else { return };
        round.brought |= round.waiting.remove(&by).is_some_and(|taken| given > taken);
        if round.waiting.is_empty() {
            round.ended.get_or_insert(now);
        }
    }
}
