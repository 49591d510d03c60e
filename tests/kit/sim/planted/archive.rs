//! Wrongs of the archive: what it found is not what the core hears.

use std::collections::HashMap;

use holdfast_core::input::Recalled;
use holdfast_core::leaving::Archived;
use holdfast_core::snapshot::Linked;
use holdfast_protocol::TransactionKey;

use super::Planted;

/// What was found of each id the first time.
#[derive(Debug, Default)]
pub(crate) struct FirstFound(HashMap<TransactionKey, Archived>);

impl FirstFound {
    /// What the core hears instead; none where it hears what was found.
    pub(super) fn wrong(
        &mut self,
        planted: Planted,
        key: TransactionKey,
        recalled: &Recalled,
    ) -> Option<Recalled> {
        match (planted, *recalled) {
            (Planted::UnavailableTakenForAbsent, Recalled::Unavailable)
            | (Planted::ArchivedTakenForAbsent, Recalled::Found(_)) => Some(Recalled::Absent),
            (Planted::OldIndexAnswers, Recalled::Found(found)) => {
                Some(Recalled::Found(*self.0.entry(key).or_insert(found)))
            }
            (Planted::RefundsNotArchived, Recalled::Found(Archived::Transaction(mut entry))) => {
                matches!(entry.linked, Linked::Refunded(_)).then(|| {
                    entry.linked = Linked::Alone;
                    Recalled::Found(Archived::Transaction(entry))
                })
            }
            (Planted::RecalledDebtorSwapped, Recalled::Found(Archived::Transaction(mut entry))) => {
                let terms = entry.closed.terms.as_mut()?;
                terms.debtor = terms.debtor.opposite();
                Some(Recalled::Found(Archived::Transaction(entry)))
            }
            _ => None,
        }
    }
}
