//! A destination acknowledges a delivery.

use holdfast_protocol::{Acknowledge, Complete, TransactionKey};

use super::Desk;
use crate::effect::{Delivery, Effect};
use crate::fact::Fact;
use crate::input::From;
use crate::ledger::record::Standing;

pub(crate) fn decide(desk: &mut Desk<'_>, from: From, m: &Acknowledge) {
    let key = TransactionKey { originator: m.originator, id: m.original };
    let Some(record) = desk.ledger.remembered.transaction(key) else {
        desk.counters.acknowledgements_unexpected += 1;
        return;
    };
    match record.standing() {
        Standing::Open(index) => {
            let transaction = desk.ledger.transactions.get(index);
            let shared = desk
                .view
                .receivers(from.participant)
                .any(|link| link.session == from.session && link.shared_deduplication);
            // An acknowledgement from another instance closes nothing: it may not know what it acknowledges.
            let instance_knows = shared || transaction.instance.is_none_or(|i| i == from.instance);
            let number = transaction.deliveries.first().map(Delivery::number);
            let sent = desk.schedule.flight(index).sends > 0;
            let expected = transaction.destination == from.participant && number == Some(m.delivery);
            if expected && sent && instance_knows {
                desk.fact(Fact::Acknowledged { key, delivery: m.delivery });
            } else {
                desk.counters.acknowledgements_unexpected += 1;
            }
        }
        // Acknowledged before, and the word that nothing more will come may have been lost.
        Standing::Closed(closed) => {
            if closed.destination == Some(from.participant) {
                let complete = Complete { original: key.id, originator: key.originator };
                desk.out.effects.push(Effect::Complete { to: from.session, complete });
            } else {
                desk.counters.acknowledgements_unexpected += 1;
            }
        }
    }
}
