//! What is written is read again; what was altered is not.

use std::fs::File;
use std::io::{Seek, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use holdfast_protocol::{Amount, Reason};
use proptest::prelude::*;

use super::*;
use crate::traffic::arrival::{Action, Arrival, Course, Payee, Step};
use crate::traffic::fate::Fate;
use crate::traffic::scenario::Scenario;
use crate::traffic::schedule::{Schedule, ScheduleSettings, played_settings};

fn header(settings: &ScheduleSettings) -> Header {
    Header {
        seed: settings.seed,
        currency: "EUR".to_owned(),
        operators: settings.operators,
        acquirers: settings.acquirers,
        merchants: settings.merchants,
        length_ns: settings.duration_ns,
        warmup_ns: 0,
        flat: true,
        scenarios: Header::all_scenarios(),
        made_from: [("mix".to_owned(), settings.mix.to_string())].into(),
    }
}

/// The bytes of a trace with these arrivals of each operator.
fn written(header: &Header, operators: Vec<Vec<Arrival>>) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trace");
    let mut writer = TraceWriter::begin(&path, header).unwrap();
    for arrivals in operators {
        writer.operator(arrivals.into_iter()).unwrap();
    }
    assert!(!path.exists(), "a trace has no name before it is complete");
    writer.finish().unwrap();
    std::fs::read(&path).unwrap()
}

#[test]
fn a_trace_takes_the_place_of_a_file_and_of_nothing_else() {
    let settings = ScheduleSettings { operators: 1, ..played_settings() };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("day");
    std::fs::create_dir(&path).unwrap();
    let refused = TraceWriter::begin(&path, &header(&settings)).unwrap_err();
    assert!(refused.to_string().contains("give a name that is free"), "{refused}");

    let (file, link) = (directory.path().join("file"), directory.path().join("link"));
    std::fs::write(&file, "an older one").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let mut writer = TraceWriter::begin(&link, &header(&settings)).unwrap();
    writer.operator(std::iter::empty()).unwrap();
    writer.finish().unwrap();
    assert!(link.is_symlink(), "what a link leads to is replaced, and the link stays");
    assert_eq!(std::fs::read(&file).unwrap(), written(&header(&settings), vec![vec![]]));
}

fn drawn(settings: &ScheduleSettings) -> Vec<Vec<Arrival>> {
    (0..settings.operators).map(|operator| Schedule::new(settings, operator).collect()).collect()
}

fn generated(settings: &ScheduleSettings) -> Vec<u8> {
    written(&header(settings), drawn(settings))
}

/// A file without a name that holds this.
fn file_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

fn open(bytes: &[u8]) -> Result<Trace, TraceError> {
    Trace::read(Path::new("some.trace"), file_of(bytes))
}

/// These arrivals of the first operator, out of a trace, for the tests of those who play.
pub(crate) fn played(arrivals: Vec<Arrival>) -> Replayed {
    let bytes = written(&header(&played_settings()), vec![arrivals, vec![]]);
    Replayed::new(Arc::new(open(&bytes).unwrap()), 0, 1.0, u64::MAX)
}

fn replayed(trace: Trace, speed: f64) -> Vec<Vec<Arrival>> {
    let trace = Arc::new(trace);
    let operators = 0..trace.header.operators;
    operators.map(|operator| Replayed::new(Arc::clone(&trace), operator, speed, u64::MAX).collect()).collect()
}

/// Ten thousand a second, so that each operator has several blocks.
fn busy() -> ScheduleSettings {
    ScheduleSettings {
        rate_per_s: Some(10_000.0),
        decline_rate: 0.2,
        silent_rate: 0.1,
        late_rate: 0.1,
        ..played_settings()
    }
}

#[test]
fn what_is_drawn_is_replayed() {
    let settings = busy();
    let trace = open(&generated(&settings)).unwrap();
    let all = drawn(&settings);
    assert_eq!(trace.totals.arrivals, all.iter().map(|of| of.len() as u64).sum::<u64>());
    assert!(trace.blocks.iter().all(|blocks| blocks.len() > 1));
    assert_eq!(replayed(trace, 1.0), all);
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let settings = busy();
    assert_eq!(generated(&settings), generated(&settings));
    assert_ne!(generated(&settings), generated(&ScheduleSettings { seed: 2, ..settings }));
}

#[test]
fn one_operator_more_leaves_the_traffic_of_the_others() {
    let three = ScheduleSettings { operators: 3, ..busy() };
    let four = ScheduleSettings { operators: 4, ..busy() };
    let (before, after) = (drawn(&three), drawn(&four));
    let newcomer = (four.acquirers + 3) as u16;
    let (mut intersystem, mut moved) = (0_u32, 0_u32);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.len(), after.len());
        for (before, after) in before.iter().zip(after) {
            intersystem += u32::from(before.scenario == Scenario::Intersystem);
            if before != after {
                // Somebody pays the new one, or nobody would: a third of what goes to other operators.
                assert_eq!((before.scenario, after.payee.destination), (Scenario::Intersystem, newcomer));
                let payee = Payee { destination: before.payee.destination, ..after.payee };
                assert_eq!(before, &Arrival { payee, ..after.clone() });
                moved += 1;
            }
        }
    }
    let share = f64::from(moved) / f64::from(intersystem);
    assert!((share - 1.0 / 3.0).abs() < 0.03, "{moved} of {intersystem}");
}

