//! What a switch wrote down, as `holdfast journal dump` prints it: transactions with what was done to them and when.
//!
//! All of them are in memory until the trace is written, because what was done to a payment may stand anywhere behind it: so there is
//! a limit to how many there may be. Texts that come again and again are kept once.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use holdfast_protocol::{Kind, Reason};
use serde::Deserialize;

use crate::run::RunError;

/// The longest line: an authorize with all of its fields has less than a kibibyte.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// The most transactions of a dump: eight gigabytes of them.
pub(super) const TRANSACTIONS_MAX: usize = 20_000_000;

/// The fields of a line that a trace can use. What a line has besides is ignored.
#[derive(Debug, Deserialize)]
struct Line {
    kind: String,
    time: u64,
    originator: Option<u16>,
    original: Option<String>,
    id: Option<String>,
    payment_kind: Option<String>,
    payment_id: Option<String>,
    instrument: Option<String>,
    amount: Option<u64>,
    currency: Option<String>,
    hold_until: Option<u64>,
    #[serde(default)]
    captures_many: bool,
    destination: Option<u16>,
    reason: Option<u16>,
    decided_by: Option<String>,
    #[serde(default)]
    approved: bool,
    #[serde(default)]
    last: bool,
    refund_of: Option<String>,
    participant: Option<u16>,
    name: Option<String>,
    #[serde(default)]
    originates: bool,
}

/// How the destination decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decided {
    /// Nothing is known: it was in flight when the dump was made, or the switch declined before anybody was asked.
    Unknown,
    /// Approved, in minor units.
    Approved(u64),
    /// Declined.
    Declined(Reason),
    /// It did not answer in time.
    TimedOut,
}

/// What was done to an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    Captured {
        amount: u64,
        last: bool,
    },
    Released,
    Reversed,
    Expired,
    Refunded {
        amount: u64,
    },
    RefundReversed,
    /// A refund that was declined.
    Nothing,
}

/// One authorize and what followed.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) originator: u16,
    /// The id of the authorize, whose first 48 bits are the millisecond in which it was made.
    pub(super) id: u128,
    pub(super) kind: Kind,
    pub(super) payment_id: Rc<str>,
    pub(super) instrument: Rc<str>,
    pub(super) amount: u64,
    pub(super) currency: Rc<str>,
    pub(super) hold_until_ms: u64,
    pub(super) captures_many: bool,
    pub(super) destination: Option<u16>,
    pub(super) decided: Decided,
    /// An approval came after the time was over.
    pub(super) late: bool,
    /// With when each request was made, in Unix milliseconds.
    pub(super) steps: Vec<(u64, Done)>,
}

/// A participant as the journal knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Participant {
    pub(super) name: String,
    pub(super) originates: bool,
}

/// Everything that was read.
#[derive(Debug, Default)]
pub(super) struct Dump {
    pub(super) transactions: Vec<Recorded>,
    pub(super) participants: BTreeMap<u16, Participant>,
    /// The time of the last line.
    pub(super) end_ms: u64,
    /// What cannot be played, in words, with how often it came.
    pub(super) left_out: BTreeMap<&'static str, u64>,
    /// By originator and id, while it is read.
    places: HashMap<(u16, u128), Place>,
    /// Every text once, while it is read.
    texts: HashSet<Rc<str>>,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Payment(usize),
    /// Of a refund: the payment and the step.
    Refund(usize, usize),
}

/// The millisecond in which an id was made.
pub(super) fn created_ms(id: u128) -> u64 {
    u64::try_from(id >> 80).expect("48 bits are left")
}

