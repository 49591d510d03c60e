//! Payments without a network: three operators, three acquirers, and one payment like any other.

use holdfast_core::input::From;
use holdfast_core::registry::{Debtor, Limits, MerchantPattern, ParticipantRecord, Route};
use holdfast_core::view::{LiveSession, SessionId};
use holdfast_core::{Core, Input, Output, Settings, View};
use holdfast_protocol::{
    Amount, Answer, ApprovalCode, Authorize, Channel, Currency, DecidedBy, Epoch, Extensions, Instance,
    InstrumentReference, Kind, MpsId, Outcome, ParticipantNumber, Partition, PaymentId, Reason, RequestId,
    SecurityLevel, Sequence, State, Total, UnixMillis,
};

/// When everything begins: 2026-11-22 09:00:00 UTC.
pub const START: UnixMillis = UnixMillis::from_48_bits(1_795_338_000_000);

/// The numbers of the operators.
pub const OPERATORS: [u16; 3] = [1, 2, 3];
/// The numbers of the acquirers.
pub const ACQUIRERS: [u16; 3] = [11, 12, 13];

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

/// All six, with caps that no benchmark reaches.
pub fn participants() -> Vec<ParticipantRecord> {
    let record = |n: u16, originates: bool| ParticipantRecord {
        number: number(n),
        name: format!("participant-{n}"),
        originates,
        receives: !originates,
        caps: vec![(euro(), Total::from_minor(1 << 80))],
        limits: vec![(SecurityLevel::Three, Limits::default())],
    };
    let operators = OPERATORS.map(|n| record(n, true));
    operators.into_iter().chain(ACQUIRERS.map(|n| record(n, false))).collect()
}

/// `acq-11` leads to acquirer 11, and so on.
pub fn routes() -> Vec<Route> {
    let route = |n: u16| Route {
        mps: MpsId::from_text(&format!("acq-{n}")).expect("it is short"),
        merchants: MerchantPattern::Default,
        destination: number(n),
        pay_debtor: Debtor::Originator,
        reserve_debtor: Debtor::Destination,
    };
    ACQUIRERS.map(route).into()
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

/// A core that knows all of them and has a business date.
pub fn core(settings: Settings) -> Core {
    let mut core = Core::new(settings);
    configure(&mut core, &mut Output::default());
    core
}

/// Gives a core all of them and a business date.
pub fn configure(core: &mut Core, out: &mut Output) {
    let date = "2026-11-22".parse().expect("it is a date");
    core.step(START, &Input::CutOver(date), &view(), out);
    core.step(START, &Input::Configure(participants(), routes()), &view(), out);
}

/// Makes pays, always the same ones: a new id each, spread over operators and acquirers.
#[derive(Clone, Debug)]
pub struct Pays {
    made: u64,
    payment_ids: [PaymentId; 3],
}

impl Default for Pays {
    fn default() -> Self {
        let payment_id = |n: u16| format!("shop-1@acq-{n}").parse().expect("it is a payment ID");
        Self { made: 0, payment_ids: ACQUIRERS.map(payment_id) }
    }
}

impl Pays {
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
        let which = usize::try_from(made % 3).expect("less than three");
        let acquirer = usize::try_from(made / 3 % 3).expect("less than three");
        (OPERATORS[which], pay(id, self.payment_ids[acquirer]))
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
