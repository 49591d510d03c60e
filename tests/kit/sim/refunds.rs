//! A refund as the payment that it is to whoever forwards, answers and books it: decided by one approval, held by nobody.

use std::borrow::Cow;

use holdfast_protocol::{
    Authorize, Channel, InstrumentReference, Kind, Message, Refund, SecurityLevel, UnixMillis,
};

/// With the id of its original in place of the instrument, so that the content is compared as a whole.
pub(crate) fn as_payment(m: &Refund) -> Authorize {
    Authorize {
        id: m.id,
        originator: m.originator,
        kind: Kind::Pay,
        payment_id: "refund@refunds".parse().expect("allowed text"),
        instrument: InstrumentReference::new(&m.original.to_bytes()).expect("at most 32 bytes"),
        amount: m.amount,
        currency: m.currency,
        security_level: SecurityLevel::One,
        channel: Channel::Unspecified,
        expires: m.expires,
        hold_until: UnixMillis::default(),
        budget_ms: m.budget_ms,
        partial_allowed: false,
        captures_many: false,
        repeat: m.repeat,
        attempt: m.attempt,
        settlement_date: m.settlement_date,
        extensions: m.extensions.clone(),
    }
}

/// What opens a transaction.
pub(crate) fn opening(message: &Message) -> Option<Cow<'_, Authorize>> {
    match message {
        Message::Authorize(m) => Some(Cow::Borrowed(m)),
        Message::Refund(m) => Some(Cow::Owned(as_payment(m))),
        _ => None,
    }
}
