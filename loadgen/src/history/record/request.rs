//! Records of requests, sent, received or delivered.

use holdfast_protocol::{
    Authorize, Capture, Currency, DeliveryNumber, MessageType, ParticipantNumber, PaymentId, Refund, Release,
    RequestId, Reverse,
};

use super::Record;
use super::layout::{
    AMOUNT, APPLIED, ATTEMPT, CAPTURES_MANY, CURRENCY, DELIVERY, DIGEST, EXPIRED, ID, LAST, MESSAGE,
    ORIGINAL, ORIGINATOR, PARTIAL_ALLOWED, PAYMENT_KIND, REPEAT,
};

impl Record {
    /// Which message it was about, and which copy.
    #[inline]
    #[must_use]
    pub fn about(mut self, message: MessageType, attempt: u8) -> Self {
        self.put(MESSAGE, [message.number()]);
        self.put(ATTEMPT, [attempt]);
        self
    }

    /// Names a request of a transaction.
    #[inline]
    #[must_use]
    pub fn ids(mut self, originator: ParticipantNumber, id: RequestId, original: RequestId) -> Self {
        self.put(ORIGINATOR, originator.get().to_le_bytes());
        self.put(ID, id.to_bytes());
        self.put(ORIGINAL, original.to_bytes());
        self
    }

    #[inline]
    pub(super) fn money(mut self, currency: Currency, amount: u64) -> Self {
        self.put(CURRENCY, currency.number().to_le_bytes());
        self.put(AMOUNT, amount.to_le_bytes());
        self
    }

    /// Which delivery it was.
    #[must_use]
    pub fn delivery(mut self, delivery: Option<DeliveryNumber>) -> Self {
        self.put(DELIVERY, delivery.map_or(0, |n| n.0).to_le_bytes());
        self
    }

    /// An authorize as it is sent or received.
    #[inline]
    #[must_use]
    pub fn authorize(self, m: &Authorize, originator: ParticipantNumber, applied: bool, digest: u64) -> Self {
        let mut record = self
            .about(MessageType::Authorize, m.attempt)
            .ids(originator, m.id, m.id)
            .money(m.currency, m.amount.minor())
            .flag(REPEAT, m.repeat)
            .flag(PARTIAL_ALLOWED, m.partial_allowed)
            .flag(CAPTURES_MANY, m.captures_many)
            .flag(APPLIED, applied);
        record.put(PAYMENT_KIND, [m.kind as u8]);
        record.put(DIGEST, digest.to_le_bytes());
        record
    }

    /// A refund as it is sent or received: a request that opens a transaction, as an authorize does.
    #[must_use]
    pub fn refund(self, m: &Refund, originator: ParticipantNumber, applied: bool) -> Self {
        let mut record = self
            .about(MessageType::Authorize, m.attempt)
            .ids(originator, m.id, m.id)
            .money(m.currency, m.amount.minor())
            .flag(REPEAT, m.repeat)
            .flag(APPLIED, applied);
        record.put(PAYMENT_KIND, [REFUND]);
        record.put(DIGEST, refund_digest(m.original).to_le_bytes());
        record
    }

    /// A capture as it is sent or delivered.
    #[must_use]
    pub fn capture(self, m: &Capture, originator: ParticipantNumber, applied: bool) -> Self {
        self.about(MessageType::Capture, m.attempt)
            .ids(originator, m.id, m.original)
            .money(m.currency, m.amount.minor())
            .delivery(m.delivery)
            .flag(REPEAT, m.repeat)
            .flag(LAST, m.last)
            .flag(APPLIED, applied)
    }

    /// A release as it is sent or delivered.
    #[must_use]
    pub fn release(self, m: &Release, originator: ParticipantNumber, applied: bool) -> Self {
        self.about(MessageType::Release, m.attempt)
            .ids(originator, m.id, m.original)
            .delivery(m.delivery)
            .flag(REPEAT, m.repeat)
            .flag(EXPIRED, m.expired)
            .flag(APPLIED, applied)
    }

    /// A reversal as it is sent or delivered.
    #[must_use]
    pub fn reverse(self, m: &Reverse, originator: ParticipantNumber, applied: bool) -> Self {
        self.about(MessageType::Reverse, m.attempt)
            .ids(originator, m.id, m.original)
            .delivery(m.delivery)
            .flag(REPEAT, m.repeat)
            .flag(APPLIED, applied)
    }
}

/// The kind of payment of a refund.
pub(super) const REFUND: u8 = 4;

/// The digest of a payment ID's text, `MERCHANT@MPS`.
pub fn payment_id_digest(id: &PaymentId) -> u64 {
    let text = [id.merchant.as_str(), "@", id.mps.as_str()];
    digest(text.into_iter().flat_map(str::bytes))
}

/// The digest of the id of what a refund refunds, as text.
fn refund_digest(original: RequestId) -> u64 {
    digest(original.to_string().bytes())
}

fn digest(text: impl Iterator<Item = u8>) -> u64 {
    text.fold(0xcbf2_9ce4_8422_2325, |digest, byte| {
        (digest ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
