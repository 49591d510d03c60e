//! The money of a transaction: `Pending → Held → Closed` or `Pending → Closed`.
//!
//! What the switch decided is what counts; the destination is told by deliveries until it acknowledges. Every cell of
//! [`next`] is decided; a test prints the grid and compares it with the one that reviewers read.

use holdfast_protocol::{Amount, Reason, State};

/// Where the money stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Money {
    /// Held while the destination's answer is out.
    Pending,
    /// Approved and held, perhaps captured in part.
    Held,
    /// Nothing is held any more.
    Closed(Ending),
}

/// How a hold ended: exactly once, with one of these (I5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ending {
    /// The destination or the switch said no.
    Declined,
    /// Captured for the last time; what was not captured is released.
    Captured,
    /// Released; what had been captured stays so.
    Released,
    /// Ended at its time; what had been captured stays so.
    Expired,
    /// The destination did not answer in time.
    TimedOut,
    /// Reversed as a whole.
    Reversed,
}

/// What can happen to the money of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The destination approves a payment, within what was asked.
    ApprovePay,
    /// The destination approves a reservation or verification, within what was asked.
    ApproveHold,
    /// The destination approves more than was asked, or a part where that is not allowed.
    ApproveWrongly,
    /// The destination declines.
    Decline,
    /// The destination refuses, or fails for technical reasons: what it did is in doubt.
    Fail,
    /// The time for the answer is over.
    Deadline,
    /// The time of the hold is over.
    HoldEnd,
    /// The originator captures a part and the rest stays held.
    CapturePart,
    /// The originator captures for the last time.
    CaptureLast,
    /// The originator releases.
    Release,
    /// The originator reverses, and no refund of it is pending.
    Reverse,
    /// The originator reverses while a refund of it is pending.
    ReverseRefunding,
    /// The originator asks for a refund of it.
    Refund,
    /// The link that had the forward is lost.
    LinkLost,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The approved amount stays held.
    Hold,
    /// A part is captured and told to the destination; the rest stays held.
    Part,
    /// The hold ends, and this is told to the destination.
    Close(Ending, Deliver),
    /// What was captured and not refunded is undone by the opposite movement and the destination is told, if anything was
    /// captured.
    Undo,
    /// The reversal waits until the refund is decided: what it gives back depends on it.
    Wait,
    /// What was captured and is neither reversed nor refunded may be refunded.
    GiveBack,
    /// The request is declined, finally.
    Refuse(Reason),
    /// Noted once; no money moves; this is told to the destination unless a reversal was before.
    Note(Deliver),
    /// Nothing changes.
    Stay,
    /// It cannot happen.
    Never,
}

/// What the destination is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deliver {
    /// Nothing: it knows.
    Nothing,
    /// The capture.
    Capture,
    /// The release.
    Release,
    /// A reversal.
    Reversal,
}

/// What an event does to money.
pub const fn next(money: Money, event: Event) -> Step {
    match money {
        Money::Pending => pending(event),
        Money::Held => held(event),
        Money::Closed(ending) => closed(ending, event),
    }
}

const fn pending(event: Event) -> Step {
    match event {
        Event::ApprovePay => Step::Close(Ending::Captured, Deliver::Nothing),
        Event::ApproveHold => Step::Hold,
        // It holds what it should not: undone, and the originator is told no (rule 17).
        Event::ApproveWrongly => Step::Close(Ending::Declined, Deliver::Reversal),
        Event::Decline => Step::Close(Ending::Declined, Deliver::Nothing),
        // A refusal says nothing about other copies of the forward.
        Event::Fail => Step::Close(Ending::Declined, Deliver::Reversal),
        // Silence is not a no: the destination may hold money, so it must hear a reversal (rule 7).
        Event::Deadline => Step::Close(Ending::TimedOut, Deliver::Reversal),
        Event::Reverse => Step::Close(Ending::Reversed, Deliver::Reversal),
        Event::CapturePart | Event::CaptureLast | Event::Release | Event::Refund => {
            Step::Refuse(Reason::OriginalPending)
        }
        // A link can come back within the budget; only the deadline decides.
        Event::LinkLost => Step::Stay,
        Event::HoldEnd => Step::Never,
        // Nothing is captured, so nothing is being refunded.
        Event::ReverseRefunding => Step::Never,
    }
}

