//! Recorded transactions as arrivals of a trace.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use holdfast_protocol::{Amount, Kind};

use super::dump::{Decided, Done, Dump, Recorded, TRANSACTIONS_MAX, created_ms};
use super::mapping::Mapping;
use crate::operation_id::STEP_MAX;
use crate::random::mix;
use crate::run::RunError;
use crate::trace::Header;
use crate::traffic::arrival::{Action, Arrival, Course, Money, Step};
use crate::traffic::fate::Fate;
use crate::traffic::scenario::Scenario;

const MILLISECOND_NS: u64 = 1_000_000;

/// The header of a trace of this dump, and the arrivals of each operator.
///
/// # Errors
/// Where the dump cannot be read, holds nothing that can be played, or more than can be played.
pub(super) fn arrivals(path: &Path, seed: u64) -> Result<(Header, Vec<Vec<Arrival>>), RunError> {
    let mut dump = Dump::read(path, TRANSACTIONS_MAX)?;
    let wrong = |what: &str| RunError::Usage(format!("{}: {what}", path.display()));
    let currency = most_frequent(&dump).ok_or_else(|| wrong("there is no payment in it"))?;
    let mut transactions = std::mem::take(&mut dump.transactions);
    let all = transactions.len();
    transactions.retain(|transaction| *transaction.currency == *currency);
    for _ in transactions.len()..all {
        dump.leave_out("payments in other currencies than the most frequent");
    }
    transactions.sort_by_key(|transaction| (created_ms(transaction.id), transaction.id));
    let begun_ms = transactions.first().map_or(0, |first| created_ms(first.id));
    let mut mapping = Mapping::new(&dump, &transactions, seed).map_err(|what| wrong(&what))?;
    let mut operators: Vec<Vec<Arrival>> = vec![vec![]; mapping.operators as usize];
    let mut length_ns = 0;
    for transaction in transactions {
        let (operator, arrival) = arrival(&transaction, begun_ms, &mut mapping, &mut dump);
        length_ns = length_ns.max(arrival.at_ns + 1);
        operators[operator].push(arrival);
    }
    for arrivals in &mut operators {
        arrivals.sort_by_key(|arrival| arrival.at_ns);
        arrivals.iter_mut().zip(0..).for_each(|(arrival, number)| arrival.number = number);
    }
    let header = Header {
        seed,
        currency,
        operators: mapping.operators,
        acquirers: mapping.acquirers,
        merchants: mapping.merchants(),
        length_ns: length_ns.next_multiple_of(MILLISECOND_NS),
        warmup_ns: 0,
        flat: false,
        scenarios: Header::all_scenarios(),
        made_from: made_from(path, begun_ms, &mapping, &dump),
    };
    Ok((header, operators))
}

fn most_frequent(dump: &Dump) -> Option<String> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for transaction in &dump.transactions {
        *counts.entry(&transaction.currency).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(code, _)| code.to_owned())
}

fn made_from(path: &Path, begun_ms: u64, mapping: &Mapping, dump: &Dump) -> BTreeMap<String, String> {
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut made_from = BTreeMap::from([
        ("from-dump".to_owned(), file),
        ("begun at, Unix milliseconds".to_owned(), begun_ms.to_string()),
        ("participants".to_owned(), mapping.words(dump)),
    ]);
    for (what, count) in &dump.left_out {
        made_from.insert(format!("not as it was: {what}"), count.to_string());
    }
    made_from
}

