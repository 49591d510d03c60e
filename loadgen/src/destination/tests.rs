//! Scripts: what a destination answers, applies and acknowledges.

use std::rc::Rc;

use holdfast_protocol::{
    Acknowledge, Amount, Answer, Authorize, Capture, Channel, Complete, Currency, DecidedThrough,
    DeliveryNumber, Extensions, InstrumentReference, Kind, Message, Outcome, ParticipantNumber, Reason,
    Release, RequestId, Reverse, SecurityLevel, UnixMillis,
};

use super::Destination;
use crate::operation_id::IdFields;
use crate::operator::Outgoing;
use crate::stage::{Now, Stage, played_stage};
use crate::traffic::fate::Fate;

#[derive(Default)]
pub(super) struct Said(pub(super) Vec<Message>);

impl Outgoing for Said {
    fn push(&mut self, message: &Message) {
        self.0.push(message.clone());
    }

    fn has_room(&self) -> bool {
        true
    }
}

pub(super) struct Play {
    pub(super) stage: Rc<Stage>,
    pub(super) destination: Destination,
    pub(super) said: Said,
    ms: u64,
}

pub(super) const CREATED: u64 = 1_800_000_000_000;

impl Play {
    pub(super) fn new() -> Self {
        let stage = Rc::new(played_stage(2, 2));
        let mut destination = Destination::new(Rc::clone(&stage), 0);
        destination.on_link(1);
        Self { stage, destination, said: Said::default(), ms: 0 }
    }

    pub(super) fn now(&self) -> Now {
        Now { ns: self.ms * 1_000_000, switch: UnixMillis::new(CREATED + self.ms).unwrap() }
    }

    pub(super) fn id(&self, number: u64) -> RequestId {
        self.stage.spaces[0].id(UnixMillis::new(CREATED).unwrap(), IdFields { number, step: 0, slot: 0 })
    }

    pub(super) fn request(&self, number: u64, kind: Kind, fate: Fate) -> Authorize {
        Authorize {
            id: self.id(number),
            originator: operator(),
            kind,
            payment_id: "shop-1@acq-1".parse().unwrap(),
            instrument: fate.to_instrument(number),
            amount: Amount::from_minor(100).unwrap(),
            currency: Currency::from_code("EUR").unwrap(),
            security_level: SecurityLevel::Three,
            channel: Channel::PacketData,
            expires: UnixMillis::new(CREATED + 30_000).unwrap(),
            hold_until: UnixMillis::default(),
            budget_ms: 3_000,
            partial_allowed: false,
            captures_many: true,
            repeat: false,
            attempt: 1,
            settlement_date: None,
            extensions: Extensions::NONE,
        }
    }

    pub(super) fn forward(&mut self, request: &Authorize) -> Option<Answer> {
        self.destination.on_forward(self.now(), request, &mut self.said);
        match self.said.0.pop() {
            Some(Message::Answer(answer)) => Some(answer),
            None => None,
            Some(other) => panic!("expected an answer, not {other:?}"),
        }
    }

    fn capture(&mut self, number: u64, delivery: u16, amount: u64, last: bool) -> Acknowledge {
        let capture = Capture {
            id: self.id(number),
            original: self.id(number),
            originator: operator(),
            amount: Amount::from_minor(amount).unwrap(),
            currency: Currency::from_code("EUR").unwrap(),
            last,
            expires: UnixMillis::MAX,
            delivery: Some(DeliveryNumber(delivery)),
            repeat: false,
            attempt: 1,
            settlement_date: None,
            extensions: Extensions::NONE,
        };
        self.destination.on_capture(self.now(), &capture, &mut self.said);
        self.acknowledged()
    }

    fn release(&mut self, number: u64, delivery: u16) -> Acknowledge {
        let release = Release {
            id: self.id(number),
            original: self.id(number),
            originator: operator(),
            expires: UnixMillis::MAX,
            delivery: Some(DeliveryNumber(delivery)),
            expired: true,
            repeat: false,
            attempt: 1,
            extensions: Extensions::NONE,
        };
        self.destination.on_release(self.now(), &release, &mut self.said);
        self.acknowledged()
    }

    pub(super) fn reverse(&mut self, number: u64, delivery: u16) -> Acknowledge {
        let reverse = Reverse {
            id: self.id(number),
            original: self.id(number),
            originator: operator(),
            payment_id: "shop-1@acq-1".parse().unwrap(),
            reason: 0,
            expires: UnixMillis::MAX,
            delivery: Some(DeliveryNumber(delivery)),
            repeat: false,
            attempt: 1,
            settlement_date: None,
            extensions: Extensions::NONE,
        };
        self.destination.on_reverse(self.now(), &reverse, &mut self.said);
        self.acknowledged()
    }

    pub(super) fn acknowledged(&mut self) -> Acknowledge {
        match self.said.0.pop() {
            Some(Message::Acknowledge(acknowledge)) => acknowledge,
            other => panic!("expected an acknowledgement, not {other:?}"),
        }
    }

    pub(super) fn net(&self) -> i128 {
        self.destination.tally.borrow().flows[0].net()
    }

    pub(super) fn strays(&self) -> u64 {
        self.stage.faults.borrow().strays
    }
}

pub(super) fn operator() -> Option<ParticipantNumber> {
    ParticipantNumber::new(1)
}

