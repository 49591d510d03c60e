//! The configuration and the status of participants: the difference to the ledger becomes facts.

use std::collections::BTreeMap;

use holdfast_protocol::{Currency, ParticipantNumber};

use super::{Desk, lease};
use crate::fact::Fact;
use crate::ledger::participants::Participant;
use crate::ledger::state::Ledger;
use crate::registry::{ParticipantRecord, ParticipantStatus, Route};

/// Why a configuration cannot be taken as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigurationError {
    /// It is not in the file, but has open work or a position that is not flat.
    #[error("{name} (number {number}) cannot be removed or get another number: {what}")]
    OpenWork {
        /// Which.
        number: ParticipantNumber,
        /// Its name.
        name: String,
        /// What is open, in words.
        what: String,
    },
    /// A number stands for one participant for ever.
    #[error("participant number {number} is that of {:?} for ever, also when that is removed: {:?} needs another", .has, .wants)]
    NumberTaken {
        /// Which.
        number: ParticipantNumber,
        /// Whose it is.
        has: String,
        /// Who would get it.
        wants: String,
    },
}

/// Why a participant may not go yet: something open, held or owed.
fn keeps(participant: &Participant) -> Option<String> {
    if participant.is_settled() {
        return None;
    }
    let mut open = Vec::new();
    if participant.open > 0 {
        open.push(format!("it has open work ({} of its transactions)", participant.open));
    }
    for p in participant.positions.iter().filter(|p| !p.is_flat()) {
        let (held, exposure, currency) =
            (p.held.to_text(p.currency), p.exposure().to_text(p.currency), p.currency);
        open.push(format!("its exposure is {exposure} {currency}, {held} {currency} of it held"));
    }
    Some(open.join("; "))
}

pub(crate) fn check(ledger: &Ledger, wanted: &[ParticipantRecord]) -> Result<(), ConfigurationError> {
    let wanted: BTreeMap<_, _> = wanted.iter().map(|record| (record.number, record)).collect();
    for participant in ledger.participants.iter() {
        let number = participant.record.number;
        match wanted.get(&number) {
            Some(record) if record.name == participant.record.name => {}
            Some(record) => {
                let (has, wants) = (participant.record.name.clone(), record.name.clone());
                return Err(ConfigurationError::NumberTaken { number, has, wants });
            }
            None if participant.removed => {}
            None => {
                if let Some(what) = keeps(participant) {
                    let name = participant.record.name.clone();
                    return Err(ConfigurationError::OpenWork { number, name, what });
                }
            }
        }
    }
    Ok(())
}

/// A configuration that [`check`] refuses changes nothing.
pub(crate) fn configure(desk: &mut Desk<'_>, participants: &[ParticipantRecord], routes: &[Route]) {
    if check(desk.ledger, participants).is_err() {
        desk.counters.configurations_refused += 1;
        return;
    }
    let mut wanted = participants.to_vec();
    wanted.sort_by_key(|record| record.number);
    for record in &mut wanted {
        record.caps.sort_unstable();
        record.limits.sort_by_key(|(level, _)| *level);
        for (_, limits) in &mut record.limits {
            limits.currencies.sort_by_key(|(currency, _)| *currency);
        }
    }
    for record in &wanted {
        let before = desk.ledger.participants.get(record.number).map(|participant| &participant.record);
        if before != Some(record) {
            let lowered = before.map_or_else(Vec::new, |before| lowered(before, record));
            desk.fact(Fact::ParticipantConfigured(record.clone()));
            lowered.into_iter().for_each(|currency| lease::give_back(desk, (record.number, currency)));
        }
    }
    let mut routes = routes.to_vec();
    routes.sort();
    if desk.ledger.routes.all() != routes {
        desk.fact(Fact::RoutesConfigured(routes));
    }
    let gone: Vec<ParticipantNumber> = desk
        .ledger
        .participants
        .iter()
        .filter(|p| !p.removed)
        .map(|p| p.record.number)
        .filter(|number| wanted.binary_search_by_key(number, |record| record.number).is_err())
        .collect();
    for number in gone {
        desk.fact(Fact::ParticipantRemoved(number));
    }
}

/// In which currencies there is less room than before.
fn lowered(before: &ParticipantRecord, now: &ParticipantRecord) -> Vec<Currency> {
    let cap = |currency| now.caps.iter().find(|(agreed, _)| *agreed == currency).map(|(_, cap)| *cap);
    let lowered =
        before.caps.iter().filter(|(currency, before)| cap(*currency).is_none_or(|cap| cap < *before));
    lowered.map(|(currency, _)| *currency).collect()
}

pub(crate) fn set_status(desk: &mut Desk<'_>, number: ParticipantNumber, status: ParticipantStatus) {
    if desk.ledger.participants.get(number).is_some_and(|p| p.status != status) {
        desk.fact(Fact::ParticipantStatusSet(number, status));
    }
}
