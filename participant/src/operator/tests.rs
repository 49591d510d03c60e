//! Tests of an operator's calls as scripts: what happens on the left, what is sent and how calls end on the right.

use holdfast_protocol::{
    Amount, Answer, ApprovalCode, Currency, DecidedBy, Epoch, Extensions, Message, Outcome, Partition,
    Reason, RequestId, Sequence, State, UnixMillis,
};

use super::{CallId, CallOutcome, CallRequest, CallSettings, Calls, Terms};

struct Stage {
    calls: Calls,
    now: u64,
}

/// Plays a script; each line is `input -> outputs`.
fn check(script: &str) {
    let settings = CallSettings { calls_max: 4, ..CallSettings::default() };
    let mut stage = Stage { calls: Calls::new(settings), now: 0 };
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (input, expected) = line.split_once("->").unwrap_or((line, ""));
        let words: Vec<_> = input.split_whitespace().collect();
        let at_once = stage.play(&words);
        assert_eq!(stage.outputs(at_once), expected.trim(), "after: {input}");
    }
}

fn at(ms: u64) -> UnixMillis {
    UnixMillis::new(1_795_305_600_000 + ms).unwrap()
}

fn id(number: &str) -> RequestId {
    RequestId::new(at(0), number.parse().unwrap())
}

fn name(id: RequestId) -> u128 {
    id.get() & 0xffff
}

fn request(kind: &str) -> CallRequest {
    let (amount, currency) = (Amount::from_minor(50_00).unwrap(), Currency::from_code("EUR").unwrap());
    let payment_id = "shop-1@acq1".parse().unwrap();
    let terms = Terms::new(payment_id, amount, currency);
    let original = id("900");
    match kind {
        "pay" => CallRequest::Pay(terms),
        "reserve" => CallRequest::Reserve(terms, at(600_000), true),
        "verify" => CallRequest::Verify(terms, at(600_000)),
        "capture" => CallRequest::Capture { original, amount, currency, last: true },
        "release" => CallRequest::Release { original },
        "reverse" => CallRequest::Reverse { original, payment_id, reason: 0 },
        _ => panic!("what is {kind}?"),
    }
}

fn answer(number: &str, outcome: &str, rest: &str) -> Answer {
    let (outcome, state, reason) = match outcome {
        "approved" => (Outcome::Approved, rest, Reason::None),
        "declined" => (Outcome::Declined, "Declined", Reason::InsufficientFunds),
        "refused" => {
            let reason = Reason::ALL.iter().find(|reason| reason.name() == rest).unwrap();
            (Outcome::Refused, "None", *reason)
        }
        _ => panic!("what is {outcome}?"),
    };
    let state = match state {
        "None" => State::None,
        "Pending" => State::Pending,
        "Held" => State::Held,
        "Declined" => State::Declined,
        "Captured" => State::Captured,
        "Released" => State::Released,
        "Reversed" => State::Reversed,
        _ => panic!("what is {state}?"),
    };
    Answer {
        id: id(number),
        originator: None,
        outcome,
        state,
        reason,
        decided_by: DecidedBy::Destination,
        amount: Amount::from_minor(50_00).unwrap(),
        approval_code: ApprovalCode::NONE,
        settlement_date: None,
        partition: Partition(0),
        epoch: Epoch(1),
        sequence: Sequence(1),
        retry_after_ms: if reason == Reason::Busy { 700 } else { 0 },
        extensions: Extensions::NONE,
    }
}

impl Stage {
    fn play(&mut self, words: &[&str]) -> Option<CallOutcome> {
        match *words {
            [
                kind @ ("pay" | "reserve" | "verify" | "capture" | "release" | "reverse"),
                number,
                ref rest @ ..,
            ] => {
                let call = CallId { id: id(number), expires: at(20_000), sent_before: false };
                let call = if rest.contains(&"again") { call.again() } else { call };
                let within = if rest.contains(&"long") { 60_000 } else { 10_000 };
                return self.calls.start(call, request(kind), at(self.now + within)).err();
            }
            ["answer", number, outcome, ref rest @ ..] => {
                let rest = rest.first().copied().unwrap_or_default();
                self.calls.answer(&answer(number, outcome, rest), at(self.now));
            }
            ["link", "up"] => self.calls.link_up(3),
            ["link", "lost"] => self.calls.link_lost("somebody pulled the plug"),
            ["window", window] => self.calls.set_window(window.parse().unwrap()),
            ["ms", ms] => {
                self.now = ms.parse().unwrap();
                self.calls.handle_time(at(self.now));
            }
            _ => panic!("what is {words:?}?"),
        }
        None
    }

