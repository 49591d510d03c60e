//! `docs/PROTOCOL.md` says what the code does: its tables are those of the structs, its reasons are all there are, and
//! its examples are golden frames whose every field says what its bytes hold.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use holdfast_protocol::{FrameReader, Message, MessageType, Reason};

use crate::golden::golden;
use crate::samples;

const SOURCES: [&str; 3] = [
    include_str!("../../src/control.rs"),
    include_str!("../../src/request.rs"),
    include_str!("../../src/answer.rs"),
];

fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/PROTOCOL.md");
    fs::read_to_string(path).unwrap()
}

/// The byte table of each message type, from its line `Type 0x..` to its last row, as the struct's documentation has it.
fn tables() -> Vec<(u8, String)> {
    let mut found = Vec::<(u8, String)>::new();
    let mut inside = false;
    for line in SOURCES.iter().flat_map(|source| source.lines()) {
        let Some(text) = line.strip_prefix("///").map(str::trim) else {
            inside = false;
            continue;
        };
        if let Some(number) = text.strip_prefix("Type 0x").and_then(|rest| rest.get(..2)) {
            found.push((u8::from_str_radix(number, 16).unwrap(), String::new()));
            inside = true;
        }
        if inside {
            let (_, table) = found.last_mut().unwrap();
            table.push_str(text);
            table.push('\n');
        }
    }
    found
}

/// Offset, size and name of each field of a table.
fn fields(table: &str) -> Vec<(usize, usize, String)> {
    table
        .lines()
        .filter_map(|line| {
            let mut cells = line.trim_matches('|').split('|').map(str::trim);
            let (offset, bytes, name) = (cells.next()?, cells.next()?, cells.next()?);
            let name = name.split([',', ':', '(']).next()?.trim();
            Some((offset.parse().ok()?, bytes.parse().ok()?, name.to_owned()))
        })
        .collect()
}

#[test]
fn every_message_has_the_byte_table_of_its_struct() {
    let (document, tables) = (document(), tables());
    let mut numbers: Vec<u8> = tables.iter().map(|(number, _)| *number).collect();
    numbers.sort_unstable();
    let all: Vec<u8> = MessageType::ALL.iter().map(|kind| kind.number()).collect();
    assert_eq!(numbers, all, "each message has its table on its struct");
    for (number, table) in tables {
        assert!(document.contains(&table), "docs/PROTOCOL.md has another table for {number:#04x}:\n{table}");
    }
}

#[test]
fn tables_have_no_gaps_and_end_where_the_fixed_part_ends() {
    let samples = samples::all();
    for (number, table) in tables() {
        let end = fields(&table).into_iter().fold(0, |at, (offset, bytes, name)| {
            assert_eq!(offset, at, "{name} of {number:#04x}");
            at + bytes
        });
        let (_, sample) = samples.iter().find(|(_, m)| m.message_type().number() == number).unwrap();
        let mut frame = bytes::BytesMut::new();
        sample.encode(&mut frame);
        assert_eq!(usize::from(u16::from_le_bytes([frame[4], frame[5]])), end, "{number:#04x}");
    }
}

#[test]
fn every_reason_is_in_the_table_and_the_table_has_no_other() {
    let rows: Vec<String> = Reason::ALL
        .iter()
        .map(|reason| format!("| {} | {} | {} |", reason.number(), reason.name(), reason.text()))
        .collect();
    let document = document();
    let table: Vec<&str> = document
        .lines()
        .skip_while(|line| !line.starts_with("| number | name | meaning |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    assert_eq!(table, rows);
}

/// One line of an example: the bytes of a field, its name, and what they are said to hold.
struct Line<'a> {
    bytes: Vec<u8>,
    name: &'a str,
    value: Option<&'a str>,
}

fn line(text: &str) -> Line<'_> {
    let (hex, says) = text.split_once("  ").unwrap_or_else(|| panic!("two spaces in {text}"));
    let digits: Vec<u32> = hex.chars().map(|c| c.to_digit(16).expect("a hexadecimal digit")).collect();
    let bytes = digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect();
    match says.trim().split_once(" = ") {
        Some((name, value)) => Line { bytes, name, value: Some(value) },
        None => Line { bytes, name: says.trim(), value: None },
    }
}

/// The bytes as the document shows them: an id, a text, or a number.
fn shown(bytes: &[u8], value: &str) -> String {
    if let Some(text) = value.strip_prefix('"') {
        let length = text.len() - 1;
        assert!(bytes[length..].iter().all(|b| *b == 0), "text is followed by zeros");
        return format!("\"{}\"", String::from_utf8_lossy(&bytes[..length]));
    }
    match <[u8; 16]>::try_from(bytes) {
        Ok(id) => holdfast_protocol::RequestId::from_bytes(id).to_string(),
        Err(_) => {
            let number = bytes.iter().rev().fold(0_u64, |sum, byte| sum * 256 + u64::from(*byte));
            number.to_string()
        }
    }
}

#[test]
fn every_example_is_a_golden_frame_and_says_what_its_bytes_hold() {
    let (document, tables, golden) = (document(), tables(), golden());
    let samples: std::collections::BTreeMap<_, _> = samples::all().into_iter().collect();
    let header = ["length", "message type", "flags", "size of the fixed part"];
    let mut examples = 0;
    for block in document.split("```frame ").skip(1) {
        let (name, rest) = block.split_once('\n').unwrap();
        let body = rest.split("```").next().unwrap();
        let lines: Vec<Line<'_>> = body.lines().map(line).collect();
        let frame: Vec<u8> = lines.iter().flat_map(|line| line.bytes.clone()).collect();
        let hex: String = frame.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(golden.get(name), Some(&hex), "{name}");

        let (_, table) = tables.iter().find(|(number, _)| *number == frame[2]).unwrap();
        let fields = fields(table);
        for (line, expected) in lines.iter().zip(header) {
            assert_eq!(line.name, expected, "{name}");
        }
        for (line, (_, bytes, field)) in lines[4..].iter().zip(&fields) {
            assert_eq!((line.name, line.bytes.len()), (field.as_str(), *bytes), "{name}");
        }
        assert!(lines.len() >= 4 + fields.len(), "{name} lacks fields");
        for line in &lines {
            if let Some(value) = line.value {
                assert_eq!(shown(&line.bytes, value), value, "{} of {name}", line.name);
            }
        }

        let mut reader = FrameReader::default();
        reader.push(Bytes::from(frame));
        let message = Message::decode(&reader.next_frame().unwrap().unwrap()).unwrap();
        assert_eq!(Some(&message), samples.get(name));
        examples += 1;
    }
    assert!(examples >= 15, "only {examples} examples");
}
