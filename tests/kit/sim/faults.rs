//! What goes wrong, how often, and how often it did.

use std::fmt;

use super::random::Random;

macro_rules! faults {
    ($($name:ident $text:literal;)*) => {
        /// One kind of fault, or of what meets it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault {
            $(#[doc = $text] $name,)*
        }

        impl Fault {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// For people.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

faults! {
    MessageDelayed "messages delayed by a second or so";
    LinkCut "links cut, what was on its way lost";
    LinkHalfOpen "links cut without the switch noticing";
    LinkReplaced "links replaced by a newer sign-on";
    LinkSignedOff "links signed off or drained";
    Repeated "requests repeated over another link or lane";
    Overtaken "requests that overtook an older one";
    OtherContent "repeats with other content";
    ParticipantCrashed "participants crashed, their store kept";
    ParticipantForgot "destinations crashed without their store";
    ParticipantFroze "participants frozen";
    AnsweredTwice "forwards answered twice";
    AnsweredLate "forwards answered after their time";
    Contradicted "destinations that contradicted themselves";
    Intruded "answers and acknowledgements from who was not asked";
    AcknowledgementLost "acknowledgements not sent";
    SwitchKilled "the switch killed, the page cache kept";
    PowerCut "power cuts between two steps";
    PowerCutWriting "power cuts in the middle of a write";
    PowerCutRecovering "power cuts while recovering";
    WriteTorn "torn tails found by recovery";
    FactsUndone "decided facts that a crash undid";
    SyncFailed "failed writes and syncs";
    DiskFull "full disks";
    BitRotRefused "flipped bits that recovery refused";
    BitRotTorn "flipped bits found as a torn tail";
    BitRotHarmless "flipped bits in what nothing reads";
    SnapshotMade "snapshots made";
    SnapshotLoaded "starts from a snapshot";
    SegmentTrimmed "segments trimmed behind snapshots";
    SnapshotRotten "flipped bits in snapshots";
    SnapshotPassedOver "starts that passed over a rotten snapshot";
    SnapshotsRefused "starts refused for want of a sound snapshot";
    IndexRotten "flipped bits in indexes of the archive";
    IndexDamaged "indexes that were found damaged";
    ArchiveFroze "standstills of the archive";
    ClockForward "clock jumps forward";
    ClockBack "clock jumps back";
    ClockAcrossRestart "clock jumps across a restart";
    SwitchStopped "orderly stops";
    ConfigurationChanged "changes of caps, limits and status";
    RoutesChanged "changes of routes";
    ParticipantsChanged "participants removed or added again";
    ConfigurationRefused "configurations refused for the sake of open work";
    DayChanged "business days cut over";
    Stalled "stalls of the whole machine";
}

/// How often each happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultCounts(Vec<u64>);

impl Default for FaultCounts {
    fn default() -> Self {
        Self(vec![0; Fault::ALL.len()])
    }
}

impl FaultCounts {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.add_many(fault, 1);
    }

    pub(crate) fn add_many(&mut self, fault: Fault, count: u64) {
        self.0[fault as usize] += count;
    }

    /// How often one happened.
    pub fn of(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }

    /// Adds those of another run.
    pub fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(sum, more)| *sum += more);
    }
}

impl fmt::Display for FaultCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in Fault::ALL {
            writeln!(f, "{:>10}  {}", self.of(*fault), fault.text())?;
        }
        Ok(())
    }
}

/// How often each is tried: in ten thousand steps, in a hundred answers, and so on. A seed leaves some out.
#[derive(Clone, Debug)]
pub(crate) struct Rates {
    pub(crate) delay: u64,
    pub(crate) cut: u64,
    pub(crate) crash: u64,
    pub(crate) freeze: u64,
    pub(crate) switch: u64,
    pub(crate) disk: u64,
    pub(crate) rot: u64,
    pub(crate) clock: u64,
    pub(crate) configuration: u64,
    /// Destinations that misbehave, in a hundred messages.
    pub(crate) mischief: u64,
    /// Destinations that keep silent, in a hundred forwards.
    pub(crate) silence: u64,
}

impl Rates {
    pub(crate) fn new(r: &mut Random) -> Self {
        let mut rate = |usual: u64| if r.percent(80) { usual / 2 + r.below(usual) } else { 0 };
        Self {
            delay: rate(60),
            cut: rate(200),
            crash: rate(50),
            freeze: rate(50),
            switch: rate(55),
            disk: rate(25),
            rot: rate(60),
            clock: rate(40),
            configuration: rate(120),
            mischief: rate(12),
            silence: rate(8),
        }
    }
}
