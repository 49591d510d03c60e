//! Every message with every value that its fields allow.

use holdfast_protocol::{
    Acknowledge, Amount, Answer, ApprovalCode, Authorize, BusinessDate, Capture, Channel, Complete, Currency,
    DecidedBy, DecidedThrough, DeliveryNumber, Drain, Echo, Epoch, Extensions, Inquiry, Instance,
    InstrumentReference, Kind, LaneOpen, Merchant, Message, MpsId, Notice, Outcome, ParticipantNumber,
    Partition, PaymentId, Reason, Refund, Release, RequestId, Reverse, SecurityLevel, Sequence, SignOff,
    SignOn, State, Status, UnixMillis, Welcome, Window,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

fn id() -> impl Strategy<Value = RequestId> {
    any::<[u8; 16]>().prop_map(RequestId::from_bytes)
}

fn participant() -> impl Strategy<Value = ParticipantNumber> {
    (1..=u16::MAX).prop_map(|n| ParticipantNumber::new(n).unwrap())
}

fn originator() -> impl Strategy<Value = Option<ParticipantNumber>> {
    prop::option::of(participant())
}

fn delivery() -> impl Strategy<Value = Option<DeliveryNumber>> {
    prop::option::of((1..=u16::MAX).prop_map(DeliveryNumber))
}

fn amount() -> impl Strategy<Value = Amount> {
    (0..=Amount::MAX.minor()).prop_map(|n| Amount::from_minor(n).unwrap())
}

fn some_amount() -> impl Strategy<Value = Amount> {
    (1..=Amount::MAX.minor()).prop_map(|n| Amount::from_minor(n).unwrap())
}

fn currency() -> impl Strategy<Value = Currency> {
    select(vec!["EUR", "USD", "JPY", "KWD", "TZS", "XOF"]).prop_map(|code| Currency::from_code(code).unwrap())
}

fn time() -> impl Strategy<Value = UnixMillis> {
    (0..=UnixMillis::MAX.get()).prop_map(|n| UnixMillis::new(n).unwrap())
}

fn date() -> impl Strategy<Value = Option<BusinessDate>> {
    prop::option::of((2_000_u32..=9_999, 1_u32..=12, 1_u32..=28).prop_map(|(year, month, day)| {
        BusinessDate::from_yyyymmdd(year * 10_000 + month * 100 + day).unwrap()
    }))
}

fn payment_id() -> impl Strategy<Value = PaymentId> {
    ("[A-Za-z0-9._-]{1,8}", "[A-Za-z0-9._-]{1,24}").prop_map(|(mps, merchant)| PaymentId {
        mps: MpsId::from_text(&mps).unwrap(),
        merchant: Merchant::from_text(&merchant).unwrap(),
    })
}

fn instrument() -> impl Strategy<Value = InstrumentReference> {
    vec(any::<u8>(), 0..=32).prop_map(|bytes| InstrumentReference::new(&bytes).unwrap())
}

fn approval_code() -> impl Strategy<Value = ApprovalCode> {
    "[A-Za-z0-9 ]{6}".prop_map(|text| ApprovalCode::new(text.as_bytes().try_into().unwrap()).unwrap())
}

/// At most 2,048 bytes of extensions that are not critical.
fn extensions() -> impl Strategy<Value = Extensions> {
    vec((0_u16..0x8000, vec(any::<u8>(), 0..100)), 0..8).prop_map(|list| {
        let mut area = Vec::new();
        for (kind, value) in list {
            area.extend(kind.to_le_bytes());
            area.extend(u16::try_from(value.len()).unwrap().to_le_bytes());
            area.extend(value);
        }
        Extensions::from_wire(&area).unwrap()
    })
}

fn reason() -> impl Strategy<Value = Reason> {
    select(Reason::ALL)
}

fn state() -> impl Strategy<Value = State> {
    use State as S;
    select(vec![
        S::None,
        S::Pending,
        S::Held,
        S::Declined,
        S::Captured,
        S::Released,
        S::Expired,
        S::TimedOut,
        S::Reversed,
    ])
}

fn decided_by() -> impl Strategy<Value = DecidedBy> {
    select(vec![DecidedBy::Destination, DecidedBy::Switch, DecidedBy::StandIn])
}

fn outcome() -> impl Strategy<Value = Outcome> {
    select(vec![Outcome::Approved, Outcome::Declined, Outcome::Refused])
}

fn decision() -> impl Strategy<Value = (Partition, Epoch, Sequence)> {
    (any::<u16>(), any::<u32>(), any::<u64>()).prop_map(|(p, e, s)| (Partition(p), Epoch(e), Sequence(s)))
}

fn kind_and_hold() -> impl Strategy<Value = (Kind, UnixMillis)> {
    let hold = (1..=UnixMillis::MAX.get()).prop_map(|n| UnixMillis::new(n).unwrap());
    (select(vec![Kind::Pay, Kind::Reserve, Kind::Verify]), hold)
        .prop_map(|(kind, hold)| (kind, if kind == Kind::Pay { UnixMillis::default() } else { hold }))
}

fn client() -> impl Strategy<Value = (SecurityLevel, Channel)> {
    use Channel as C;
    use SecurityLevel as L;
    let channels = vec![C::Unspecified, C::Sms, C::Ussd, C::PacketData, C::Web, C::Office, C::Automatic];
    (select(vec![L::One, L::Two, L::Three, L::Four]), select(channels))
}

fn authorize() -> impl Strategy<Value = Authorize> {
    let who = (id(), originator(), payment_id(), instrument(), client());
    let what = (kind_and_hold(), some_amount(), currency(), time(), 1..=Authorize::BUDGET_MS_MAX);
    let how = (any::<[bool; 3]>(), 1_u8.., date(), extensions());
    (who, what, how).prop_map(|(who, what, how)| {
        let (id, originator, payment_id, instrument, (security_level, channel)) = who;
        let ((kind, hold_until), amount, currency, expires, budget_ms) = what;
        let ([partial_allowed, captures_many, repeat], attempt, settlement_date, extensions) = how;
        Authorize {
            id,
            originator,
            kind,
            payment_id,
            instrument,
            amount,
            currency,
            security_level,
            channel,
            expires,
            hold_until,
            budget_ms,
            partial_allowed,
            captures_many,
            repeat,
            attempt,
            settlement_date,
            extensions,
        }
    })
}

fn capture() -> impl Strategy<Value = Capture> {
    let what = (id(), id(), originator(), some_amount(), currency(), time());
    (what, delivery(), any::<[bool; 2]>(), 1_u8.., date(), extensions()).prop_map(
        |(what, delivery, [last, repeat], attempt, settlement_date, extensions)| {
            let (id, original, originator, amount, currency, expires) = what;
            Capture {
                id,
                original,
                originator,
                amount,
                currency,
                last,
                expires,
                delivery,
                repeat,
                attempt,
                settlement_date,
                extensions,
            }
        },
    )
}

fn release() -> impl Strategy<Value = Release> {
    let what = (id(), id(), originator(), time());
    (what, delivery(), any::<[bool; 2]>(), 1_u8.., extensions()).prop_map(
        |((id, original, originator, expires), delivery, [expired, repeat], attempt, extensions)| Release {
            id,
            original,
            originator,
            expires,
            delivery,
            expired,
            repeat,
            attempt,
            extensions,
        },
    )
}

fn reverse() -> impl Strategy<Value = Reverse> {
    let what = (id(), id(), originator(), payment_id(), any::<u16>(), time());
    (what, delivery(), any::<bool>(), 1_u8.., date(), extensions()).prop_map(
        |(what, delivery, repeat, attempt, settlement_date, extensions)| {
            let (id, original, originator, payment_id, reason, expires) = what;
            Reverse {
                id,
                original,
                originator,
                payment_id,
                reason,
                expires,
                delivery,
                repeat,
                attempt,
                settlement_date,
                extensions,
            }
        },
    )
}

fn refund() -> impl Strategy<Value = Refund> {
    let what = (id(), id(), originator(), some_amount(), currency(), time());
    (what, 1..=Authorize::BUDGET_MS_MAX, any::<bool>(), 1_u8.., date(), extensions()).prop_map(
        |(what, budget_ms, repeat, attempt, settlement_date, extensions)| {
            let (id, original, originator, amount, currency, expires) = what;
            Refund {
                id,
                original,
                originator,
                amount,
                currency,
                expires,
                budget_ms,
                repeat,
                attempt,
                settlement_date,
                extensions,
            }
        },
    )
}

fn answer() -> impl Strategy<Value = Answer> {
    let no = select(&Reason::ALL[1..]);
    let what = (id(), originator(), outcome(), state(), no, decided_by());
    let rest = (amount(), approval_code(), date(), decision(), any::<u16>(), extensions());
    (what, rest).prop_map(|(what, rest)| {
        let (id, originator, outcome, state, no, decided_by) = what;
        let (
            amount,
            approval_code,
            settlement_date,
            (partition, epoch, sequence),
            retry_after_ms,
            extensions,
        ) = rest;
        Answer {
            id,
            originator,
            outcome,
            state,
            reason: if outcome == Outcome::Approved { Reason::None } else { no },
            decided_by,
            amount,
            approval_code,
            settlement_date,
            partition,
            epoch,
            sequence,
            retry_after_ms,
            extensions,
        }
    })
}

fn status() -> impl Strategy<Value = Status> {
    let what = (id(), originator(), any::<u64>(), reason(), prop::option::of(outcome()), reason());
    let how = (state(), decided_by(), any::<u16>(), [amount(), amount(), amount(), amount()]);
    (what, how, (approval_code(), date(), decision())).prop_map(|(what, how, rest)| {
        let (id, originator, correlation, reason, outcome, outcome_reason) = what;
        let (state, decided_by, undelivered, [held_for, captured, released, reversed]) = how;
        let (approval_code, settlement_date, (partition, epoch, sequence)) = rest;
        Status {
            id,
            originator,
            correlation,
            reason,
            outcome,
            outcome_reason,
            state,
            decided_by,
            undelivered,
            held_for,
            captured,
            released,
            reversed,
            approval_code,
            settlement_date,
            partition,
            epoch,
            sequence,
        }
    })
}

fn sign_on() -> impl Strategy<Value = SignOn> {
    let roles = prop_oneof![Just((true, false)), Just((false, true)), Just((true, true))];
    (any::<[u16; 3]>(), roles, any::<bool>(), 1_u8..=4, 1_u32..).prop_map(
        |([a, b, instance], (originates, receives), shared_deduplication, lanes, window)| SignOn {
            version_min: a.min(b),
            version_max: a.max(b),
            instance: Instance(instance),
            originates,
            receives,
            shared_deduplication,
            lanes,
            window,
        },
    )
}

fn welcome() -> impl Strategy<Value = Welcome> {
    (any::<[u16; 2]>(), participant(), any::<[u32; 4]>(), time(), 1_u32.., any::<u64>()).prop_map(
        |([version, partition], participant, limits, time, window, hold_max_ms)| {
            let [epoch, window_max_ms, skew_max_ms, budget_max_ms] = limits;
            Welcome {
                version,
                participant,
                partition: Partition(partition),
                epoch: Epoch(epoch),
                time,
                window,
                window_max_ms,
                skew_max_ms,
                budget_max_ms,
                hold_max_ms,
            }
        },
    )
}

fn control() -> impl Strategy<Value = Message> {
    prop_oneof![
        sign_on().prop_map(Message::from),
        welcome().prop_map(Message::from),
        (any::<u64>(), time(), any::<bool>()).prop_map(|(correlation, time, reply)| Echo {
            correlation,
            time,
            reply
        }
        .into()),
        (1_u32..).prop_map(|window| Window { window }.into()),
        reason().prop_map(|reason| Notice { reason }.into()),
        any::<u32>().prop_map(|within_ms| Drain { within_ms }.into()),
        Just(SignOff.into()),
        (0_u8..4).prop_map(|lane| LaneOpen { lane }.into()),
    ]
}

/// Any message.
pub(crate) fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        3 => control(),
        2 => authorize().prop_map(Message::from),
        2 => answer().prop_map(Message::from),
        1 => capture().prop_map(Message::from),
        1 => release().prop_map(Message::from),
        1 => reverse().prop_map(Message::from),
        1 => refund().prop_map(Message::from),
        1 => status().prop_map(Message::from),
        1 => (id(), participant(), 1_u16..).prop_map(|(original, originator, n)| {
            Acknowledge { original, originator, delivery: DeliveryNumber(n) }.into()
        }),
        1 => (id(), originator(), any::<u64>())
            .prop_map(|(id, originator, correlation)| Inquiry { id, originator, correlation }.into()),
        1 => any::<u64>().prop_map(|count| DecidedThrough { count }.into()),
        1 => (id(), participant())
            .prop_map(|(original, originator)| Complete { original, originator }.into()),
    ]
}
