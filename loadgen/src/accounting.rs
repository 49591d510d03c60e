//! How each operation ended, counted so that nothing can be missing.
//!
//! Every operation that was sent ends as exactly one of [`Ending`], or is in flight at the end; what was scheduled was
//! sent or shed. [`Counts::check`] says so after every run.

use std::collections::BTreeMap;

use holdfast_protocol::Reason;

use crate::traffic::scenario::Scenario;

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Approved, and everything its scenario does after that was done.
    Approved,
    /// Recorded and final: no.
    Declined(Reason),
    /// Nothing was recorded.
    NotDone(Reason),
    /// Nobody said what became of it.
    Unknown,
    /// The switch contradicted itself or us.
    Error(Fault),
}

/// What an operation that ended as an error met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// An outcome that what the destination did does not allow.
    OutcomeContradictsDestination,
    /// Two answers to one id disagree.
    AnswersDisagree,
    /// Amounts in an answer or status are not those of the operation.
    AmountDiffers,
    /// The state does not follow from what was done.
    StateContradicts,
    /// A reason that nothing in this run explains.
    UnexpectedReason(Reason),
    /// The link broke and the run does not tolerate it.
    LinkBroken,
}

impl Fault {
    /// One line for people.
    pub fn text(self) -> String {
        match self {
            Self::OutcomeContradictsDestination => "outcome contradicts what the destination did".to_owned(),
            Self::AnswersDisagree => "two answers to one id disagree".to_owned(),
            Self::AmountDiffers => "amount differs".to_owned(),
            Self::StateContradicts => "state contradicts what was done".to_owned(),
            Self::UnexpectedReason(reason) => format!("unexpected reason {}", reason.name()),
            Self::LinkBroken => "link broken".to_owned(),
        }
    }
}

/// The counts of one scenario, or of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Arrivals that came due.
    pub scheduled: u64,
    /// Of those, sent.
    pub sent: u64,
    /// Of those, never sent: their deadline passed before there was a link or a place in the window.
    pub shed: u64,
    /// See [`Ending::Approved`].
    pub approved: u64,
    /// By the number of the reason.
    pub declined: BTreeMap<Reason, u64>,
    /// By the number of the reason.
    pub not_done: BTreeMap<Reason, u64>,
    /// See [`Ending::Unknown`].
    pub unknown: u64,
    /// By what happened.
    pub errors: BTreeMap<Fault, u64>,
    /// Sent, and without an ending when the run ended.
    pub in_flight_at_end: u64,
    /// Approved and then reversed by us, or approved too late and reversed.
    pub reversed: u64,
    /// Refunds approved, also those reversed afterwards.
    pub refunds: u64,
    /// Second copies sent on purpose.
    pub duplicates: u64,
    /// Requests sent in all: first sends, follow-ups, inquiries, copies and repeats.
    pub messages: u64,
}

/// Counts that do not add up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Imbalance {
    /// Scheduled is not sent and shed.
    #[error("{scheduled} scheduled, but {sent} sent and {shed} shed")]
    Scheduled {
        /// Scheduled.
        scheduled: u64,
        /// Sent.
        sent: u64,
        /// Shed.
        shed: u64,
    },
    /// Sent is not the sum of the endings.
    #[error("{sent} sent, but {endings} endings")]
    Sent {
        /// Sent.
        sent: u64,
        /// Sum of the endings and of what is in flight.
        endings: u64,
    },
}

impl Counts {
    /// Counts one ending.
    pub fn end(&mut self, ending: Ending) {
        match ending {
            Ending::Approved => self.approved += 1,
            Ending::Declined(reason) => *self.declined.entry(reason).or_default() += 1,
            Ending::NotDone(reason) => *self.not_done.entry(reason).or_default() += 1,
            Ending::Unknown => self.unknown += 1,
            Ending::Error(fault) => *self.errors.entry(fault).or_default() += 1,
        }
    }

    /// Declined for any reason.
    pub fn declined_in_all(&self) -> u64 {
        self.declined.values().sum()
    }

    /// Not done for any reason.
    pub fn not_done_in_all(&self) -> u64 {
        self.not_done.values().sum()
    }

