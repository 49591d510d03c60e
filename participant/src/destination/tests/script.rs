//! A stage for scripts that test the book: what comes in on the left, what goes out on the right.
//!
//! `A1` is transaction 1 of participant A. Records are durable at once unless the script says `disk slow`.

use std::fmt::Write;

use holdfast_protocol::{
    Amount, ApprovalCode, Authorize, Capture, Channel, Complete, Currency, DecidedBy, DecidedThrough,
    DeliveryNumber, Epoch, Extensions, InstrumentReference, Kind, Message, Outcome, ParticipantNumber,
    Partition, Reason, Refund, Release, RequestId, Reverse, SecurityLevel, Sequence, State, Status,
    TransactionKey, UnixMillis,
};

use super::super::{Action, Book, BookSettings, Decision, Delivery, LinkTerms, Notice, Record, Task};

const START: u64 = 1_795_305_600_000;
const TERMS: LinkTerms = LinkTerms { lanes: 1, window_max_ms: 60_000, skew_max_ms: 5_000 };

pub(super) struct Stage {
    pub(super) book: Book,
    pub(super) now: UnixMillis,
    disk_slow: bool,
    kept: Vec<Record>,
    requests: Vec<Authorize>,
    refunds: Vec<Refund>,
}

/// Plays a script; each line is `input -> outputs`.
pub(super) fn check(script: &str) {
    let mut stage = Stage::new(&[]);
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (input, expected) = line.split_once("->").unwrap_or((line, ""));
        let words: Vec<_> = input.split_whitespace().collect();
        stage.play(&words);
        assert_eq!(stage.outputs(), expected.trim(), "after: {input}");
    }
}

fn at(ms: u64) -> UnixMillis {
    UnixMillis::new(START + ms).unwrap()
}

fn key(text: &str) -> TransactionKey {
    let (letter, number) = text.split_at(1);
    let originator = ParticipantNumber::new(u16::from(letter.as_bytes()[0] - b'A' + 1)).unwrap();
    TransactionKey { originator, id: RequestId::new(at(0), number.parse().unwrap()) }
}

fn name(key: TransactionKey) -> String {
    let letter = char::from(b'A' + u8::try_from(key.originator.get()).unwrap() - 1);
    format!("{letter}{}", key.id.get() & 0xffff)
}

fn amount(text: &str) -> Amount {
    Amount::from_minor(text.replace('.', "").parse().unwrap()).unwrap()
}

fn people(amount: Amount) -> String {
    format!("{}.{:02}", amount.minor() / 100, amount.minor() % 100)
}

impl Stage {
    pub(super) fn new(records: &[Record]) -> Self {
        let settings = BookSettings { deciding_max: 3, inquiries_max: 1, ..BookSettings::default() };
        let mut book = Book::new(settings, records);
        book.link_up(TERMS, at(0));
        Self {
            book,
            now: at(0),
            disk_slow: false,
            kept: records.to_vec(),
            requests: Vec::new(),
            refunds: Vec::new(),
        }
    }

    pub(super) fn play(&mut self, words: &[&str]) {
        match *words {
            ["forward", name, kind, amount] => self.forward(name, kind, amount, false),
            ["forward", name, kind, amount, "partial"] => self.forward(name, kind, amount, true),
            ["refund", name, original, amount] => self.refund(name, original, amount),
            ["decide", name, ref decision @ ..] => self.decide(name, decision),
            ["done", name, number] => {
                self.book.delivered(key(name), DeliveryNumber(number.parse().unwrap()), self.now);
            }
            ["decided-through", count] => {
                let count = count.parse().unwrap();
                self.receive(DecidedThrough { count }.into());
            }
            ["complete", name] => {
                let TransactionKey { originator, id } = key(name);
                self.receive(Complete { original: id, originator }.into());
            }
            ["status", name, correlation, state, undelivered] => {
                self.receive(status(name, correlation, state, undelivered).into());
            }
            ["seconds", seconds] => {
                self.now = at(seconds.parse::<u64>().unwrap() * 1_000);
                self.book.handle_time(self.now);
            }
            ["link", "lost"] => self.book.link_lost(),
            ["link", "up"] => self.book.link_up(TERMS, self.now),
            ["restart"] => {
                let now = self.now;
                *self = Self::new(&self.kept);
                self.now = now;
            }
            ["compact"] => self.kept = self.book.live_records(),
            ["disk", speed] => self.disk_slow = speed == "slow",
            ["remembered", count] => assert_eq!(self.book.remembered(), count.parse::<usize>().unwrap()),
            [what, name, number, ref rest @ ..] => self.receive(delivery(what, name, number, rest)),
            _ => panic!("what is {words:?}?"),
        }
    }