impl Dump {
    /// Reads a dump.
    ///
    /// # Errors
    /// Where it cannot be read, a line is no fact, or there are more transactions than `transactions_max`: with file and line.
    pub(super) fn read(path: &Path, transactions_max: usize) -> Result<Self, RunError> {
        let file = File::open(path).map_err(RunError::io(path.display().to_string()))?;
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let (mut dump, mut buffer) = (Self::default(), Vec::new());
        for number in 1_u64.. {
            buffer.clear();
            let mut limited = Read::take(&mut reader, LINE_BYTES_MAX);
            let got =
                limited.read_until(b'\n', &mut buffer).map_err(RunError::io(path.display().to_string()))?;
            if got == 0 {
                break;
            }
            if buffer.trim_ascii().is_empty() {
                continue;
            }
            let line = serde_json::from_slice(&buffer).map_err(|error| error.to_string());
            let taken = line.and_then(|line| dump.take(&line));
            let within = taken.and_then(|()| dump.is_within(transactions_max));
            within.map_err(|what| RunError::Usage(format!("{}: line {number}: {what}", path.display())))?;
        }
        (dump.places, dump.texts) = (HashMap::new(), HashSet::new());
        Ok(dump)
    }

    fn take(&mut self, line: &Line) -> Result<(), String> {
        self.end_ms = self.end_ms.max(line.time);
        match line.kind.as_str() {
            "participant_configured" => {
                let number = line.participant.ok_or("participant is missing")?;
                let name = line.name.clone().unwrap_or_default();
                self.participants.insert(number, Participant { name, originates: line.originates });
            }
            "reserved" | "declined_at_once" => self.begin(line)?,
            "refund_reserved" => self.begin_refund(line)?,
            "approved" => {
                let amount = line.amount.ok_or("amount is missing")?;
                self.decide(line, Decided::Approved(amount))?;
            }
            "declined" => self.declined(line)?,
            "late_answer" => {
                if let Some(Place::Payment(at)) = self.find(line)? {
                    self.transactions[at].late |= line.approved;
                }
            }
            "captured" => {
                let amount = line.amount.ok_or("amount is missing")?;
                self.step(line, Done::Captured { amount, last: line.last })?;
            }
            "released" => self.step(line, Done::Released)?,
            "expired" => self.step(line, Done::Expired)?,
            "reversed" => self.step(line, Done::Reversed)?,
            "tombstoned" => self.leave_out("reversals of what the switch did not know"),
            "follow_up_declined" => self.leave_out("captures, releases and reversals that were declined"),
            "refund_declined" => self.leave_out("refunds that were declined"),
            "recalled"
            | "acknowledged"
            | "participant_removed"
            | "participant_status_set"
            | "routes_configured"
            | "cut_over"
            | "day_closed"
            | "forgotten"
            | "founded"
            | "lease_given"
            | "lease_taken" => {}
            // What nobody described here could move money.
            other => return Err(format!("a fact of the unknown kind {other:?}")),
        }
        Ok(())
    }

    fn is_within(&self, transactions_max: usize) -> Result<(), String> {
        if self.transactions.len() <= transactions_max {
            return Ok(());
        }
        Err(format!(
            "more than {transactions_max} transactions, which is the limit: cut the dump into parts, such as hours, with a trace for each"
        ))
    }

    /// A text, kept once however often it comes.
    fn text(&mut self, text: &str) -> Rc<str> {
        match self.texts.get(text) {
            Some(known) => Rc::clone(known),
            None => {
                let new: Rc<str> = text.into();
                self.texts.insert(Rc::clone(&new));
                new
            }
        }
    }

    pub(super) fn leave_out(&mut self, what: &'static str) {
        *self.left_out.entry(what).or_default() += 1;
    }

    fn begin(&mut self, line: &Line) -> Result<(), String> {
        let (originator, id) = key(line)?;
        let kind = match line.payment_kind.as_deref() {
            Some("pay") => Kind::Pay,
            Some("reserve") => Kind::Reserve,
            Some("verify") => Kind::Verify,
            other => return Err(format!("payment_kind is {other:?}")),
        };
        let payment_id = self.text(line.payment_id.as_deref().ok_or("payment_id is missing")?);
        let instrument = self.text(line.instrument.as_deref().unwrap_or_default());
        let currency = self.text(line.currency.as_deref().ok_or("currency is missing")?);
        self.places.insert((originator, id), Place::Payment(self.transactions.len()));
        self.transactions.push(Recorded {
            originator,
            id,
            kind,
            payment_id,
            instrument,
            amount: line.amount.ok_or("amount is missing")?,
            currency,
            hold_until_ms: line.hold_until.unwrap_or(0),
            captures_many: line.captures_many,
            destination: line.destination,
            decided: Decided::Unknown,
            late: false,
            steps: Vec::new(),
        });
        if line.kind == "declined_at_once" {
            self.leave_out("declines by the switch itself: it decides anew");
        }
        Ok(())
    }

