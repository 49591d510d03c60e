//! Golden bytes: what is written never changes, and what was written is read for ever.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use holdfast_protocol::{FrameReader, Message, MessageType};

use crate::samples;

const GOLDEN: &str = include_str!("golden-v1.txt");

/// The golden bytes by name: lines of hexadecimal digits under `[name]`.
pub(crate) fn golden() -> BTreeMap<&'static str, String> {
    let mut found = BTreeMap::<&str, String>::new();
    let mut name = "";
    for line in GOLDEN.lines().filter(|line| !line.starts_with('#')) {
        match line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(next) => {
                name = next;
                assert!(found.insert(name, String::new()).is_none(), "{name} twice");
            }
            None => found.entry(name).or_default().push_str(&line.replace(' ', "")),
        }
    }
    found
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn bytes(hex: &str) -> Bytes {
    let digits: Vec<u32> = hex.chars().map(|c| c.to_digit(16).expect("a hexadecimal digit")).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

/// As it stands in the file: 32 bytes a line.
fn section(name: &str, bytes: &[u8]) -> String {
    let lines: Vec<String> = bytes.chunks(32).map(hex).collect();
    format!("[{name}]\n{}\n", lines.join("\n"))
}

#[test]
fn every_message_is_written_as_it_always_was() {
    let golden = golden();
    let mut changed = String::new();
    for (name, message) in samples::all() {
        let mut out = BytesMut::new();
        message.encode(&mut out);
        if golden.get(name) != Some(&hex(&out)) {
            changed += &section(name, &out);
        }
    }
    assert!(changed.is_empty(), "these are not the golden bytes:\n{changed}");
}

#[test]
fn every_golden_frame_is_read_as_it_always_was() {
    let samples: BTreeMap<_, _> = samples::all().into_iter().collect();
    for (name, hex) in golden() {
        let mut reader = FrameReader::default();
        reader.push(bytes(&hex));
        let frame = reader.next_frame().unwrap().unwrap_or_else(|| panic!("{name} is not whole"));
        assert_eq!(&Message::decode(&frame).unwrap(), samples.get(name).expect(name), "{name}");
        assert_eq!(reader.next_frame().unwrap(), None, "{name} has more than one frame");
    }
}

#[test]
fn every_message_type_has_golden_bytes() {
    let samples = samples::all();
    for kind in MessageType::ALL {
        assert!(samples.iter().any(|(_, m)| m.message_type() == *kind), "{kind:?} has no golden bytes");
    }
    assert_eq!(golden().len(), samples.len(), "each sample has its own name");
}

#[test]
fn frames_without_extensions_are_as_small_as_promised() {
    for (name, message) in samples::all() {
        let mut out = BytesMut::new();
        message.encode(&mut out);
        match message {
            Message::Authorize(m) if m.extensions.is_empty() => assert!(out.len() <= 160, "{name}"),
            Message::Answer(m) if m.extensions.is_empty() => assert!(out.len() <= 64, "{name}"),
            _ => assert!(out.len() <= 256, "{name}"),
        }
    }
}
