//! What an operator asks for: the usual, and whatever the rules forbid.

use holdfast_protocol::{
    Amount, Authorize, Capture, Channel, Extensions, InstrumentReference, Kind, Message, Outcome, PaymentId,
    Reason, Release, RequestId, Reverse, SecurityLevel, UnixMillis,
};

use super::{Operator, Request};
use crate::sim::configuration::guest_destination;
use crate::sim::faults::Fault;
use crate::sim::plan::{dollar, euro, is_guest, pound};
use crate::sim::scene::Scene;

impl Operator {
    /// One new request; none where there is nothing to ask for.
    pub(super) fn make(&mut self, scene: &mut Scene<'_>) -> Option<RequestId> {
        let now = self.stamp(scene.now);
        if let Some(message) = self.of_the_same_again(now, scene) {
            return Some(self.keep(message, None));
        }
        let recent = self.transactions.len().saturating_sub(25);
        let original = self.random.pick(&self.transactions[recent..]).copied();
        let roll = self.random.below(1_000);
        let (message, expected) = match (roll, original) {
            (0..440, _) | (_, None) => (self.authorize(now, scene), None),
            (440..500, Some(of)) => (self.refund(now, of, scene), None),
            (500..515, Some(of)) => return Some(self.refund_and_reverse(now, of, scene)),
            (515..660, Some(of)) => (self.capture(now, of, scene), None),
            (660..710, Some(of)) => (self.release(now, of, scene), None),
            (710..840, Some(of)) => {
                let payee = self.payee_of(of);
                (self.reverse(now, of, payee, scene), None)
            }
            (840..875, _) => return Some(self.reversed_before(now, scene)),
            (875..885, Some(_)) => (self.reverse_reversal(now, scene)?, None),
            (885..925, Some(_)) => (self.of_old_original(now, scene), None),
            (925..940, Some(_)) => {
                let unknown = self.id(now);
                (self.capture(now, unknown, scene), None)
            }
            (_, Some(_)) => self.untimely(now, scene),
        };
        Some(self.keep(message, expected))
    }

    pub(super) fn keep(&mut self, message: Message, expected: Option<Reason>) -> RequestId {
        let (id, original) = match &message {
            Message::Authorize(m) => (m.id, m.id),
            Message::Capture(m) => (m.id, m.original),
            Message::Release(m) => (m.id, m.original),
            Message::Reverse(m) => (m.id, m.original),
            Message::Refund(m) => (m.id, m.id),
            other => panic!("an operator does not ask {other:?}"),
        };
        if original == id && expected.is_none() {
            self.transactions.push(id);
        }
        let oldest = match (&message, self.requests.get(&original).map(|request| &request.message)) {
            (Message::Refund(m), _) | (_, Some(Message::Refund(m))) => m.original,
            _ => original,
        };
        let request = Request {
            message,
            original,
            oldest,
            told: None,
            over: None,
            lost: false,
            expected,
            mutated: Default::default(),
            asked: None,
            not_before: UnixMillis::default(),
            unavailable: 0,
            asked_in: None,
            expired_in: None,
            older_copies: 0,
            copies: 0,
        };
        self.requests.insert(id, request);
        self.waiting.insert(id);
        id
    }

    pub(super) fn id(&mut self, created: UnixMillis) -> RequestId {
        self.made += 1;
        let unique = u128::from(self.number.get()) << 64 | u128::from(self.made) << 8;
        RequestId::new(created, unique | u128::from(self.random.below(256)))
    }

    /// Mostly as late as the window allows; sometimes so short that a restart outlasts it, or the way to the switch.
    pub(super) fn expires(&mut self, created: UnixMillis, scene: &Scene<'_>) -> UnixMillis {
        match self.random.below(100) {
            0..2 => created.plus(20),
            2..10 => created.plus(1_500),
            _ => created.plus(scene.plan.core.window_max_ms - self.random.below(2_000)),
        }
    }

