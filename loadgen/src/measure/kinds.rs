//! What is measured.

/// Which latency. What is recorded where an operation passes; [`Figure`] is what is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// From the intended time of sending to the outcome of the authorize.
    Response,
    /// From the actual time of sending to that outcome.
    Service,
    /// From the intended to the actual time of sending, where nothing but the generator was in the way.
    Lag,
    /// The same where a place in the window had to be waited for: the switch was slow, not the generator.
    HeldBack,
    /// Service less the time the destination took itself; only where the destination decided.
    SwitchOnly,
    /// The destination's own time; only where it decided.
    Dependency,
    /// From the sending of a capture, release, reversal, inquiry or second copy to its answer.
    FollowUp,
}

impl Measure {
    /// Every measure, in the order of the numbers.
    pub const ALL: [Self; 7] = [
        Self::Response,
        Self::Service,
        Self::Lag,
        Self::HeldBack,
        Self::SwitchOnly,
        Self::Dependency,
        Self::FollowUp,
    ];
}

/// A latency as it is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    /// See [`Measure::Response`].
    Response,
    /// See [`Measure::Service`].
    Service,
    /// From the intended to the actual time of sending, whatever was in the way.
    Lag,
    /// See [`Measure::SwitchOnly`].
    SwitchOnly,
    /// See [`Measure::Dependency`].
    Dependency,
    /// See [`Measure::FollowUp`].
    FollowUp,
}

impl Figure {
    /// Every figure, in the order of the table.
    pub const ALL: [Self; 6] =
        [Self::Response, Self::Service, Self::Lag, Self::SwitchOnly, Self::Dependency, Self::FollowUp];

    /// The word in the table, the log and the files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Response => "response",
            Self::Service => "service",
            Self::Lag => "lag",
            Self::SwitchOnly => "switch_only",
            Self::Dependency => "dependency",
            Self::FollowUp => "follow_up",
        }
    }

    /// The one with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|figure| figure.name() == name)
    }

    /// What it is made of.
    pub const fn measures(self) -> &'static [Measure] {
        match self {
            Self::Response => &[Measure::Response],
            Self::Service => &[Measure::Service],
            Self::Lag => &[Measure::Lag, Measure::HeldBack],
            Self::SwitchOnly => &[Measure::SwitchOnly],
            Self::Dependency => &[Measure::Dependency],
            Self::FollowUp => &[Measure::FollowUp],
        }
    }
}
