//! What can happen to the switch.

use holdfast_protocol::{
    Acknowledge, Answer, Authorize, BusinessDate, Capture, Currency, Inquiry, Instance, ParticipantNumber,
    Partition, Refund, Release, Reverse, Total, TransactionKey,
};

use crate::leaving::Archived;
use crate::registry::{ParticipantRecord, ParticipantStatus, Route};
use crate::view::SessionId;

/// Who sent a message: from the certificate and the sign-on of its link, never from the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct From {
    /// The participant.
    pub participant: ParticipantNumber,
    /// Which of its instances.
    pub instance: Instance,
    /// Over which link: where the answer goes.
    pub session: SessionId,
}

/// One input to [`crate::Core::step`].
#[derive(Clone, Debug)]
pub enum Input {
    /// From an originator.
    Authorize(From, Authorize),
    /// From an originator.
    Capture(From, Capture),
    /// From an originator.
    Release(From, Release),
    /// From an originator.
    Reverse(From, Reverse),
    /// From an originator.
    Refund(From, Refund),
    /// From an originator about its own requests, or from a destination about what it was sent.
    Inquire(From, Inquiry),
    /// From a destination.
    Answer(From, Answer),
    /// From a destination.
    Acknowledge(From, Acknowledge),
    /// What the archive found for an [`crate::Effect::Recall`].
    Recalled(TransactionKey, Recalled),
    /// An instance signed on; its deliveries and unanswered forwards may go out again. The view has it already.
    LinkUp(From),
    /// A link was lost or replaced; the view no longer has it.
    LinkLost(From),
    /// The configuration file as a whole, at start and on reload; the difference becomes facts.
    Configure(Vec<ParticipantRecord>, Vec<Route>),
    /// The operator of the switch suspends, resumes or drains a participant.
    SetStatus(ParticipantNumber, ParticipantStatus),
    /// New work gets this business date from now on (rule 27).
    CutOver(BusinessDate),
    /// A partition of so many is begun: decided where nothing was decided yet.
    Found(Partition, u16),
    /// Another partition asks for room under a cap, or answers.
    Lease(Partition, LeaseMessage),
    /// Time passed. Fed when [`crate::Core::next_deadline`] is reached, after what had arrived.
    Tick,
}

/// What partitions say to each other about the room under a debtor's cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseMessage {
    /// One lacks it.
    Ask(LeaseAsk),
    /// The answer.
    Told(LeaseTold),
}

/// See [`LeaseMessage::Ask`]. Sums in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseAsk {
    /// Whose cap.
    pub debtor: ParticipantNumber,
    /// In which currency.
    pub currency: Currency,
    /// Which question of the asker it is.
    pub round: u64,
    /// How much is missing.
    pub needs: Total,
    /// What the asker has given to the asked, in all.
    pub given: Total,
    /// What the asker has taken from the asked, in all.
    pub taken: Total,
}

/// See [`LeaseMessage::Told`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseTold {
    /// Whose cap.
    pub debtor: ParticipantNumber,
    /// In which currency.
    pub currency: Currency,
    /// Which question of the asker it answers.
    pub round: u64,
    /// What was given to the asker, in all, in minor units.
    pub given: Total,
}

/// What a recall brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recalled {
    /// As it was when it left memory the last time.
    Found(Archived),
    /// Memory, what is not indexed yet, and every index back to the id's creation were searched: there is none.
    Absent,
    /// It could not be looked up. Never to be taken for absent.
    Unavailable,
}
