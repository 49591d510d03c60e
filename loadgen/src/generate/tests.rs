//! What becomes of the lines of a dump.

use std::io::Write;

use holdfast_protocol::Reason;

use super::dump::Dump;
use super::recorded::arrivals;
use crate::trace::Header;
use crate::traffic::arrival::{Action, Arrival};
use crate::traffic::fate::Fate;
use crate::traffic::scenario::Scenario;

/// An id that was made in this millisecond.
fn id(ms: u64, number: u64) -> String {
    let text = format!("{:032x}", (u128::from(ms) << 80) | u128::from(number));
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}

const BEGUN_MS: u64 = 1_795_305_600_000;

/// Lines of a dump with two operators and an acquirer, the first two named as `loadgen` names them.
struct Lines(String);

impl Lines {
    fn new(names: [&str; 3]) -> Self {
        let mut lines = Self(String::new());
        for (number, name) in [1, 2, 11].into_iter().zip(names) {
            let originates = number < 10;
            lines.line(
                BEGUN_MS,
                "participant_configured",
                &format!(
                    r#""participant":{number},"name":"{name}","originates":{originates},"receives":true"#
                ),
            );
        }
        lines
    }

    fn line(&mut self, time: u64, kind: &str, fields: &str) {
        self.0.push_str(&format!(
            "{{\"sequence\":1,\"epoch\":1,\"time\":{time},\"kind\":\"{kind}\",{fields}}}\n"
        ));
    }

    /// A fact about the transaction with this number, made so many milliseconds after the beginning.
    fn fact(&mut self, kind: &str, originator: u16, made: (u64, u64), request: (u64, u64), fields: &str) {
        let original = id(BEGUN_MS + made.0, made.1);
        let request = id(BEGUN_MS + request.0, request.1);
        let more = if fields.is_empty() { String::new() } else { format!(",{fields}") };
        let fields = format!(r#""originator":{originator},"original":"{original}","id":"{request}"{more}"#);
        self.line(BEGUN_MS + made.0 + 1, kind, &fields);
    }

    fn reserved(
        &mut self,
        originator: u16,
        made: (u64, u64),
        payment_kind: &str,
        destination: u16,
        more: &str,
    ) {
        let system = if destination < 10 { "mps-1" } else { "bank" };
        let fields = format!(
            r#""payment_kind":"{payment_kind}","payment_id":"shop@{system}","instrument":"****7890","amount":1250,"currency":"EUR","destination":{destination}{more}"#
        );
        self.fact("reserved", originator, made, made, &fields);
    }

    fn made(&self) -> (Header, Vec<Vec<Arrival>>) {
        self.tried().unwrap_or_else(|error| panic!("{error}"))
    }

    fn tried(&self) -> Result<(Header, Vec<Vec<Arrival>>), crate::run::RunError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(self.0.as_bytes()).unwrap();
        let (header, operators) = arrivals(file.path(), 0)?;
        for arrival in operators.iter().flatten() {
            assert_eq!(arrival.check_course(), Ok(()), "{arrival:?}");
            assert!(arrival.at_ns < header.length_ns);
        }
        Ok((header, operators))
    }
}

fn steps(arrival: &Arrival) -> Vec<(u64, Action)> {
    let course = arrival.course.iter();
    course.flat_map(|course| &course.steps).map(|step| (step.after_ns / 1_000_000, step.action)).collect()
}

