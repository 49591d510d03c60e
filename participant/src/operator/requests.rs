//! What an operator asks for, in its own terms.

use holdfast_protocol::{
    Amount, Authorize, Capture, Channel, Currency, Extensions, InstrumentReference, Kind, Message, PaymentId,
    Refund, Release, RequestId, Reverse, SecurityLevel, UnixMillis,
};

use super::agreement::Operation;

/// The id of a call and how long it may be accepted as new work.
///
/// An operator that must survive its own crash writes it down before the call, and afterwards makes the same call with
/// [`Self::again`]: it gets the one outcome (rule 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallId {
    /// The request's id.
    pub id: RequestId,
    /// When the switch no longer accepts it as new work. Part of the content.
    pub expires: UnixMillis,
    /// Whether an earlier run may have sent it.
    pub sent_before: bool,
}

impl CallId {
    /// The same call, which may have been sent before: it is marked as a repeat, and no refusal of it means "not
    /// done".
    #[must_use]
    pub const fn again(self) -> Self {
        Self { sent_before: true, ..self }
    }
}

/// Who pays whom how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The payee.
    pub payment_id: PaymentId,
    /// What pays.
    pub instrument: InstrumentReference,
    /// How much; never zero.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// Under which security level the client was served.
    pub security_level: SecurityLevel,
    /// How the client's request came.
    pub channel: Channel,
    /// Whether the destination may approve less.
    pub partial_allowed: bool,
    /// What travels along unchanged.
    pub extensions: Extensions,
}

impl Terms {
    /// Terms with the usual rest: no instrument named, security level 2, no channel said, no partial approval.
    pub const fn new(payment_id: PaymentId, amount: Amount, currency: Currency) -> Self {
        Self {
            payment_id,
            instrument: InstrumentReference::NONE,
            amount,
            currency,
            security_level: SecurityLevel::Two,
            channel: Channel::Unspecified,
            partial_allowed: false,
            extensions: Extensions::NONE,
        }
    }
}

/// A request that changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallRequest {
    /// Pay.
    Pay(Terms),
    /// Hold an amount until a time; whether it may be captured in several parts.
    Reserve(Terms, UnixMillis, bool),
    /// Hold a small amount to prove who owns an instrument, until a time.
    Verify(Terms, UnixMillis),
    /// Take from a hold.
    Capture {
        /// The id of the reservation.
        original: RequestId,
        /// How much; never zero.
        amount: Amount,
        /// The currency of the reservation.
        currency: Currency,
        /// Whether the rest is released with it.
        last: bool,
    },
    /// Give a hold back.
    Release {
        /// The id of the reservation or verification.
        original: RequestId,
    },
    /// Undo a transaction as a whole.
    Reverse {
        /// The id of the payment, reservation or verification.
        original: RequestId,
        /// Its payee.
        payment_id: PaymentId,
        /// Why, as the operator numbers its reasons; zero for none.
        reason: u16,
    },
    /// Give captured money back: a transaction of its own, under its own id (rule 15).
    Refund {
        /// The id of the payment or reservation.
        original: RequestId,
        /// How much; never zero.
        amount: Amount,
        /// The currency of the original.
        currency: Currency,
    },
}

impl CallRequest {
    pub(crate) const fn operation(&self) -> Operation {
        match self {
            Self::Pay(_) => Operation::Pay,
            Self::Reserve(..) => Operation::Reserve,
            Self::Verify(..) => Operation::Verify,
            Self::Capture { .. } => Operation::Capture,
            Self::Release { .. } => Operation::Release,
            Self::Reverse { .. } => Operation::Reverse,
            Self::Refund { .. } => Operation::Refund,
        }
    }

    /// The message of one copy. Only repeat flag, attempt and budget differ between copies.
    pub(crate) fn message(&self, call: CallId, copy: Copy) -> Message {
        match self {
            Self::Pay(terms) => authorize(terms, Kind::Pay, None, false, call, copy),
            Self::Reserve(terms, until, many) => {
                authorize(terms, Kind::Reserve, Some(*until), *many, call, copy)
            }
            Self::Verify(terms, until) => authorize(terms, Kind::Verify, Some(*until), false, call, copy),
            Self::Capture { original, amount, currency, last } => Message::Capture(Capture {
                id: call.id,
                original: *original,
                originator: None,
                amount: *amount,
                currency: *currency,
                last: *last,
                expires: call.expires,
                delivery: None,
                repeat: copy.repeat,
                attempt: copy.attempt,
                settlement_date: None,
                extensions: Extensions::NONE,
            }),
            Self::Release { original } => Message::Release(Release {
                id: call.id,
                original: *original,
                originator: None,
                expires: call.expires,
                delivery: None,
                expired: false,
                repeat: copy.repeat,
                attempt: copy.attempt,
                extensions: Extensions::NONE,
            }),
            Self::Reverse { original, payment_id, reason } => Message::Reverse(Reverse {
                id: call.id,
                original: *original,
                originator: None,
                payment_id: *payment_id,
                reason: *reason,
                expires: call.expires,
                delivery: None,
                repeat: copy.repeat,
                attempt: copy.attempt,
                settlement_date: None,
                extensions: Extensions::NONE,
            }),
            Self::Refund { original, amount, currency } => Message::Refund(Refund {
                id: call.id,
                original: *original,
                originator: None,
                amount: *amount,
                currency: *currency,
                expires: call.expires,
                budget_ms: copy.budget_ms,
                repeat: copy.repeat,
                attempt: copy.attempt,
                settlement_date: None,
                extensions: Extensions::NONE,
            }),
        }
    }
}

/// What differs between the copies of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Copy {
    pub(crate) repeat: bool,
    pub(crate) attempt: u8,
    pub(crate) budget_ms: u32,
}

fn authorize(
    terms: &Terms,
    kind: Kind,
    hold_until: Option<UnixMillis>,
    captures_many: bool,
    call: CallId,
    copy: Copy,
) -> Message {
    Message::Authorize(Authorize {
        id: call.id,
        originator: None,
        kind,
        payment_id: terms.payment_id,
        instrument: terms.instrument,
        amount: terms.amount,
        currency: terms.currency,
        security_level: terms.security_level,
        channel: terms.channel,
        expires: call.expires,
        hold_until: hold_until.unwrap_or_default(),
        budget_ms: copy.budget_ms,
        partial_allowed: terms.partial_allowed,
        captures_many,
        repeat: copy.repeat,
        attempt: copy.attempt,
        settlement_date: None,
        extensions: terms.extensions.clone(),
    })
}
