//! What the switch says about itself when asked, from the core, the links and the journal.

use std::collections::BTreeMap;

use holdfast_core::Core;
use holdfast_core::ledger::Position;
use holdfast_core::overview::{InDoubt, Undelivered};
use holdfast_core::registry::{Debtor, MerchantPattern, ParticipantRecord, ParticipantStatus, Route};
use holdfast_journal::Handle;
use holdfast_protocol::{Currency, ParticipantNumber, PaymentId, Reason, UnixMillis};

use super::alarms;
use super::extract::{Extract, Linked, Taking};
use super::steward::Steward;
use crate::admin::command::Who;
use crate::admin::report::{
    CertificateReport, DeliveryReport, InDoubtReport, JournalReport, OddityReport, ParticipantReport,
    PositionReport, QueueReport, RouteReport, SettingsReport, StatusReport,
};
use crate::clock::whole_ms;
use crate::driver::Driver;

/// The number of a configured participant that a person named.
pub(super) fn find(core: &Core, who: &Who) -> Option<ParticipantNumber> {
    named(core.participants().map(|(record, ..)| record), who)
}

/// The same, or else of one that was configured: what is remembered of it can still be asked for.
pub(super) fn find_known(core: &Core, who: &Who) -> Option<ParticipantNumber> {
    find(core, who).or_else(|| named(core.records(), who))
}

fn named<'a>(
    mut records: impl Iterator<Item = &'a ParticipantRecord>,
    who: &Who,
) -> Option<ParticipantNumber> {
    let found = records.find(|record| match who {
        Who::Name(name) => record.name == *name,
        Who::Number(number) => record.number == *number,
    });
    found.map(|record| record.number)
}

/// The name of a participant that is or was configured; with its number where it was removed and another has its name.
pub(super) fn name_of(core: &Core, number: ParticipantNumber) -> String {
    let Some(record) = core.record(number) else { return number.to_string() };
    let taken = || find(core, &Who::Name(record.name.clone())).is_some();
    if !core.is_configured(number) && taken() {
        format!("{} ({number})", record.name)
    } else {
        record.name.clone()
    }
}

const fn status_name(status: ParticipantStatus) -> &'static str {
    match status {
        ParticipantStatus::Active => "active",
        ParticipantStatus::Draining => "draining",
        ParticipantStatus::Suspended => "suspended",
    }
}

/// How everything stands.
pub(super) fn status(steward: &Steward, extract: Extract, now: UnixMillis) -> StatusReport {
    let name = |number| extract.name(number);
    let alarms = steward.alarms(&extract.watched, name, now).into_values().collect();
    let first = extract.partitions.first().copied().unwrap_or_default();
    let alone = extract.partitions.len() == 1;
    StatusReport {
        name: steward.config.name.clone(),
        build: crate::build::TEXT.to_owned(),
        profile: crate::build::PROFILE.to_owned(),
        state: if steward.is_stopping() { "draining" } else { "serving" }.to_owned(),
        time_ms: now.get(),
        uptime_ms: whole_ms(steward.telemetry.started.elapsed()),
        business_date: extract.business_date.map_or_else(String::new, |date| date.to_string()),
        open_days: extract.open_days.iter().map(ToString::to_string).collect(),
        partition: first.partition,
        epoch: first.epoch,
        sequence: first.sequence,
        durable: first.durable,
        partitions: if alone { Vec::new() } else { extract.partitions.clone() },
        participants: participants(&extract),
        positions: positions(&extract),
        alarms,
        deliveries: deliveries(&extract, now),
        certificates: certificates(steward),
        oddities: oddities(steward, &extract),
        journal: journal(steward, &extract),
        queues: queues(steward, &extract),
        settings: settings(steward),
    }
}

/// Those that are configured, then those that are not any more.
fn in_order(extract: &Extract) -> impl Iterator<Item = (ParticipantNumber, &Taking)> {
    let with =
        |removed| extract.participants.iter().filter(move |(_, taking)| taking.status.is_none() == removed);
    with(false).chain(with(true)).map(|(number, taking)| (*number, taking))
}

fn participants(extract: &Extract) -> Vec<ParticipantReport> {
    let mut links: BTreeMap<ParticipantNumber, Vec<&Linked>> = BTreeMap::new();
    for link in &extract.links {
        links.entry(link.of).or_default().push(link);
    }
    let report =
        |(number, taking)| participant(number, taking, links.get(&number).map_or(&[], Vec::as_slice));
    in_order(extract).map(report).collect()
}