    fn receive(&mut self, message: Message) {
        self.book.receive(0, message, self.now).unwrap();
    }

    fn forward(&mut self, name: &str, kind: &str, asked: &str, partial_allowed: bool) {
        let TransactionKey { originator, id } = key(name);
        let (kind, hold_until) = match kind {
            "pay" => (Kind::Pay, UnixMillis::new(0).unwrap()),
            "reserve" => (Kind::Reserve, at(600_000)),
            _ => panic!("what is {kind}?"),
        };
        let copies = self.requests.iter().filter(|request| request.key() == Some(key(name))).count();
        let request = Authorize {
            id,
            originator: Some(originator),
            kind,
            payment_id: "shop-1@acq1".parse().unwrap(),
            instrument: InstrumentReference::NONE,
            amount: amount(asked),
            currency: Currency::from_code("EUR").unwrap(),
            security_level: SecurityLevel::Two,
            channel: Channel::Web,
            expires: at(30_000),
            hold_until,
            budget_ms: 5_000 - u32::try_from(copies).unwrap(),
            partial_allowed,
            captures_many: true,
            repeat: copies > 0,
            attempt: u8::try_from(copies + 1).unwrap(),
            settlement_date: None,
            extensions: Extensions::NONE,
        };
        self.requests.push(request.clone());
        self.receive(request.into());
    }

    fn refund(&mut self, name: &str, original: &str, asked: &str) {
        let TransactionKey { originator, id } = key(name);
        let copies = self.refunds.iter().filter(|request| request.key() == Some(key(name))).count();
        let request = Refund {
            id,
            original: key(original).id,
            originator: Some(originator),
            amount: amount(asked),
            currency: Currency::from_code("EUR").unwrap(),
            expires: at(30_000),
            budget_ms: 5_000 - u32::try_from(copies).unwrap(),
            repeat: copies > 0,
            attempt: u8::try_from(copies + 1).unwrap(),
            settlement_date: None,
            extensions: Extensions::NONE,
        };
        self.refunds.push(request.clone());
        self.receive(request.into());
    }

    fn decide(&mut self, name: &str, decision: &[&str]) {
        let decision = match *decision {
            ["approve"] => Some(Decision::Approve(ApprovalCode::NONE)),
            ["part", part] => Some(Decision::ApprovePart(amount(part), ApprovalCode::NONE)),
            ["decline", reason] => {
                Some(Decision::Decline(Reason::from_number(reason.parse().unwrap()).unwrap()))
            }
            ["never"] => None,
            _ => panic!("what is {decision:?}?"),
        };
        let key = Some(key(name));
        if let Some(refund) = self.refunds.iter().find(|refund| refund.key() == key) {
            self.book.refund_decided(refund, decision, self.now);
            return;
        }
        let request = self.requests.iter().find(|request| request.key() == key).expect("it was forwarded");
        self.book.decided(request, decision, self.now);
    }

    pub(super) fn outputs(&mut self) -> String {
        if !self.disk_slow {
            let (records, through) = self.book.take_records();
            self.kept.extend(records);
            self.book.durable_through(through);
        }
        let mut outputs = Vec::new();
        while let Some(action) = self.book.next_action() {
            outputs.push(action_text(&action));
        }
        while let Some(message) = self.book.next_send() {
            outputs.push(message_text(message));
            self.book.sent(0);
        }
        outputs.join(", ")
    }
}