    fn payee(&mut self, scene: &Scene<'_>) -> PaymentId {
        let shop = self.random.below(9);
        if is_guest(self.number) && !self.random.percent(4) {
            return format!("shop-{shop}@acq{}", guest_destination()).parse().expect("allowed text");
        }
        let text = match self.random.below(100) {
            0..3 => "shop@nowhere".to_owned(),
            _ if is_guest(self.number) => format!("shop@own{}", self.number),
            3..5 => "kiosk@only".to_owned(),
            5..8 => format!("shop-{shop}@only"),
            8..11 => {
                let of = self.random.pick(&scene.plan.operators).expect("there are operators").number;
                format!("shop@own{of}")
            }
            _ => {
                let of = self.random.pick(&scene.plan.destinations).expect("there are destinations").number;
                format!("shop-{shop}@acq{of}")
            }
        };
        text.parse().expect("allowed text")
    }

    fn authorize(&mut self, now: UnixMillis, scene: &Scene<'_>) -> Message {
        let id = self.id(now);
        let expires = self.expires(now, scene);
        let payment_id = self.payee(scene);
        let random = &mut self.random;
        let kind = match random.below(100) {
            0..50 => Kind::Pay,
            50..92 => Kind::Reserve,
            _ => Kind::Verify,
        };
        let hold_until = expires.plus(random.below(9_000)).min(now.plus(scene.plan.core.hold_max_ms));
        let currency = match random.below(100) {
            0..3 => dollar(),
            3..18 => pound(),
            _ => euro(),
        };
        let security_level = match random.below(100) {
            0..3 => SecurityLevel::Four,
            3..12 => SecurityLevel::One,
            12..24 => SecurityLevel::Three,
            _ => SecurityLevel::Two,
        };
        let budget = if random.percent(3) { 1 + random.below(5) } else { 200 + random.below(3_500) };
        let extensions: &[u8] = if random.percent(5) { &[1, 0, 2, 0, 7, 7] } else { &[] };
        Message::Authorize(Authorize {
            id,
            originator: None,
            kind,
            payment_id,
            instrument: InstrumentReference::NONE,
            amount: amount(100 + random.below(10_000)),
            currency,
            security_level,
            channel: Channel::Ussd,
            expires,
            hold_until: if kind == Kind::Pay { UnixMillis::default() } else { hold_until },
            budget_ms: budget as u32,
            partial_allowed: random.percent(25),
            captures_many: kind == Kind::Reserve && random.percent(60),
            repeat: false,
            attempt: 1,
            settlement_date: None,
            extensions: Extensions::from_wire(extensions).expect("a known form"),
        })
    }

    /// One of the newest reservations that are approved, or else the transaction given.
    fn reserved(&mut self, otherwise: RequestId) -> RequestId {
        let approved = |id: &&RequestId| {
            let request = &self.requests[*id];
            matches!(&request.message, Message::Authorize(m) if m.kind == Kind::Reserve)
                && request.told.as_ref().is_some_and(|t| t.outcome == Outcome::Approved)
        };
        let newest = self.transactions.iter().rev().take(40).filter(approved);
        let newest: Vec<RequestId> = newest.take(6).copied().collect();
        self.random.pick(&newest).copied().unwrap_or(otherwise)
    }

    pub(super) fn capture(&mut self, now: UnixMillis, of: RequestId, scene: &Scene<'_>) -> Message {
        let original = if self.random.percent(75) { self.reserved(of) } else { of };
        let held = self.requests.get(&original).map(|request| &request.message);
        let currency = match held {
            Some(Message::Authorize(m)) if !self.random.percent(3) => m.currency,
            _ => pound(),
        };
        let (id, expires) = (self.id(now), self.expires(now, scene));
        Message::Capture(Capture {
            id,
            original,
            originator: None,
            amount: amount(1 + self.random.below(4_000)),
            currency,
            last: self.random.percent(35),
            expires,
            delivery: None,
            repeat: false,
            attempt: 1,
            settlement_date: None,
            extensions: Extensions::NONE,
        })
    }

