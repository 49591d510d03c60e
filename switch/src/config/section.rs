//! Reads the tables of a file key by key. What is wrong is noted and the default taken, so that reading goes on and
//! finds the rest; a key that nobody asked for is a fault too, for it is a misspelt one.

use std::fmt::Display;
use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::Faults;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) offset: usize,
    pub(super) key: String,
}

impl<T> Placed<T> {
    /// Notes that the value is wrong.
    pub(super) fn fault(&self, faults: &Faults<'_>, problem: impl Into<String>) {
        faults.add(self.offset, self.key.clone(), problem);
    }

    /// The same place with what the value means.
    pub(super) fn with<U>(&self, value: U) -> Placed<U> {
        Placed { value, offset: self.offset, key: self.key.clone() }
    }
}

/// One table of the file.
#[derive(Debug)]
pub(super) struct Section<'a> {
    faults: &'a Faults<'a>,
    table: Option<&'a DeTable<'a>>,
    path: String,
    offset: usize,
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// The file as a whole.
    pub(super) fn root(table: &'a DeTable<'a>, faults: &'a Faults<'a>) -> Self {
        Self { faults, table: Some(table), path: String::new(), offset: 0, known: Vec::new() }
    }

    /// Where the faults go.
    pub(super) const fn faults(&self) -> &'a Faults<'a> {
        self.faults
    }

    /// Whether the file has this table at all.
    pub(super) const fn is_present(&self) -> bool {
        self.table.is_some()
    }

    /// Whether the table has this key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// The place of a key, or of the table where it lacks the key.
    pub(super) fn place(&self, key: &str) -> Placed<()> {
        let item = self.table.and_then(|table| table.get(key));
        let offset = item.map_or(self.offset, |item| item.span().start);
        Placed { value: (), offset, key: self.path_of(key) }
    }

    /// Notes a fault of the table as a whole.
    pub(super) fn fault(&self, key: &str, problem: impl Into<String>) {
        self.faults.add(self.offset, self.path_of(key), problem);
    }

    /// A table in this one; an absent one reads as empty.
    pub(super) fn section(&mut self, key: &'static str) -> Self {
        let found = self.take(key);
        let table = found.as_ref().and_then(|item| match item.value {
            DeValue::Table(table) => Some(table),
            other => {
                item.fault(self.faults, format!("expected a table, found {}", described(other)));
                None
            }
        });
        let offset = found.as_ref().map_or(self.offset, |item| item.offset);
        Self { faults: self.faults, table, path: self.path_of(key), offset, known: Vec::new() }
    }

    /// The tables of an array of tables (`[[key]]`).
    pub(super) fn sections(&mut self, key: &'static str) -> Vec<Self> {
        let Some(found) = self.take(key) else { return Vec::new() };
        let DeValue::Array(array) = found.value else {
            found.fault(self.faults, format!("expected tables under [[{key}]]"));
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (i, item) in array.iter().enumerate() {
            let path = format!("{}[{}]", self.path_of(key), i + 1);
            match item.get_ref() {
                DeValue::Table(table) => sections.push(Self {
                    faults: self.faults,
                    table: Some(table),
                    path,
                    offset: item.span().start,
                    known: Vec::new(),
                }),
                other => self.faults.add(
                    item.span().start,
                    path,
                    format!("expected a table under [[{key}]], found {}", described(other)),
                ),
            }
        }
        sections
    }

    /// A whole number in a range, or the default.
    pub(super) fn number<T>(&mut self, key: &'static str, default: T, range: RangeInclusive<T>) -> T
    where
        T: TryFrom<u64> + PartialOrd + Display + Copy,
    {
        let Some(found) = self.take(key) else { return default };
        let value = match found.value {
            DeValue::Integer(n) => u64::from_str_radix(&n.as_str().replace('_', ""), n.radix()).ok(),
            _ => None,
        };
        match value.and_then(|n| T::try_from(n).ok()).filter(|n| range.contains(n)) {
            Some(n) => n,
            None => {
                let problem = format!(
                    "expected a whole number from {} to {}, found {}",
                    range.start(),
                    range.end(),
                    described(found.value)
                );
                found.fault(self.faults, problem);
                default
            }
        }
    }

    /// A text, if the key is there.
    pub(super) fn text(&mut self, key: &'static str, expected: &str) -> Option<Placed<&'a str>> {
        let found = self.take(key)?;
        if let DeValue::String(text) = found.value {
            return Some(found.with(text.as_ref()));
        }
        found.fault(self.faults, format!("expected {expected}, found {}", described(found.value)));
        None
    }

    /// A text that must be there.
    pub(super) fn required_text(&mut self, key: &'static str, expected: &str) -> Option<Placed<&'a str>> {
        if !self.has(key) {
            self.known.push(key);
            self.fault(key, format!("is missing: expected {expected}"));
            return None;
        }
        self.text(key, expected)
    }

    /// An array of texts, if the key is there.
    pub(super) fn texts(&mut self, key: &'static str, expected: &str) -> Option<Vec<Placed<&'a str>>> {
        let found = self.take(key)?;
        let DeValue::Array(array) = found.value else {
            found.fault(self.faults, format!("expected {expected}, found {}", described(found.value)));
            return None;
        };
        let mut texts = Vec::new();
        for item in array.iter() {
            let offset = item.span().start;
            match item.get_ref() {
                DeValue::String(value) => {
                    texts.push(Placed { value: value.as_ref(), offset, key: found.key.clone() });
                }
                other => {
                    let problem = format!("expected {expected}, found {}", described(other));
                    self.faults.add(offset, found.key.clone(), problem);
                }
            }
        }
        Some(texts)
    }

    /// All keys of a table whose keys are data, with texts as values.
    pub(super) fn entries(&self, expected: &str) -> Vec<(Placed<&'a str>, Placed<&'a str>)> {
        let mut entries = Vec::new();
        for (name, item) in self.table.into_iter().flat_map(|table| table.iter()) {
            let key = self.path_of(name.get_ref());
            let name_placed = placed(name.get_ref().as_ref(), name, &key);
            match item.get_ref() {
                DeValue::String(value) => entries.push((name_placed, placed(value.as_ref(), item, &key))),
                other => {
                    let problem = format!("expected {expected}, found {}", described(other));
                    self.faults.add(item.span().start, key, problem);
                }
            }
        }
        entries
    }

    /// Ends reading: what is left in the table is a fault.
    pub(super) fn finish(self) {
        for (name, _) in self.table.into_iter().flat_map(|table| table.iter()) {
            let key = name.get_ref().as_ref();
            if !self.known.contains(&key) {
                let problem = format!("is no key here: expected one of {}", self.known.join(", "));
                self.faults.add(name.span().start, self.path_of(key), problem);
            }
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Placed<&'a DeValue<'a>>> {
        self.known.push(key);
        let item = self.table?.get(key)?;
        Some(placed(item.get_ref(), item, &self.path_of(key)))
    }

    fn path_of(&self, key: &str) -> String {
        match (self.path.is_empty(), key.is_empty()) {
            (true, _) => key.to_owned(),
            (false, true) => self.path.clone(),
            (false, false) => format!("{}.{key}", self.path),
        }
    }
}

fn placed<T, U>(value: T, item: &Spanned<U>, key: &str) -> Placed<T> {
    Placed { value, offset: item.span().start, key: key.to_owned() }
}

fn described(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "an array".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
