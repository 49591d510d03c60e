//! What the log says of those who send what they should not.
//!
//! Invariant: one line in a while for each participant and matter, however much comes; it says how much came since the
//! line before, and the metrics count it all. Nobody fills a disk with our log lines.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::{Duration, Instant};

use holdfast_core::counters::Counters;
use holdfast_protocol::{ParticipantNumber, Reason};

/// Between two lines about the same.
const EVERY: Duration = Duration::from_secs(1);
/// Between two lines about the same, where it is a part of business.
const DECLINES_EVERY: Duration = Duration::from_secs(60);

/// What is remarked upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Matter {
    /// Requests of a participant were refused.
    Refused(ParticipantNumber, Reason),
    /// The switch itself declined requests of a participant.
    Declined(ParticipantNumber, Reason),
    /// A participant sent something that does not fit what the switch knows.
    Odd(ParticipantNumber, Oddity),
    /// Links were refused after their handshake; of nobody where the certificate names none.
    LinkRefused(Option<ParticipantNumber>, Reason),
    /// Unfinished handshakes gave way to newer ones.
    HandshakeDisplaced,
    /// There was no place for another link.
    DialRefused,
    /// It is crowded: addresses are asked to show that they are real.
    AddressAsked,
}

/// Something that does not fit what the switch knows. It changes no money, or is put right at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Oddity {
    /// An answer to nothing that was asked, or from somebody who was not asked.
    AnswerUnexpected,
    /// An approval of more than was asked, or of a part where none is allowed.
    ApprovalWrong,
    /// An approval after the end.
    ApprovalLate,
    /// A decline after an approval.
    DeclineLate,
    /// An acknowledgement of nothing that was sent.
    AcknowledgementUnexpected,
    /// A reversal of a request that this participant has not sent, or not yet.
    ReversalBeforeRequest,
}

impl Oddity {
    /// How often each has happened.
    pub const fn counts(counters: &Counters) -> [(Self, u64); 6] {
        [
            (Self::AnswerUnexpected, counters.answers_unexpected),
            (Self::ApprovalWrong, counters.approvals_wrong),
            (Self::ApprovalLate, counters.approvals_late),
            (Self::DeclineLate, counters.declines_late),
            (Self::AcknowledgementUnexpected, counters.acknowledgements_unexpected),
            (Self::ReversalBeforeRequest, counters.reversals_before_request),
        ]
    }

    /// For people.
    pub const fn text(self) -> &'static str {
        match self {
            Self::AnswerUnexpected => "answers nobody asked for",
            Self::ApprovalWrong => "approvals of what was not asked; reversed",
            Self::ApprovalLate => "approvals after the end; reversed",
            Self::DeclineLate => "declines after an approval",
            Self::AcknowledgementUnexpected => "acknowledgements of nothing that was sent",
            Self::ReversalBeforeRequest => "reversals of requests that it has not sent",
        }
    }
}

/// See the module. As many entries as there are participants and matters.
#[derive(Debug, Default)]
pub struct Remarks(BTreeMap<Matter, Said>);

#[derive(Debug)]
struct Said {
    at: Instant,
    times_since: u64,
}

impl Remarks {
    /// It happened so often; where it is time for a line, how often since the line before.
    pub fn due(&mut self, matter: Matter, times: u64, now: Instant) -> Option<u64> {
        let every = match matter {
            Matter::Declined(..) => DECLINES_EVERY,
            Matter::Refused(..)
            | Matter::Odd(..)
            | Matter::LinkRefused(..)
            | Matter::HandshakeDisplaced
            | Matter::DialRefused
            | Matter::AddressAsked => EVERY,
        };
        match self.0.entry(matter) {
            Entry::Vacant(place) => {
                place.insert(Said { at: now, times_since: 0 });
                Some(times)
            }
            Entry::Occupied(mut place) => {
                let said = place.get_mut();
                said.times_since += times;
                if now.saturating_duration_since(said.at) < every {
                    return None;
                }
                said.at = now;
                Some(std::mem::take(&mut said.times_since))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matter_is_said_at_once_and_then_in_sums() {
        let (mut remarks, start) = (Remarks::default(), Instant::now());
        assert_eq!(remarks.due(Matter::AddressAsked, 1, start), Some(1));
        assert_eq!(remarks.due(Matter::AddressAsked, 2, start + EVERY / 2), None);
        assert_eq!(remarks.due(Matter::DialRefused, 1, start + EVERY / 2), Some(1), "another matter");
        assert_eq!(remarks.due(Matter::AddressAsked, 3, start + EVERY), Some(5), "nothing is forgotten");
        assert_eq!(remarks.due(Matter::AddressAsked, 1, start + EVERY), None);
    }
}
