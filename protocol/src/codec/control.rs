//! The byte tables of the control messages. None has extensions; only those named have flags.

use bytes::BytesMut;

use super::frame::Frame;
use super::{DecodeError, Fields, Writer};
use crate::control::{Drain, Echo, LaneOpen, Notice, SignOff, SignOn, Welcome, Window};
use crate::ids::{Epoch, Instance, Partition};
use crate::lane::LANES_MAX;
use crate::message::MessageType;

/// Flag of sign-on: it sends requests.
const ORIGINATES: u8 = 0x01;
/// Flag of sign-on: it takes forwards and deliveries.
const RECEIVES: u8 = 0x02;
/// Flag of sign-on: its instances share their deduplication store.
const SHARED_DEDUPLICATION: u8 = 0x04;
/// Flag of echo: this is the reply.
const REPLY: u8 = 0x01;

fn window(f: &mut Fields<'_>) -> Result<u32, DecodeError> {
    match f.u32("window")? {
        0 => Err(DecodeError::malformed("window")),
        window => Ok(window),
    }
}

/// Type 0x01. Flags: 0x01 originates, 0x02 receives, 0x04 shared deduplication; at least one of the first two.
///
/// | offset | bytes | field |
/// | --- | --- | --- |
/// | 0 | 2 | lowest version |
/// | 2 | 2 | highest version |
/// | 4 | 2 | instance |
/// | 6 | 1 | lanes, 1 to 4 |
/// | 7 | 1 | zero |
/// | 8 | 4 | window: forwards it takes unanswered, at least 1 |
impl SignOn {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 12;

    pub(crate) fn encode(&self, out: &mut BytesMut) {
        let mut flags = if self.originates { ORIGINATES } else { 0 };
        flags |= if self.receives { RECEIVES } else { 0 };
        flags |= if self.shared_deduplication { SHARED_DEDUPLICATION } else { 0 };
        let mut w = Writer::<{ Self::FIXED_BYTES }>::new();
        w.u16(self.version_min).u16(self.version_max).u16(self.instance.0);
        w.u8(self.lanes).u8(0).u32(self.window);
        w.finish(MessageType::SignOn, flags, None, out);
    }

    pub(crate) fn decode(frame: &Frame) -> Result<Self, DecodeError> {
        let mut f = Fields::new(frame.fixed());
        let (version_min, version_max) = (f.u16("version")?, f.u16("version")?);
        let (instance, lanes, zero) = (Instance(f.u16("instance")?), f.u8("lanes")?, f.u8("zero")?);
        if lanes == 0 || lanes > LANES_MAX {
            return Err(DecodeError::malformed("lanes"));
        }
        if zero != 0 || version_min > version_max || frame.flags & (ORIGINATES | RECEIVES) == 0 {
            return Err(DecodeError::malformed("sign-on"));
        }
        Ok(Self {
            version_min,
            version_max,
            instance,
            originates: frame.flags & ORIGINATES != 0,
            receives: frame.flags & RECEIVES != 0,
            shared_deduplication: frame.flags & SHARED_DEDUPLICATION != 0,
            lanes,
            window: window(&mut f)?,
        })
    }
}

/// Type 0x02.
///
/// | offset | bytes | field |
/// | --- | --- | --- |
/// | 0 | 2 | version |
/// | 2 | 2 | number of the participant |
/// | 4 | 2 | partition |
/// | 6 | 2 | zero |
/// | 8 | 4 | epoch |
/// | 12 | 8 | the switch's time, Unix milliseconds |
/// | 20 | 4 | window: requests that may be unanswered |
/// | 24 | 4 | longest life of a request, milliseconds |
/// | 28 | 4 | how far an id may lie ahead, milliseconds |
/// | 32 | 4 | largest budget, milliseconds |
/// | 36 | 8 | longest hold, milliseconds |
impl Welcome {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 44;

    pub(crate) fn encode(&self, out: &mut BytesMut) {
        let mut w = Writer::<{ Self::FIXED_BYTES }>::new();
        w.u16(self.version).participant(Some(self.participant)).u16(self.partition.0).u16(0);
        w.u32(self.epoch.0).u64(self.time.get()).u32(self.window).u32(self.window_max_ms);
        w.u32(self.skew_max_ms).u32(self.budget_max_ms).u64(self.hold_max_ms);
        w.finish(MessageType::Welcome, 0, None, out);
    }

