//! An operator: asks, remembers what it was told, repeats what is unanswered under the same id, and asks again for what
//! it knows, which must not have changed (I2, I6).

use std::collections::BTreeMap;

use holdfast_protocol::{
    Amount, Answer, Authorize, Capture, Channel, Epoch, Extensions, InstrumentReference, Kind, Message,
    Outcome, ParticipantNumber, Reason, Release, RequestId, Reverse, SecurityLevel, State, TransactionKey,
    UnixMillis,
};

use crate::DESTINATIONS;
use crate::link::{LANES, Link, lane};
use crate::random::Random;
use crate::switch::{euro, number};

/// An unanswered request is repeated after so long.
const REPEAT_MS: u64 = 1_500;

/// What an operator keeps of a request.
pub(crate) struct Request {
    pub(crate) message: Message,
    /// The transaction it is about.
    pub(crate) original: RequestId,
    /// The answer with its state left out, which may change.
    pub(crate) told: Option<Answer>,
    /// It came too late to be recorded.
    pub(crate) expired: bool,
    /// A copy sent over the link that lives now is unanswered since then.
    asked: Option<UnixMillis>,
    copies: u8,
}

/// See the module.
pub(crate) struct Operator {
    pub(crate) number: ParticipantNumber,
    pub(crate) link: Option<Link>,
    pub(crate) requests: BTreeMap<RequestId, Request>,
    /// The authorizes, oldest first.
    transactions: Vec<RequestId>,
    random: Random,
    made: u64,
    /// Answers that said again what was known.
    pub(crate) said_again: u64,
}

impl Operator {
    pub(crate) fn new(n: u16, seed: u64) -> Self {
        Self {
            number: number(n),
            link: None,
            requests: BTreeMap::new(),
            transactions: Vec::new(),
            random: Random::new(seed, u64::from(n)),
            made: 0,
            said_again: 0,
        }
    }

    pub(crate) fn key(&self, original: RequestId) -> TransactionKey {
        TransactionKey { originator: self.number, id: original }
    }

    /// A new link: everything is asked again, what is unanswered and what is known.
    pub(crate) fn linked(&mut self, link: Link, now: UnixMillis) -> Result<(), String> {
        self.link = Some(link);
        self.requests.values_mut().for_each(|request| request.asked = None);
        let all: Vec<RequestId> = self.requests.keys().copied().collect();
        self.ask(&all, now)
    }

    /// Whether it knows what became of everything, and nothing more is under way.
    pub(crate) fn is_settled(&self) -> bool {
        self.requests.values().all(|r| r.asked.is_none() && (r.told.is_some() || r.expired))
    }

    /// Asks for the first time or again, each as one batch a lane.
    fn ask(&mut self, ids: &[RequestId], now: UnixMillis) -> Result<(), String> {
        let Some(link) = self.link.as_mut() else { return Ok(()) };
        let mut lanes: Vec<Vec<Message>> = vec![Vec::new(); usize::from(LANES)];
        for id in ids {
            let request = self.requests.get_mut(id).expect("it was made");
            request.asked = Some(now);
            request.copies = request.copies.saturating_add(1);
            lanes[usize::from(lane(request.original))].push(copy(&request.message, request.copies));
        }
        for (lane, messages) in (0..LANES).zip(&lanes) {
            if !messages.is_empty() {
                link.send(lane, messages)?;
            }
        }
        Ok(())
    }

    /// Repeats what has been unanswered for long.
    pub(crate) fn repeat(&mut self, now: UnixMillis) -> Result<(), String> {
        let late = |r: &Request| match r.asked {
            Some(asked) => now.since(asked) >= REPEAT_MS,
            None => r.told.is_none() && !r.expired,
        };
        let late: Vec<RequestId> = self.requests.iter().filter(|(_, r)| late(r)).map(|(id, _)| *id).collect();
        self.ask(&late, now)
    }

    /// Some new requests, and now and then one that is known.
    pub(crate) fn act(&mut self, now: UnixMillis) -> Result<(), String> {
        if self.link.is_none() {
            return Ok(());
        }
        let mut ids: Vec<RequestId> = (0..1 + self.random.below(5)).map(|_| self.make(now)).collect();
        if self.random.percent(20) {
            let back = self.random.below(30);
            ids.extend(self.requests.keys().rev().nth(usize::try_from(back).unwrap()).copied());
            ids.dedup();
        }
        self.ask(&ids, now)
    }

    fn make(&mut self, now: UnixMillis) -> RequestId {
        self.made += 1;
        let id = RequestId::new(now, (u128::from(self.number.get()) << 64) | u128::from(self.made));
        // Sometimes so short that a restart outlasts it.
        let expires = now.plus(if self.random.percent(10) { 1_500 } else { 20_000 });
        let recent = self.transactions.len().saturating_sub(25);
        let original = self.random.pick(&self.transactions[recent..]).copied();
        let message = match (self.random.below(100), original) {
            (0..50, _) | (_, None) => self.authorize(id, expires, Kind::Pay),
            (50..70, _) => self.authorize(id, expires, Kind::Reserve),
            (70..83, Some(of)) => self.capture(id, self.reserved(of), expires),
            (83..88, Some(of)) => release(id, self.reserved(of), expires),
            (88..97, Some(of)) => reverse(id, of, expires),
            // A reversal that comes before its original, which never comes.
            (_, Some(_)) => reverse(id, RequestId::new(now, (7 << 72) | u128::from(self.made)), expires),
        };
        let original = match &message {
            Message::Capture(m) => m.original,
            Message::Release(m) => m.original,
            Message::Reverse(m) => m.original,
            _ => id,
        };
        if original == id {
            self.transactions.push(id);
        }
        let request = Request { message, original, told: None, expired: false, asked: None, copies: 0 };
        self.requests.insert(id, request);
        id
    }

