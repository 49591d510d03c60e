//! What a destination sends.

use bytes::BytesMut;
use holdfast_protocol::{
    Acknowledge, Amount, Answer, ApprovalCode, Authorize, DecidedBy, DeliveryNumber, Epoch, Extensions, Kind,
    Message, Outcome, Partition, Reason, Refund, Sequence, State, TransactionKey,
};
use xxhash_rust::xxh3::xxh3_64;

use super::record::Decided;

/// Digest of everything but repeat flag, attempt and remaining budget.
pub(super) fn content_of(request: &Authorize, scratch: &mut BytesMut) -> u64 {
    scratch.clear();
    let first = Authorize { repeat: false, attempt: 1, budget_ms: 1, ..request.clone() };
    Message::Authorize(first).encode(scratch);
    xxh3_64(scratch)
}

/// The same of a refund: another message, so never the same digest as that of an authorize.
pub(super) fn content_of_refund(request: &Refund, scratch: &mut BytesMut) -> u64 {
    scratch.clear();
    let first = Refund { repeat: false, attempt: 1, budget_ms: 1, ..request.clone() };
    Message::Refund(first).encode(scratch);
    xxh3_64(scratch)
}

/// The acknowledgement of a delivery.
pub(super) const fn acknowledge(key: TransactionKey, delivery: DeliveryNumber) -> Message {
    Message::Acknowledge(Acknowledge { original: key.id, originator: key.originator, delivery })
}

/// The recorded answer: the same to every copy (rule 2).
pub(super) fn answer(key: TransactionKey, decided: &Decided) -> Answer {
    let (outcome, state) = match decided.kind {
        _ if decided.reason != Reason::None => (Outcome::Declined, State::Declined),
        Kind::Pay => (Outcome::Approved, State::Captured),
        Kind::Reserve | Kind::Verify => (Outcome::Approved, State::Held),
    };
    let Decided { reason, amount, approval_code, .. } = *decided;
    Answer { outcome, state, reason, amount, approval_code, ..blank(key) }
}

/// The answer to a forward that comes after its reversal (rule 11). It is not recorded: the tombstone is.
pub(super) fn reversed_before_arrival(key: TransactionKey) -> Answer {
    let reason = Reason::ReversedBeforeArrival;
    Answer { outcome: Outcome::Declined, state: State::Reversed, reason, ..blank(key) }
}

/// Nothing was recorded, and nothing is said about other copies (rule 5).
pub(super) fn refused(key: TransactionKey, reason: Reason, retry_after_ms: u16) -> Answer {
    Answer { reason, retry_after_ms, ..blank(key) }
}

fn blank(key: TransactionKey) -> Answer {
    Answer {
        id: key.id,
        originator: Some(key.originator),
        outcome: Outcome::Refused,
        state: State::None,
        reason: Reason::None,
        decided_by: DecidedBy::Destination,
        amount: Amount::ZERO,
        approval_code: ApprovalCode::NONE,
        settlement_date: None,
        partition: Partition(0),
        epoch: Epoch(0),
        sequence: Sequence(0),
        retry_after_ms: 0,
        extensions: Extensions::NONE,
    }
}