/// One transaction, and whose it was.
fn arrival(t: &Recorded, begun_ms: u64, mapping: &mut Mapping, dump: &mut Dump) -> (usize, Arrival) {
    let operator = mapping.operator(t.originator);
    let minor = t.amount.clamp(1, Amount::MAX.minor());
    let amount = Amount::from_minor(minor).expect("it is clamped");
    let fate = match t.decided {
        Decided::Approved(approved) if approved < minor && approved > 0 => {
            Fate::ApprovePart(Amount::from_minor(approved).expect("it is less than an amount"))
        }
        Decided::Approved(_) | Decided::Unknown => Fate::Approve,
        Decided::Declined(reason) => Fate::Decline(reason),
        Decided::TimedOut if t.late => Fate::Late,
        Decided::TimedOut => Fate::Silent,
    };
    let course = match t.decided {
        Decided::Approved(approved) => course(t, approved.min(minor), dump),
        Decided::Unknown | Decided::Declined(_) | Decided::TimedOut => None,
    };
    let payee = mapping.payee(t);
    let is_operator = u32::from(payee.destination) >= mapping.acquirers;
    // The dump knows milliseconds: within one, an arrival comes at a moment that follows from its id.
    let within_ns = mix(t.id as u64) % MILLISECOND_NS;
    let arrival = Arrival {
        number: 0,
        at_ns: (created_ms(t.id) - begun_ms) * MILLISECOND_NS + within_ns,
        scenario: scenario(t, course.as_ref(), is_operator),
        payee,
        amount,
        fate,
        account: mapping.account(t),
        course: course.map(Rc::new),
    };
    debug_assert_eq!(arrival.check_course(), Ok(()));
    (operator, arrival)
}

/// What was done to an approval, as far as it can be done again.
fn course(t: &Recorded, approved: u64, dump: &mut Dump) -> Option<Course> {
    let mut money = Money::approved(t.kind, approved);
    let (mut steps, mut after_ns): (Vec<Step>, u64) = (Vec::new(), 0);
    let created_ms = created_ms(t.id);
    for (at_ms, done) in &t.steps {
        let Some(action) = action(*done) else { continue };
        let before = steps.last().map(|step: &Step| step.action);
        // One place is kept for the release of what is still held.
        if steps.len() + 1 >= usize::from(STEP_MAX) {
            dump.leave_out("follow-ups beyond the fourteenth of a payment");
            continue;
        }
        if !money.clone().allows(t.kind, action, before) {
            dump.leave_out("refunds and reversals of captured reservations, and what is no longer there");
            continue;
        }
        money.allows(t.kind, action, before);
        if action != Action::Expire {
            after_ns = after_ns.max(at_ms.saturating_sub(created_ms) * MILLISECOND_NS);
        }
        steps.push(Step { after_ns, action });
    }
    if money.open {
        dump.leave_out("holds that were open at the end: they are released then");
        after_ns = after_ns.max(dump.end_ms.saturating_sub(created_ms) * MILLISECOND_NS);
        steps.push(Step { after_ns, action: Action::Release });
    }
    let hold_ns = t.hold_until_ms.saturating_sub(created_ms) * MILLISECOND_NS;
    (!steps.is_empty()).then(|| Course { hold_ns, steps: steps.into() })
}

fn action(done: Done) -> Option<Action> {
    let amount = |minor: u64| Amount::from_minor(minor).filter(|amount| !amount.is_zero());
    match done {
        Done::Captured { amount: minor, last } => {
            amount(minor).map(|amount| Action::Capture { amount, last })
        }
        Done::Released => Some(Action::Release),
        Done::Reversed => Some(Action::Reverse),
        Done::Expired => Some(Action::Expire),
        Done::Refunded { amount: minor } => amount(minor).map(|amount| Action::Refund { amount }),
        Done::RefundReversed => Some(Action::ReverseRefund),
        Done::Nothing => None,
    }
}

/// The scenario that is most like it: reports count by it.
fn scenario(t: &Recorded, course: Option<&Course>, to_operator: bool) -> Scenario {
    let actions = || course.into_iter().flat_map(|course| &course.steps).map(|step| step.action);
    let captures = actions().filter(|action| matches!(action, Action::Capture { .. })).count();
    match t.kind {
        Kind::Pay if actions().any(|action| matches!(action, Action::Refund { .. })) => Scenario::Refund,
        Kind::Pay if actions().any(|action| action == Action::Reverse) => Scenario::Reverse,
        Kind::Pay if to_operator => Scenario::Intersystem,
        Kind::Pay => Scenario::Pay,
        Kind::Verify => Scenario::Verify,
        Kind::Reserve if captures > 1 || t.captures_many => Scenario::Partial,
        Kind::Reserve if captures == 1 => Scenario::Reserve,
        Kind::Reserve if actions().any(|action| action == Action::Expire) => Scenario::Expire,
        Kind::Reserve => Scenario::Release,
    }
}
