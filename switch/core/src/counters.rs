//! Counts of what happened, as data; whoever shows them reads them from time to time.

use std::collections::BTreeMap;

use holdfast_protocol::{ParticipantNumber, Reason};

/// Reasons have numbers below this.
const REASONS: usize = 512;

/// Of one originator.
#[derive(Clone, Debug)]
pub struct ParticipantCounters {
    /// Answers to its requests by the number of their reason; zero counts approvals.
    by_reason: Vec<u64>,
    /// Copies of requests that were known already.
    pub repeats: u64,
    /// Inquiries, whatever came of them.
    pub inquiries: u64,
}

impl ParticipantCounters {
    fn new() -> Self {
        Self { by_reason: vec![0; REASONS], repeats: 0, inquiries: 0 }
    }

    /// How many answers there were for each reason that occurred; [`Reason::None`] counts approvals.
    pub fn by_reason(&self) -> impl Iterator<Item = (Reason, u64)> {
        Reason::ALL
            .iter()
            .map(|reason| (*reason, self.by_reason[usize::from(reason.number())]))
            .filter(|(_, count)| *count > 0)
    }
}

/// All counts since the start of the process.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    participants: Vec<Option<ParticipantCounters>>,
    /// Forwards sent for the first time.
    pub forwards: u64,
    /// Forwards sent again after a lost link or a restart.
    pub forwards_repeated: u64,
    /// Deliveries acknowledged.
    pub acknowledgements: u64,
    /// Acknowledgements of nothing that was sent, or from another instance.
    pub acknowledgements_unexpected: u64,
    /// Answers to nothing that was asked, or from somebody who was not asked.
    pub answers_unexpected: u64,
    /// Answers that only said again what was decided.
    pub answers_repeated: u64,
    /// Approvals of more than was asked, or of a part where none is allowed.
    pub approvals_wrong: u64,
    /// Approvals after the end.
    pub approvals_late: u64,
    /// Declines after an approval.
    pub declines_late: u64,
    /// Reversals of requests that their participant had not sent, or not yet.
    pub reversals_before_request: u64,
    /// Times other partitions were asked for room under a cap.
    pub lease_rounds: u64,
    /// Configurations that could not be taken.
    pub configurations_refused: u64,
}

impl Counters {
    fn participant(&mut self, number: ParticipantNumber) -> &mut ParticipantCounters {
        let at = usize::from(number.get());
        if self.participants.len() <= at {
            self.participants.resize_with(at + 1, || None);
        }
        self.participants[at].get_or_insert_with(ParticipantCounters::new)
    }

    fn count(&mut self, participant: ParticipantNumber, reason: Reason) {
        self.participant(participant).by_reason[usize::from(reason.number())] += 1;
    }

    pub(crate) fn refused(&mut self, participant: ParticipantNumber, reason: Reason) {
        self.count(participant, reason);
    }

    pub(crate) fn decided(&mut self, participant: ParticipantNumber, reason: Reason) {
        self.count(participant, reason);
    }

    pub(crate) fn inquired(&mut self, participant: ParticipantNumber, reason: Reason) {
        let counters = self.participant(participant);
        counters.inquiries += 1;
        if reason == Reason::InquiryBudgetSpent {
            counters.by_reason[usize::from(reason.number())] += 1;
        }
    }

    pub(crate) fn repeated(&mut self, participant: ParticipantNumber) {
        self.participant(participant).repeats += 1;
    }

    /// Each originator that was answered.
    pub fn participants(&self) -> BTreeMap<ParticipantNumber, &ParticipantCounters> {
        (0_u16..)
            .zip(&self.participants)
            .filter_map(|(number, counters)| Some((ParticipantNumber::new(number)?, counters.as_ref()?)))
            .collect()
    }
}
