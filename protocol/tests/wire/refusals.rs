//! What is refused, and with which reason. Each test changes one thing in a good frame.

use bytes::{Bytes, BytesMut};
use holdfast_protocol::{
    DecodeError, Extensions, FrameReader, Message, MessageType, Reason, RequestId, lane_of, version,
};

use crate::samples;

/// Bytes before the fixed part.
const HEADER: usize = 6;

fn sample(name: &str) -> Vec<u8> {
    let (_, message) = samples::all().into_iter().find(|(n, _)| *n == name).expect(name);
    let mut out = BytesMut::new();
    message.encode(&mut out);
    out.to_vec()
}

/// The sample with `bytes` at `offset` of its fixed part.
fn changed(name: &str, offset: usize, bytes: &[u8]) -> Vec<u8> {
    let mut frame = sample(name);
    frame[HEADER + offset..][..bytes.len()].copy_from_slice(bytes);
    frame
}

fn with_flags(name: &str, flags: u8) -> Vec<u8> {
    let mut frame = sample(name);
    frame[3] |= flags;
    frame
}

fn with_extensions(name: &str, area: &[u8]) -> Vec<u8> {
    let mut frame = sample(name);
    frame.extend(area);
    let length = u16::try_from(frame.len()).unwrap();
    frame[..2].copy_from_slice(&length.to_le_bytes());
    frame
}

fn decode(frame: Vec<u8>) -> Result<Message, DecodeError> {
    let mut reader = FrameReader::default();
    reader.push(Bytes::from(frame));
    let frame = reader.next_frame()?.expect("a whole frame");
    Message::decode(&frame)
}

#[track_caller]
fn refused(frame: Vec<u8>, reason: Reason, field: &str) {
    let error = decode(frame).expect_err("it must be refused");
    assert_eq!((error.reason, error.field), (reason, field));
}

/// Refused with the id, so that the sender can be answered.
#[track_caller]
fn refused_by_id(frame: Vec<u8>, reason: Reason, field: &'static str, id: RequestId) {
    let error = decode(frame).expect_err("it must be refused");
    assert_eq!(error, DecodeError { reason, field, id: Some(id) });
}

#[test]
fn amounts_of_zero_and_of_thirteen_digits_are_refused_by_id() {
    let id = samples::pay_id();
    let thirteen = 1_000_000_000_000_u64.to_le_bytes();
    refused_by_id(changed("authorize-pay", 24, &[0; 8]), Reason::AmountZero, "amount", id);
    refused_by_id(changed("authorize-pay", 24, &thirteen), Reason::AmountTooLarge, "amount", id);
    refused_by_id(changed("authorize-pay", 24, &[0xff; 8]), Reason::AmountTooLarge, "amount", id);
    refused(changed("capture", 40, &[0; 8]), Reason::AmountZero, "amount");
    refused(changed("capture", 40, &thirteen), Reason::AmountTooLarge, "amount");
    refused(changed("answer-approved", 24, &thirteen), Reason::AmountTooLarge, "amount");
    let twelve = 999_999_999_999_u64.to_le_bytes();
    assert!(decode(changed("authorize-pay", 24, &twelve)).is_ok());
}

#[test]
fn currencies_that_iso_4217_does_not_know_are_refused_by_id() {
    for number in [0_u16, 1, 964, 999, 1_000, u16::MAX] {
        let frame = changed("authorize-pay", 22, &number.to_le_bytes());
        refused_by_id(frame, Reason::CurrencyUnknown, "currency", samples::pay_id());
    }
    refused(changed("capture", 38, &[0, 0]), Reason::CurrencyUnknown, "currency");
}

#[test]
fn values_outside_their_lists_are_refused() {
    let authorize = |offset, bytes: &[u8], field: &'static str| {
        refused_by_id(changed("authorize-pay", offset, bytes), Reason::Malformed, field, samples::pay_id());
    };
    authorize(18, &[0], "kind");
    authorize(18, &[4], "kind");
    authorize(19, &[0], "security level");
    authorize(19, &[5], "security level");
    authorize(20, &[7], "channel");
    authorize(21, &[0], "attempt");
    authorize(96, &[33], "instrument");
    authorize(97, &[1], "zero");
    authorize(100, &[0; 4], "budget");
    authorize(100, &600_001_u32.to_le_bytes(), "budget");
    authorize(104, &[0xff; 8], "expires");
    authorize(112, &[1], "hold until");
    authorize(120, &20_261_301_u32.to_le_bytes(), "settlement date");
    refused(changed("authorize-reserve", 112, &[0; 8]), Reason::Malformed, "hold until");

    refused(changed("answer-approved", 18, &[0]), Reason::Malformed, "outcome");
    refused(changed("answer-approved", 18, &[4]), Reason::Malformed, "outcome");
    refused(changed("answer-approved", 19, &[9]), Reason::Malformed, "state");
    refused(changed("answer-approved", 22, &[0]), Reason::Malformed, "decided by");
    refused(changed("answer-approved", 32, &[0]), Reason::Malformed, "approval code");
    refused(changed("capture", 36, &[0]), Reason::Malformed, "attempt");
    refused(changed("release", 37, &[1]), Reason::Malformed, "zero");
    refused(changed("acknowledge", 16, &[0, 0]), Reason::Malformed, "originator");
    refused(changed("acknowledge", 18, &[0, 0]), Reason::Malformed, "delivery");
    refused(changed("complete", 16, &[0, 0]), Reason::Malformed, "originator");
}

