//! One arrival in the body of a block. Most take about a dozen bytes.
//!
//! Numbers are of variable length (LEB128): seven bits a byte, the lowest first, the highest bit set where more follow.

use std::rc::Rc;

use holdfast_protocol::{Amount, Reason};

use crate::operation_id::STEP_MAX;
use crate::traffic::arrival::{Action, Arrival, Course, Payee, Step};
use crate::traffic::fate::Fate;
use crate::traffic::scenario::Scenario;

/// Set beside the fate where a course follows.
const HAS_COURSE: u8 = 0x80;
/// The longest number of variable length.
const VARINT_BYTES_MAX: u32 = 10;

/// What is wrong with a record.
pub(super) type Wrong = &'static str;

fn put(body: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        body.push((number as u8) | 0x80);
        number >>= 7;
    }
    body.push(number as u8);
}

fn byte(rest: &mut &[u8]) -> Result<u8, Wrong> {
    let (first, after) = rest.split_first().ok_or("the block ends within a record")?;
    *rest = after;
    Ok(*first)
}

pub(super) fn take(rest: &mut &[u8]) -> Result<u64, Wrong> {
    let mut number = 0_u64;
    for place in 0..VARINT_BYTES_MAX {
        let next = byte(rest)?;
        let bits = u64::from(next & 0x7f);
        if place == VARINT_BYTES_MAX - 1 && bits > 1 {
            break;
        }
        number |= bits << (7 * place);
        if next & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err("a number has more than 64 bits")
}

pub(super) fn put_count(body: &mut Vec<u8>, count: u64) {
    put(body, count);
}

/// Appends an arrival that comes at `before_ns` or later.
pub(super) fn write(body: &mut Vec<u8>, before_ns: u64, arrival: &Arrival, scenarios: &[Scenario]) {
    let place = scenarios.iter().position(|scenario| *scenario == arrival.scenario);
    put(body, arrival.at_ns - before_ns);
    let place = place.and_then(|place| u8::try_from(place).ok());
    body.push(place.expect("a header names every scenario"));
    let course = arrival.course.as_deref();
    let flag = if course.is_some() { HAS_COURSE } else { 0 };
    match arrival.fate {
        Fate::Approve => body.push(flag | 1),
        Fate::ApproveHalf => body.push(flag | 2),
        Fate::Decline(reason) => {
            body.push(flag | 3);
            put(body, u64::from(reason.number()));
        }
        Fate::Silent => body.push(flag | 4),
        Fate::Late => body.push(flag | 5),
        Fate::ApprovePart(part) => {
            body.push(flag | 6);
            put(body, part.minor());
        }
    }
    put(body, u64::from(arrival.payee.destination));
    put(body, u64::from(arrival.payee.merchant));
    put(body, arrival.amount.minor());
    put(body, arrival.account);
    if let Some(course) = course {
        write_course(body, course);
    }
}

fn write_course(body: &mut Vec<u8>, course: &Course) {
    put(body, course.hold_ns);
    put(body, course.steps.len() as u64);
    let mut before_ns = 0;
    for step in &course.steps {
        put(body, step.after_ns - before_ns);
        before_ns = step.after_ns;
        match step.action {
            Action::Capture { amount, last } => {
                body.push(if last { 2 } else { 1 });
                put(body, amount.minor());
            }
            Action::Release => body.push(3),
            Action::Reverse => body.push(4),
            Action::Expire => body.push(5),
            Action::Refund { amount } => {
                body.push(6);
                put(body, amount.minor());
            }
            Action::ReverseRefund => body.push(7),
        }
    }
}

/// Takes the next arrival of a body, which comes at `before_ns` or later.
pub(super) fn read(
    rest: &mut &[u8],
    before_ns: u64,
    number: u64,
    scenarios: &[Scenario],
) -> Result<Arrival, Wrong> {
    let at_ns = before_ns.checked_add(take(rest)?).ok_or("a time has more than 64 bits")?;
    let scenario =
        *scenarios.get(usize::from(byte(rest)?)).ok_or("a scenario that the header does not name")?;
    let first = byte(rest)?;
    let fate = match first & !HAS_COURSE {
        1 => Fate::Approve,
        2 => Fate::ApproveHalf,
        3 => {
            let reason = u16::try_from(take(rest)?).ok().and_then(Reason::from_number);
            Fate::Decline(
                reason.filter(|reason| *reason != Reason::None).ok_or("a reason that there is not")?,
            )
        }
        4 => Fate::Silent,
        5 => Fate::Late,
        6 => Fate::ApprovePart(amount(rest)?),
        _ => return Err("a fate that there is not"),
    };
    let mut short = || u16::try_from(take(rest)?).map_err(|_| "a payee that there is not");
    let payee = Payee { destination: short()?, merchant: short()? };
    let amount = amount(rest)?;
    let account = take(rest)?;
    let course = if first & HAS_COURSE == 0 { None } else { Some(Rc::new(read_course(rest)?)) };
    Ok(Arrival { number, at_ns, scenario, payee, amount, fate, account, course })
}

fn amount(rest: &mut &[u8]) -> Result<Amount, Wrong> {
    let amount = Amount::from_minor(take(rest)?).filter(|amount| !amount.is_zero());
    amount.ok_or("an amount that is nothing or has more than twelve digits")
}

fn read_course(rest: &mut &[u8]) -> Result<Course, Wrong> {
    let hold_ns = take(rest)?;
    let count = take(rest)?;
    if count > u64::from(STEP_MAX) {
        return Err("more follow-ups than an operation can have");
    }
    let mut after_ns = 0_u64;
    let mut steps = Vec::with_capacity(count as usize);
    for _ in 0..count {
        after_ns = after_ns.checked_add(take(rest)?).ok_or("a time has more than 64 bits")?;
        let action = match byte(rest)? {
            1 => Action::Capture { amount: amount(rest)?, last: false },
            2 => Action::Capture { amount: amount(rest)?, last: true },
            3 => Action::Release,
            4 => Action::Reverse,
            5 => Action::Expire,
            6 => Action::Refund { amount: amount(rest)? },
            7 => Action::ReverseRefund,
            _ => return Err("a follow-up that there is not"),
        };
        steps.push(Step { after_ns, action });
    }
    Ok(Course { hold_ns, steps: steps.into() })
}
