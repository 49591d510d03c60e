//! Takes typed fields off the fixed part of a frame, in order.

use super::DecodeError;
use crate::answer::ApprovalCode;
use crate::ids::{DeliveryNumber, ParticipantNumber, RequestId};
use crate::money::{Amount, Currency};
use crate::payment_id::{Merchant, MpsId, PaymentId};
use crate::reason::Reason;
use crate::time::{BusinessDate, UnixMillis};

/// The rest of a fixed part. Each method takes the next field or says which one is wrong.
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) const fn new(fixed: &'a [u8]) -> Self {
        Self { rest: fixed }
    }

    #[inline(always)]
    pub(crate) fn bytes<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(DecodeError::malformed(field))?;
        self.rest = rest;
        Ok(*head)
    }

    #[inline(always)]
    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        self.bytes::<1>(field).map(u8::from_le_bytes)
    }

    #[inline(always)]
    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        self.bytes::<2>(field).map(u16::from_le_bytes)
    }

    #[inline(always)]
    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        self.bytes::<4>(field).map(u32::from_le_bytes)
    }

    #[inline(always)]
    pub(crate) fn u64(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        self.bytes::<8>(field).map(u64::from_le_bytes)
    }

    #[inline(always)]
    pub(crate) fn request_id(&mut self, field: &'static str) -> Result<RequestId, DecodeError> {
        self.bytes(field).map(RequestId::from_bytes)
    }

    #[inline(always)]
    pub(crate) fn time(&mut self, field: &'static str) -> Result<UnixMillis, DecodeError> {
        UnixMillis::new(self.u64(field)?).ok_or(DecodeError::malformed(field))
    }

    #[inline(always)]
    pub(crate) fn participant(
        &mut self,
        field: &'static str,
    ) -> Result<Option<ParticipantNumber>, DecodeError> {
        self.u16(field).map(ParticipantNumber::new)
    }

    #[inline(always)]
    pub(crate) fn delivery(&mut self, field: &'static str) -> Result<Option<DeliveryNumber>, DecodeError> {
        self.u16(field).map(|n| (n > 0).then_some(DeliveryNumber(n)))
    }

    #[inline(always)]
    pub(crate) fn amount(&mut self, field: &'static str) -> Result<Amount, DecodeError> {
        Amount::from_minor(self.u64(field)?).ok_or(DecodeError::new(Reason::AmountTooLarge, field))
    }

    #[inline(always)]
    pub(crate) fn amount_above_zero(&mut self, field: &'static str) -> Result<Amount, DecodeError> {
        let amount = self.amount(field)?;
        if amount.is_zero() { Err(DecodeError::new(Reason::AmountZero, field)) } else { Ok(amount) }
    }

    #[inline(always)]
    pub(crate) fn currency(&mut self, field: &'static str) -> Result<Currency, DecodeError> {
        Currency::from_number(self.u16(field)?).ok_or(DecodeError::new(Reason::CurrencyUnknown, field))
    }

    #[inline(always)]
    pub(crate) fn payment_id(&mut self) -> Result<PaymentId, DecodeError> {
        let wrong = |field| DecodeError::new(Reason::PaymentIdMalformed, field);
        let mps = MpsId::from_bytes(self.bytes("mps")?).ok_or(wrong("mps"))?;
        let merchant = Merchant::from_bytes(self.bytes("merchant")?).ok_or(wrong("merchant"))?;
        Ok(PaymentId { mps, merchant })
    }

    #[inline(always)]
    pub(crate) fn date(&mut self, field: &'static str) -> Result<Option<BusinessDate>, DecodeError> {
        match self.u32(field)? {
            0 => Ok(None),
            number => BusinessDate::from_yyyymmdd(number).map(Some).ok_or(DecodeError::malformed(field)),
        }
    }

    #[inline(always)]
    pub(crate) fn reason(&mut self, field: &'static str) -> Result<Reason, DecodeError> {
        Reason::from_number(self.u16(field)?).ok_or(DecodeError::malformed(field))
    }

    #[inline(always)]
    pub(crate) fn approval_code(&mut self, field: &'static str) -> Result<ApprovalCode, DecodeError> {
        ApprovalCode::new(self.bytes(field)?).ok_or(DecodeError::malformed(field))
    }
}
