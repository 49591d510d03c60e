//! One delivery: `Waiting → Sent → Acknowledged`.
//!
//! Deliveries of a transaction leave in order, each after the one before is acknowledged. What was sent is known to the
//! schedule only: after a restart everything that may have been sent counts as sent.

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// An earlier delivery of its transaction is not acknowledged.
    Behind,
    /// It is the first, and there is no room in the window or no link that may take it.
    Waiting,
    /// It was sent and not acknowledged.
    Sent,
    /// Acknowledged.
    Done,
    /// A reversal made it needless before it was sent.
    Superseded,
}

/// What can happen to a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The delivery before it was acknowledged.
    FirstNow,
    /// The window has room and a link that may take it is there.
    Room,
    /// The pause since the last send is over.
    PauseOver,
    /// The destination acknowledges it, from an instance that may.
    Acknowledge,
    /// The destination acknowledges it from an instance that never got the forward and shares nothing.
    AcknowledgeElsewhere,
    /// The originator reverses the transaction as a whole.
    Reverse,
    /// The link it was sent over is lost.
    LinkLost,
    /// The switch was started again.
    Restart,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It moves on.
    To(Progress),
    /// It leaves, the first time without and later with the repeat flag.
    Send,
    /// Nothing changes.
    Stay,
    /// Counted as unexpected; nothing changes.
    Unexpected,
    /// It cannot happen.
    Never,
}

/// What an event does to a delivery.
pub const fn next(progress: Progress, event: Event) -> Step {
    match progress {
        Progress::Behind => match event {
            Event::FirstNow => Step::To(Progress::Waiting),
            Event::Reverse => Step::To(Progress::Superseded),
            Event::Acknowledge | Event::AcknowledgeElsewhere => Step::Unexpected,
            Event::LinkLost | Event::Restart => Step::Stay,
            Event::Room | Event::PauseOver => Step::Never,
        },
        Progress::Waiting => match event {
            Event::Room => Step::Send,
            Event::Reverse => Step::To(Progress::Superseded),
            // Nobody can have recorded what was never sent.
            Event::Acknowledge | Event::AcknowledgeElsewhere => Step::Unexpected,
            Event::LinkLost => Step::Stay,
            // It may have been sent in the last moment before.
            Event::Restart => Step::To(Progress::Sent),
            Event::FirstNow | Event::PauseOver => Step::Never,
        },
        Progress::Sent => match event {
            // Room: of another link, after the one it was sent over was lost.
            Event::PauseOver | Event::Room => Step::Send,
            Event::Acknowledge => Step::To(Progress::Done),
            // It knows nothing of the transaction, so its word closes nothing.
            Event::AcknowledgeElsewhere => Step::Unexpected,
            // What was sent is finished first; the reversal follows it.
            Event::Reverse => Step::Stay,
            // It is sent again as soon as a link that may take it is there.
            Event::LinkLost | Event::Restart => Step::Stay,
            Event::FirstNow => Step::Never,
        },
        Progress::Done | Progress::Superseded => match event {
            Event::Acknowledge | Event::AcknowledgeElsewhere => Step::Unexpected,
            Event::Reverse | Event::LinkLost | Event::Restart => Step::Stay,
            Event::FirstNow | Event::Room | Event::PauseOver => Step::Never,
        },
    }
}

impl Progress {
    /// Every state, for the grid.
    pub const ALL: [Self; 5] = [Self::Behind, Self::Waiting, Self::Sent, Self::Done, Self::Superseded];
}

impl Event {
    /// Every event, for the grid.
    pub const ALL: [Self; 8] = [
        Self::FirstNow,
        Self::Room,
        Self::PauseOver,
        Self::Acknowledge,
        Self::AcknowledgeElsewhere,
        Self::Reverse,
        Self::LinkLost,
        Self::Restart,
    ];
}
