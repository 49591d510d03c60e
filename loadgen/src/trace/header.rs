//! What a trace says about itself before its first block.

use std::collections::BTreeMap;

use holdfast_protocol::Currency;
use serde::{Deserialize, Serialize};

use super::{HEADER_BYTES_MAX, MAGIC, PREFIX_BYTES, VERSION};
use crate::traffic::scenario::Scenario;

/// See the module. Stands in the file as JSON; a reader ignores fields that it does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Of what is at random in it.
    pub seed: u64,
    /// Of every amount, three letters of ISO 4217.
    pub currency: String,
    /// Operators that send.
    pub operators: u32,
    /// Acquirers that are paid.
    pub acquirers: u32,
    /// Merchants of each destination.
    pub merchants: u32,
    /// Every arrival comes before this, in nanoseconds since the start.
    pub length_ns: u64,
    /// As much of it is warm-up.
    pub warmup_ns: u64,
    /// Whether the rate is meant to stay what it is.
    pub flat: bool,
    /// Names of the scenarios, by their numbers in the records.
    pub scenarios: Vec<String>,
    /// What it was made from, for people.
    pub made_from: BTreeMap<String, String>,
}

impl Header {
    /// The names of every scenario, in the order that a new trace numbers them.
    pub fn all_scenarios() -> Vec<String> {
        Scenario::ALL.map(|scenario| scenario.name().to_owned()).to_vec()
    }

    /// The header as it stands at the beginning of the file.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let text = serde_json::to_vec(self).expect("a header is texts, numbers and truth values");
        assert!(text.len() <= HEADER_BYTES_MAX, "options of a command line are shorter");
        let mut bytes = Vec::with_capacity(PREFIX_BYTES + text.len() + 4);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(text.len()).expect("asserted above").to_le_bytes());
        bytes.extend_from_slice(&text);
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        bytes
    }

    /// The scenarios by their numbers in the records.
    ///
    /// # Errors
    /// What this program cannot play, in words.
    pub(super) fn check(&self) -> Result<Vec<Scenario>, String> {
        if Currency::from_code(&self.currency).is_none() {
            return Err(format!("{:?} is no currency of ISO 4217 with a minor unit", self.currency));
        }
        for (what, count, most) in [
            ("operators", self.operators, 64),
            ("acquirers", self.acquirers, 64),
            ("merchants", self.merchants, 10_000),
        ] {
            if !(1..=most).contains(&count) {
                return Err(format!("{count} {what}, where 1 to {most} can be played"));
            }
        }
        if self.warmup_ns >= self.length_ns {
            return Err("the warm-up takes the whole of it".to_owned());
        }
        let named = |name: &String| {
            let scenario = Scenario::ALL.into_iter().find(|scenario| scenario.name() == name);
            scenario.ok_or_else(|| format!("this program knows no scenario {name:?}"))
        };
        self.scenarios.iter().map(named).collect()
    }
}
