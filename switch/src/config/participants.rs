//! Who takes part: `[[participants]]`.

use std::collections::{BTreeMap, HashMap};

use holdfast_core::registry::{CurrencyLimits, Limits, PARTICIPANTS_MAX, ParticipantRecord};
use holdfast_protocol::{Amount, Currency, ParticipantNumber, SecurityLevel, Total};

use super::decimal::minor_from_text;
use super::fault::Faults;
use super::section::{Placed, Section};

const LEVELS: [(&str, SecurityLevel); 4] = [
    ("level_1", SecurityLevel::One),
    ("level_2", SecurityLevel::Two),
    ("level_3", SecurityLevel::Three),
    ("level_4", SecurityLevel::Four),
];
const ROLES: &str = "\"originates\" or \"receives\"";
const AMOUNT: &str = "a decimal amount in quotes such as \"50000.00\"";
pub(super) const NAME_EXPECTED: &str =
    "expected 1 to 64 lower-case letters, digits, '-', '_' or '.', beginning with a letter or digit";

const RESERVED: [&str; 2] = ["ca", "switch"];

/// Names and whether they may be destinations, also of participants with other faults: so that one fault does not
/// bring a second one about its routes.
pub(super) type Names = HashMap<String, (ParticipantNumber, bool)>;

/// A name stands in a certificate's URI and in file names: no capitals, no separators.
pub(super) fn is_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.');
    text.len() <= 64
        && text.bytes().all(allowed)
        && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// Reads all; sorted by number.
pub(super) fn read(sections: Vec<Section<'_>>, root: &Section<'_>) -> (Vec<ParticipantRecord>, Names) {
    if sections.is_empty() {
        root.fault("participants", "is missing: expected at least one [[participants]]");
    }
    if let Some(first) = sections.get(PARTICIPANTS_MAX) {
        first.fault("", format!("is one too many: expected at most {PARTICIPANTS_MAX} participants"));
    }
    let mut records = BTreeMap::new();
    let mut names = Names::new();
    for section in sections {
        let faults = section.faults();
        let Some(Participant { name, number, record }) = participant(section) else { continue };
        let previous = names.insert(record.name.clone(), (record.number, record.receives));
        if previous.is_some() {
            name.fault(faults, format!("the name {:?} is already taken", record.name));
        }
        if let Some(other) = records.insert(record.number, record.clone()) {
            let problem = format!("{} is already the number of {:?}", record.number, other.name);
            number.fault(faults, format!("expected a number of its own: {problem}"));
        }
    }
    (records.into_values().collect(), names)
}

/// A participant, with the places of what must be its own.
struct Participant {
    name: Placed<()>,
    number: Placed<()>,
    record: ParticipantRecord,
}

fn participant(mut section: Section<'_>) -> Option<Participant> {
    let faults = section.faults();
    let name = section.required_text("name", "the name in its certificate, such as \"operator-1\"");
    if let Some(name) = &name {
        if !is_name(name.value) {
            name.fault(faults, format!("{NAME_EXPECTED}; found {:?}", name.value));
        } else if RESERVED.contains(&name.value) {
            // `holdfast certs` writes NAME.pem beside ca.pem and switch.pem.
            name.fault(faults, format!("expected another name: {:?} is reserved", name.value));
        }
    }
    let number_place = section.place("number");
    let number = number(&mut section);
    let (originates, receives) = roles(&mut section);
    let caps = caps(section.section("caps"), faults);
    let limits = limits(section.section("limits"), originates, &caps);
    section.finish();
    let name = name?;
    let record = ParticipantRecord {
        number: number?,
        name: name.value.to_owned(),
        originates,
        receives,
        caps: caps.into_iter().collect(),
        limits,
    };
    Some(Participant { name: name.with(()), number: number_place, record })
}

fn number(section: &mut Section<'_>) -> Option<ParticipantNumber> {
    let number = section.number("number", 0_u16, 1..=u16::MAX);
    let absent = number == 0 && !section.has("number");
    if absent {
        section.fault("number", "is missing: expected its number, 1 to 65535, never used before");
    }
    ParticipantNumber::new(number)
}