    pub(crate) fn decode(frame: &Frame) -> Result<Self, DecodeError> {
        let mut f = Fields::new(frame.fixed());
        let version = f.u16("version")?;
        let participant = f.participant("participant")?.ok_or(DecodeError::malformed("participant"))?;
        let partition = Partition(f.u16("partition")?);
        if f.u16("zero")? != 0 {
            return Err(DecodeError::malformed("zero"));
        }
        Ok(Self {
            version,
            participant,
            partition,
            epoch: Epoch(f.u32("epoch")?),
            time: f.time("time")?,
            window: window(&mut f)?,
            window_max_ms: f.u32("window max")?,
            skew_max_ms: f.u32("skew max")?,
            budget_max_ms: f.u32("budget max")?,
            hold_max_ms: f.u64("hold max")?,
        })
    }
}

/// Type 0x09, the first frame of a lane.
///
/// | offset | bytes | field |
/// | --- | --- | --- |
/// | 0 | 1 | which lane, from 0 |
impl LaneOpen {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 1;

    pub(crate) fn encode(self, out: &mut BytesMut) {
        let mut w = Writer::<{ Self::FIXED_BYTES }>::new();
        w.u8(self.lane);
        w.finish(MessageType::LaneOpen, 0, None, out);
    }

    pub(crate) fn decode(frame: &Frame) -> Result<Self, DecodeError> {
        let lane = Fields::new(frame.fixed()).u8("lane")?;
        if lane < LANES_MAX { Ok(Self { lane }) } else { Err(DecodeError::malformed("lane")) }
    }
}

/// Type 0x03. Flags: 0x01 reply.
///
/// | offset | bytes | field |
/// | --- | --- | --- |
/// | 0 | 8 | correlation |
/// | 8 | 8 | the sender's time, Unix milliseconds |
impl Echo {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 16;

    pub(crate) fn encode(self, out: &mut BytesMut) {
        let mut w = Writer::<{ Self::FIXED_BYTES }>::new();
        w.u64(self.correlation).u64(self.time.get());
        w.finish(MessageType::Echo, if self.reply { REPLY } else { 0 }, None, out);
    }

    pub(crate) fn decode(frame: &Frame) -> Result<Self, DecodeError> {
        let mut f = Fields::new(frame.fixed());
        Ok(Self {
            correlation: f.u64("correlation")?,
            time: f.time("time")?,
            reply: frame.flags & REPLY != 0,
        })
    }
}

/// Type 0x04.
///
/// | offset | bytes | field |
/// | --- | --- | --- |
/// | 0 | 4 | window, at least 1 |
impl Window {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 4;

    pub(crate) fn encode(self, out: &mut BytesMut) {
        let mut w = Writer::<{ Self::FIXED_BYTES }>::new();
        w.u32(self.window);
        w.finish(MessageType::Window, 0, None, out);
    }

    pub(crate) fn decode(frame: &Frame) -> Result<Self, DecodeError> {
        Ok(Self { window: window(&mut Fields::new(frame.fixed()))? })
    }
}

/// Type 0x05.
///
/// | offset | bytes | field |
/// | --- | --- | --- |
/// | 0 | 2 | reason |
impl Notice {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 2;

    pub(crate) fn encode(&self, out: &mut BytesMut) {
        let mut w = Writer::<{ Self::FIXED_BYTES }>::new();
        w.u16(self.reason.number());
        w.finish(MessageType::Notice, 0, None, out);
    }

    pub(crate) fn decode(frame: &Frame) -> Result<Self, DecodeError> {
        Ok(Self { reason: Fields::new(frame.fixed()).reason("reason")? })
    }
}

/// Type 0x06.
///
/// | offset | bytes | field |
/// | --- | --- | --- |
/// | 0 | 4 | milliseconds until the sender closes in any case, 0 for no limit |
impl Drain {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 4;

    pub(crate) fn encode(self, out: &mut BytesMut) {
        let mut w = Writer::<{ Self::FIXED_BYTES }>::new();
        w.u32(self.within_ms);
        w.finish(MessageType::Drain, 0, None, out);
    }

    pub(crate) fn decode(frame: &Frame) -> Result<Self, DecodeError> {
        Ok(Self { within_ms: Fields::new(frame.fixed()).u32("within")? })
    }
}

/// Type 0x07. No fields.
impl SignOff {
    /// Size of the fixed part.
    pub const FIXED_BYTES: usize = 0;

    pub(crate) fn encode(self, out: &mut BytesMut) {
        Writer::<{ Self::FIXED_BYTES }>::new().finish(MessageType::SignOff, 0, None, out);
    }
}
