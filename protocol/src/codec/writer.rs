//! Puts fields of one frame behind each other.

use bytes::{BufMut, BytesMut};

use super::extension::Extensions;
use super::frame::HEADER_BYTES;
use crate::ids::{DeliveryNumber, ParticipantNumber, RequestId};
use crate::message::MessageType;
use crate::payment_id::PaymentId;
use crate::time::BusinessDate;

/// A frame being built in an array on the stack, so that the output buffer is touched once.
pub(crate) struct Writer<const SIZE: usize> {
    fixed: [u8; SIZE],
    at: usize,
}

impl<const SIZE: usize> Writer<SIZE> {
    pub(crate) const fn new() -> Self {
        Self { fixed: [0; SIZE], at: 0 }
    }

    #[inline(always)]
    pub(crate) fn bytes<const N: usize>(&mut self, bytes: [u8; N]) -> &mut Self {
        let end = self.at + N;
        self.fixed
            .get_mut(self.at..end)
            .expect("the layout's size is the sum of its fields, see the golden bytes")
            .copy_from_slice(&bytes);
        self.at = end;
        self
    }

    #[inline(always)]
    pub(crate) fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes([value])
    }

    #[inline(always)]
    pub(crate) fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(value.to_le_bytes())
    }

    #[inline(always)]
    pub(crate) fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(value.to_le_bytes())
    }

    #[inline(always)]
    pub(crate) fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(value.to_le_bytes())
    }

    #[inline(always)]
    pub(crate) fn request_id(&mut self, id: RequestId) -> &mut Self {
        self.bytes(id.to_bytes())
    }

    #[inline(always)]
    pub(crate) fn participant(&mut self, participant: Option<ParticipantNumber>) -> &mut Self {
        self.u16(participant.map_or(0, ParticipantNumber::get))
    }

    #[inline(always)]
    pub(crate) fn delivery(&mut self, delivery: Option<DeliveryNumber>) -> &mut Self {
        self.u16(delivery.map_or(0, |n| n.0))
    }

    #[inline(always)]
    pub(crate) fn payment_id(&mut self, id: PaymentId) -> &mut Self {
        self.bytes(id.mps.to_bytes()).bytes(id.merchant.to_bytes())
    }

    #[inline(always)]
    pub(crate) fn date(&mut self, date: Option<BusinessDate>) -> &mut Self {
        self.u32(date.map_or(0, BusinessDate::to_yyyymmdd))
    }

    /// Appends the whole frame to `out`.
    #[inline(always)]
    pub(crate) fn finish(
        &self,
        kind: MessageType,
        flags: u8,
        extensions: Option<&Extensions>,
        out: &mut BytesMut,
    ) {
        assert_eq!(self.at, SIZE, "a layout's size is the sum of its fields");
        let extension_bytes = extensions.map_or(0, Extensions::len);
        let length = HEADER_BYTES + SIZE + extension_bytes;
        let short = |n: usize| u16::try_from(n).expect("limits keep a frame below 4,096 bytes");
        out.reserve(length);
        out.put_u16_le(short(length));
        out.put_u8(kind.number());
        out.put_u8(flags);
        out.put_u16_le(short(SIZE));
        out.put_slice(&self.fixed);
        if let Some(extensions) = extensions
            && extension_bytes > 0
        {
            out.put_slice(extensions.as_bytes());
        }
    }
}
