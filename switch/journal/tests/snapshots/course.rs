//! The parties around the switch: they pay, reserve, capture, release, reverse, answer and acknowledge at random.

use std::collections::BTreeMap;

use holdfast_core::effect::Delivery;
use holdfast_core::input::From;
use holdfast_core::leaving::Archived;
use holdfast_core::ledger::Digest;
use holdfast_core::view::SessionId;
use holdfast_core::{Core, Input};
use holdfast_journal::ForgetfulStorage;
use holdfast_protocol::*;

use crate::world::core_settings;

pub(crate) const START: u64 = 1_795_305_600_000;
pub(crate) const OPERATORS: [u16; 2] = [1, 2];
pub(crate) const DESTINATIONS: [u16; 2] = [11, 12];

/// SplitMix64.
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit.max(1)
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        let at = self.below(u64::try_from(of.len()).unwrap());
        of.get(usize::try_from(at).unwrap()).cloned()
    }
}

pub(crate) fn number(n: u16) -> ParticipantNumber {
    ParticipantNumber::new(n).unwrap()
}

pub(crate) fn from(n: u16) -> From {
    From { participant: number(n), instance: Instance(1), session: SessionId(u64::from(n)) }
}

pub(crate) fn euro() -> Currency {
    Currency::from_code("EUR").unwrap()
}

/// What outlives the switch: the storage, the parties' memory, and what the ledger was after each fact.
#[derive(Debug)]
pub(crate) struct Course {
    pub(crate) storage: ForgetfulStorage,
    pub(crate) random: Random,
    pub(crate) now: UnixMillis,
    pub(crate) digests: BTreeMap<u64, Digest>,
    /// What left memory of each id, and by a fact up to which.
    pub(crate) left: BTreeMap<TransactionKey, Vec<(u64, Archived)>>,
    /// Facts that were durable at some time.
    pub(crate) durable: u64,
    authorizes: Vec<(u16, Authorize)>,
    pub(crate) forwards: Vec<Authorize>,
    pub(crate) deliveries: Vec<Delivery>,
    made: u64,
}

