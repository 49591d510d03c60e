//! Counts of each participant: its requests by kind, and what came of them by reason.

use std::sync::OnceLock;

use holdfast_core::Input;
use holdfast_protocol::{Kind, ParticipantNumber, Reason};

use super::tally::Tally;

/// Reasons are numbered up to 413; a number of a later version counts in the last place.
const REASONS: usize = 512;
const NUMBERS: usize = 1 << 16;

/// What a participant sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// An authorize of kind pay.
    Pay,
    /// An authorize of kind reserve.
    Reserve,
    /// An authorize of kind verify.
    Verify,
    /// A capture.
    Capture,
    /// A release.
    Release,
    /// A reversal.
    Reverse,
    /// A refund.
    Refund,
    /// An inquiry.
    Inquiry,
    /// The answer of a destination.
    Answer,
    /// The acknowledgement of a delivery.
    Acknowledge,
}

impl RequestKind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Pay,
        Self::Reserve,
        Self::Verify,
        Self::Capture,
        Self::Release,
        Self::Reverse,
        Self::Refund,
        Self::Inquiry,
        Self::Answer,
        Self::Acknowledge,
    ];

    /// What an input is; `None` for what no participant sends.
    pub const fn of(input: &Input) -> Option<Self> {
        match input {
            Input::Authorize(_, m) => Some(match m.kind {
                Kind::Pay => Self::Pay,
                Kind::Reserve => Self::Reserve,
                Kind::Verify => Self::Verify,
            }),
            Input::Capture(..) => Some(Self::Capture),
            Input::Release(..) => Some(Self::Release),
            Input::Reverse(..) => Some(Self::Reverse),
            Input::Refund(..) => Some(Self::Refund),
            Input::Inquire(..) => Some(Self::Inquiry),
            Input::Answer(..) => Some(Self::Answer),
            Input::Acknowledge(..) => Some(Self::Acknowledge),
            Input::Recalled(..)
            | Input::LinkUp(_)
            | Input::LinkLost(_)
            | Input::Configure(..)
            | Input::SetStatus(..)
            | Input::CutOver(_)
            | Input::Found(..)
            | Input::Lease(..)
            | Input::Tick => None,
        }
    }

    /// As in a label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Pay => "pay",
            Self::Reserve => "reserve",
            Self::Verify => "verify",
            Self::Capture => "capture",
            Self::Release => "release",
            Self::Reverse => "reverse",
            Self::Refund => "refund",
            Self::Inquiry => "inquiry",
            Self::Answer => "answer",
            Self::Acknowledge => "acknowledge",
        }
    }
}

/// Counts of one participant.
#[derive(Debug)]
pub struct ParticipantTally {
    requests: [Tally; RequestKind::ALL.len()],
    reasons: [Tally; REASONS],
}

impl Default for ParticipantTally {
    fn default() -> Self {
        Self {
            requests: [const { Tally::new() }; RequestKind::ALL.len()],
            reasons: [const { Tally::new() }; REASONS],
        }
    }
}

impl ParticipantTally {
    /// Counts requests received.
    pub fn requests(&self, kind: RequestKind, n: u64) {
        self.requests[kind as usize].add(n);
    }

    /// Counts outcomes. The reason says which outcome: none is an approval, the rest are declines and refusals by its
    /// class.
    pub fn outcomes(&self, reason: Reason, n: u64) {
        self.tally(reason).add(n);
    }

    /// The same for outcomes that several threads count; see [`Tally::add_shared`].
    pub fn outcomes_shared(&self, reason: Reason, n: u64) {
        self.tally(reason).add_shared(n);
    }

    /// How many requests of a kind.
    pub fn request_count(&self, kind: RequestKind) -> u64 {
        self.requests[kind as usize].get()
    }

    /// How many outcomes with a reason.
    pub fn outcome_count(&self, reason: Reason) -> u64 {
        self.tally(reason).get()
    }

    fn absorb(&self, other: &Self) {
        self.requests.iter().zip(&other.requests).for_each(|(own, other)| own.add(other.get()));
        self.reasons.iter().zip(&other.reasons).for_each(|(own, other)| own.add(other.get()));
    }

    fn tally(&self, reason: Reason) -> &Tally {
        &self.reasons[usize::from(reason.number()).min(REASONS - 1)]
    }
}

/// Counts of all participants, by number. A participant's counts exist from its first one on; only configured
/// participants sign on, which is the limit of the table.
#[derive(Debug)]
pub struct ParticipantTallies(Box<[OnceLock<Box<ParticipantTally>>]>);

impl Default for ParticipantTallies {
    fn default() -> Self {
        Self((0..NUMBERS).map(|_| OnceLock::new()).collect())
    }
}

impl ParticipantTallies {
    /// The counts of a participant.
    pub fn of(&self, participant: ParticipantNumber) -> &ParticipantTally {
        self.0[usize::from(participant.get())].get_or_init(Box::default)
    }

    /// The counts of those that named nobody: before a link is signed on.
    pub fn of_nobody(&self) -> &ParticipantTally {
        self.0[0].get_or_init(Box::default)
    }

    /// Adds what another table has counted.
    pub(super) fn absorb(&self, other: &Self) {
        for (number, tally) in other.iter() {
            self.0[usize::from(number)].get_or_init(Box::default).absorb(tally);
        }
    }

    /// All that exist, by number; 0 is nobody.
    pub fn iter(&self) -> impl Iterator<Item = (u16, &ParticipantTally)> {
        (0..=u16::MAX).zip(&self.0).filter_map(|(number, tally)| Some((number, tally.get()?.as_ref())))
    }
}
