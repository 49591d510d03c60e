//! Answer, acknowledge, status, decided-through and complete to bytes and back. Their byte tables are in `answer.rs`.

use bytes::BytesMut;

use super::frame::Frame;
use super::{DecodeError, Fields, Writer};
use crate::answer::{Acknowledge, Answer, Complete, DecidedBy, DecidedThrough, Outcome, State, Status};
use crate::ids::{Epoch, Partition, Sequence};
use crate::message::MessageType;
use crate::reason::Reason;

impl Outcome {
    fn from_number(number: u8) -> Result<Option<Self>, DecodeError> {
        match number {
            0 => Ok(None),
            1 => Ok(Some(Self::Approved)),
            2 => Ok(Some(Self::Declined)),
            3 => Ok(Some(Self::Refused)),
            _ => Err(DecodeError::malformed("outcome")),
        }
    }
}

impl State {
    fn from_number(number: u8) -> Result<Self, DecodeError> {
        match number {
            0 => Ok(Self::None),
            1 => Ok(Self::Pending),
            2 => Ok(Self::Held),
            3 => Ok(Self::Declined),
            4 => Ok(Self::Captured),
            5 => Ok(Self::Released),
            6 => Ok(Self::Expired),
            7 => Ok(Self::TimedOut),
            8 => Ok(Self::Reversed),
            _ => Err(DecodeError::malformed("state")),
        }
    }
}

impl DecidedBy {
    fn from_number(number: u8) -> Result<Self, DecodeError> {
        match number {
            1 => Ok(Self::Destination),
            2 => Ok(Self::Switch),
            3 => Ok(Self::StandIn),
            _ => Err(DecodeError::malformed("decided by")),
        }
    }
}

impl Answer {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 58;

    pub(crate) fn encode(&self, out: &mut BytesMut) {
        let mut w = Writer::<{ Self::FIXED_BYTES }>::new();
        w.request_id(self.id).participant(self.originator);
        w.u8(self.outcome as u8).u8(self.state as u8).u16(self.reason.number());
        w.u8(self.decided_by as u8).u8(0).u64(self.amount.minor());
        w.bytes(self.approval_code.to_bytes()).date(self.settlement_date);
        w.u16(self.partition.0).u32(self.epoch.0).u64(self.sequence.0).u16(self.retry_after_ms);
        w.finish(MessageType::Answer, 0, Some(&self.extensions), out);
    }

    pub(crate) fn decode(frame: &Frame<'_>) -> Result<Self, DecodeError> {
        let fixed = frame
            .fixed()
            .first_chunk::<{ Self::FIXED_BYTES }>()
            .ok_or(DecodeError::malformed("fixed part"))?;
        let mut f = Fields::new(fixed);
        let id = f.request_id("id")?;
        frame.only_flags(0)?;
        let originator = f.participant("originator")?;
        let outcome = Outcome::from_number(f.u8("outcome")?)?.ok_or(DecodeError::malformed("outcome"))?;
        let (state, reason) = (State::from_number(f.u8("state")?)?, f.reason("reason")?);
        let decided_by = DecidedBy::from_number(f.u8("decided by")?)?;
        if matches!(outcome, Outcome::Approved) != matches!(reason, Reason::None) {
            return Err(DecodeError::malformed("reason"));
        }
        if f.u8("zero")? != 0 {
            return Err(DecodeError::malformed("zero"));
        }
        Ok(Self {
            id,
            originator,
            outcome,
            state,
            reason,
            decided_by,
            amount: f.amount("amount")?,
            approval_code: f.approval_code("approval code")?,
            settlement_date: f.date("settlement date")?,
            partition: Partition(f.u16("partition")?),
            epoch: Epoch(f.u32("epoch")?),
            sequence: Sequence(f.u64("sequence")?),
            retry_after_ms: f.u16("retry after")?,
            extensions: frame.extensions()?,
        })
    }
}

impl Acknowledge {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 20;