    pub(super) fn release(&mut self, now: UnixMillis, of: RequestId, scene: &Scene<'_>) -> Message {
        let original = if self.random.percent(60) { self.reserved(of) } else { of };
        let (id, expires) = (self.id(now), self.expires(now, scene));
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

    /// Where the reversal of a transaction is passed on to. Operators never sign on as destinations, so that one passed on
    /// to them would wait for ever.
    pub(super) fn payee_of(&self, original: RequestId) -> PaymentId {
        match self.requests.get(&original).map(|request| &request.message) {
            Some(Message::Authorize(m)) if !m.payment_id.mps.as_str().starts_with("own") => m.payment_id,
            _ => "shop-1@acq11".parse().expect("allowed text"),
        }
    }

    pub(super) fn reverse(
        &mut self,
        now: UnixMillis,
        original: RequestId,
        payment_id: PaymentId,
        scene: &Scene<'_>,
    ) -> Message {
        let (id, expires) = (self.id(now), self.expires(now, scene));
        Message::Reverse(Reverse {
            id,
            original,
            originator: None,
            payment_id,
            reason: 0,
            expires,
            delivery: None,
            repeat: false,
            attempt: 1,
            settlement_date: None,
            extensions: Extensions::NONE,
        })
    }

    /// A reversal that leaves before its original does, or the original never does.
    fn reversed_before(&mut self, now: UnixMillis, scene: &mut Scene<'_>) -> RequestId {
        scene.fault(Fault::Overtaken);
        let authorize = self.authorize(now, scene);
        let Message::Authorize(original) = &authorize else { unreachable!("it is an authorize") };
        let original = original.id;
        let known = self.random.percent(70);
        if known {
            self.keep(authorize, None);
        }
        let payee = self.payee_of(original);
        let reversal = self.reverse(now, original, payee, scene);
        if known {
            self.held_back.push((scene.now.plus(self.random.between(20, 900)), original));
        }
        self.keep(reversal, None)
    }

    fn reverse_reversal(&mut self, now: UnixMillis, scene: &Scene<'_>) -> Option<Message> {
        let reversals = self.requests.iter().rev().take(60);
        let reversals =
            reversals.filter(|(_, r)| matches!(r.message, Message::Reverse(_)) && r.told.is_some());
        let reversals: Vec<RequestId> = reversals.map(|(id, _)| *id).collect();
        let original = *self.random.pick(&reversals)?;
        let payee = self.payee_of(original);
        Some(self.reverse(now, original, payee, scene))
    }

    /// An authorize whose times are wrong, and the refusal that it must get.
    fn untimely(&mut self, now: UnixMillis, scene: &Scene<'_>) -> (Message, Option<Reason>) {
        let window_ms = scene.plan.core.window_max_ms;
        let Message::Authorize(mut m) = self.authorize(now, scene) else {
            unreachable!("it is an authorize")
        };
        m.kind = Kind::Reserve;
        let reason = match self.random.below(4) {
            0 => {
                let created = now.plus(scene.plan.core.skew_max_ms + 600_000);
                m.id = self.id(created);
                m.expires = created.plus(1_000);
                Reason::IdFromTheFuture
            }
            1 => {
                let created = now.minus(window_ms + 5_000);
                m.id = self.id(created);
                m.expires = created.plus(window_ms);
                // With a window three times as long it would be in time.
                m.expires = m.expires.max(now.plus(3_000)).min(created.plus(window_ms * 3));
                Reason::IdTooOld
            }
            2 => {
                m.expires = now.plus(window_ms + 10_000);
                Reason::ExpiresTooFar
            }
            _ => {
                m.expires = now.plus(window_ms - 1_000);
                m.hold_until = m.expires.minus(1);
                Reason::HoldUntilOutOfRange
            }
        };
        if reason != Reason::HoldUntilOutOfRange {
            m.hold_until = m.expires.plus(1);
        }
        (Message::Authorize(m), Some(reason))
    }
}

pub(super) fn amount(minor: u64) -> Amount {
    Amount::from_minor(minor).expect("at most twelve digits")
}
