//! What a hold still holds is given back.

use holdfast_protocol::{Reason, Release, TransactionKey};

use super::{Desk, original};
use crate::fact::{Fact, FollowUp};
use crate::input::From;
use crate::ledger::content::Content;
use crate::ledger::record::{Standing, TransactionRecord};
use crate::transaction::money::{Event, Money, Step, next};

pub(crate) fn decide(desk: &mut Desk<'_>, from: From, m: &Release) {
    let request = FollowUp::Release(m.clone());
    if !original::is_new(desk, from, &request, m.expires, Content::of_release(m)) {
        return;
    }
    looked_up(desk, from, m);
}

/// One whose own id is new.
pub(super) fn looked_up(desk: &mut Desk<'_>, from: From, m: &Release) {
    let request = FollowUp::Release(m.clone());
    let key = TransactionKey { originator: from.participant, id: m.original };
    let reason = match original::find(desk, key) {
        original::Original::Transaction(record) => match check(desk, key, record) {
            Ok(()) => {
                let settlement_date = desk.ledger.date();
                desk.fact(Fact::Released {
                    originator: from.participant,
                    request: m.clone(),
                    settlement_date,
                });
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

fn check(desk: &mut Desk<'_>, key: TransactionKey, record: &TransactionRecord) -> Result<(), Reason> {
    let terms = record.terms().ok_or(Reason::OriginalReversed)?;
    if terms.kind.is_captured_by_approval() {
        return Err(Reason::NotCapturable);
    }
    let (money, hold_until) = match record.standing() {
        Standing::Open(index) => {
            let transaction = desk.ledger.transactions.get(index);
            (transaction.money, transaction.hold_until)
        }
        Standing::Closed(closed) => (Money::Closed(closed.ending), desk.now),
    };
    if let Step::Refuse(reason) = next(money, Event::Release) {
        return Err(reason);
    }
    if hold_until <= desk.now {
        desk.fact(Fact::Expired(key));
        return Err(Reason::HoldExpired);
    }
    Ok(())
}