    pub(crate) fn encode(&self, out: &mut BytesMut) {
        let mut w = Writer::<{ Self::FIXED_BYTES }>::new();
        w.request_id(self.original).participant(Some(self.originator)).delivery(Some(self.delivery));
        w.finish(MessageType::Acknowledge, 0, None, out);
    }

    pub(crate) fn decode(frame: &Frame<'_>) -> Result<Self, DecodeError> {
        frame.plain()?;
        let mut f = Fields::new(frame.fixed());
        Ok(Self {
            original: f.request_id("original")?,
            originator: f.participant("originator")?.ok_or(DecodeError::malformed("originator"))?,
            delivery: f.delivery("delivery")?.ok_or(DecodeError::malformed("delivery"))?,
        })
    }
}

impl Status {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 92;

    pub(crate) fn encode(&self, out: &mut BytesMut) {
        let mut w = Writer::<{ Self::FIXED_BYTES }>::new();
        w.request_id(self.id).participant(self.originator).u64(self.correlation);
        w.u16(self.reason.number()).u8(self.outcome.map_or(0, |o| o as u8)).u8(self.state as u8);
        w.u16(self.outcome_reason.number()).u8(self.decided_by as u8).u8(0).u16(self.undelivered);
        w.u64(self.held_for.minor()).u64(self.captured.minor());
        w.u64(self.released.minor()).u64(self.reversed.minor());
        w.bytes(self.approval_code.to_bytes()).date(self.settlement_date);
        w.u16(self.partition.0).u32(self.epoch.0).u64(self.sequence.0);
        w.finish(MessageType::Status, 0, None, out);
    }

    pub(crate) fn decode(frame: &Frame<'_>) -> Result<Self, DecodeError> {
        frame.plain()?;
        let mut f = Fields::new(frame.fixed());
        let (id, originator, correlation) =
            (f.request_id("id")?, f.participant("originator")?, f.u64("correlation")?);
        let reason = f.reason("reason")?;
        let (outcome, state) = (Outcome::from_number(f.u8("outcome")?)?, State::from_number(f.u8("state")?)?);
        let (outcome_reason, decided_by) =
            (f.reason("outcome reason")?, DecidedBy::from_number(f.u8("decided by")?)?);
        if f.u8("zero")? != 0 {
            return Err(DecodeError::malformed("zero"));
        }
        Ok(Self {
            id,
            originator,
            correlation,
            reason,
            outcome,
            outcome_reason,
            state,
            decided_by,
            undelivered: f.u16("undelivered")?,
            held_for: f.amount("held for")?,
            captured: f.amount("captured")?,
            released: f.amount("released")?,
            reversed: f.amount("reversed")?,
            approval_code: f.approval_code("approval code")?,
            settlement_date: f.date("settlement date")?,
            partition: Partition(f.u16("partition")?),
            epoch: Epoch(f.u32("epoch")?),
            sequence: Sequence(f.u64("sequence")?),
        })
    }
}

impl DecidedThrough {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 8;

    pub(crate) fn encode(self, out: &mut BytesMut) {
        let mut w = Writer::<{ Self::FIXED_BYTES }>::new();
        w.u64(self.count);
        w.finish(MessageType::DecidedThrough, 0, None, out);
    }

    pub(crate) fn decode(frame: &Frame<'_>) -> Result<Self, DecodeError> {
        frame.plain()?;
        Ok(Self { count: Fields::new(frame.fixed()).u64("count")? })
    }
}

impl Complete {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 18;

    pub(crate) fn encode(self, out: &mut BytesMut) {
        let mut w = Writer::<{ Self::FIXED_BYTES }>::new();
        w.request_id(self.original).participant(Some(self.originator));
        w.finish(MessageType::Complete, 0, None, out);
    }

    pub(crate) fn decode(frame: &Frame<'_>) -> Result<Self, DecodeError> {
        frame.plain()?;
        let mut f = Fields::new(frame.fixed());
        Ok(Self {
            original: f.request_id("original")?,
            originator: f.participant("originator")?.ok_or(DecodeError::malformed("originator"))?,
        })
    }
}
