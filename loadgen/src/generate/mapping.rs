//! Who of a dump is who of a trace: by name where every name is one that `loadgen` gives, else in the order of their numbers.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::dump::{Dump, Recorded};
use crate::random::{Random, mix};
use crate::traffic::arrival::Payee;

/// The most operators, and the most acquirers, that can be played.
const PLAYED_MAX: u32 = 64;
const MERCHANTS_MAX: u32 = 10_000;
const OPERATOR_BITS: u32 = 6;
/// Accounts that are drawn where a dump does not tell them apart.
const ACCOUNTS: u32 = 1_000_000;

/// See the module.
#[derive(Debug)]
pub(super) struct Mapping {
    pub(super) operators: u32,
    pub(super) acquirers: u32,
    /// By participant number: counted from zero, acquirers first, then operators.
    destinations: BTreeMap<u16, u16>,
    /// By participant number, counted from zero.
    originators: BTreeMap<u16, u16>,
    /// Where payment IDs of a system lead.
    systems: HashMap<String, u16>,
    /// By destination: payment IDs in the order in which they came.
    merchants: BTreeMap<u16, HashMap<Rc<str>, u16>>,
    accounts: Vec<Random>,
    seed: u64,
}

impl Mapping {
    /// Of everybody who sent or was sent something.
    ///
    /// # Errors
    /// Where they are more than can be played.
    pub(super) fn new(dump: &Dump, transactions: &[Recorded], seed: u64) -> Result<Self, String> {
        let originates = |number: &u16| dump.participants.get(number).is_some_and(|p| p.originates);
        let senders: BTreeSet<u16> = transactions.iter().map(|t| t.originator).collect();
        let receivers: BTreeSet<u16> = transactions.iter().filter_map(|t| t.destination).collect();
        let is_operator = |number: &u16| senders.contains(number) || originates(number);
        let operators: BTreeSet<u16> = senders.union(&receivers).copied().filter(is_operator).collect();
        let acquirers: BTreeSet<u16> =
            receivers.iter().copied().filter(|number| !is_operator(number)).collect();
        let (operators, operator_count) = places(dump, &operators, "operator-")?;
        let (acquirers, acquirer_count) = places(dump, &acquirers, "acquirer-")?;
        let short = |count: u32| u16::try_from(count).expect("64 at most");
        let above = operators.iter().map(|(number, place)| (*number, place + short(acquirer_count)));
        let destinations = acquirers.iter().map(|(number, place)| (*number, *place)).chain(above).collect();
        let mut systems = HashMap::new();
        for transaction in transactions {
            if let Some(destination) = transaction.destination {
                systems.entry(system(&transaction.payment_id).to_owned()).or_insert(destination);
            }
        }
        Ok(Self {
            operators: operator_count,
            acquirers: acquirer_count,
            destinations,
            originators: operators,
            systems,
            merchants: BTreeMap::new(),
            accounts: (0..operator_count).map(|operator| Random::new(seed, u64::from(operator))).collect(),
            seed,
        })
    }

    /// Counted from zero.
    pub(super) fn operator(&self, originator: u16) -> usize {
        usize::from(self.originators[&originator])
    }

    /// Whom it was for. What the switch did not forward goes where others with such a payment ID went, or else to the first.
    pub(super) fn payee(&mut self, t: &Recorded) -> Payee {
        let number = t.destination.or_else(|| self.systems.get(system(&t.payment_id)).copied());
        let destination = number.and_then(|number| self.destinations.get(&number)).copied().unwrap_or(0);
        let known = self.merchants.entry(destination).or_default();
        let next = u16::try_from(known.len() % MERCHANTS_MAX as usize).expect("ten thousand are 16 bits");
        let merchant = *known.entry(Rc::clone(&t.payment_id)).or_insert(next);
        Payee { destination, merchant }
    }

    /// Merchants of the destination that has most.
    pub(super) fn merchants(&self) -> u32 {
        let most = self.merchants.values().map(HashMap::len).max().unwrap_or(1);
        u32::try_from(most).unwrap_or(u32::MAX).clamp(1, MERCHANTS_MAX)
    }

    /// A made-up account: the same where the last characters of the instrument are the same; drawn where there are none.
    pub(super) fn account(&mut self, t: &Recorded) -> u64 {
        let operator = self.operator(t.originator);
        let shown = t.instrument.trim_start_matches('*');
        let payer = if shown.is_empty() || shown == "none" {
            self.accounts[operator].below(ACCOUNTS)
        } else {
            let digest = shown.bytes().fold(self.seed, |digest, byte| mix(digest ^ u64::from(byte)));
            u32::try_from(digest % u64::from(ACCOUNTS)).expect("a million is 32 bits")
        };
        (u64::from(payer) << OPERATOR_BITS) | operator as u64
    }

    /// Who is who, for people.
    pub(super) fn words(&self, dump: &Dump) -> String {
        let acquirers = u16::try_from(self.acquirers).expect("64 at most");
        let word = |(number, place): (&u16, &u16)| {
            let name = dump.participants.get(number).map_or_else(|| number.to_string(), |p| p.name.clone());
            match place.checked_sub(acquirers) {
                Some(operator) => format!("{name} is operator {}", operator + 1),
                None => format!("{name} is acquirer {}", place + 1),
            }
        };
        self.destinations.iter().map(word).collect::<Vec<_>>().join(", ")
    }
}

/// The part of a payment ID that names the system.
fn system(payment_id: &str) -> &str {
    payment_id.rsplit_once('@').map_or(payment_id, |(_, system)| system)
}

/// The place of each, counted from zero, and how many places there are: at least one.
fn places(dump: &Dump, numbers: &BTreeSet<u16>, prefix: &str) -> Result<(BTreeMap<u16, u16>, u32), String> {
    let by_name = |number: &u16| {
        let name = &dump.participants.get(number)?.name;
        let place: u16 = name.strip_prefix(prefix)?.parse().ok()?;
        (1..=PLAYED_MAX).contains(&u32::from(place)).then(|| (*number, place - 1))
    };
    let named: Option<BTreeMap<u16, u16>> = numbers.iter().map(by_name).collect();
    let places = named.unwrap_or_else(|| numbers.iter().copied().zip(0..).collect());
    let count = places.values().max().map_or(1, |last| u32::from(*last) + 1);
    if count > PLAYED_MAX {
        return Err(format!(
            "{count} participants that would be called {prefix}1 and so on; {PLAYED_MAX} can be played"
        ));
    }
    Ok((places, count))
}
