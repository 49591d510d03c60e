//! Where payment IDs lead: `[[routes]]`.

use std::collections::BTreeMap;

use holdfast_core::registry::{Debtor, MerchantPattern, ROUTES_MAX, Route};
use holdfast_protocol::{Merchant, MpsId, ParticipantNumber};

use super::participants::Names;
use super::section::Section;

const MPS: &str = "the id of a payment system, up to 8 letters, digits, '.', '-' or '_'";
const MERCHANTS: &str = "\"*\", \"prefix*\" or a merchant, up to 24 letters, digits, '.', '-' or '_'";
const DEBTOR: &str = "\"originator\", \"destination\" or \"outside\"";

/// Reads all; sorted.
pub(super) fn read(sections: Vec<Section<'_>>, names: &Names) -> Vec<Route> {
    if let Some(first) = sections.get(ROUTES_MAX) {
        first.fault("", format!("is one too many: expected at most {ROUTES_MAX} routes"));
    }
    let mut routes = BTreeMap::new();
    for section in sections {
        route(section, names, &mut routes);
    }
    let mut routes: Vec<Route> = routes.into_values().collect();
    routes.sort();
    routes
}

fn route(mut section: Section<'_>, names: &Names, routes: &mut BTreeMap<(MpsId, MerchantPattern), Route>) {
    let faults = section.faults();
    let mps = section.required_text("mps", MPS);
    let merchants = section.text("merchants", MERCHANTS);
    let destination = destination(&mut section, names);
    let pay_debtor = debtor(&mut section, "pay_debtor", Debtor::Originator);
    let reserve_debtor = debtor(&mut section, "reserve_debtor", Debtor::Destination);
    section.finish();
    let Some(mps) = mps else { return };
    let Some(mps_id) = MpsId::from_text(mps.value) else {
        return mps.fault(faults, format!("expected {MPS}, found {:?}", mps.value));
    };
    let text = merchants.as_ref().map_or("*", |placed| placed.value);
    let Some(pattern) = pattern(text) else {
        return merchants.unwrap_or(mps).fault(faults, format!("expected {MERCHANTS}, found {text:?}"));
    };
    let Some(destination) = destination else { return };
    let route = Route { mps: mps_id, merchants: pattern, destination, pay_debtor, reserve_debtor };
    if routes.insert((mps_id, pattern), route).is_some() {
        mps.fault(faults, format!("there is already a route for {text:?} of {mps_id}"));
    }
}

fn destination(section: &mut Section<'_>, names: &Names) -> Option<ParticipantNumber> {
    let text = section.required_text("destination", "the name of a participant that receives")?;
    let faults = section.faults();
    match names.get(text.value) {
        Some((number, true)) => return Some(*number),
        Some((_, false)) => {
            text.fault(faults, format!("{:?} does not have the role \"receives\"", text.value));
        }
        None => {
            text.fault(faults, format!("expected the name of a participant, found {:?}", text.value));
        }
    }
    None
}

fn debtor(section: &mut Section<'_>, key: &'static str, default: Debtor) -> Debtor {
    let Some(text) = section.text(key, DEBTOR) else { return default };
    match text.value {
        "originator" => Debtor::Originator,
        "destination" => Debtor::Destination,
        "outside" => Debtor::Outside,
        other => {
            text.fault(section.faults(), format!("expected {DEBTOR}, found {other:?}"));
            default
        }
    }
}

fn pattern(text: &str) -> Option<MerchantPattern> {
    match text.strip_suffix('*') {
        Some("") => Some(MerchantPattern::Default),
        Some(prefix) => Merchant::from_text(prefix).map(MerchantPattern::Prefix),
        None => Merchant::from_text(text).map(MerchantPattern::Exact),
    }
}