    fn outputs(&mut self, at_once: Option<CallOutcome>) -> String {
        let mut outputs = Vec::new();
        while let Some(message) = self.calls.next_send(at(self.now)) {
            outputs.push(copy_text(&message));
        }
        outputs.extend(at_once.iter().map(outcome_text));
        outputs.extend(std::iter::from_fn(|| self.calls.next_done()).map(|outcome| outcome_text(&outcome)));
        outputs.join(", ")
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "whatever else it is, the test fails")]
fn copy_text(message: &Message) -> String {
    let (id, repeat, attempt) = match message {
        Message::Authorize(m) => (m.id, m.repeat, m.attempt),
        Message::Capture(m) => (m.id, m.repeat, m.attempt),
        Message::Release(m) => (m.id, m.repeat, m.attempt),
        Message::Reverse(m) => (m.id, m.repeat, m.attempt),
        other => panic!("an operator does not send {other:?}"),
    };
    format!("{} {}{}", if repeat { "repeat" } else { "send" }, name(id), "'".repeat(usize::from(attempt) - 1))
}

fn outcome_text(outcome: &CallOutcome) -> String {
    let number = name(outcome.id());
    match outcome {
        CallOutcome::Approved(approval) => format!("approved {number} {:?}", approval.state),
        CallOutcome::Declined(decline) => format!("declined {number} {}", decline.reason.name()),
        CallOutcome::NotDone(not_done) => format!("not-done {number} {}", not_done.reason.name()),
        CallOutcome::Unknown(unknown) => format!("unknown {number} copies={}", unknown.copies),
    }
}

#[test]
fn a_call_ends_as_it_is_answered() {
    check(
        "
        link up
        pay 1                      -> send 1
        answer 1 approved Captured -> approved 1 Captured
        answer 1 declined          ->
        pay 2                      -> send 2
        answer 2 declined          -> declined 2 InsufficientFunds
        reserve 3                  -> send 3
        answer 3 approved Held     -> approved 3 Held
        capture 4                  -> send 4
        answer 4 approved Captured -> approved 4 Captured
        reverse 5                  -> send 5
        answer 5 approved None     -> approved 5 None
        ",
    );
}

#[test]
fn an_approval_that_no_longer_stands_is_not_reported_as_one() {
    check(
        "
        link up
        pay 1                      -> send 1
        answer 1 approved Reversed -> declined 1 OriginalReversed
        reserve 2                  -> send 2
        answer 2 approved Released -> declined 2 HoldReleased
        pay 3                      -> send 3
        answer 3 approved Pending  -> unknown 3 copies=1
        ",
    );
}

#[test]
fn a_refusal_means_not_done_only_for_the_only_copy() {
    check(
        "
        link up
        pay 1                      -> send 1
        answer 1 refused Busy      -> not-done 1 Busy
        pay 2                      -> send 2
        link lost
        link up                    -> repeat 2'
        answer 2 refused IdTooOld  -> unknown 2 copies=2
        pay 3 again                -> repeat 3'
        answer 3 refused Malformed -> unknown 3 copies=2
        pay 4                      -> send 4
        link lost
        link up                    -> repeat 4'
        answer 4 refused Busy      ->
        ms 4000                    -> repeat 4''
        answer 4 approved Captured -> approved 4 Captured
        ",
    );
}

#[test]
fn what_is_unanswered_is_repeated_and_then_unknown() {
    check(
        "
        pay 1                      ->
        ms 500                     ->
        link up                    -> send 1
        ms 2500                    -> repeat 1'
        ms 6500                    -> repeat 1''
        ms 10000                   -> unknown 1 copies=3
        answer 1 approved Captured ->
        ",
    );
}

#[test]
fn what_was_never_sent_is_not_done() {
    check(
        "
        pay 1                      ->
        ms 10000                   -> not-done 1 NotSignedOn
        pay 2 again                ->
        ms 20000                   -> unknown 2 copies=1
        pay 3 long                 ->
        link up                    -> not-done 3 Expired
        ",
    );
}

#[test]
fn an_expired_request_is_never_sent_again() {
    check(
        "
        link up
        pay 1 long                 -> send 1
        link lost
        ms 20000                   ->
        link up                    ->
        ms 60000                   -> unknown 1 copies=1
        ",
    );
}

#[test]
fn a_reversal_keeps_trying_while_the_refusal_may_pass() {
    check(
        "
        link up
        reverse 1                             -> send 1
        answer 1 refused OriginalUnavailable  ->
        ms 2000                               -> repeat 1'
        answer 1 refused Busy                 ->
        ms 6000                               -> repeat 1''
        answer 1 approved Reversed            -> approved 1 Reversed
        reverse 2                             -> send 2
        answer 2 refused Malformed            -> not-done 2 Malformed
        ",
    );
}

#[test]
fn no_more_is_unanswered_than_the_window_allows() {
    check(
        "
        link up
        pay 1                      -> send 1
        pay 2                      -> send 2
        pay 3                      -> send 3
        pay 4                      ->
        pay 5                      -> not-done 5 WindowExceeded
        pay 4                      -> unknown 4 copies=0
        answer 2 declined          -> send 4, declined 2 InsufficientFunds
        window 5
        pay 6                      -> send 6
        link lost
        link up                    -> repeat 1', repeat 3', repeat 4'
        answer 1 declined          -> repeat 6', declined 1 InsufficientFunds
        ",
    );
}
