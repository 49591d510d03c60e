//! The first stream of a link: who is there, what was agreed, whether the other side still lives.

use crate::ids::{Epoch, Instance, ParticipantNumber, Partition};
use crate::reason::Reason;
use crate::time::UnixMillis;

/// The first frame of a link, from the participant.
///
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignOn {
    /// Lowest version it speaks.
    pub version_min: u16,
    /// Highest version it speaks.
    pub version_max: u16,
    /// Which of its instances this is.
    pub instance: Instance,
    /// It sends requests.
    pub originates: bool,
    /// It takes forwards and deliveries.
    pub receives: bool,
    /// Its instances share their deduplication store: a repeat may go to any of them.
    pub shared_deduplication: bool,
    /// How many payment lanes it will open, 1 to 4.
    pub lanes: u8,
    /// How many forwards it takes unanswered; at least 1.
    pub window: u32,
}

/// The switch's answer to a sign-on.
///
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// The version spoken from now on.
    pub version: u16,
    /// The participant's number.
    pub participant: ParticipantNumber,
    /// Which partition this is.
    pub partition: Partition,
    /// Its epoch.
    pub epoch: Epoch,
    /// The switch's time, in which ids and expiries are to be stamped.
    pub time: UnixMillis,
    /// How many requests the participant may have unanswered.
    pub window: u32,
    /// The longest life of a request, in milliseconds.
    pub window_max_ms: u32,
    /// How far an id's creation may lie ahead of the switch's time, in milliseconds.
    pub skew_max_ms: u32,
    /// The largest budget, in milliseconds; a larger one is cut to it.
    pub budget_max_ms: u32,
    /// The longest hold of a reservation, in milliseconds.
    pub hold_max_ms: u64,
}

/// The first frame of each payment lane.
///
/// Type 0x09, the first frame of a lane.
///
/// | offset | bytes | field |
/// | --- | --- | --- |
/// | 0 | 1 | which lane, from 0 |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneOpen {
    /// Which lane this is, counted from zero.
    pub lane: u8,
}

/// Are you there? Either side may ask; the other returns it with `reply` set and its own time.
///
/// Type 0x03. Flags: 0x01 reply.
///
/// | offset | bytes | field |
/// | --- | --- | --- |
/// | 0 | 8 | correlation |
/// | 8 | 8 | the sender's time, Unix milliseconds |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo {
    /// Chosen by the asker.
    pub correlation: u64,
    /// The sender's time; from the switch, the switch's time.
    pub time: UnixMillis,
    /// Whether this is the reply.
    pub reply: bool,
}

/// The window changed, and the sender's drain is over. From the switch: how many requests may be unanswered. From a
/// participant: how many forwards.
///
/// Type 0x04.
///
/// | offset | bytes | field |
/// | --- | --- | --- |
/// | 0 | 4 | window, at least 1 |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// At least 1.
    pub window: u32,
}

/// Something the other side should know. With a reason of the 400s the link ends.
///
/// Type 0x05.
///
/// | offset | bytes | field |
/// | --- | --- | --- |
/// | 0 | 2 | reason |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What.
    pub reason: Reason,
}

/// No new work, please; what is in flight finishes, reversals still flow, then sign off.
///
/// Type 0x06.
///
/// | offset | bytes | field |
/// | --- | --- | --- |
/// | 0 | 4 | milliseconds until the sender closes in any case, 0 for no limit |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    /// Milliseconds until the sender closes the link in any case; zero for no limit.
    pub within_ms: u32,
}

/// The sender has nothing in flight and closes the link. Either side may.
///
/// Type 0x07. No fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignOff;