impl Course {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            storage: ForgetfulStorage::new(),
            random: Random(seed),
            now: UnixMillis::new(START).unwrap(),
            digests: BTreeMap::from([(0, Core::new(core_settings()).digest())]),
            left: BTreeMap::new(),
            durable: 0,
            authorizes: Vec::new(),
            forwards: Vec::new(),
            deliveries: Vec::new(),
            made: 0,
        }
    }

    fn id(&mut self) -> RequestId {
        self.made += 1;
        RequestId::new(self.now, u128::from(self.made))
    }

    fn extensions(&mut self) -> Extensions {
        if self.random.below(8) == 0 {
            Extensions::from_wire(&[1, 0, 1, 0, 7]).unwrap()
        } else {
            Extensions::NONE
        }
    }

    fn authorize(&mut self) -> Input {
        let (who, to) = (self.random.pick(&OPERATORS).unwrap(), self.random.pick(&DESTINATIONS).unwrap());
        let kind = self.random.pick(&[Kind::Pay, Kind::Pay, Kind::Reserve, Kind::Reserve]).unwrap();
        let payee =
            if self.random.below(20) == 0 { "shop@nowhere".to_owned() } else { format!("shop@acq-{to}") };
        let request = Authorize {
            id: self.id(),
            originator: None,
            kind,
            payment_id: payee.parse().unwrap(),
            instrument: InstrumentReference::new(b"account-4711").unwrap(),
            amount: Amount::from_minor(1_000 + self.random.below(9_000)).unwrap(),
            currency: euro(),
            security_level: SecurityLevel::Three,
            channel: Channel::PacketData,
            expires: self.now.plus(2_500),
            hold_until: if kind == Kind::Pay { UnixMillis::default() } else { self.now.plus(20_000) },
            budget_ms: 2_000,
            partial_allowed: true,
            captures_many: kind == Kind::Reserve,
            repeat: false,
            attempt: 1,
            settlement_date: None,
            extensions: self.extensions(),
        };
        self.authorizes.push((who, request.clone()));
        Input::Authorize(from(who), request)
    }

    fn answer(&mut self) -> Option<Input> {
        if self.forwards.is_empty() {
            return None;
        }
        let at = usize::try_from(self.random.below(u64::try_from(self.forwards.len()).unwrap())).unwrap();
        // Some are answered twice, some late, some never.
        let forward =
            if self.random.below(5) == 0 { self.forwards[at].clone() } else { self.forwards.remove(at) };
        let to = if forward.payment_id.mps.as_str() == "acq-11" { 11 } else { 12 };
        let approved = self.random.below(5) > 0;
        let (outcome, reason) = if approved {
            (Outcome::Approved, Reason::None)
        } else {
            (Outcome::Declined, Reason::DoNotHonour)
        };
        let answer = Answer {
            id: forward.id,
            originator: forward.originator,
            outcome,
            state: State::None,
            reason,
            decided_by: DecidedBy::Destination,
            amount: if approved { forward.amount } else { Amount::ZERO },
            approval_code: ApprovalCode::NONE,
            settlement_date: None,
            partition: Partition(0),
            epoch: Epoch(0),
            sequence: Sequence(0),
            retry_after_ms: 0,
            extensions: self.extensions(),
        };
        Some(Input::Answer(from(to), answer))
    }

    fn follow_up(&mut self) -> Option<Input> {
        let (who, original) = self.random.pick(&self.authorizes)?;
        let (id, expires) = (self.id(), self.now.plus(2_500));
        let extensions = self.extensions();
        let unknown = self.random.below(12) == 0;
        Some(match self.random.below(6) {
            0..3 => Input::Capture(
                from(who),
                Capture {
                    id,
                    original: original.id,
                    originator: None,
                    amount: Amount::from_minor(400).unwrap(),
                    currency: euro(),
                    last: self.random.below(2) == 0,
                    expires,
                    delivery: None,
                    settlement_date: None,
                    repeat: false,
                    attempt: 1,
                    extensions,
                },
            ),
            3 => Input::Release(
                from(who),
                Release {
                    id,
                    original: original.id,
                    originator: None,
                    expires,
                    expired: false,
                    delivery: None,
                    repeat: false,
                    attempt: 1,
                    extensions,
                },
            ),
            _ => Input::Reverse(
                from(who),
                Reverse {
                    id,
                    original: if unknown {
                        RequestId::new(self.now, u128::from(id.get() as u64) << 20)
                    } else {
                        original.id
                    },
                    originator: None,
                    payment_id: original.payment_id,
                    reason: 0,
                    expires,
                    delivery: None,
                    settlement_date: None,
                    repeat: false,
                    attempt: 1,
                    extensions,
                },
            ),
        })
    }

    fn acknowledge(&mut self) -> Option<Input> {
        let delivery = self.deliveries.pop()?;
        let (originator, to) = match &delivery {
            Delivery::Capture(m) => (m.originator, None),
            Delivery::Release(m) => (m.originator, None),
            Delivery::Reverse(m) => (m.originator, Some(m.payment_id)),
        };
        let original = delivery.original();
        let known = self.authorizes.iter().find(|(_, m)| m.id == original).map(|(_, m)| m.payment_id);
        let to = if known.or(to)?.mps.as_str() == "acq-11" { 11 } else { 12 };
        let originator = originator?;
        Some(Input::Acknowledge(from(to), Acknowledge { original, originator, delivery: delivery.number() }))
    }

    pub(crate) fn input(&mut self) -> Input {
        let next = match self.random.below(12) {
            0..5 => Some(self.authorize()),
            5..8 => self.answer(),
            8..10 => self.follow_up(),
            _ => self.acknowledge(),
        };
        next.unwrap_or(Input::Tick)
    }
}