/// One that was removed has no status.
fn participant(number: ParticipantNumber, taking: &Taking, links: &[&Linked]) -> ParticipantReport {
    let unfinished = &taking.unfinished;
    let unanswered = links.iter().map(|link| link.unanswered).sum();
    let busy = unanswered > 0 || unfinished.pending > 0 || unfinished.undelivered > 0;
    ParticipantReport {
        number: number.get(),
        name: taking.name.clone(),
        status: taking.status.map_or("removed", status_name).to_owned(),
        originates: taking.originates,
        receives: taking.receives,
        unanswered,
        pending: unfinished.pending.into(),
        undelivered: unfinished.undelivered.into(),
        open: unfinished.open.into(),
        drained: taking.status.is_some_and(|status| status != ParticipantStatus::Active) && !busy,
        links: links.iter().map(|link| link.report.clone()).collect(),
    }
}

fn positions(extract: &Extract) -> Vec<PositionReport> {
    let report = |(number, taking): (ParticipantNumber, &Taking), position: &Position| PositionReport {
        participant: taking.name.clone(),
        number: number.get(),
        currency: position.currency.code().to_owned(),
        held: position.held.minor().to_string(),
        debits: position.debits.minor().to_string(),
        credits: position.credits.minor().to_string(),
        exposure: position.exposure().minor().to_string(),
        cap: position.cap.map(|cap| cap.minor().to_string()),
    };
    let of = |one: (ParticipantNumber, _)| {
        let positions = extract.watched.positions.get(&one.0).into_iter().flatten();
        positions.map(move |position| report(one, position))
    };
    in_order(extract).flat_map(of).collect()
}

fn deliveries(extract: &Extract, now: UnixMillis) -> Vec<DeliveryReport> {
    let doubts = |(currency, doubt): (&Currency, &InDoubt)| InDoubtReport {
        currency: currency.code().to_owned(),
        amount: doubt.amount.minor().to_string(),
        count: doubt.transactions,
    };
    let mut behind = extract.watched.undelivered.clone();
    for (number, _) in in_order(extract).filter(|(_, taking)| taking.status.is_some() && taking.receives) {
        behind.entry(number).or_insert_with(|| Undelivered::none(number));
    }
    behind
        .into_values()
        .map(|destination| DeliveryReport {
            destination: extract.name(destination.destination),
            number: destination.destination.get(),
            undelivered: destination.messages,
            on_their_way: destination.on_their_way,
            oldest_ms: destination.oldest.map_or(0, |oldest| now.since(oldest)),
            in_doubt: destination.in_doubt.iter().map(doubts).collect(),
        })
        .collect()
}

fn journal(steward: &Steward, extract: &Extract) -> JournalReport {
    let directory = &steward.config.journal.directory;
    JournalReport {
        directory: directory.display().to_string(),
        free_bytes: rustix::fs::statvfs(directory).map_or(0, |fs| fs.f_bavail.saturating_mul(fs.f_frsize)),
        ..extract.journal.clone()
    }
}

fn certificates(steward: &Steward) -> Vec<CertificateReport> {
    let report = |(of, until): (&str, UnixMillis)| CertificateReport {
        of: of.to_owned(),
        valid_until_ms: until.get(),
    };
    alarms::ends(&steward.certificates).map(report).collect()
}

fn oddities(steward: &Steward, extract: &Extract) -> OddityReport {
    let mut oddities = extract.oddities.clone();
    oddities.configurations_refused += steward.telemetry.reloads_refused().0;
    oddities
}

fn queues(steward: &Steward, extract: &Extract) -> QueueReport {
    let archive = steward.telemetry.archive().unwrap_or_default();
    QueueReport {
        archived: archive.indexed,
        unindexed: archive.unindexed,
        outbound_bytes: extract.links.iter().map(|link| link.report.outbound_bytes).sum(),
        links: extract.links.len() as u64,
        links_of_threads: steward.links_of_threads(),
        ..extract.queues.clone()
    }
}

fn settings(steward: &Steward) -> SettingsReport {
    let settings = &steward.config.settings;
    SettingsReport {
        window_max_ms: settings.window_max_ms,
        skew_max_ms: settings.skew_max_ms,
        budget_max_ms: settings.budget_max_ms,
        hold_max_ms: settings.hold_max_ms,
        verify_hold_max_ms: settings.verify_hold_max_ms,
        pending_max: u64::from(settings.pending_max),
        open_max: u64::from(settings.open_max),
        undelivered_for_destination_max: u64::from(settings.undelivered_for_destination_max),
        delivery_alarm_ms: settings.delivery_alarm_ms,
        window: u64::from(steward.config.sessions.window),
    }
}

pub(super) const fn debtor_name(debtor: Debtor) -> &'static str {
    match debtor {
        Debtor::Originator => "originator",
        Debtor::Destination => "destination",
        Debtor::Outside => "outside",
    }
}