fn delivery(what: &str, name: &str, number: &str, rest: &[&str]) -> Message {
    let TransactionKey { originator, id: original } = key(name);
    let (originator, delivery) = (Some(originator), Some(DeliveryNumber(number.parse().unwrap())));
    let (expires, repeat, attempt, extensions) = (at(30_000), false, 1, Extensions::NONE);
    match what {
        "capture" => Message::Capture(Capture {
            id: RequestId::new(at(1), 900),
            original,
            originator,
            amount: amount(rest[0]),
            currency: Currency::from_code("EUR").unwrap(),
            last: rest.contains(&"last"),
            expires,
            delivery,
            repeat,
            attempt,
            settlement_date: None,
            extensions,
        }),
        "release" => {
            let expired = rest.contains(&"expired");
            let id = original;
            let release =
                Release { id, original, originator, expires, delivery, expired, repeat, attempt, extensions };
            Message::Release(release)
        }
        "reverse" => Message::Reverse(Reverse {
            id: original,
            original,
            originator,
            payment_id: "shop-1@acq1".parse().unwrap(),
            reason: 0,
            expires,
            delivery,
            repeat,
            attempt,
            settlement_date: None,
            extensions,
        }),
        _ => panic!("what is {what}?"),
    }
}

fn status(name: &str, correlation: &str, state: &str, undelivered: &str) -> Status {
    let TransactionKey { originator, id } = key(name);
    let (reason, state) = match state {
        "unknown" => (Reason::OriginalUnknown, State::None),
        "pending" => (Reason::None, State::Pending),
        "held" => (Reason::None, State::Held),
        "captured" => (Reason::None, State::Captured),
        "expired" => (Reason::None, State::Expired),
        "declined" => (Reason::None, State::Declined),
        "timed-out" => (Reason::None, State::TimedOut),
        _ => panic!("what is {state}?"),
    };
    Status {
        id,
        originator: Some(originator),
        correlation: correlation.parse().unwrap(),
        reason,
        outcome: Some(Outcome::Approved),
        outcome_reason: Reason::None,
        state,
        decided_by: DecidedBy::Destination,
        undelivered: undelivered.parse().unwrap(),
        held_for: Amount::ZERO,
        captured: Amount::ZERO,
        released: Amount::ZERO,
        reversed: Amount::ZERO,
        approval_code: ApprovalCode::NONE,
        settlement_date: None,
        partition: Partition(0),
        epoch: Epoch(1),
        sequence: Sequence(1),
    }
}

fn action_text(action: &Action) -> String {
    match action {
        Action::Decide(request) => format!("decide {}", name(request.key().unwrap())),
        Action::DecideRefund(request) => {
            let original = TransactionKey { originator: request.originator.unwrap(), id: request.original };
            format!("refund {} of {}", name(request.key().unwrap()), name(original))
        }
        Action::Deliver(delivery) => delivery_text(delivery),
        Action::Notice(Notice::Covered(key)) => format!("covered {}", name(*key)),
        Action::Notice(Notice::LetGo(key, state)) => format!("let-go {} {state:?}", name(*key)),
        Action::Notice(Notice::Complete(key)) => format!("complete {}", name(*key)),
        Action::Notice(Notice::UnknownToSwitch(key)) => format!("unknown-to-switch {}", name(*key)),
    }
}

fn delivery_text(delivery: &Delivery) -> String {
    let mut text = match delivery.task {
        Task::Capture { amount, last, .. } => {
            format!("capture {}{}", people(amount), if last { " last" } else { "" })
        }
        Task::Release { expired } => format!("release{}", if expired { " expired" } else { "" }),
        Task::Reverse { .. } => "reverse".to_owned(),
    };
    let known = if delivery.known { "" } else { " unknown" };
    write!(text, " {}#{}{known}", name(delivery.key), delivery.number.0).unwrap();
    text
}

#[allow(clippy::wildcard_enum_match_arm, reason = "whatever else it is, the test fails")]
fn message_text(message: &Message) -> String {
    match message {
        Message::Answer(answer) => {
            let key = TransactionKey { originator: answer.originator.unwrap(), id: answer.id };
            let what = if answer.outcome == Outcome::Approved {
                people(answer.amount)
            } else {
                answer.reason.name().to_owned()
            };
            format!("{} {} {what}", format!("{:?}", answer.outcome).to_lowercase(), name(key))
        }
        Message::Acknowledge(m) => {
            let key = TransactionKey { originator: m.originator, id: m.original };
            format!("acknowledge {}#{}", name(key), m.delivery.0)
        }
        Message::Inquiry(m) => {
            let key = TransactionKey { originator: m.originator.unwrap(), id: m.id };
            format!("inquire {} {}", name(key), m.correlation)
        }
        other => panic!("a destination does not send {other:?}"),
    }
}