fn roles(section: &mut Section<'_>) -> (bool, bool) {
    let expected = format!("an array of {ROLES}");
    let Some(texts) = section.texts("roles", &expected) else {
        if !section.has("roles") {
            section.fault("roles", format!("is missing: expected {expected}"));
        }
        return (true, true);
    };
    if texts.is_empty() {
        section.fault("roles", format!("expected at least one of {ROLES}"));
    }
    let (mut originates, mut receives) = (false, false);
    for text in texts {
        match text.value {
            "originates" => originates = true,
            "receives" => receives = true,
            other => text.fault(section.faults(), format!("expected {ROLES}, found {other:?}")),
        }
    }
    (originates, receives)
}

fn caps(section: Section<'_>, faults: &Faults<'_>) -> BTreeMap<Currency, Total> {
    let mut caps = BTreeMap::new();
    let entries = section.entries(AMOUNT);
    if entries.is_empty() {
        section
            .fault("", "expected at least one currency with its net debit cap, such as EUR = \"50000.00\"");
    }
    for (code, cap) in entries {
        let Some(currency) = Currency::from_code(code.value) else {
            let problem = "expected the three letters of an ISO 4217 currency with a minor unit, such as EUR";
            code.fault(faults, format!("{problem}; found {:?}", code.value));
            continue;
        };
        let minor = minor_from_text(cap.value, currency);
        if let Err(error) = &minor {
            cap.fault(faults, error.to_string());
        }
        // Also with a wrong cap: its limits have no fault of their own.
        caps.insert(currency, Total::from_minor(minor.unwrap_or_default()));
    }
    caps
}

fn limits(
    mut section: Section<'_>,
    originates: bool,
    caps: &BTreeMap<Currency, Total>,
) -> Vec<(SecurityLevel, Limits)> {
    let mut limits = Vec::new();
    for (key, level) in LEVELS {
        let section = section.section(key);
        if section.is_present() {
            limits.push((level, limits_of_level(section, caps)));
        }
    }
    if originates && limits.is_empty() {
        let problem = "is missing: expected a security level that is agreed, such as level_1 = {} \
                       (no limits), for a participant that originates";
        section.fault("", problem);
    }
    if !originates && section.is_present() {
        section.fault("", "expected no limits for a participant that does not originate");
    }
    section.finish();
    limits
}

/// By currency, all of them or none: one that is forgotten would have no limits.
fn limits_of_level(mut section: Section<'_>, caps: &BTreeMap<Currency, Total>) -> Limits {
    if caps.is_empty() {
        return Limits::default(); // That is a fault already.
    }
    let mut currencies = Vec::new();
    let mut missing = Vec::new();
    for currency in caps.keys() {
        let limits = section.section(currency.code());
        if limits.is_present() {
            currencies.push((*currency, limits_of_currency(limits, *currency)));
        } else {
            missing.push(currency.code());
        }
    }
    if let (false, [first, ..]) = (currencies.is_empty(), &missing[..]) {
        let problem = format!("expected {} too: {first} = {{}} for no limits", missing.join(", "));
        section.fault("", problem);
    }
    section.finish();
    Limits { currencies }
}

fn limits_of_currency(mut section: Section<'_>, currency: Currency) -> CurrencyLimits {
    let amount = limit(&mut section, "amount", currency, Amount::MAX.minor().into());
    let daily_amount = limit(&mut section, "daily_amount", currency, i128::MAX);
    let daily_count = section.number("daily_count", u64::MAX, 1..=1_000_000_000_000);
    section.finish();
    CurrencyLimits {
        amount: amount.and_then(|minor| u64::try_from(minor).ok()).and_then(Amount::from_minor),
        daily_amount: daily_amount.map(Total::from_minor),
        daily_count: (daily_count != u64::MAX).then_some(daily_count),
    }
}

/// A limit in minor units of its currency.
fn limit(section: &mut Section<'_>, key: &'static str, currency: Currency, minor_max: i128) -> Option<i128> {
    let text = section.text(key, AMOUNT)?;
    let faults = section.faults();
    match minor_from_text(text.value, currency) {
        Ok(0) => text.fault(faults, "expected more than zero; leave the level out to allow nothing"),
        Ok(minor) if minor > minor_max => {
            text.fault(faults, "expected at most twelve digits in minor units");
        }
        Ok(minor) => return Some(minor),
        Err(error) => text.fault(faults, error.to_string()),
    }
    None
}