    fn begin_refund(&mut self, line: &Line) -> Result<(), String> {
        let (originator, id) = key(line)?;
        let original = line.refund_of.as_deref().and_then(parse_id).ok_or("refund_of is no request id")?;
        let amount = line.amount.ok_or("amount is missing")?;
        match self.places.get(&(originator, original)) {
            Some(Place::Payment(at)) => {
                let steps = &mut self.transactions[*at].steps;
                steps.push((created_ms(id), Done::Refunded { amount }));
                let place = Place::Refund(*at, steps.len() - 1);
                self.places.insert((originator, id), place);
            }
            Some(Place::Refund(..)) | None => self.leave_out("refunds of payments from before the dump"),
        }
        Ok(())
    }

    fn find(&self, line: &Line) -> Result<Option<Place>, String> {
        Ok(self.places.get(&key(line)?).copied())
    }

    fn decide(&mut self, line: &Line, decided: Decided) -> Result<(), String> {
        if let Some(Place::Payment(at)) = self.find(line)? {
            self.transactions[at].decided = decided;
        }
        Ok(())
    }

    fn declined(&mut self, line: &Line) -> Result<(), String> {
        let reason = line.reason.and_then(Reason::from_number).unwrap_or(Reason::DoNotHonour);
        match (self.find(line)?, line.decided_by.as_deref()) {
            (Some(Place::Refund(at, step)), _) => {
                self.transactions[at].steps[step].1 = Done::Nothing;
                self.leave_out("refunds that were declined");
            }
            (Some(Place::Payment(at)), Some("destination")) => {
                self.transactions[at].decided = Decided::Declined(reason);
            }
            (Some(Place::Payment(at)), _) if reason == Reason::DestinationTimedOut => {
                self.transactions[at].decided = Decided::TimedOut;
            }
            (Some(Place::Payment(at)), _) if reason == Reason::ReversedByOriginator => {
                let transaction = &mut self.transactions[at];
                transaction.decided = Decided::Approved(transaction.amount);
                transaction.steps.push((line.time, Done::Reversed));
                self.leave_out("reversals before the answer: they come after it");
            }
            (Some(Place::Payment(_)), _) => self.leave_out("declines by the switch itself: it decides anew"),
            (None, _) => {}
        }
        Ok(())
    }

    fn step(&mut self, line: &Line, done: Done) -> Result<(), String> {
        let request = line.id.as_deref().map(|id| parse_id(id).ok_or("id is no request id")).transpose()?;
        let at_ms = match done {
            Done::Expired => line.time,
            _ => request.map_or(line.time, created_ms),
        };
        match self.find(line)? {
            Some(Place::Payment(at)) => self.transactions[at].steps.push((at_ms, done)),
            Some(Place::Refund(at, step)) if done == Done::Reversed => {
                // The refund and its reversal are one after the other, or neither can be played.
                let steps = &mut self.transactions[at].steps;
                if step + 1 == steps.len() {
                    steps.push((at_ms, Done::RefundReversed));
                } else {
                    self.leave_out("reversals of refunds that came after something else");
                }
            }
            Some(Place::Refund(..)) => {}
            None => self.leave_out("follow-ups of payments from before the dump"),
        }
        Ok(())
    }
}

fn key(line: &Line) -> Result<(u16, u128), String> {
    let originator = line.originator.ok_or("originator is missing")?;
    let original = line.original.as_deref().and_then(parse_id).ok_or("original is no request id")?;
    Ok((originator, original))
}

/// An id as the dump writes it: 8-4-4-4-12 hexadecimal digits.
fn parse_id(text: &str) -> Option<u128> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    if digits.len() == 32 && text.len() == 36 { u128::from_str_radix(&digits, 16).ok() } else { None }
}