#[test]
fn payments_keep_their_distance_their_amount_and_what_their_destination_said() {
    let mut lines = Lines::new(["operator-1", "operator-2", "acquirer-1"]);
    lines.reserved(1, (0, 1), "pay", 11, "");
    lines.fact("approved", 1, (0, 1), (0, 1), r#""amount":1250"#);
    lines.reserved(2, (40, 2), "pay", 1, "");
    lines.fact("declined", 2, (40, 2), (40, 2), r#""reason":102,"decided_by":"destination""#);
    lines.reserved(1, (90, 3), "pay", 11, "");
    lines.fact("declined", 1, (90, 3), (90, 3), r#""reason":203,"decided_by":"switch""#);
    lines.reserved(1, (95, 4), "pay", 11, "");
    lines.fact("declined", 1, (95, 4), (95, 4), r#""reason":203,"decided_by":"switch""#);
    lines.fact("late_answer", 1, (95, 4), (95, 4), r#""approved":true,"reversal":true"#);
    let (header, operators) = lines.made();
    assert_eq!((header.operators, header.acquirers, header.merchants), (2, 1, 1));
    let [first, second] = &operators[..] else { panic!("two operators") };
    let times: Vec<u64> = first.iter().map(|arrival| arrival.at_ns / 1_000_000).collect();
    assert_eq!(times, [0, 90, 95]);
    assert_eq!(
        first.iter().map(|arrival| arrival.fate).collect::<Vec<_>>(),
        [Fate::Approve, Fate::Silent, Fate::Late]
    );
    assert!(first.iter().all(|arrival| arrival.amount.minor() == 1_250 && arrival.payee.destination == 0));
    // The same last characters of an instrument are the same account; two operators never share one.
    assert!(first.iter().all(|arrival| arrival.account == first[0].account));
    assert_ne!(second[0].account, first[0].account);
    assert_eq!((second[0].scenario, second[0].payee.destination), (Scenario::Intersystem, 1));
    assert_eq!(second[0].fate, Fate::Decline(Reason::from_number(102).unwrap()));
}

#[test]
fn follow_ups_keep_their_order_and_distance() {
    let mut lines = Lines::new(["operator-1", "operator-2", "acquirer-1"]);
    let hold = format!(r#","hold_until":{},"captures_many":true"#, BEGUN_MS + 60_000);
    lines.reserved(1, (0, 1), "reserve", 11, &hold);
    lines.fact("approved", 1, (0, 1), (0, 1), r#""amount":1000"#);
    lines.fact("captured", 1, (0, 1), (300, 2), r#""amount":400,"last":false"#);
    lines.fact("captured", 1, (0, 1), (500, 3), r#""amount":100,"last":true"#);
    lines.reserved(1, (5, 4), "reserve", 11, &hold);
    lines.fact("approved", 1, (5, 4), (5, 4), r#""amount":1250"#);
    lines.fact("expired", 1, (5, 4), (5, 4), "");
    lines.reserved(1, (6, 5), "pay", 11, "");
    lines.fact("approved", 1, (6, 5), (6, 5), r#""amount":1250"#);
    let refund_of = id(BEGUN_MS + 6, 5);
    lines.fact(
        "refund_reserved",
        1,
        (706, 6),
        (706, 6),
        &format!(r#""refund_of":"{refund_of}","amount":250"#),
    );
    lines.fact("approved", 1, (706, 6), (706, 6), r#""amount":250"#);
    lines.fact("reversed", 1, (706, 6), (806, 7), "");
    lines.fact("reversed", 1, (6, 5), (906, 8), "");
    let (_, operators) = lines.made();
    let [captured, expired, refunded] = &operators[0][..] else { panic!("three operations") };
    let amount = |minor| holdfast_protocol::Amount::from_minor(minor).unwrap();
    assert_eq!((captured.scenario, captured.fate), (Scenario::Partial, Fate::ApprovePart(amount(1_000))));
    let captures = [
        (300, Action::Capture { amount: amount(400), last: false }),
        (500, Action::Capture { amount: amount(100), last: true }),
    ];
    assert_eq!(steps(captured), captures);
    // Several captures were allowed, which only this scenario allows.
    assert_eq!((expired.scenario, steps(expired)), (Scenario::Partial, vec![(0, Action::Expire)]));
    assert_eq!(expired.course.as_ref().unwrap().hold_ns, 59_995_000_000);
    let expected =
        [(700, Action::Refund { amount: amount(250) }), (800, Action::ReverseRefund), (900, Action::Reverse)];
    assert_eq!((refunded.scenario, steps(refunded)), (Scenario::Refund, expected.to_vec()));
}

#[test]
fn what_cannot_be_played_is_said() {
    let mut lines = Lines::new(["north", "south", "bank"]);
    // Held at the end of the dump.
    lines.reserved(1, (0, 1), "reserve", 11, "");
    lines.fact("approved", 1, (0, 1), (0, 1), r#""amount":1250"#);
    // A captured reservation that is reversed.
    lines.reserved(2, (10, 2), "reserve", 11, "");
    lines.fact("approved", 2, (10, 2), (10, 2), r#""amount":1250"#);
    lines.fact("captured", 2, (10, 2), (20, 3), r#""amount":1250,"last":true"#);
    lines.fact("reversed", 2, (10, 2), (30, 4), "");
    lines.fact("declined_at_once", 1, (40, 5), (40, 5), concat!(
        r#""payment_kind":"pay","payment_id":"x@nowhere","instrument":"none","amount":1,"currency":"EUR","#,
        r#""reason":301,"decided_by":"switch""#
    ));
    lines.fact("tombstoned", 1, (50, 6), (50, 7), "");
    lines.fact("released", 1, (60, 8), (61, 9), "");
    lines.line(BEGUN_MS + 90, "cut_over", r#""business_date":"2026-11-22""#);
    let (header, operators) = lines.made();
    let said: Vec<&str> =
        header.made_from.keys().filter_map(|key| key.strip_prefix("not as it was: ")).collect();
    assert_eq!(
        said,
        [
            "declines by the switch itself: it decides anew",
            "follow-ups of payments from before the dump",
            "holds that were open at the end: they are released then",
            "refunds and reversals of captured reservations, and what is no longer there",
            "reversals of what the switch did not know",
        ]
    );
    assert_eq!(
        header.made_from["participants"],
        "north is operator 1, south is operator 2, bank is acquirer 1"
    );
    assert_eq!(steps(&operators[0][0]), [(90, Action::Release)]);
    assert_eq!(operators[1][0].scenario, Scenario::Reserve);
    assert_eq!(operators[0][1].fate, Fate::Approve);
}

#[test]
fn the_dump_of_several_partitions_gives_what_the_same_payments_give_in_one() {
    let payment = |lines: &mut Lines, originator: u16, number: u64| {
        let made = (number * 10, number);
        lines.reserved(originator, made, "pay", 11, "");
        lines.fact("approved", originator, made, made, r#""amount":1250"#);
    };
    let mut one = Lines::new(["operator-1", "operator-2", "acquirer-1"]);
    for (originator, number) in [(1, 1), (2, 2), (1, 3), (2, 4)] {
        payment(&mut one, originator, number);
    }
    // One partition after the other: the second begins when the first did.
    let mut several = Lines(String::new());
    for (partition, originator, numbers) in [(0, 2, [2, 4]), (1, 1, [1, 3])] {
        several.line(BEGUN_MS, "founded", &format!(r#""partition":{partition},"partitions":2"#));
        several.0.push_str(&Lines::new(["operator-1", "operator-2", "acquirer-1"]).0);
        let other = if partition == 0 { r#""to":1"# } else { r#""from":0"# };
        let kind = if partition == 0 { "lease_given" } else { "lease_taken" };
        several.line(BEGUN_MS, kind, &format!(r#""participant":11,"currency":"EUR",{other},"total":"5""#));
        for number in numbers {
            payment(&mut several, originator, number);
        }
    }
    assert_eq!(format!("{:?}", several.made().1), format!("{:?}", one.made().1));
}

#[test]
fn a_line_that_is_no_fact_is_named() {
    for (line, words) in [
        ("{", "line 4: EOF"),
        (
            r#"{"sequence":1,"epoch":1,"time":1,"kind":"conjured"}"#,
            "line 4: a fact of the unknown kind \"conjured\"",
        ),
        (
            r#"{"sequence":1,"epoch":1,"time":1,"kind":"approved","amount":5}"#,
            "line 4: originator is missing",
        ),
    ] {
        let mut lines = Lines::new(["a", "b", "c"]);
        lines.0.push_str(line);
        let error = lines.tried().unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(error.exit(), crate::exit::Exit::Usage);
    }
    let error = Lines::new(["a", "b", "c"]).tried().unwrap_err().to_string();
    assert!(error.ends_with("there is no payment in it"), "{error}");
}

#[test]
fn a_dump_of_more_than_fits_is_refused_with_what_to_do_and_texts_are_kept_once() {
    let mut lines = Lines::new(["operator-1", "operator-2", "acquirer-1"]);
    for number in 1..=3 {
        lines.reserved(1, (number * 10, number), "pay", 11, "");
    }
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(lines.0.as_bytes()).unwrap();
    let whole = Dump::read(file.path(), 3).unwrap();
    let [first, .., last] = &whole.transactions[..] else { panic!("there are three") };
    assert!(std::rc::Rc::ptr_eq(&first.currency, &last.currency), "a currency is kept once");
    let refused = Dump::read(file.path(), 2).unwrap_err().to_string();
    assert!(
        refused.contains("line 6: more than 2 transactions") && refused.contains("cut the dump"),
        "{refused}"
    );
}
