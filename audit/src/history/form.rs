//! What each kind of record may say: the tables of `docs/HISTORY.md`.
//!
//! A record that uses a field it should not is a contradiction of its writer, and so are times that do not move together.

use super::file::{Header, Role};
use super::record::{Kind, Message, Record, flag};

const ATTEMPT: u16 = 1 << 0;
const DELIVERY: u16 = 1 << 1;
const CURRENCY: u16 = 1 << 2;
const PAYMENT_KIND: u16 = 1 << 3;
const LANE: u16 = 1 << 4;
const AMOUNT: u16 = 1 << 5;
const OUTCOME: u16 = 1 << 6;
const STATE: u16 = 1 << 7;
const REASON: u16 = 1 << 8;
const DECIDED_BY: u16 = 1 << 9;
const PARTITION: u16 = 1 << 10;
const EPOCH: u16 = 1 << 11;
const SEQUENCE: u16 = 1 << 12;
const MONEY: u16 = CURRENCY | PAYMENT_KIND | AMOUNT;
const PLACE: u16 = PARTITION | EPOCH | SEQUENCE;
const DECISION: u16 = OUTCOME | STATE | REASON | DECIDED_BY | AMOUNT | PLACE;
const OPTIONS: u8 = flag::REPEAT | flag::PARTIAL_ALLOWED | flag::CAPTURES_MANY;

/// What one kind of record may and must say.
struct Form {
    /// Fields that may be other than zero.
    uses: u16,
    /// Of those, fields that must be.
    needs: u16,
    flags: u8,
    ids: Ids,
}

/// How the ids of a record relate.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ids {
    /// It is about no transaction.
    None,
    /// It is about the authorize.
    Own,
    /// It is about a request that follows the authorize.
    Following,
    /// Either.
    Any,
}

/// What is wrong with a record by itself, `None` for nothing.
pub fn contradiction(header: &Header, record: &Record) -> Option<&'static str> {
    let Some(form) = form(header.role, record) else {
        return Some("this kind of record has no such message, or not in this role");
    };
    let values = [
        (ATTEMPT, record.attempt != 0),
        (DELIVERY, record.delivery != 0),
        (CURRENCY, record.currency != 0),
        (PAYMENT_KIND, record.payment_kind != 0),
        (LANE, record.lane != 0),
        (AMOUNT, record.amount != 0),
        (OUTCOME, record.outcome != 0),
        (STATE, record.state != 0),
        (REASON, record.reason != 0),
        (DECIDED_BY, record.decided_by != 0),
        (PARTITION, record.partition != 0),
        (EPOCH, record.epoch != 0),
        (SEQUENCE, record.sequence != 0),
    ];
    let says = values.iter().filter(|(_, set)| *set).fold(0, |all, (field, _)| all | field);
    let ids_fit = match form.ids {
        Ids::None => record.id == 0 && record.original == 0 && record.originator == 0,
        Ids::Own => record.id == record.original,
        Ids::Following => record.id != record.original,
        Ids::Any => true,
    };
    if says & !form.uses != 0 || record.flags & !form.flags != 0 {
        Some("it uses a field that its kind does not have")
    } else if form.needs & !says != 0 {
        Some("a field is missing")
    } else if !ids_fit {
        Some("its id and its original do not fit its kind")
    } else if form.ids != Ids::None && (record.original == 0 || record.originator == 0) {
        Some("it names no transaction")
    } else if header.role == Role::Operator
        && form.ids != Ids::None
        && record.originator != header.participant
    {
        Some("an operator wrote down another's request")
    } else {
        None
    }
}

