//! A part or all of a hold is taken (rule 18).

use holdfast_protocol::{Amount, Capture, Reason, TransactionKey};

use super::{Desk, original};
use crate::fact::{Fact, FollowUp};
use crate::input::From;
use crate::ledger::content::Content;
use crate::ledger::record::{Standing, TransactionRecord};
use crate::transaction::TransactionKind;
use crate::transaction::money::{Event, Money, Step, next};

pub(crate) fn decide(desk: &mut Desk<'_>, from: From, m: &Capture) {
    let request = FollowUp::Capture(m.clone());
    if !original::is_new(desk, from, &request, m.expires, Content::of_capture(m)) {
        return;
    }
    looked_up(desk, from, m);
}

/// One whose own id is new.
pub(super) fn looked_up(desk: &mut Desk<'_>, from: From, m: &Capture) {
    let request = FollowUp::Capture(m.clone());
    let key = TransactionKey { originator: from.participant, id: m.original };
    let reason = match original::find(desk, key) {
        original::Original::Transaction(record) => match check(desk, key, m, record) {
            Ok(()) => {
                let settlement_date = desk.ledger.date();
                desk.fact(Fact::Captured {
                    originator: from.participant,
                    request: m.clone(),
                    settlement_date,
                });
                return;
            }
            Err(Reason::DeliveryQueueFull) => {
                desk.refuse(from, m.id, m.original, Reason::DeliveryQueueFull);
                return;
            }
            Err(reason) => reason,
        },
        original::Original::FollowUp(_) | original::Original::Unknown => Reason::OriginalUnknown,
        original::Original::Recall => {
            original::recall(desk, from, request);
            return;
        }
    };
    original::decline(desk, from, request, reason);
}

/// Why the capture cannot be. A hold whose time has come ends first, whether or not a tick was so far (rule 20).
fn check(
    desk: &mut Desk<'_>,
    key: TransactionKey,
    m: &Capture,
    record: &TransactionRecord,
) -> Result<(), Reason> {
    let terms = record.terms().ok_or(Reason::OriginalReversed)?;
    if terms.kind != TransactionKind::Reserve {
        return Err(Reason::NotCapturable);
    }
    let event = if m.last { Event::CaptureLast } else { Event::CapturePart };
    let (money, transaction) = match record.standing() {
        Standing::Open(index) => {
            let transaction = desk.ledger.transactions.get(index);
            (transaction.money, Some(transaction))
        }
        Standing::Closed(closed) => (Money::Closed(closed.ending), None),
    };
    if let Step::Refuse(reason) = next(money, event) {
        return Err(reason);
    }
    let transaction = transaction.expect("what may be captured is held, so it is open");
    if transaction.hold_until <= desk.now {
        desk.fact(Fact::Expired(key));
        return Err(Reason::HoldExpired);
    }
    if terms.currency != m.currency {
        return Err(Reason::CurrencyDiffers);
    }
    if m.amount > transaction.open_amount() || m.amount == Amount::ZERO {
        return Err(Reason::CaptureAboveHold);
    }
    if !m.last && !transaction.captures_many {
        return Err(Reason::CapturesManyNotAllowed);
    }
    let most = desk.settings.deliveries_for_transaction_max.min(crate::settings::DELIVERIES_MOST);
    if !m.last && u16::from(transaction.deliveries_made) >= most {
        return Err(Reason::TooManyDeliveries);
    }
    let destination = desk.ledger.participants.known(transaction.destination);
    // What ends a transaction has a slot reserved; a part has not.
    let slots = u64::from(destination.undelivered) + u64::from(destination.unfinished) + 1;
    if !m.last && slots > u64::from(desk.settings.undelivered_for_destination_max) {
        return Err(Reason::DeliveryQueueFull);
    }
    Ok(())
}
