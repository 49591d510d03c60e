//! Known wrongs, so that the alarm can be heard: each changes what the production code does, from where it is wrapped
//! (storage, log, the seam of the driver, the settings and facts it starts with). Nothing of this is in the program.
//!
//! Each is hunted with the usual workload and the usual faults. One that no checker finds is a checker that is missing.

mod archive;
mod recovery;
mod wrongdoer;

use holdfast_core::Settings;

pub(crate) use archive::FirstFound;
pub(crate) use recovery::{Recovery, digest};
pub(crate) use wrongdoer::Wrongdoer;

use super::disk::Wrong;

macro_rules! planted {
    ($($name:ident $word:literal $text:literal;)*) => {
        /// One known wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Planted {
            $(#[doc = $text] $name,)*
        }

        impl Planted {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// As it is called on the command line.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// What it does.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

planted! {
    EffectBeforeSync "effect-before-sync" "the log calls durable what was only handed in";
    RepeatBeforeDurable "repeat-before-durable" "a repeat is answered from state that is not durable yet";
    SyncsLeftOut "syncs-left-out" "a sync returns without doing anything";
    FailedSyncTaken "failed-sync-taken" "a failed write or sync is taken for done";
    TornTailAccepted "torn-tail-accepted" "recovery accepts a frame whose checksum does not fit";
    DeadlineOffAfterRestart "deadline-off-after-restart" "after a restart no deadline comes";
    FactNotReplayed "fact-not-replayed" "recovery leaves a kind of fact out of the ledger";
    WindowNotRecovered "window-not-recovered" "a start from a snapshot lacks what was remembered before it";
    SnapshotMissesHold "snapshot-misses-hold" "a start from a snapshot lacks an open hold, and its position knows nothing of it";
    SnapshotMissesDelivery "snapshot-misses-delivery" "a start from a snapshot lacks what is still to be delivered";
    FactsAfterSnapshotSkipped "facts-after-snapshot-skipped" "the first facts after a snapshot are not replayed";
    TrimmedTooFar "trimmed-too-far" "a segment is trimmed that a start from the older snapshot needs";
    DigestBlindToLimits "digest-blind-to-limits" "a start from a snapshot lacks what was used of limits, and no digest sees it";
    LateApprovalDelivered "late-approval-delivered" "an approval after the time-out is told to the originator";
    ReversalGivenUp "reversal-given-up" "a reversal is taken for delivered after three sends";
    HoldEndedTwice "hold-ended-twice" "the end of a hold is applied twice";
    PositionReleasedTwice "position-released-twice" "the end of a hold lets go of another one of its originator, too";
    TombstoneForgotten "tombstone-forgotten" "a reversal of what is unknown is acknowledged and not remembered";
    AnswerToWrongSession "answer-to-wrong-session" "now and then an answer goes to another originator's link";
    CaptureBeyondHold "capture-beyond-hold" "a capture beyond the hold is accepted";
    IdOutsideWindow "id-outside-window" "an id made before the window is accepted as new";
    UnavailableTakenForAbsent "unavailable-taken-for-absent" "an original that cannot be looked up counts as unknown";
    ArchivedTakenForAbsent "archived-taken-for-absent" "what the archive finds counts as unknown";
    OldIndexAnswers "old-index-answers" "the archive finds a transaction as it left memory the first time, not the last";
    RefundsNotArchived "refunds-not-archived" "the archive does not know what of an original was refunded";
    RecalledDebtorSwapped "recalled-debtor-swapped" "who owes by a transaction that was recalled gets it, so that refunds and reversals of it are booked the other way round";
    LeavingOvertaken "leaving-overtaken" "a look-up overtakes what left memory before it";
    ForwardedAgainAsNew "forwarded-again-as-new" "a forward that leaves again lacks its repeat flag";
    DeliveredAgainAsNew "delivered-again-as-new" "a delivery that leaves again lacks its repeat flag";
    DecidedThroughTooFar "decided-through-too-far" "a destination is told that one answer more is decided";
    LeaseToldBeyondGift "lease-told-beyond-gift" "a partition tells another of more room under a cap than it gave";
    CapNotChecked "cap-not-checked" "the net debit caps are a thousand times too high";
    DailyCountOffByOne "daily-count-off-by-one" "a daily count limit lets one more through";
    AnswerFromAnybody "answer-from-anybody" "any participant's answer counts as the destination's";
}

impl Planted {
    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|planted| planted.name() == name)
    }

    /// The core's settings with it.
    pub(crate) fn settings(self, settings: Settings) -> Settings {
        match self {
            Self::IdOutsideWindow => Settings { window_max_ms: settings.window_max_ms * 3, ..settings },
            _ => settings,
        }
    }

    /// What is wrong with the disk.
    pub(crate) fn disk(self) -> Option<Wrong> {
        match self {
            Self::SyncsLeftOut => Some(Wrong::SyncsLeftOut),
            Self::FailedSyncTaken => Some(Wrong::FailuresTaken),
            Self::TornTailAccepted => Some(Wrong::TornTailAccepted),
            Self::TrimmedTooFar => Some(Wrong::TrimsTooFar),
            _ => None,
        }
    }
}