/// Where a payment ID leads now.
pub(super) fn route(driver: &Driver<Handle>, payment_id: PaymentId, start_grace_ms: u64) -> RouteReport {
    let core = driver.core();
    let found = core.explain_route(payment_id);
    let describe =
        |route: &Route| format!("{} -> {}", pattern(&route.merchants), name_of(core, route.destination));
    let now = match &found {
        Err(reason) => reason.to_string(),
        Ok(route) => {
            let name = || name_of(core, route.destination);
            ability(driver, route.destination)
                .map_or_else(|| "forwarded".to_owned(), |reason| now_in_words(reason, name, start_grace_ms))
        }
    };
    RouteReport {
        payment_id: payment_id.to_string(),
        destination: found.as_ref().ok().map(|route| name_of(core, route.destination)),
        matched: found.as_ref().ok().map(|route| pattern(&route.merchants)),
        pay_debtor: found.as_ref().ok().map(|route| debtor_name(route.pay_debtor).to_owned()),
        reserve_debtor: found.as_ref().ok().map(|route| debtor_name(route.reserve_debtor).to_owned()),
        considered: core.routes().iter().filter(|route| route.mps == payment_id.mps).map(describe).collect(),
        now,
    }
}

/// The reason, and what is behind it where that passes by itself.
fn now_in_words(reason: Reason, destination: impl Fn() -> String, start_grace_ms: u64) -> String {
    if reason != Reason::Busy {
        return reason.to_string();
    }
    format!(
        "{reason}: the switch has just started and {} is not back yet; until {start_grace_ms} ms after the start \
         (sessions.start_grace_ms) this is refused and may be sent again, afterwards it is declined",
        destination()
    )
}

/// Why a destination would get nothing now, if so.
fn ability(driver: &Driver<Handle>, destination: ParticipantNumber) -> Option<Reason> {
    let status = driver.core().participants().find(|(record, ..)| record.number == destination)?.1;
    if status != ParticipantStatus::Active {
        return Some(Reason::DestinationNotAccepting);
    }
    let view = driver.view();
    let reason = if view.just_started { Reason::Busy } else { Reason::DestinationNotConnected };
    view.receivers(destination).next().is_none().then_some(reason)
}

fn pattern(merchants: &MerchantPattern) -> String {
    match merchants {
        MerchantPattern::Default => "*".to_owned(),
        MerchantPattern::Prefix(prefix) => format!("{prefix}*"),
        MerchantPattern::Exact(merchant) => merchant.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use holdfast_core::view::View;
    use holdfast_core::{Input, Output, Settings};

    use super::*;

    fn record(number: u16, name: &str) -> ParticipantRecord {
        ParticipantRecord {
            number: ParticipantNumber::new(number).unwrap(),
            name: name.to_owned(),
            originates: true,
            receives: true,
            caps: Vec::new(),
            limits: Vec::new(),
        }
    }

    fn configure(core: &mut Core, participants: &[ParticipantRecord]) {
        let input = Input::Configure(participants.to_vec(), Vec::new());
        core.step(UnixMillis::default(), &input, &View::default(), &mut Output::default());
    }

    #[test]
    fn busy_within_the_start_grace_says_why_and_for_how_long() {
        let words = |reason| now_in_words(reason, || "acquirer-1".to_owned(), 2_000);
        let busy = words(Reason::Busy);
        assert!(busy.starts_with(&Reason::Busy.to_string()), "{busy}");
        for expected in ["just started", "acquirer-1 is not back yet", "2000 ms", "sessions.start_grace_ms"] {
            assert!(busy.contains(expected), "{busy}");
        }
        let gone = Reason::DestinationNotConnected;
        assert_eq!(words(gone), gone.to_string());
    }

    #[test]
    fn a_removed_participant_keeps_its_name_for_those_who_look() {
        let mut core = Core::new(Settings::default());
        let (one, two) = (record(1, "one"), record(2, "two"));
        configure(&mut core, &[one.clone(), two.clone()]);
        configure(&mut core, std::slice::from_ref(&one));
        let by_name = Who::Name("two".to_owned());
        assert_eq!(find(&core, &by_name), None, "nobody commands it");
        assert_eq!(find_known(&core, &by_name), Some(two.number));
        assert_eq!(name_of(&core, two.number), "two");
        configure(&mut core, &[one.clone(), record(3, "two")]);
        assert_eq!(find_known(&core, &by_name).map(ParticipantNumber::get), Some(3));
        assert_eq!(name_of(&core, two.number), "two (2)", "metrics keep series of two participants apart");
        assert_eq!(name_of(&core, one.number), "one");
    }
}
