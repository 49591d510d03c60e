//! The fields of records, one after the other.

use bytes::BytesMut;
use holdfast_protocol::codec::extension::Extensions;
use holdfast_protocol::frame::Frame;
use holdfast_protocol::{
    Amount, ApprovalCode, Authorize, BusinessDate, Currency, DecidedBy, DeliveryNumber, Message,
    ParticipantNumber, Reason, Refund, Total, TransactionKey, UnixMillis,
};

use super::{RecordError, VERSION, key_of};

/// Appends fields.
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    frame: &'a mut BytesMut,
}

impl<'a> Writer<'a> {
    pub(crate) fn begin(out: &'a mut Vec<u8>, frame: &'a mut BytesMut, kind: u8) -> Self {
        out.extend_from_slice(&[0, 0, 0, 0, VERSION, kind]);
        Self { out, frame }
    }

    /// Fills in the length of the record that began at `start`.
    pub(crate) fn end(out: &mut [u8], start: usize) {
        let length = out.len().saturating_sub(start).saturating_sub(4);
        let length = u32::try_from(length).expect("a record is far below 4 GiB");
        out.get_mut(start..)
            .and_then(|record| record.first_chunk_mut::<4>())
            .expect("the record began here")
            .copy_from_slice(&length.to_le_bytes());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.out.push(value);
    }

