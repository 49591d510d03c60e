//! What look-ups came to.

use holdfast_core::input::Recalled;
use holdfast_core::leaving::Archived;

/// One thing that can come of handing over and looking up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookedUp {
    /// A transaction was found.
    Transaction,
    /// A capture, release or reversal was found.
    FollowUp,
    /// There never was one.
    Absent,
    /// Nothing could be said of it.
    Unavailable,
    /// The archive had no room to be asked.
    Refused,
    /// An answer came after it was asked again.
    Outdated,
    /// What left memory in a turn was let go, for the archive had no room for it.
    LeavingLost,
}

impl LookedUp {
    /// Every one: each must be reached.
    pub const ALL: [Self; 7] = [
        Self::Transaction,
        Self::FollowUp,
        Self::Absent,
        Self::Unavailable,
        Self::Refused,
        Self::Outdated,
        Self::LeavingLost,
    ];

    /// What the core heard. That nothing can be said of it is [`Self::Unavailable`] whoever says so.
    pub const fn of(recalled: &Recalled) -> Self {
        match recalled {
            Recalled::Found(Archived::Transaction(_)) => Self::Transaction,
            Recalled::Found(Archived::FollowUp(_)) => Self::FollowUp,
            Recalled::Absent => Self::Absent,
            Recalled::Unavailable => Self::Unavailable,
        }
    }
}