#[test]
fn a_refund_that_says_what_it_cannot_is_refused_by_its_id() {
    let refund = |offset, bytes: &[u8], reason, field: &'static str| {
        refused_by_id(changed("refund", offset, bytes), reason, field, samples::id(9_000, 0xa3));
    };
    let thirteen = 1_000_000_000_000_u64.to_le_bytes();
    refund(38, &[0; 8], Reason::AmountZero, "amount");
    refund(38, &thirteen, Reason::AmountTooLarge, "amount");
    refund(36, &[0, 0], Reason::CurrencyUnknown, "currency");
    refund(34, &[0], Reason::Malformed, "attempt");
    refund(35, &[1], Reason::Malformed, "zero");
    refund(46, &[0; 4], Reason::Malformed, "budget");
    refund(46, &600_001_u32.to_le_bytes(), Reason::Malformed, "budget");
    refund(50, &[0xff; 8], Reason::Malformed, "expires");
    refund(58, &20_261_301_u32.to_le_bytes(), Reason::Malformed, "settlement date");
    let flagged = with_flags("refund", 0x02);
    refused_by_id(flagged, Reason::Malformed, "flags", samples::id(9_000, 0xa3));
}

#[test]
fn an_answer_must_agree_with_itself() {
    refused(changed("answer-approved", 20, &[101, 0]), Reason::Malformed, "reason");
    refused(changed("answer-declined", 20, &[0, 0]), Reason::Malformed, "reason");
    refused(changed("answer-declined", 20, &[99, 0]), Reason::Malformed, "reason");
}

#[test]
fn payment_ids_and_instruments_must_be_padded_text() {
    let id = samples::pay_id();
    let wrong = |offset, bytes: &[u8], field: &'static str| {
        refused_by_id(changed("authorize-pay", offset, bytes), Reason::PaymentIdMalformed, field, id);
    };
    wrong(32, &[0; 8], "mps");
    wrong(32, b"ac\0q", "mps");
    wrong(32, b"ac q", "mps");
    wrong(40, &[0; 24], "merchant");
    wrong(63, b"x", "merchant");
    wrong(40, "é".as_bytes(), "merchant");
    wrong(40, b"@", "merchant");
    refused_by_id(changed("authorize-pay", 95, b"x"), Reason::Malformed, "instrument", id);
}

#[test]
fn flags_that_a_message_does_not_have_are_refused() {
    let known = [
        ("authorize-pay", 0x07),
        ("capture", 0x03),
        ("release", 0x03),
        ("reverse", 0x01),
        ("refund", 0x01),
        ("echo", 0x01),
    ];
    for (name, message) in samples::all() {
        if message.message_type() == MessageType::SignOn {
            continue;
        }
        let known = known.iter().find(|(n, _)| *n == name).map_or(0, |(_, flags)| *flags);
        let all = samples::all();
        let first_of_type = all.iter().find(|(_, m)| m.message_type() == message.message_type());
        if first_of_type.map(|(n, _)| *n) != Some(name) {
            continue;
        }
        for bit in (0..8).map(|n| 1_u8 << n) {
            if bit & known == 0 {
                refused(with_flags(name, bit), Reason::Malformed, "flags");
            }
        }
    }
}

#[test]
fn a_sign_on_of_a_later_version_can_be_read() {
    let frame = with_extensions("sign-on-operator", &[9, 0, 1, 0, 0xff]);
    assert_eq!(decode(frame).unwrap(), decode(sample("sign-on-operator")).unwrap());
    assert_eq!(
        decode(with_flags("sign-on-operator", 0x80)).unwrap(),
        decode(sample("sign-on-operator")).unwrap()
    );
}

#[test]
fn sign_ons_that_make_no_sense_are_refused() {
    let wrong = |offset, bytes: &[u8], field: &'static str| {
        refused(changed("sign-on-operator", offset, bytes), Reason::Malformed, field);
    };
    wrong(0, &[2, 0], "sign-on");
    wrong(6, &[0], "lanes");
    wrong(6, &[5], "lanes");
    wrong(7, &[1], "sign-on");
    wrong(8, &[0; 4], "window");
    let mut nobody = sample("sign-on-operator");
    nobody[3] = 0;
    refused(nobody, Reason::Malformed, "sign-on");
}