    pub(crate) fn bool(&mut self, value: bool) {
        self.u8(u8::from(value));
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.bytes(&value.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.bytes(&value.to_le_bytes());
    }

    /// The number of what follows.
    pub(crate) fn count(&mut self, count: usize) {
        let count = u32::try_from(count).expect("the configuration is far below 2^32 entries");
        self.bytes(&count.to_le_bytes());
    }

    pub(crate) fn participant(&mut self, number: ParticipantNumber) {
        self.u16(number.get());
    }

    pub(crate) fn key(&mut self, key: TransactionKey) {
        self.participant(key.originator);
        self.bytes(&key.id.to_bytes());
    }

    pub(crate) fn amount(&mut self, amount: Amount) {
        self.u64(amount.minor());
    }

    pub(crate) fn total(&mut self, total: Total) {
        self.bytes(&total.minor().to_le_bytes());
    }

    pub(crate) fn currency(&mut self, currency: Currency) {
        self.u16(currency.number());
    }

    pub(crate) fn reason(&mut self, reason: Reason) {
        self.u16(reason.number());
    }

    pub(crate) fn date(&mut self, date: BusinessDate) {
        self.bytes(&date.to_yyyymmdd().to_le_bytes());
    }

    pub(crate) fn time(&mut self, time: UnixMillis) {
        self.u64(time.get());
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.count(text.len());
        self.bytes(text.as_bytes());
    }

    pub(crate) fn extensions(&mut self, extensions: &Extensions) {
        self.u16(u16::try_from(extensions.len()).expect("extensions take 2,048 bytes at most"));
        self.bytes(extensions.as_bytes());
    }

    /// No date is zero.
    pub(crate) fn optional_date(&mut self, date: Option<BusinessDate>) {
        self.bytes(&date.map_or(0, BusinessDate::to_yyyymmdd).to_le_bytes());
    }

    /// A message as its frame.
    pub(crate) fn frame(&mut self, encode: impl FnOnce(&mut BytesMut)) {
        self.frame.clear();
        encode(self.frame);
        self.out.extend_from_slice(self.frame);
    }

    /// Who sent a request, and the request as its frame.
    pub(crate) fn request(&mut self, originator: ParticipantNumber, encode: impl FnOnce(&mut BytesMut)) {
        self.participant(originator);
        self.frame(encode);
    }
}

/// Takes fields off the front.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(fields: &'a [u8]) -> Self {
        Self { rest: fields }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    #[inline(always)]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(RecordError::Short)?;
        self.rest = rest;
        Ok(*head)
    }

    fn slice(&mut self, length: usize) -> Result<&'a [u8], RecordError> {
        let (head, rest) = self.rest.split_at_checked(length).ok_or(RecordError::Short)?;
        self.rest = rest;
        Ok(head)
    }

    #[inline(always)]
    pub(crate) fn u8(&mut self) -> Result<u8, RecordError> {
        self.array().map(u8::from_le_bytes)
    }

    #[inline(always)]
    pub(crate) fn bool(&mut self) -> Result<bool, RecordError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(RecordError::Field("flag")),
        }
    }

    #[inline(always)]
    pub(crate) fn u16(&mut self) -> Result<u16, RecordError> {
        self.array().map(u16::from_le_bytes)
    }

    #[inline(always)]
    pub(crate) fn u64(&mut self) -> Result<u64, RecordError> {
        self.array().map(u64::from_le_bytes)
    }

    /// How many entries of at least `bytes_min` bytes follow; never more than there can be.
    pub(crate) fn count(&mut self, bytes_min: usize) -> Result<usize, RecordError> {
        let count = usize::try_from(u32::from_le_bytes(self.array()?)).map_err(|_| RecordError::Short)?;
        if count.saturating_mul(bytes_min) <= self.rest.len() { Ok(count) } else { Err(RecordError::Short) }
    }

    #[inline(always)]
    pub(crate) fn participant(&mut self) -> Result<ParticipantNumber, RecordError> {
        ParticipantNumber::new(self.u16()?).ok_or(RecordError::Field("participant"))
    }

    #[inline(always)]
    pub(crate) fn key(&mut self) -> Result<TransactionKey, RecordError> {
        Ok(key_of(self.participant()?, self.array()?))
    }

    #[inline(always)]
    pub(crate) fn amount(&mut self) -> Result<Amount, RecordError> {
        Amount::from_minor(self.u64()?).ok_or(RecordError::Field("amount"))
    }

    pub(crate) fn total(&mut self) -> Result<Total, RecordError> {
        self.array().map(|bytes| Total::from_minor(i128::from_le_bytes(bytes)))
    }

    #[inline(always)]
    pub(crate) fn currency(&mut self) -> Result<Currency, RecordError> {
        Currency::from_number(self.u16()?).ok_or(RecordError::Field("currency"))
    }

    #[inline(always)]
    pub(crate) fn reason(&mut self) -> Result<Reason, RecordError> {
        Reason::from_number(self.u16()?).ok_or(RecordError::Field("reason"))
    }

    #[inline(always)]
    pub(crate) fn date(&mut self) -> Result<BusinessDate, RecordError> {
        BusinessDate::from_yyyymmdd(u32::from_le_bytes(self.array()?)).ok_or(RecordError::Field("date"))
    }

    #[inline(always)]
    pub(crate) fn time(&mut self) -> Result<UnixMillis, RecordError> {
        UnixMillis::new(self.u64()?).ok_or(RecordError::Field("time"))
    }

    pub(crate) fn delivery(&mut self) -> Result<DeliveryNumber, RecordError> {
        self.optional_delivery()?.ok_or(RecordError::Field("delivery"))
    }

    pub(crate) fn optional_delivery(&mut self) -> Result<Option<DeliveryNumber>, RecordError> {
        self.u16().map(|number| (number > 0).then_some(DeliveryNumber(number)))
    }

    pub(crate) fn text(&mut self) -> Result<String, RecordError> {
        let length = self.count(1)?;
        let text = std::str::from_utf8(self.slice(length)?).map_err(|_| RecordError::Field("text"))?;
        Ok(text.to_owned())
    }

    #[inline(always)]
    pub(crate) fn approval_code(&mut self) -> Result<ApprovalCode, RecordError> {
        ApprovalCode::new(self.array()?).ok_or(RecordError::Field("approval code"))
    }

    pub(crate) fn extensions(&mut self) -> Result<Extensions, RecordError> {
        let length = usize::from(self.u16()?);
        Extensions::from_wire(self.slice(length)?).map_err(|_| RecordError::Field("extensions"))
    }

    fn frame(&mut self) -> Result<Frame<'a>, RecordError> {
        let length = self.rest.first_chunk::<2>().ok_or(RecordError::Short)?;
        let frame = self.slice(usize::from(u16::from_le_bytes(*length)))?;
        Frame::whole(frame).map_err(|_| RecordError::Field("request"))
    }

    /// A request from its frame.
    pub(crate) fn message(&mut self) -> Result<Message, RecordError> {
        Message::decode(&self.frame()?).map_err(|_| RecordError::Field("request"))
    }

    /// The same of an authorize; it is half of a journal, and this moves it about less.
    #[inline(always)]
    pub(crate) fn authorize(&mut self) -> Result<Authorize, RecordError> {
        Authorize::read(&self.frame()?).map_err(|_| RecordError::Field("request"))
    }

    pub(crate) fn refund(&mut self) -> Result<Refund, RecordError> {
        match self.message()? {
            Message::Refund(request) => Ok(request),
            _ => Err(RecordError::Field("request")),
        }
    }
}

pub(crate) const fn decider_number(decided_by: DecidedBy) -> u8 {
    match decided_by {
        DecidedBy::Destination => 1,
        DecidedBy::Switch => 2,
        DecidedBy::StandIn => 3,
    }
}

pub(crate) const fn decider(number: u8) -> Result<DecidedBy, RecordError> {
    match number {
        1 => Ok(DecidedBy::Destination),
        2 => Ok(DecidedBy::Switch),
        3 => Ok(DecidedBy::StandIn),
        _ => Err(RecordError::Field("decided by")),
    }
}