    /// Ended as an error of any kind.
    pub fn errors_in_all(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Everything that was sent and has ended.
    pub fn ended(&self) -> u64 {
        self.approved + self.declined_in_all() + self.not_done_in_all() + self.unknown + self.errors_in_all()
    }

    /// Adds other counts to these.
    pub fn add(&mut self, other: &Self) {
        self.scheduled += other.scheduled;
        self.sent += other.sent;
        self.shed += other.shed;
        self.approved += other.approved;
        self.unknown += other.unknown;
        self.in_flight_at_end += other.in_flight_at_end;
        self.reversed += other.reversed;
        self.refunds += other.refunds;
        self.duplicates += other.duplicates;
        self.messages += other.messages;
        for (reason, count) in &other.declined {
            *self.declined.entry(*reason).or_default() += count;
        }
        for (reason, count) in &other.not_done {
            *self.not_done.entry(*reason).or_default() += count;
        }
        for (fault, count) in &other.errors {
            *self.errors.entry(*fault).or_default() += count;
        }
    }

    /// Whether the counts add up.
    ///
    /// # Errors
    /// Which of the two sums does not hold.
    pub fn check(&self) -> Result<(), Imbalance> {
        if self.scheduled != self.sent + self.shed {
            return Err(Imbalance::Scheduled { scheduled: self.scheduled, sent: self.sent, shed: self.shed });
        }
        let endings = self.ended() + self.in_flight_at_end;
        if self.sent == endings { Ok(()) } else { Err(Imbalance::Sent { sent: self.sent, endings }) }
    }
}

/// The counts of every scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounting {
    scenarios: [Counts; Scenario::ALL.len()],
}

impl Accounting {
    /// Those of one scenario.
    pub const fn of(&self, scenario: Scenario) -> &Counts {
        &self.scenarios[scenario.index()]
    }

    /// Those of one scenario, to count.
    #[inline]
    pub const fn of_mut(&mut self, scenario: Scenario) -> &mut Counts {
        &mut self.scenarios[scenario.index()]
    }

    /// All scenarios together.
    pub fn total(&self) -> Counts {
        let mut total = Counts::default();
        for counts in &self.scenarios {
            total.add(counts);
        }
        total
    }

    /// Adds another operator's counts.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.scenarios.iter_mut().zip(&other.scenarios) {
            mine.add(theirs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ending() -> impl Strategy<Value = Ending> {
        prop_oneof![
            Just(Ending::Approved),
            Just(Ending::Declined(Reason::InsufficientFunds)),
            Just(Ending::Declined(Reason::DestinationTimedOut)),
            Just(Ending::NotDone(Reason::Busy)),
            Just(Ending::Unknown),
            Just(Ending::Error(Fault::AnswersDisagree)),
            Just(Ending::Error(Fault::UnexpectedReason(Reason::Malformed))),
        ]
    }

    fn count(endings: &[(usize, Ending)], shed: u64, in_flight: u64) -> Accounting {
        let mut accounting = Accounting::default();
        for (scenario, ending) in endings {
            let counts = accounting.of_mut(Scenario::ALL[scenario % Scenario::ALL.len()]);
            counts.scheduled += 1;
            counts.sent += 1;
            counts.end(*ending);
        }
        let counts = accounting.of_mut(Scenario::Pay);
        counts.scheduled += shed + in_flight;
        counts.shed += shed;
        counts.sent += in_flight;
        counts.in_flight_at_end += in_flight;
        accounting
    }

    proptest! {
        #[test]
        fn whatever_ends_however_the_sums_hold(
            endings in prop::collection::vec((0_usize..11, ending()), 0..200), shed in 0_u64..9, in_flight in 0_u64..9,
        ) {
            let accounting = count(&endings, shed, in_flight);
            prop_assert_eq!(accounting.total().check(), Ok(()));
            for scenario in Scenario::ALL {
                prop_assert_eq!(accounting.of(scenario).check(), Ok(()));
            }
            let mut twice = accounting.clone();
            twice.add(&accounting);
            prop_assert_eq!(twice.total().sent, 2 * accounting.total().sent);
            prop_assert_eq!(twice.total().check(), Ok(()));
        }

        #[test]
        fn one_ending_more_or_less_is_noticed(
            endings in prop::collection::vec((0_usize..11, ending()), 1..50), more in ending(),
        ) {
            let mut total = count(&endings, 0, 0).total();
            total.end(more);
            let is_sent_imbalance = matches!(total.check(), Err(Imbalance::Sent { .. }));
            prop_assert!(is_sent_imbalance);
            let mut total = count(&endings, 1, 0).total();
            total.shed = 0;
            let is_scheduled_imbalance = matches!(total.check(), Err(Imbalance::Scheduled { .. }));
            prop_assert!(is_scheduled_imbalance);
        }
    }
}