#[test]
fn twice_as_fast_takes_half_the_time_and_changes_nothing_else() {
    let settings = busy();
    let bytes = generated(&settings);
    let (once, twice) = (replayed(open(&bytes).unwrap(), 1.0), replayed(open(&bytes).unwrap(), 2.0));
    for (once, twice) in once.iter().flatten().zip(twice.iter().flatten()) {
        assert_eq!(twice, &Arrival { at_ns: once.at_ns / 2, ..once.clone() });
    }
    let trace = Arc::new(open(&bytes).unwrap());
    let half = Replayed::new(trace, 0, 1.0, 500_000_000).last().unwrap();
    assert!((499_000_000..500_000_000).contains(&half.at_ns), "{}", half.at_ns);
}

#[test]
fn any_byte_that_changed_is_noticed_and_so_is_every_cut() {
    let settings = ScheduleSettings { rate_per_s: Some(60.0), ..played_settings() };
    let bytes = generated(&settings);
    for at in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[at] ^= 0x10;
        let error = open(&altered).expect_err("a byte is another").to_string();
        assert!(error.contains("some.trace"), "{error}");
        let error = open(&bytes[..at]).expect_err("it is cut");
        assert!(
            matches!(error, TraceError::Truncated { offset, .. } if offset == at as u64) || at == 0,
            "{at}: {error}"
        );
    }
    let error = open(&[&bytes[..], b"more"].concat()).unwrap_err();
    let expected = format!("some.trace is damaged at offset {}: 4 bytes after the end", bytes.len());
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_block_that_changed_since_it_was_checked_is_not_played_nor_what_comes_after() {
    let bytes = generated(&busy());
    let file = file_of(&bytes);
    let handle = file.try_clone().unwrap();
    let trace = Arc::new(Trace::read(Path::new("some.trace"), file).unwrap());
    let whole = |operator| Replayed::at_once(Arc::clone(&trace), operator, 1.0, u64::MAX).count() as u64;
    assert_eq!((whole(0), whole(1)), (trace.totals.by_operator[0], trace.totals.by_operator[1]));
    assert!(trace.fault().is_none());
    // The second block of the first operator, well inside.
    let first = header(&busy()).to_bytes().len();
    let second = first + BLOCK_HEAD_BYTES + body_bytes(&bytes[first..]);
    let at = second + BLOCK_HEAD_BYTES + 100;
    handle.write_all_at(&[bytes[at] ^ 1], at as u64).unwrap();
    let played = Replayed::new(Arc::clone(&trace), 0, 1.0, u64::MAX).count();
    assert_eq!(played, BLOCK_ARRIVALS as usize, "the first block and no more");
    let fault = trace.fault().expect("it was noticed").to_string();
    assert_eq!(fault, format!("some.trace is another at offset {second} than when it was checked"));
    assert!(trace.fault().is_none(), "it is said once");
    assert_eq!(whole(1), trace.totals.by_operator[1], "others are played on");
}

fn body_bytes(block: &[u8]) -> usize {
    u32::from_le_bytes(*block[16..].first_chunk().unwrap()) as usize
}

/// Whoever stops in the middle leaves no thread behind: dropping waits for it.
#[test]
fn a_replay_that_is_left_early_stops_reading() {
    let trace = Arc::new(open(&generated(&busy())).unwrap());
    let mut replayed = Replayed::new(Arc::clone(&trace), 0, 1.0, u64::MAX);
    assert!(replayed.next().is_some());
    drop(replayed);
    assert_eq!(Arc::strong_count(&trace), 1, "nobody else has it any more");
}

/// The CRC of a header and of its own CRC behind it is the same for every header of one length.
#[test]
fn the_checksum_tells_headers_and_arrivals_apart() {
    let of = |currency: &str, amount: u64| {
        let header = Header { currency: currency.to_owned(), ..header(&played_settings()) };
        let mut arrivals = drawn(&played_settings());
        arrivals[0][0].amount = Amount::from_minor(amount).unwrap();
        let bytes = written(&header, arrivals);
        let trace = open(&bytes).unwrap();
        assert_eq!(trace.bytes, bytes.len() as u64);
        trace.checksum
    };
    let checksum = of("EUR", 1_000);
    assert_eq!(of("EUR", 1_000), checksum);
    assert_ne!(of("CHF", 1_000), checksum, "another header of the same length");
    assert_ne!(of("EUR", 1_001), checksum, "another arrival of the same length");
}