    fn authorize(&mut self, id: RequestId, expires: UnixMillis, kind: Kind) -> Message {
        let random = &mut self.random;
        let payee = match random.pick(&DESTINATIONS) {
            Some(destination) if !random.clone().percent(3) => {
                format!("shop-{}@acq{destination}", random.below(9))
            }
            Some(_) | None => "shop@nowhere".to_owned(),
        };
        let hold_until = expires.plus(random.below(15_000));
        Message::Authorize(Authorize {
            id,
            originator: None,
            kind,
            payment_id: payee.parse().unwrap(),
            instrument: InstrumentReference::NONE,
            amount: Amount::from_minor(100 + random.below(10_000)).unwrap(),
            currency: euro(),
            security_level: SecurityLevel::Two,
            channel: Channel::Ussd,
            expires,
            hold_until: if kind == Kind::Pay { UnixMillis::default() } else { hold_until },
            budget_ms: u32::try_from(200 + random.below(4_000)).unwrap(),
            partial_allowed: random.percent(20),
            captures_many: kind == Kind::Reserve && random.percent(50),
            repeat: false,
            attempt: 1,
            settlement_date: None,
            extensions: Extensions::NONE,
        })
    }

    /// The newest reservation that is approved, or else the transaction given.
    fn reserved(&self, otherwise: RequestId) -> RequestId {
        let approved = |id: &&RequestId| {
            let request = &self.requests[*id];
            matches!(&request.message, Message::Authorize(m) if m.kind == Kind::Reserve)
                && request.told.as_ref().is_some_and(|t| t.outcome == Outcome::Approved)
        };
        self.transactions
            .iter()
            .rev()
            .take(40)
            .filter(approved)
            .nth(self.made as usize % 5)
            .copied()
            .unwrap_or(otherwise)
    }

    fn capture(&mut self, id: RequestId, original: RequestId, expires: UnixMillis) -> Message {
        Message::Capture(Capture {
            id,
            original,
            originator: None,
            amount: Amount::from_minor(1 + self.random.below(3_000)).unwrap(),
            currency: euro(),
            last: self.random.percent(40),
            expires,
            delivery: None,
            repeat: false,
            attempt: 1,
            settlement_date: None,
            extensions: Extensions::NONE,
        })
    }

    /// Reads everything that has come.
    pub(crate) fn read(&mut self) -> Result<(), String> {
        let Some(link) = self.link.as_mut() else { return Ok(()) };
        for (_, message) in link.read()? {
            let Message::Answer(answer) = message else {
                return Err(format!("an operator is sent {message:?}"));
            };
            self.hear(answer)?;
        }
        Ok(())
    }

    fn hear(&mut self, answer: Answer) -> Result<(), String> {
        let who = self.number;
        let Some(request) = self.requests.get_mut(&answer.id) else {
            return Err(format!("operator {who} is answered what it never asked: {answer:?}"));
        };
        request.asked = None;
        if answer.outcome == Outcome::Refused {
            ensure!(answer.reason == Reason::Expired, "operator {who} is refused: {answer:?}");
            ensure!(request.told.is_none(), "I2: operator {who} was told {:?}, now {answer:?}", request.told);
            request.expired = true;
            return Ok(());
        }
        ensure!(!request.expired, "operator {who} was told too late, now {answer:?}");
        ensure!(answer.sequence.0 > 0 && answer.epoch > Epoch(0), "not decided by a fact: {answer:?}");
        let answer = Answer { state: State::None, ..answer };
        match &request.told {
            Some(told) => {
                ensure!(*told == answer, "I2: operator {who} was told {told:?}, now {answer:?}");
                self.said_again += 1;
            }
            None => request.told = Some(answer),
        }
        Ok(())
    }
}

/// The request as it is sent for the `number`-th time.
fn copy(message: &Message, number: u8) -> Message {
    let mut copy = message.clone();
    let (repeat, attempt) = match &mut copy {
        Message::Authorize(m) => (&mut m.repeat, &mut m.attempt),
        Message::Capture(m) => (&mut m.repeat, &mut m.attempt),
        Message::Release(m) => (&mut m.repeat, &mut m.attempt),
        Message::Reverse(m) => (&mut m.repeat, &mut m.attempt),
        other => panic!("an operator does not ask {other:?}"),
    };
    (*repeat, *attempt) = (number > 1, number);
    copy
}

fn release(id: RequestId, original: RequestId, expires: UnixMillis) -> Message {
    Message::Release(Release {
        id,
        original,
        originator: None,
        expires,
        delivery: None,
        expired: false,
        repeat: false,
        attempt: 1,
        extensions: Extensions::NONE,
    })
}

fn reverse(id: RequestId, original: RequestId, expires: UnixMillis) -> Message {
    Message::Reverse(Reverse {
        id,
        original,
        originator: None,
        payment_id: "shop-1@acq11".parse().unwrap(),
        reason: 0,
        expires,
        delivery: None,
        repeat: false,
        attempt: 1,
        settlement_date: None,
        extensions: Extensions::NONE,
    })
}
