//! Payments without a network: three operators, three acquirers, as many others as are asked for, and one payment like
//! any other.

use holdfast_core::input::From;
use holdfast_core::registry::{Debtor, Limits, MerchantPattern, ParticipantRecord, Route};
use holdfast_core::view::{LiveSession, SessionId};
use holdfast_core::{Core, Input, Output, Settings, View};
use holdfast_protocol::{
    Amount, Answer, ApprovalCode, Authorize, Channel, Currency, DecidedBy, Epoch, Extensions, Instance,
    InstrumentReference, Kind, Outcome, ParticipantNumber, Partition, PaymentId, Reason, RequestId,
    SecurityLevel, Sequence, State, Total, UnixMillis,
};

/// When everything begins: 2026-11-22 09:00:00 UTC.
pub const START: UnixMillis = UnixMillis::from_48_bits(1_795_338_000_000);

/// The numbers of the operators.
pub const OPERATORS: [u16; 3] = [1, 2, 3];
/// The numbers of the acquirers.
pub const ACQUIRERS: [u16; 3] = [11, 12, 13];

/// Who takes part: the six, and others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crowd {
    /// The numbers of the operators, those of [`OPERATORS`] first.
    pub operators: Vec<u16>,
    /// The numbers of the acquirers, those of [`ACQUIRERS`] first.
    pub acquirers: Vec<u16>,
}

impl Default for Crowd {
    /// The six.
    fn default() -> Self {
        Self::of(0)
    }
}

impl Crowd {
    /// So many participants, half of them operators, but never less than the six; at most 40,000.
    pub fn of(participants: u16) -> Self {
        let others = participants.saturating_sub(6);
        let (operators, acquirers) = (101..101 + others.div_ceil(2), 30_001..30_001 + others / 2);
        Self {
            operators: OPERATORS.into_iter().chain(operators).collect(),
            acquirers: ACQUIRERS.into_iter().chain(acquirers).collect(),
        }
    }

    /// All of them, with caps that no benchmark reaches.
    pub fn participants(&self) -> Vec<ParticipantRecord> {
        let operators = self.operators.iter().map(|n| record(*n, true));
        operators.chain(self.acquirers.iter().map(|n| record(*n, false))).collect()
    }

    /// `acq11` leads to acquirer 11, and so on.
    pub fn routes(&self) -> Vec<Route> {
        self.acquirers.iter().map(|n| route(*n)).collect()
    }
}

fn record(n: u16, originates: bool) -> ParticipantRecord {
    ParticipantRecord {
        number: number(n),
        name: format!("participant-{n}"),
        originates,
        receives: !originates,
        caps: vec![(euro(), Total::from_minor(1 << 80))],
        limits: vec![(SecurityLevel::Three, Limits::default())],
    }
}

fn route(n: u16) -> Route {
    Route {
        mps: payment_id(n).mps,
        merchants: MerchantPattern::Default,
        destination: number(n),
        pay_debtor: Debtor::Originator,
        reserve_debtor: Debtor::Destination,
    }
}

fn payment_id(n: u16) -> PaymentId {
    format!("shop-1@acq{n}").parse().expect("it is a payment ID")
}

/// A participant's number.
pub fn number(n: u16) -> ParticipantNumber {
    ParticipantNumber::new(n).expect("it is not zero")
}

/// The only link of a participant.
pub fn from(n: u16) -> From {
    From { participant: number(n), instance: Instance(1), session: SessionId(u64::from(n)) }
}

fn euro() -> Currency {
    Currency::from_code("EUR").expect("the euro is known")
}

/// Every acquirer is signed on.
pub fn view() -> View {
    let link = |n: u16| LiveSession {
        session: SessionId(u64::from(n)),
        instance: Instance(1),
        receives: true,
        shared_deduplication: false,
        draining: false,
        window: u32::MAX,
    };
    View { links: ACQUIRERS.map(|n| (number(n), vec![link(n)])).into(), ..View::default() }
}

/// A core that knows the six and has a business date.
pub fn core(settings: Settings) -> Core {
    let mut core = Core::new(settings);
    configure(&mut core, &Crowd::default(), &mut Output::default());
    core
}

/// Gives a core its participants and a business date.
pub fn configure(core: &mut Core, crowd: &Crowd, out: &mut Output) {
    let date = "2026-11-22".parse().expect("it is a date");
    core.step(START, &Input::CutOver(date), &view(), out);
    core.step(START, &Input::Configure(crowd.participants(), crowd.routes()), &view(), out);
}

/// Makes pays, always the same ones: a new id each, spread over operators and acquirers.
#[derive(Clone, Debug)]
pub struct Pays {
    made: u64,
    operators: Vec<u16>,
    payment_ids: Vec<PaymentId>,
}

impl Default for Pays {
    /// Among the six.
    fn default() -> Self {
        Self::among(&Crowd::default())
    }
}

impl Pays {
    /// Among all of a crowd.
    pub fn among(crowd: &Crowd) -> Self {
        let payment_ids = crowd.acquirers.iter().map(|n| payment_id(*n)).collect();
        Self { made: 0, operators: crowd.operators.clone(), payment_ids }
    }

    /// The next, and the number of the operator that sends it.
    pub fn next(&mut self, now: UnixMillis) -> (u16, Authorize) {
        self.made += 1;
        // An odd factor spreads the bits and never repeats below 2^64.
        let rest = u128::from(self.made.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        self.with_id(RequestId::new(now, rest), self.made)
    }

    /// The same pay as once before, by its id.
    pub fn again(&self, id: RequestId) -> (u16, Authorize) {
        let factor_inverse = 0xf1de_83e1_9937_733d_u64;
        let rest = u64::try_from(id.get() & u128::from(u64::MAX)).expect("64 bits");
        self.with_id(id, rest.wrapping_mul(factor_inverse))
    }

    fn with_id(&self, id: RequestId, made: u64) -> (u16, Authorize) {
        let made = usize::try_from(made).expect("64 bits");
        let operators = self.operators.len();
        let acquirer = made / operators % self.payment_ids.len();
        (self.operators[made % operators], pay(id, self.payment_ids[acquirer]))
    }
}

fn pay(id: RequestId, payment_id: PaymentId) -> Authorize {
    Authorize {
        id,
        originator: None,
        kind: Kind::Pay,
        payment_id,
        instrument: InstrumentReference::new(b"account-4711").expect("it is short"),
        amount: Amount::from_minor(1_250).expect("it is small"),
        currency: euro(),
        security_level: SecurityLevel::Three,
        channel: Channel::PacketData,
        expires: id.created().plus(30_000),
        hold_until: UnixMillis::default(),
        budget_ms: 5_000,
        partial_allowed: false,
        captures_many: false,
        repeat: false,
        attempt: 1,
        settlement_date: None,
        extensions: Extensions::NONE,
    }
}

/// The acquirer says yes.
pub fn approval(request: &Authorize) -> Answer {
    Answer {
        id: request.id,
        originator: request.originator,
        outcome: Outcome::Approved,
        state: State::None,
        reason: Reason::None,
        decided_by: DecidedBy::Destination,
        amount: request.amount,
        approval_code: ApprovalCode::NONE,
        settlement_date: None,
        partition: Partition(0),
        epoch: Epoch(0),
        sequence: Sequence(0),
        retry_after_ms: 0,
        extensions: Extensions::NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pay_is_made_again_as_it_was() {
        let mut pays = Pays::default();
        for _ in 0..100 {
            let first = pays.next(START);
            assert_eq!(pays.again(first.1.id), first);
        }
    }
}
