//! One line of a dump, field by field, before anything is made of it.

use std::borrow::Cow;

use serde::Deserialize;

/// Every field that the auditor reads; a dump may have more.
#[derive(Debug, Deserialize)]
pub(super) struct Line<'a> {
    /// Where there are several.
    pub(super) partition: Option<u16>,
    /// Of a founding: how many there are.
    pub(super) partitions: Option<u16>,
    pub(super) sequence: u64,
    pub(super) epoch: u32,
    pub(super) time: u64,
    #[serde(borrow)]
    pub(super) kind: &'a str,
    pub(super) originator: Option<u16>,
    pub(super) original: Option<&'a str>,
    pub(super) id: Option<&'a str>,
    pub(super) payment_kind: Option<&'a str>,
    pub(super) payment_id: Option<&'a str>,
    pub(super) refund_of: Option<&'a str>,
    pub(super) refunded: Option<u64>,
    pub(super) amount: Option<u64>,
    pub(super) currency: Option<&'a str>,
    pub(super) hold_until: Option<u64>,
    #[serde(default)]
    pub(super) partial_allowed: bool,
    #[serde(default)]
    pub(super) captures_many: bool,
    pub(super) destination: Option<u16>,
    pub(super) debtor: Option<&'a str>,
    pub(super) deadline: Option<u64>,
    pub(super) reason: Option<u16>,
    pub(super) decided_by: Option<&'a str>,
    #[serde(default)]
    pub(super) reversal: bool,
    #[serde(default)]
    pub(super) approved: bool,
    #[serde(default)]
    pub(super) last: bool,
    pub(super) delivery: Option<u16>,
    pub(super) superseded_from: Option<u16>,
    pub(super) request: Option<&'a str>,
    pub(super) participant: Option<u16>,
    pub(super) name: Option<Cow<'a, str>>,
    pub(super) to: Option<u16>,
    pub(super) from: Option<u16>,
    pub(super) total: Option<&'a str>,
}

/// Reads the 32 hexadecimal digits of an id, with or without the hyphens of a UUID.
pub(crate) fn parse_id(text: &str) -> Option<u128> {
    let mut value: u128 = 0;
    let mut digits = 0;
    for byte in text.bytes().filter(|byte| *byte != b'-') {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ => return None,
        };
        value = (value << 4) | u128::from(digit);
        digits += 1;
        if digits > 32 {
            return None;
        }
    }
    (digits == 32).then_some(value)
}
