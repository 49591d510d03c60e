//! Facts about the switch itself, of no transaction: configuration, days, partitions.

use holdfast_core::fact::Fact;
use holdfast_core::registry::{MerchantPattern, ParticipantRecord, Route};
use holdfast_protocol::{BusinessDate, Currency, ParticipantNumber, Total};
use serde::ser::SerializeMap;
use serde_json::{Value, json};

use super::Fields;
use crate::cli::words::{debtor_name, status_name};

impl<M: SerializeMap> Fields<M> {
    pub(super) fn of_no_transaction(&mut self, fact: &Fact) -> Result<(), M::Error> {
        match fact {
            Fact::ParticipantConfigured(record) => self.participant(record),
            Fact::ParticipantRemoved(number) => {
                self.put("kind", "participant_removed")?;
                self.put("participant", number.get())
            }
            Fact::ParticipantStatusSet(number, status) => {
                self.put("kind", "participant_status_set")?;
                self.put("participant", number.get())?;
                self.put("status", status_name(*status))
            }
            Fact::RoutesConfigured(routes) => {
                self.put("kind", "routes_configured")?;
                self.put("routes", routes.iter().map(route).collect::<Vec<_>>())
            }
            Fact::CutOver(date) => self.day("cut_over", *date),
            Fact::DayClosed(date) => self.day("day_closed", *date),
            // Which it is stands in every line.
            Fact::Founded { partitions, .. } => {
                self.put("kind", "founded")?;
                self.put("partitions", partitions)
            }
            Fact::LeaseGiven { debtor, currency, to, total } => {
                self.lease("lease_given", *debtor, *currency, *total)?;
                self.put("to", to.0)
            }
            Fact::LeaseTaken { debtor, currency, from, total } => {
                self.lease("lease_taken", *debtor, *currency, *total)?;
                self.put("from", from.0)
            }
            Fact::Forgotten(second) => {
                self.put("kind", "forgotten")?;
                self.put("second", second)
            }
            _ => unreachable!("it is about a transaction"),
        }
    }

    fn lease(
        &mut self,
        kind: &'static str,
        debtor: ParticipantNumber,
        currency: Currency,
        total: Total,
    ) -> Result<(), M::Error> {
        self.put("kind", kind)?;
        self.put("participant", debtor.get())?;
        self.put("currency", currency.code())?;
        self.text("total", total.minor())
    }

    fn day(&mut self, kind: &'static str, date: BusinessDate) -> Result<(), M::Error> {
        self.put("kind", kind)?;
        self.text("business_date", date)
    }

    fn participant(&mut self, record: &ParticipantRecord) -> Result<(), M::Error> {
        self.put("kind", "participant_configured")?;
        self.put("participant", record.number.get())?;
        self.put("name", &record.name)?;
        self.put("originates", record.originates)?;
        self.put("receives", record.receives)?;
        let caps = record.caps.iter();
        let caps = caps
            .map(|(currency, cap)| json!({ "currency": currency.code(), "cap": cap.minor().to_string() }));
        self.put("caps", caps.collect::<Vec<_>>())?;
        let agreed = |level| json!({ "security_level": level as u8 });
        let without = record.limits.iter().filter(|(_, limits)| limits.currencies.is_empty());
        let each = record.limits.iter().flat_map(|(level, limits)| {
            limits.currencies.iter().map(move |(currency, limits)| (*level, *currency, limits))
        });
        let limits = each.map(|(level, currency, limits)| {
            let mut entry = agreed(level);
            entry["currency"] = json!(currency.code());
            let sums = [
                ("amount", limits.amount.map(|amount| json!(amount.minor()))),
                ("daily_amount", limits.daily_amount.map(|total| json!(total.minor().to_string()))),
                ("daily_count", limits.daily_count.map(|count| json!(count))),
            ];
            for (name, value) in sums {
                if let Some(value) = value {
                    entry[name] = value;
                }
            }
            entry
        });
        let without = without.map(|(level, _)| agreed(*level));
        self.put("limits", without.chain(limits).collect::<Vec<_>>())
    }
}

fn route(route: &Route) -> Value {
    let (matches, merchant) = match route.merchants {
        MerchantPattern::Default => ("default", None),
        MerchantPattern::Prefix(merchant) => ("prefix", Some(merchant)),
        MerchantPattern::Exact(merchant) => ("exact", Some(merchant)),
    };
    let mut value = json!({
        "mps": route.mps.as_str(),
        "match": matches,
        "destination": route.destination.get(),
        "pay_debtor": debtor_name(route.pay_debtor),
        "reserve_debtor": debtor_name(route.reserve_debtor),
    });
    if let Some(merchant) = merchant {
        value["merchant"] = json!(merchant.as_str());
    }
    value
}