#[test]
fn each_refusal_says_what_it_is() {
    let settings = ScheduleSettings { rate_per_s: Some(60.0), ..played_settings() };
    let bytes = generated(&settings);
    let mut newer = bytes.clone();
    newer[8] = 2;
    let text = |bytes: &[u8]| open(bytes).unwrap_err().to_string();
    assert_eq!(text(&newer), "some.trace is a trace of version 2; this program reads version 1");
    assert_eq!(text(b"{\"sequence\":1}"), "some.trace is no trace: it does not begin as one");
    assert_eq!(text(b""), "some.trace is no trace: it does not begin as one");
    let first_block = header(&settings).to_bytes().len();
    let mut flipped = bytes.clone();
    flipped[first_block + 30] ^= 1;
    let damaged = format!("some.trace is damaged at offset {first_block}: the block does not match its CRC");
    assert_eq!(text(&flipped), damaged);
}

#[test]
fn arrivals_that_nobody_can_play_are_refused() {
    let settings = played_settings();
    let good = Schedule::new(&settings, 0).next().unwrap();
    let refused = |change: &dyn Fn(&mut Arrival)| {
        let mut arrival = good.clone();
        change(&mut arrival);
        open(&written(&header(&settings), vec![vec![arrival], vec![]])).unwrap_err().to_string()
    };
    assert!(refused(&|a| a.payee.destination = 4).contains("a payee that there is not"));
    assert!(refused(&|a| a.payee.merchant = 3).contains("a payee that there is not"));
    assert!(refused(&|a| a.at_ns = settings.duration_ns).contains("after the end of the trace"));
    assert!(
        refused(&|a| a.fate = Fate::ApprovePart(Amount::MAX)).contains("more approved than was asked for")
    );
    let open_hold = Course { hold_ns: 1, steps: [].into() };
    let twice = Course { hold_ns: 0, steps: vec![Step { after_ns: 1, action: Action::Reverse }; 2].into() };
    assert!(
        refused(&|a| {
            a.scenario = Scenario::Reverse;
            a.course = Some(Rc::new(twice.clone()));
        })
        .contains("a follow-up of what is no longer there")
    );
    assert!(
        refused(&|a| {
            a.scenario = Scenario::Reserve;
            a.course = Some(Rc::new(open_hold.clone()));
        })
        .contains("a hold that never ends")
    );
}

fn course(amount: u64) -> impl Strategy<Value = Course> {
    let capture = (1..=amount, any::<bool>())
        .prop_map(|(minor, last)| Action::Capture { amount: Amount::from_minor(minor).unwrap(), last });
    let refund = (1..=amount).prop_map(|minor| Action::Refund { amount: Amount::from_minor(minor).unwrap() });
    let action = prop_oneof![
        capture,
        Just(Action::Release),
        Just(Action::Reverse),
        Just(Action::Expire),
        refund,
        Just(Action::ReverseRefund)
    ];
    (0..u64::MAX / 2, prop::collection::vec((0_u64..1 << 50, action), 0..5)).prop_map(|(hold_ns, steps)| {
        let mut after_ns = 0;
        let steps = steps.into_iter().map(|(more_ns, action)| {
            after_ns += more_ns;
            Step { after_ns, action }
        });
        Course { hold_ns, steps: steps.collect() }
    })
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        Just(Fate::Approve),
        Just(Fate::ApproveHalf),
        Just(Fate::Decline(Reason::SuspectedFraud)),
        Just(Fate::Silent),
        Just(Fate::Late),
        (1_u64..=Amount::MAX.minor()).prop_map(|minor| Fate::ApprovePart(Amount::from_minor(minor).unwrap())),
    ]
}

proptest! {
    #[test]
    fn every_record_survives(
        gap_ns in 0_u64..u64::MAX / 2, scenario in prop::sample::select(Scenario::ALL.to_vec()), destination: u16,
        merchant: u16, minor in 1_u64..=Amount::MAX.minor(), fate in fate(), account: u64, course in prop::option::of(course(9)),
    ) {
        let amount = Amount::from_minor(minor).unwrap();
        let payee = Payee { destination, merchant };
        let course = course.map(Rc::new);
        let arrival = Arrival { number: 7, at_ns: 5 + gap_ns, scenario, payee, amount, fate, account, course };
        let mut body = Vec::new();
        record::write(&mut body, 5, &arrival, &Scenario::ALL);
        let mut rest = &body[..];
        prop_assert_eq!(record::read(&mut rest, 5, 7, &Scenario::ALL), Ok(arrival));
        prop_assert!(rest.is_empty());
        for end in 0..body.len() {
            let cut = record::read(&mut &body[..end], 5, 7, &Scenario::ALL);
            prop_assert!(cut.is_err());
        }
    }

    #[test]
    fn bytes_of_others_are_refused_and_never_a_panic(tail in prop::collection::vec(any::<u8>(), 0..300), whole: bool) {
        let good = generated(&ScheduleSettings { rate_per_s: Some(20.0), ..played_settings() });
        let mut bytes = if whole { good } else { MAGIC.to_vec() };
        bytes.extend(&tail);
        prop_assert!(open(&bytes).is_err() || (whole && tail.is_empty()));
        // Whatever it is, it is read or refused.
        prop_assert!(record::read(&mut &tail[..], 0, 0, &Scenario::ALL).map_or(true, |arrival| arrival.number == 0));
    }
}