#[test]
fn it_does_what_the_instrument_says() {
    let mut play = Play::new();
    let mut answer = |number, fate| {
        let request = play.request(number, Kind::Pay, fate);
        play.forward(&request)
    };
    assert_eq!(answer(1, Fate::Approve).unwrap().amount.minor(), 100);
    assert_eq!(answer(2, Fate::ApproveHalf).unwrap().amount.minor(), 50);
    let declined = answer(3, Fate::Decline(Reason::InsufficientFunds)).unwrap();
    assert_eq!((declined.outcome, declined.reason), (Outcome::Declined, Reason::InsufficientFunds));
    assert_eq!(answer(4, Fate::Silent), None);
    assert_eq!(answer(5, Fate::Late), None);
    assert_eq!(play.net(), 250, "the late one is approved at its destination");
}

#[test]
fn a_repeat_gets_the_same_answer_and_moves_no_money() {
    let mut play = Play::new();
    for (number, fate) in [(1, Fate::Approve), (2, Fate::Decline(Reason::SuspectedFraud)), (3, Fate::Silent)]
    {
        let request = play.request(number, Kind::Pay, fate);
        let first = play.forward(&request);
        let repeat = Authorize { repeat: true, attempt: 2, ..request };
        assert_eq!(play.forward(&repeat), first);
    }
    assert_eq!((play.net(), play.strays()), (100, 0));
}

#[test]
fn a_second_forward_that_claims_to_be_the_first_is_noticed() {
    let mut play = Play::new();
    let request = play.request(1, Kind::Pay, Fate::Approve);
    play.forward(&request);
    play.forward(&request);
    assert_eq!(play.strays(), 1);
    assert_eq!(play.net(), 100);
}

#[test]
fn a_late_answer_leaves_after_the_deadline() {
    let mut play = Play::new();
    let request = play.request(1, Kind::Pay, Fate::Late);
    assert_eq!(play.forward(&request), None);
    play.ms = 3_000;
    play.destination.on_time(play.now(), &mut play.said);
    assert!(play.said.0.is_empty());
    play.reverse(1, 1);
    play.ms = 3_300;
    play.destination.on_time(play.now(), &mut play.said);
    assert!(matches!(&play.said.0[..], [Message::Answer(a)] if a.outcome == Outcome::Approved));
    assert_eq!(play.net(), 0, "the reversal has undone it");
}

#[test]
fn deliveries_are_applied_once_and_acknowledged_each_time() {
    let mut play = Play::new();
    let request = play.request(1, Kind::Reserve, Fate::Approve);
    play.forward(&request);
    let first = play.capture(1, 1, 30, false);
    assert_eq!(play.capture(1, 1, 30, false), first);
    assert_eq!(play.net(), 30);
    play.capture(1, 2, 70, true);
    assert_eq!((play.net(), play.strays()), (100, 0));
    play.capture(1, 3, 1, true);
    assert_eq!(play.strays(), 1, "more than was held");
}

#[test]
fn a_hold_ends_once() {
    let mut play = Play::new();
    let request = play.request(1, Kind::Verify, Fate::Approve);
    play.forward(&request);
    play.release(1, 1);
    play.release(1, 1);
    assert_eq!((play.strays(), play.net()), (0, 0));
    play.release(1, 2);
    assert_eq!(play.strays(), 1, "a second ending");
    let complete = Complete { original: play.id(1), originator: operator().unwrap() };
    play.destination.on_complete(play.now(), &complete);
    assert_eq!(play.stage.memory.borrow().open_holds(), 0);
}

#[test]
fn a_reversal_undoes_what_was_booked_once() {
    let mut play = Play::new();
    let pay = play.request(1, Kind::Pay, Fate::Approve);
    play.forward(&pay);
    play.reverse(1, 1);
    play.reverse(1, 1);
    assert_eq!(play.net(), 0);
    let reserve = play.request(2, Kind::Reserve, Fate::Approve);
    play.forward(&reserve);
    play.capture(2, 1, 60, false);
    play.reverse(2, 2);
    play.reverse(2, 2);
    assert_eq!((play.net(), play.strays()), (0, 0));
}

#[test]
fn a_reversal_that_comes_first_is_remembered() {
    let mut play = Play::new();
    play.reverse(1, 1);
    let request = play.request(1, Kind::Pay, Fate::Approve);
    let answer = play.forward(&request).unwrap();
    assert_eq!(answer.outcome, Outcome::Refused);
    assert_eq!((play.net(), play.strays()), (0, 0));
}

#[test]
fn strangers_are_declined_and_touch_no_books() {
    let mut play = Play::new();
    let request = Authorize {
        instrument: InstrumentReference::NONE,
        id: RequestId::new(UnixMillis::new(CREATED).unwrap(), 77),
        ..play.request(1, Kind::Pay, Fate::Approve)
    };
    let answer = play.forward(&request).unwrap();
    assert_eq!((answer.outcome, answer.reason), (Outcome::Declined, Reason::InstrumentUnknown));
    assert_eq!(play.destination.tally.borrow().foreign, 1);
    assert_eq!((play.net(), play.strays()), (0, 0));
}

#[test]
fn more_decided_than_answered_is_noticed() {
    let mut play = Play::new();
    let request = play.request(1, Kind::Pay, Fate::Approve);
    play.forward(&request);
    play.destination.on_decided_through(play.now(), 0, DecidedThrough { count: 1 });
    assert_eq!(play.strays(), 0);
    play.destination.on_decided_through(play.now(), 0, DecidedThrough { count: 2 });
    assert_eq!(play.strays(), 1);
}