const fn held(event: Event) -> Step {
    match event {
        Event::CapturePart => Step::Part,
        Event::CaptureLast => Step::Close(Ending::Captured, Deliver::Capture),
        Event::Release => Step::Close(Ending::Released, Deliver::Release),
        Event::HoldEnd => Step::Close(Ending::Expired, Deliver::Release),
        // Also between partial captures: what is held is released, what was captured is undone.
        Event::Reverse => Step::Close(Ending::Reversed, Deliver::Reversal),
        // The same answer again.
        Event::ApprovePay | Event::ApproveHold | Event::ApproveWrongly => Step::Stay,
        // It contradicts itself; the approval was accepted and told, so it stands.
        Event::Decline | Event::Fail => Step::Note(Deliver::Nothing),
        // Rule 15: what was captured in parts can be refunded while the rest is held.
        Event::Refund => Step::GiveBack,
        Event::ReverseRefunding => Step::Wait,
        Event::LinkLost => Step::Stay,
        Event::Deadline => Step::Never,
    }
}

const fn closed(ending: Ending, event: Event) -> Step {
    match event {
        Event::ApprovePay | Event::ApproveHold | Event::ApproveWrongly => match ending {
            // It approves what it had declined: it may hold money.
            Ending::Declined => Step::Note(Deliver::Reversal),
            // Too late; its reversal is on its way already (rule 8).
            Ending::TimedOut | Ending::Reversed => Step::Note(Deliver::Nothing),
            Ending::Captured | Ending::Released | Ending::Expired => Step::Stay,
        },
        Event::Decline | Event::Fail => match ending {
            Ending::Declined | Ending::TimedOut | Ending::Reversed => Step::Stay,
            // It contradicts itself; the approval was accepted and told, so it stands.
            Ending::Captured | Ending::Released | Ending::Expired => Step::Note(Deliver::Nothing),
        },
        Event::Reverse => match ending {
            Ending::Captured | Ending::Released | Ending::Expired => Step::Undo,
            // Nothing is held and a second reversal moves nothing (rule 11).
            Ending::Declined | Ending::TimedOut | Ending::Reversed => Step::Stay,
        },
        Event::ReverseRefunding => match ending {
            // Rule 15: a whole reversal gives back captured − refunded, and waits for a pending refund.
            Ending::Captured | Ending::Released | Ending::Expired => Step::Wait,
            // Nothing of these can be refunded, and a reversal waited for what was.
            Ending::Declined | Ending::TimedOut | Ending::Reversed => Step::Never,
        },
        Event::Refund => match ending {
            // Rule 15: whatever was captured; where nothing was, the amount says so.
            Ending::Captured | Ending::Released | Ending::Expired => Step::GiveBack,
            Ending::Declined | Ending::TimedOut => Step::Refuse(Reason::OriginalDeclined),
            // The reversal gave back all that refunds had not.
            Ending::Reversed => Step::Refuse(Reason::OriginalReversed),
        },
        Event::CapturePart | Event::CaptureLast | Event::Release => Step::Refuse(match ending {
            Ending::Declined | Ending::TimedOut => Reason::OriginalDeclined,
            Ending::Captured => Reason::HoldCaptured,
            Ending::Released => Reason::HoldReleased,
            Ending::Expired => Reason::HoldExpired,
            Ending::Reversed => Reason::OriginalReversed,
        }),
        Event::LinkLost => Step::Stay,
        // What is closed has no deadline.
        Event::Deadline | Event::HoldEnd => Step::Never,
    }
}

impl Money {
    /// Every state, for the grid.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Held,
        Self::Closed(Ending::Declined),
        Self::Closed(Ending::Captured),
        Self::Closed(Ending::Released),
        Self::Closed(Ending::Expired),
        Self::Closed(Ending::TimedOut),
        Self::Closed(Ending::Reversed),
    ];

    /// As an answer or a status says it: what was captured before a release or the expiry stays captured.
    pub const fn state(self, captured: Amount) -> State {
        match self {
            Self::Pending => State::Pending,
            Self::Held => State::Held,
            Self::Closed(Ending::Declined) => State::Declined,
            Self::Closed(Ending::Captured) => State::Captured,
            Self::Closed(Ending::Released | Ending::Expired) if !captured.is_zero() => State::Captured,
            Self::Closed(Ending::Released) => State::Released,
            Self::Closed(Ending::Expired) => State::Expired,
            Self::Closed(Ending::TimedOut) => State::TimedOut,
            Self::Closed(Ending::Reversed) => State::Reversed,
        }
    }

    /// Whether nothing is held any more.
    pub const fn is_closed(self) -> bool {
        match self {
            Self::Pending | Self::Held => false,
            Self::Closed(_) => true,
        }
    }
}

impl Event {
    /// Every event, for the grid.
    pub const ALL: [Self; 14] = [
        Self::ApprovePay,
        Self::ApproveHold,
        Self::ApproveWrongly,
        Self::Decline,
        Self::Fail,
        Self::Deadline,
        Self::HoldEnd,
        Self::CapturePart,
        Self::CaptureLast,
        Self::Release,
        Self::Reverse,
        Self::ReverseRefunding,
        Self::Refund,
        Self::LinkLost,
    ];
}