#[test]
fn critical_extensions_are_refused_and_others_pass_unchanged() {
    let id = samples::pay_id();
    let critical = [1, 0x80, 0, 0];
    let frame = with_extensions("authorize-pay", &critical);
    refused_by_id(frame, Reason::ExtensionUnknown, "extensions", id);
    for (name, _) in samples::all().iter().filter(|(name, _)| !name.ends_with("extensions")) {
        refused(with_extensions(name, &critical), Reason::ExtensionUnknown, "extensions");
    }

    let area = [0xff, 0x7f, 2, 0, 1, 2, 0, 0, 0, 0];
    let Message::Authorize(read) = decode(with_extensions("authorize-pay", &area)).unwrap() else {
        panic!("an authorize was written");
    };
    let kinds: Vec<_> = read.extensions.iter().map(|e| (e.kind, e.value.to_vec())).collect();
    assert_eq!(kinds, vec![(0x7fff, vec![1, 2]), (0, vec![])]);
    let mut again = BytesMut::new();
    Message::Authorize(read).encode(&mut again);
    assert_eq!(again.to_vec(), with_extensions("authorize-pay", &area));
}

#[test]
fn extensions_that_do_not_fit_are_refused() {
    for area in [&[1][..], &[1, 0, 1], &[1, 0, 1, 0], &[1, 0, 0, 0, 7]] {
        refused(with_extensions("authorize-pay", area), Reason::Malformed, "extensions");
    }
    let mut longest = vec![1, 0, 0xfc, 0x07];
    longest.resize(2_048, 0);
    assert_eq!(Extensions::from_wire(&longest).map(|e| e.len()), Ok(2_048));
    assert!(decode(with_extensions("authorize-pay", &longest)).is_ok());
    longest.extend([1, 0, 0, 0]);
    refused(with_extensions("authorize-pay", &longest), Reason::Malformed, "extensions");
}

#[test]
fn a_longer_fixed_part_is_skipped_and_a_shorter_one_refused() {
    let mut longer = with_extensions("authorize-pay", &[0xee; 8]);
    longer[4] += 8;
    assert_eq!(decode(longer).unwrap(), decode(sample("authorize-pay")).unwrap());
    for (name, message) in samples::all() {
        if matches!(message, Message::SignOff(_)) || name.ends_with("extensions") {
            continue;
        }
        let mut shorter = sample(name);
        shorter.pop();
        shorter[0] -= 1;
        let fixed = u16::from_le_bytes([shorter[4], shorter[5]]) - 1;
        shorter[4..6].copy_from_slice(&fixed.to_le_bytes());
        assert_eq!(decode(shorter).expect_err(name).reason, Reason::Malformed, "{name}");
    }
}

#[test]
fn lengths_that_do_not_fit_each_other_end_the_stream() {
    for length in [0_u16, 5, 4_097, u16::MAX] {
        let mut frame = sample("authorize-pay");
        frame[..2].copy_from_slice(&length.to_le_bytes());
        refused(frame, Reason::FrameMalformed, "length");
    }
    let mut frame = sample("sign-off");
    frame[4] = 1;
    refused(frame, Reason::FrameMalformed, "fixed part");
}

#[test]
fn types_of_later_versions_are_refused_by_id_and_unknown_ones_end_the_stream() {
    let mut frame = sample("authorize-pay");
    for (number, _) in MessageType::RESERVED {
        frame[2] = *number;
        refused_by_id(frame.clone(), Reason::MessageReserved, "message type", samples::pay_id());
    }
    let known = |number: &u8| {
        MessageType::from_number(*number).is_some() || MessageType::RESERVED.iter().any(|(n, _)| n == number)
    };
    for number in (0..=u8::MAX).filter(|number| !known(number)) {
        frame[2] = number;
        refused(frame.clone(), Reason::FrameMalformed, "message type");
    }
}

#[test]
fn reasons_are_found_by_their_numbers_and_only_by_those() {
    let known: Vec<Reason> = (0..=u16::MAX).filter_map(Reason::from_number).collect();
    assert_eq!(known, Reason::ALL);
}

#[test]
fn a_transaction_stays_on_one_lane() {
    let id = samples::id(0, 0x0b);
    assert_eq!([1, 2, 3, 4].map(|lanes| lane_of(id, lanes)), [0, 1, 2, 3]);
    assert_eq!(lane_of(id, 0), 0);
    assert_eq!(version::ALPN, b"holdfast/1");
}