fn form(role: Role, record: &Record) -> Option<Form> {
    let follow = matches!(record.message, Message::Capture | Message::Release | Message::Reverse);
    let authorize = record.message == Message::Authorize;
    let nothing = record.message == Message::None;
    let ids = if authorize { Ids::Own } else { Ids::Following };
    let form = |uses, needs, flags, ids| Some(Form { uses, needs, flags, ids });
    match (role, record.kind) {
        (_, Kind::Sent) if record.message == Message::Inquiry => {
            form(ATTEMPT, ATTEMPT, flag::REPEAT, Ids::Any)
        }
        (_, Kind::Told) if record.message == Message::Inquiry => form(DECISION, 0, 0, Ids::Any),
        (Role::Operator, Kind::Sent) if authorize => {
            form(ATTEMPT | MONEY | SEQUENCE, ATTEMPT | MONEY | SEQUENCE, OPTIONS, ids)
        }
        (Role::Operator, Kind::Sent) if record.message == Message::Capture => {
            form(ATTEMPT | MONEY, ATTEMPT | CURRENCY | AMOUNT, flag::REPEAT | flag::LAST, ids)
        }
        (Role::Operator, Kind::Sent) if follow => form(ATTEMPT | SEQUENCE, ATTEMPT, flag::REPEAT, ids),
        (Role::Operator, Kind::Heard) if authorize || follow => {
            form(DECISION | MONEY | ATTEMPT, OUTCOME, 0, ids)
        }
        (Role::Operator, Kind::GaveUp) if authorize || follow => form(ATTEMPT, 0, 0, ids),
        (_, Kind::GaveUp) if record.message == Message::Inquiry => form(ATTEMPT, 0, 0, Ids::Any),
        (Role::Destination, Kind::Received) if authorize => {
            form(ATTEMPT | MONEY | SEQUENCE, MONEY | SEQUENCE, OPTIONS | flag::APPLIED, ids)
        }
        (Role::Destination, Kind::Answered) if authorize => {
            form(OUTCOME | REASON | MONEY | LANE | EPOCH | SEQUENCE, OUTCOME, 0, ids)
        }
        (Role::Destination, Kind::Silent | Kind::Assured) if authorize => form(0, 0, 0, ids),
        (Role::Destination, Kind::Delivered) if follow => {
            let flags = flag::REPEAT | flag::APPLIED;
            // What the switch itself released or reversed has the id of the original.
            match record.message {
                Message::Capture => {
                    let money = DELIVERY | CURRENCY | AMOUNT;
                    form(ATTEMPT | money, money, flags | flag::LAST, Ids::Following)
                }
                Message::Release => form(ATTEMPT | DELIVERY, DELIVERY, flags | flag::EXPIRED, Ids::Any),
                _ => form(ATTEMPT | DELIVERY, DELIVERY, flags, Ids::Any),
            }
        }
        (Role::Destination, Kind::Acknowledged) if nothing => form(DELIVERY, DELIVERY, 0, Ids::Own),
        (Role::Destination, Kind::Completed) if nothing => form(0, 0, 0, Ids::Own),
        (Role::Destination, Kind::DecidedThrough) if nothing => {
            form(LANE | EPOCH | SEQUENCE, EPOCH, 0, Ids::None)
        }
        (_, Kind::Closed) if nothing => form(0, 0, flag::DRAINED, Ids::None),
        (Role::Operator | Role::Destination, _) => None,
    }
}

/// The two clocks of a writer, which move together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clocks {
    before: Option<(u64, u64)>,
}

impl Clocks {
    /// What is wrong with the times of the next record, `None` for nothing.
    pub fn contradiction(&mut self, record: &Record, skew_ms: u64) -> Option<&'static str> {
        let now = (record.time_ms, record.monotonic_ns / 1_000_000);
        let before = self.before.replace(now)?;
        let offset = |(time_ms, monotonic_ms): (u64, u64)| i128::from(time_ms) - i128::from(monotonic_ms);
        if now.1 < before.1 {
            Some("its monotonic clock went back")
        } else if (offset(now) - offset(before)).unsigned_abs() > u128::from(skew_ms) {
            Some("the switch's time and its own clock moved apart")
        } else {
            None
        }
    }
}
