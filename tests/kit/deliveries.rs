//! What a destination gets after the forward, and the words with which it takes it.

use holdfast_protocol::{
    Acknowledge, Answer, Capture, Complete, DeliveryNumber, Inquiry, Message, Outcome, ParticipantNumber,
    Reason, Release, RequestId, Reverse, Status,
};

use crate::peer::Peer;
use crate::requests::approval;

/// A capture, release or reversal as a destination gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// A part or all of the hold was taken.
    Capture(Capture),
    /// The hold ended.
    Release(Release),
    /// All was undone.
    Reverse(Reverse),
}

impl Delivery {
    /// What it is about.
    pub fn original(&self) -> RequestId {
        match self {
            Self::Capture(m) => m.original,
            Self::Release(m) => m.original,
            Self::Reverse(m) => m.original,
        }
    }

    /// Its place among the deliveries of its transaction.
    pub fn number(&self) -> DeliveryNumber {
        let number = match self {
            Self::Capture(m) => m.delivery,
            Self::Release(m) => m.delivery,
            Self::Reverse(m) => m.delivery,
        };
        number.expect("the switch numbers every delivery")
    }

    /// Whether it may have been sent before.
    pub fn repeat(&self) -> bool {
        match self {
            Self::Capture(m) => m.repeat,
            Self::Release(m) => m.repeat,
            Self::Reverse(m) => m.repeat,
        }
    }

    fn originator(&self) -> ParticipantNumber {
        let originator = match self {
            Self::Capture(m) => m.originator,
            Self::Release(m) => m.originator,
            Self::Reverse(m) => m.originator,
        };
        originator.expect("the switch names whose transaction it is")
    }

    /// The acknowledgement of it.
    pub fn acknowledgement(&self) -> Message {
        Acknowledge { original: self.original(), originator: self.originator(), delivery: self.number() }
            .into()
    }
}

impl Peer {
    /// The next delivery on the lane.
    pub async fn next_delivery(&mut self) -> Delivery {
        loop {
            match self.next().await {
                Some(Message::Capture(m)) => return Delivery::Capture(m),
                Some(Message::Release(m)) => return Delivery::Release(m),
                Some(Message::Reverse(m)) => return Delivery::Reverse(m),
                Some(Message::DecidedThrough(_) | Message::Complete(_)) => {}
                other => panic!("no delivery: {other:?}, closed with {:?}", self.connection.close_reason()),
            }
        }
    }

    /// The next reversal; forwards before it stay unanswered.
    pub async fn next_reversal_past_forwards(&mut self) -> Delivery {
        loop {
            match self.next().await {
                Some(Message::Authorize(_)) => {}
                Some(Message::Reverse(m)) => return Delivery::Reverse(m),
                other => panic!("no reversal: {other:?}, closed with {:?}", self.connection.close_reason()),
            }
        }
    }

    /// The next delivery, acknowledged.
    pub async fn take_delivery(&mut self) -> Delivery {
        let delivery = self.next_delivery().await;
        self.send(&[delivery.acknowledgement()]).await;
        delivery
    }

    /// The next notice that nothing more will come for a transaction.
    pub async fn next_complete(&mut self) -> Complete {
        loop {
            match self.next().await {
                Some(Message::Complete(complete)) => return complete,
                Some(Message::DecidedThrough(_)) => {}
                other => panic!("not complete: {other:?}, closed with {:?}", self.connection.close_reason()),
            }
        }
    }

    /// Asks what became of a request.
    pub async fn inquire(&mut self, id: RequestId, originator: Option<ParticipantNumber>) -> Status {
        self.send(&[Inquiry { id, originator, correlation: 77 }.into()]).await;
        loop {
            match self.next().await {
                Some(Message::Status(status)) => {
                    assert_eq!(status.correlation, 77);
                    return status;
                }
                Some(Message::DecidedThrough(_)) => {}
                other => panic!("no status: {other:?}, closed with {:?}", self.connection.close_reason()),
            }
        }
    }

    /// Sends one request and returns its whole answer.
    pub async fn answer_to(&mut self, request: impl Into<Message>) -> Answer {
        self.send(&[request.into()]).await;
        self.next_answer().await
    }
}

/// A destination's refusal of a forward, for a reason of its own.
pub fn decline(forward: &holdfast_protocol::Authorize, reason: Reason) -> Answer {
    Answer { outcome: Outcome::Declined, reason, ..approval(forward, None) }
}
