//! What the auditor can find, and the records that prove it.

use std::collections::BTreeMap;

use serde::Serialize;

macro_rules! classes {
    ($($name:ident $text:literal $meaning:literal;)*) => {
        /// Which rule was broken.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Class {
            $(#[doc = $meaning] $name,)*
        }

        impl Class {
            /// Every class, in the order of a report.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name in a report and in its JSON.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// What it means, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)*
                }
            }
        }
    };
}

classes! {
    JournalBroken "journal-broken" "A line of the journal dump does not follow from the line before it.";
    WrongPartition "wrong-partition" "What partitions of the journal hold contradicts each other: an originator decided outside its home, or room under a cap taken that nobody gave.";
    Lost "lost" "Somebody was told a decision that the journal does not know.";
    Phantom "phantom" "Something happened that nobody asked for.";
    AppliedTwice "applied-twice" "One request or delivery took effect more than once.";
    TwoAnswers "two-answers" "One id was answered in two ways.";
    OutcomeChanged "outcome-changed" "An outcome differs from what the journal decided.";
    WrongPlace "wrong-place" "An answer names a place in the journal where its decision does not stand.";
    WrongState "wrong-state" "An answer tells a state that the transaction never had after its decision.";
    ContentDiffers "content-differs" "Amount, currency, kind, payee or destination changed on the way.";
    RefusedYetRecorded "refused-yet-recorded" "The only copy of a request was refused, and yet the journal has it.";
    RepeatUnmarked "repeat-unmarked" "A second copy left without its repeat flag.";
    IllegalCourse "illegal-course" "The facts of a transaction contradict the table of its money.";
    OverRefunded "over-refunded" "Refunds of one transaction give back more than was captured and not reversed.";
    HoldWithoutEnd "hold-without-end" "A hold outlived its time or a request without an answer its deadline.";
    LateApproval "late-approval" "A destination's approval was not accepted, and no reversal follows it.";
    Undelivered "undelivered" "A capture, release or reversal was decided and never acknowledged.";
    DeliveryOutOfOrder "delivery-out-of-order" "A delivery left before the one before it was acknowledged, or completion too early.";
    EffectBeforeFact "effect-before-fact" "Somebody heard of a decision before the journal had it.";
    Unanswered "unanswered" "A drained participant still waits for an answer.";
    HistoryContradicts "history-contradicts" "A history contradicts itself.";
    PositionsDisagree "positions-disagree" "Journal, participants and switch count different money.";
    NotCovered "not-covered" "The journal holds transactions from times that no given history covers: they were not judged by histories.";
    NotNetZero "not-net-zero" "The positions of a currency do not sum to zero.";
}

/// A record that a finding rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum Evidence {
    /// A line of the dump.
    Journal {
        /// In which partition's journal; absent for the first, which mostly is the only one.
        #[serde(skip_serializing_if = "is_first")]
        partition: u16,
        /// Its place in that.
        sequence: u64,
        /// Its kind.
        fact: &'static str,
    },
    /// A record of a history.
    History {
        /// The name of the file.
        file: String,
        /// Counted from zero.
        record: u64,
        /// Its kind and message.
        what: String,
    },
}

const fn is_first(partition: &u16) -> bool {
    *partition == 0
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which rule, by its name.
    pub class: &'static str,
    /// The transaction as `originator/id`, where it is about one.
    pub transaction: Option<String>,
    /// What is wrong, as a sentence.
    pub what: String,
    /// What proves it.
    pub evidence: Vec<Evidence>,
}

/// All findings: every one counted, the first of each class kept.
#[derive(Debug)]
pub struct Findings {
    keep: usize,
    counts: BTreeMap<Class, u64>,
    kept: BTreeMap<Class, Vec<Finding>>,
}

impl Findings {
    /// Keeps at most `keep` findings of each class.
    pub fn new(keep: usize) -> Self {
        Self { keep, counts: BTreeMap::new(), kept: BTreeMap::new() }
    }

    /// Counts one; it is written out only if it is kept.
    pub fn add(&mut self, class: Class, describe: impl FnOnce() -> (Option<String>, String, Vec<Evidence>)) {
        *self.counts.entry(class).or_insert(0) += 1;
        let kept = self.kept.entry(class).or_default();
        if kept.len() < self.keep {
            let (transaction, what, evidence) = describe();
            kept.push(Finding { class: class.name(), transaction, what, evidence });
        }
    }

    /// How many there are of each class that was found.
    pub fn counts(&self) -> &BTreeMap<Class, u64> {
        &self.counts
    }

    /// The findings that were kept, by class.
    pub fn kept(&self) -> impl Iterator<Item = &Finding> {
        self.kept.values().flatten()
    }

    /// How many there are.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }
}
